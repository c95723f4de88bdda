"""A bundle: one form only, nothing unnoticed, and stock tools can check it."""

from __future__ import annotations

import gzip
import hashlib
import io
import shutil
import subprocess
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import Made, need
from sftunnel_builder.archive import Archive, pack, unpack
from sftunnel_builder.bundle import (
    OpenedBundle,
    bundle_name,
    check_payload,
    check_trust,
    checksum_list,
    open_bundle,
)
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.resources import installer_script
from sftunnel_builder.signer import generate_signer


@pytest.fixture(scope="module")
def data(made: Made) -> bytes:
    """Give the bytes of a good bundle."""
    return made.bundle(made.devices[0]).read_bytes()


@pytest.fixture
def opened(data: bytes) -> OpenedBundle:
    return open_bundle(data)


def _refusal(data: bytes) -> str:
    with pytest.raises(BundlerError) as caught:
        open_bundle(data)
    assert caught.value.code == ExitCode.UNTRUSTED
    return caught.value.message


def test_it_holds_what_the_format_says_in_that_order(opened: OpenedBundle, made: Made) -> None:
    payload = f"payload/{made.fmc.uuid}"
    assert list(opened.members) == [
        "install.sh",
        "bundle.conf",
        f"{payload}/cacert.pem",
        f"{payload}/sftunnel-cert.pem",
        f"{payload}/sftunnel-key.pem",
        "RUNBOOK.txt",
        "signer.pem",
        "SHA256SUMS",
        "SHA256SUMS.sig",
    ]
    assert opened.members["install.sh"] == installer_script()
    assert opened.signer == made.report.signer
    assert opened.top == f"sftunnel-BSNS-1120-1-{made.devices[0].uuid[:8]}"


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data + b"\0", id="a byte behind the end"),
        pytest.param(lambda data: data + gzip.compress(b""), id="a second gzip member"),
        pytest.param(lambda data: data[:-1], id="a byte too few"),
        pytest.param(lambda data: data[:1000], id="cut off"),
        pytest.param(lambda data: b"", id="empty"),
        pytest.param(lambda data: gzip.compress(gzip.decompress(data), mtime=0), id="packed again"),
        pytest.param(lambda data: b"hello" * 100, id="something else"),
    ],
)
def test_another_form_is_refused(data: bytes, damage: Callable[[bytes], bytes]) -> None:
    assert "the bundle is damaged or was altered" in _refusal(damage(data))


def _tar(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.USTAR_FORMAT) as writer:
        for info, content in members:
            info.size = len(content)
            writer.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _packed(tar: bytes) -> bytes:
    """Wrap any tar in the outer form, checksum field and all."""
    squeeze = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    stream = squeeze.compress(tar) + squeeze.flush()
    good = pack(Archive("x", datetime(2026, 1, 1, tzinfo=UTC), {"a": b""}))
    head = good[:16]
    tail = zlib.crc32(tar).to_bytes(4, "little") + len(tar).to_bytes(4, "little")
    return head + hashlib.sha256(stream).digest() + stream + tail


def test_the_outer_form_is_right_by_itself() -> None:
    assert unpack(_packed(_tar((_info("x/a"), b"")))).members == {"a": b""}


def _info(name: str, **facts: object) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.uname = info.gname = "root"
    for key, value in facts.items():
        setattr(info, key, value)
    return info


@pytest.mark.parametrize(
    "members",
    [
        pytest.param([(_info("x/a", type=tarfile.SYMTYPE, linkname="/etc"), b"")], id="a link"),
        pytest.param([(_info("x/a", type=tarfile.LNKTYPE, linkname="x/b"), b"")], id="a hard link"),
        pytest.param([(_info("x/a", type=tarfile.CHRTYPE), b"")], id="a device"),
        pytest.param([(_info("x", type=tarfile.DIRTYPE), b"")], id="a directory"),
        pytest.param([(_info("x/../../a"), b"")], id="a way out"),
        pytest.param([(_info("/x/a"), b"")], id="an absolute name"),
        pytest.param([(_info("x/a b"), b"")], id="a name with a blank"),
        pytest.param([(_info("x/a"), b"1"), (_info("x/a"), b"2")], id="the same name twice"),
        pytest.param([(_info("x/a"), b""), (_info("y/b"), b"")], id="two top directories"),
        pytest.param([(_info("x/a", mode=0o777), b"")], id="another mode"),
        pytest.param([(_info("x/a", uid=1), b"")], id="another owner"),
        pytest.param([(_info("x/a", mtime=5), b""), (_info("x/b"), b"")], id="two times"),
    ],
)
def test_an_archive_of_another_form_is_refused(
    members: list[tuple[tarfile.TarInfo, bytes]],
) -> None:
    with pytest.raises(BundlerError) as caught:
        unpack(_packed(_tar(*members)))
    assert caught.value.code == ExitCode.UNTRUSTED


def test_the_gzip_header_has_no_name_and_no_time(data: bytes) -> None:
    assert data[:10] == bytes.fromhex("1f8b08040000000002ff")
    assert gzip.decompress(data)


@pytest.mark.parametrize("tar", [["tar"], ["busybox", "tar"]], ids=["GNU tar", "busybox tar"])
def test_stock_tools_unpack_and_verify_it(made: Made, tmp_path: Path, tar: list[str]) -> None:
    need(tar[0], shutil.which(tar[0]))
    path = made.bundle(made.devices[0])
    subprocess.run([*tar, "-xzf", str(path), "-C", str(tmp_path)], check=True)
    (top,) = tmp_path.iterdir()
    for command in (
        ["sha256sum", "-c", "SHA256SUMS"],
        [
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            "signer.pem",
            "-signature",
            "SHA256SUMS.sig",
            "SHA256SUMS",
        ],
    ):
        subprocess.run(command, cwd=top, check=True, capture_output=True)


def _altered(opened: OpenedBundle, **changes: bytes | None) -> bytes:
    """Return the bundle with files changed, added or removed, and packed in good form."""
    members = dict(opened.members)
    for name, content in changes.items():
        if content is None:
            del members[name]
        else:
            members[name] = content
    return pack(Archive(opened.top, opened.conf.created, members))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "RUNBOOK.txt",
            b"do as I say",
            "the checksum of 'RUNBOOK.txt' is not the one that SHA256SUMS lists",
        ),
        ("RUNBOOK.txt", None, "it has no 'RUNBOOK.txt'"),
        ("extra", b"", "it holds 'extra', which SHA256SUMS does not list"),
        ("SHA256SUMS.sig", b"0", "its signature does not fit SHA256SUMS"),
        ("signer.pem", b"0", "'signer.pem' holds no ECDSA P-256 public key"),
        ("SHA256SUMS", b"", "its signature does not fit SHA256SUMS"),
    ],
)
def test_an_altered_bundle_is_refused(
    opened: OpenedBundle, name: str, content: bytes | None, message: str
) -> None:
    assert message in _refusal(_altered(opened, **{name: content}))


def test_a_bundle_signed_again_is_whole_but_not_trusted(opened: OpenedBundle) -> None:
    stranger = generate_signer()
    members = dict(opened.members) | {"signer.pem": stranger.public_pem()}
    listed = {n: c for n, c in members.items() if not n.startswith("SHA256SUMS")}
    sums = checksum_list(listed)
    members |= {"SHA256SUMS": sums, "SHA256SUMS.sig": stranger.sign(sums)}
    again = open_bundle(pack(Archive(opened.top, opened.conf.created, members)))
    check_trust(opened, {opened.signer})
    with pytest.raises(BundlerError, match="signed by another key") as caught:
        check_trust(again, {opened.signer})
    assert caught.value.code == ExitCode.UNTRUSTED


def test_the_payload_is_checked_as_at_the_build(opened: OpenedBundle, made: Made) -> None:
    passphrase = made.passphrase(made.devices[0])
    now = opened.conf.created
    assert check_payload(opened, passphrase, now) == []
    assert check_payload(opened, None, now) == []
    with pytest.raises(BundlerError, match="wrong passphrase") as caught:
        check_payload(opened, "wrong", now)
    assert caught.value.code == ExitCode.REFUSED
    with pytest.raises(BundlerError, match="expired on"):
        check_payload(opened, None, now.replace(year=now.year + 11))


def test_the_key_opens_with_openssl_to_what_the_fmc_made(
    opened: OpenedBundle, made: Made, tmp_path: Path
) -> None:
    device = made.devices[0]
    (tmp_path / "key").write_bytes(opened.members[f"payload/{made.fmc.uuid}/sftunnel-key.pem"])
    plain = subprocess.run(
        ["openssl", "pkey", "-in", "key", "-passin", "stdin"],
        cwd=tmp_path,
        input=made.passphrase(device).encode() + b"\n",
        capture_output=True,
        check=True,
    ).stdout
    assert plain == made.new_trios[device.uuid]["sftunnel-key.pem"]
    structure = subprocess.run(
        ["openssl", "asn1parse", "-in", "key"], cwd=tmp_path, capture_output=True, check=True
    ).stdout.decode()
    for part in ("PBES2", "PBKDF2", "hmacWithSHA256", "aes-256-cbc", "INTEGER           :0186A0"):
        assert part in structure


@pytest.mark.parametrize(
    "name",
    ["fw", "Plant 4 edge", "../../etc/passwd", "$(reboot)", "ñandú", "x" * 1000, "a\nb\x1b[2J", ""],
)
def test_a_bundle_name_suits_any_carrier(name: str) -> None:
    made_name = bundle_name(name, "c8d5d5c6-87c9-11ef-a993-b9831565bc4e") + ".tar.gz.sha256"
    assert made_name.isascii()
    assert len(made_name) <= 64
    assert set(made_name) <= set(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"
    )
    assert not made_name.startswith((".", "-"))


def test_an_unknown_key_in_bundle_conf_is_ignored_and_a_changed_form_is_not(
    opened: OpenedBundle,
) -> None:
    from sftunnel_builder.bundle_conf import parse_bundle_conf

    good = opened.members["bundle.conf"]
    assert parse_bundle_conf(good + b"later=x\n") == opened.conf
    assert replace(opened.conf).render() == good
    for bad in (
        good.replace(b"format=1", b"format=2"),
        good.replace(b"\n", b"\r\n"),
        good * 2,
        b"",
    ):
        with pytest.raises(BundlerError, match=r"bundle\.conf is not usable") as caught:
            parse_bundle_conf(bad)
        assert caught.value.code == ExitCode.UNTRUSTED
