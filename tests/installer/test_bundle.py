"""Which command lines and bundles install.sh refuses, with nothing changed."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from refusals import assert_refused, sign_again, sign_anew
from rehearsal import (
    Firewall,
    put_before_path,
)
from sftunnel_builder.signer import generate_signer


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--frobnicate"], "unknown word '--frobnicate'", id="an unknown option"),
        pytest.param(["now"], "unknown word 'now'", id="an unknown verb"),
        pytest.param(["check"], "two verbs: 'install' and 'check'", id="two verbs"),
        pytest.param(
            ["--signer", "abc"], "--signer wants 64 hex digits, found 'abc'", id="a short signer"
        ),
        pytest.param(["--signer", "z" * 64], "found 'zzz", id="a signer that is not hex"),
        pytest.param(["--signer"], "option '--signer' needs a value", id="an option cut off"),
        pytest.param(
            ["--wait", "soon"], "--wait wants whole seconds, found 'soon'", id="no number"
        ),
        pytest.param(["--wait", "08"], "wants whole seconds, found '08'", id="an octal number"),
        pytest.param(["--wait=-1"], "wants whole seconds, found '-1'", id="a negative number"),
        pytest.param(["--signer="], "option '--signer' needs a value", id="an empty value"),
        pytest.param(["--backup", "0001-x"], "--backup does not go with", id="no rollback"),
        pytest.param(["--root", "/nonexistent"], "is not a directory", id="a root that is none"),
    ],
)
def test_a_wrong_command_line(firewall: Firewall, arguments: list[str], message: str) -> None:
    assert_refused(firewall, 2, message, *arguments)


def test_staging_is_only_for_install(firewall: Firewall) -> None:
    options = firewall.options("--stage-only")
    assert_refused(
        firewall, 2, "--stage-only does not go with 'rollback'", *options, verb="rollback"
    )


def _remove(name: str) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).unlink()


def _append(name: str, more: bytes) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).write_bytes((bundle / name).read_bytes() + more) and None


def _to_crlf(name: str) -> Callable[[Path], None]:
    def change(bundle: Path) -> None:
        (bundle / name).write_bytes((bundle / name).read_bytes().replace(b"\n", b"\r\n"))

    return change


def _double_line(bundle: Path) -> None:
    sums = bundle / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes() + sums.read_bytes().splitlines(keepends=True)[-1])


def _link(bundle: Path) -> None:
    (bundle / "RUNBOOK.txt").rename(bundle.parent / "elsewhere")
    (bundle / "RUNBOOK.txt").symlink_to("../elsewhere")


def _hard_link(bundle: Path) -> None:
    (bundle.parent / "elsewhere").hardlink_to(bundle / "RUNBOOK.txt")


def _flip(name: str) -> Callable[[Path], None]:
    def flip(bundle: Path) -> None:
        content = bytearray((bundle / name).read_bytes())
        content[len(content) // 2] ^= 1
        (bundle / name).write_bytes(content)

    return flip


def _into_a_directory_whose_name_goes_on(bundle: Path) -> None:
    """Move a file so that a listing looks as before, but by the line break in a name."""
    (bundle / "RUNBOOK.txt").unlink()
    (bundle / "RUNBOOK.txt\n.").mkdir()
    (bundle / "bundle.conf").rename(bundle / "RUNBOOK.txt\n./bundle.conf")


BAD_BUNDLES = [
    pytest.param(
        _into_a_directory_whose_name_goes_on,
        "signed one: 'bundle.conf RUNBOOK.txt'",
        id="a name with a line break in the place of two files",
    ),
    pytest.param(
        _append("SHA256SUMS", b"0" * 64 + b"\n"),
        "is not a list of checksums",
        id="a line without a name",
    ),
    pytest.param(
        _append("SHA256SUMS", b"0" * 64 + b"  ../stick/x\n"),
        "is not a list of checksums",
        id="a file outside",
    ),
    pytest.param(
        _append("SHA256SUMS", b"0" * 64 + b"  -z\n"),
        "is not a list of checksums",
        id="a name like an option",
    ),
    pytest.param(_remove("SHA256SUMS.sig"), "is not a whole bundle", id="no signature"),
    pytest.param(
        _remove("RUNBOOK.txt"), "lacks what SHA256SUMS lists: 'RUNBOOK.txt'", id="a file gone"
    ),
    pytest.param(
        lambda bundle: (bundle / "._install.sh").touch(),
        "macOS has put files of its own into the bundle: '._install.sh'",
        id="a file that a Mac left on the stick",
    ),
    pytest.param(
        lambda bundle: [(bundle / name).touch() for name in ("\x1b[2J", "a\nb")] and None,
        "holds what SHA256SUMS does not list: '?[2J a b'",
        id="files whose names a terminal would obey",
    ),
    pytest.param(_link, "is no plain file: './RUNBOOK.txt'", id="a link"),
    pytest.param(_hard_link, "is no plain file: './RUNBOOK.txt'", id="a hard link"),
    pytest.param(
        lambda bundle: (bundle / ".DS_Store").touch(), "macOS has put files", id="a Mac's folder"
    ),
    *[
        pytest.param(
            _to_crlf(name), f"line ends were changed on the way, in '{name}'", id=f"CRLF in {name}"
        )
        for name in ("SHA256SUMS", "bundle.conf", "RUNBOOK.txt")
    ],
    pytest.param(_double_line, "SHA256SUMS lists a file twice", id="a file listed twice"),
    pytest.param(
        _append("SHA256SUMS", b"hello\n"), "is not a list of checksums", id="a garbled list"
    ),
    pytest.param(
        lambda bundle: (bundle / "SHA256SUMS").write_bytes(b""),
        "is not a list of checksums",
        id="an empty list",
    ),
    pytest.param(_flip("SHA256SUMS.sig"), "the signature does not fit", id="a damaged signature"),
    pytest.param(_flip("signer.pem"), "the signature does not fit", id="a damaged signer"),
    pytest.param(
        _flip("RUNBOOK.txt"), "checksum is not the signed one: 'RUNBOOK.txt'", id="a flip"
    ),
    pytest.param(_append("bundle.conf", b"a=b\n"), "signed one: 'bundle.conf'", id="a longer file"),
]


@pytest.mark.parametrize(("damage", "message"), BAD_BUNDLES)
@pytest.mark.parametrize("verb", ["install", "check"])
def test_a_damaged_bundle(
    firewall: Firewall, damage: Callable[[Path], None], message: str, verb: str
) -> None:
    damage(firewall.bundle)
    assert_refused(firewall, 4, message, *firewall.options(), verb=verb)


def test_a_list_that_cannot_be_read(firewall: Firewall) -> None:
    """Reading at the beginning of a process's memory is an I/O error."""
    (firewall.bundle / "SHA256SUMS").unlink()
    (firewall.bundle / "SHA256SUMS").symlink_to("/proc/self/mem")
    assert_refused(firewall, 4, "is not a list of checksums", *firewall.options(), verb="check")


def test_a_file_that_cannot_be_read(firewall: Firewall, tmp_path: Path) -> None:
    real = f'[ $# -gt 1 ] || exec {shutil.which("sha256sum")} "$@"; exit 1'
    put_before_path(firewall, tmp_path / "bin", sha256sum=real)
    assert_refused(firewall, 4, "its checksum is not the signed", *firewall.options(), verb="check")


def test_a_bundle_signed_again_by_a_stranger(firewall: Firewall) -> None:
    sign_again(firewall.bundle, generate_signer())
    assert_refused(firewall, 4, "signed by another key: wanted '", *firewall.options())


def test_a_signer_that_nothing_vouches_for(firewall: Firewall) -> None:
    options = firewall.options()
    at = options.index("--signer")
    message = f"nothing says that the signer '{firewall.signer}' is to be trusted"
    assert_refused(firewall, 4, message, *options[:at], *options[at + 2 :])


def test_another_fingerprint_than_the_bundles(firewall: Firewall) -> None:
    firewall.signer = "0" * 64
    assert_refused(firewall, 4, f"wanted '{'0' * 64}', found '", *firewall.options())


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(("/var/sf/peers/", "/var/sf/peers/../peers/"), id="a way round"),
        pytest.param(("644 root:root", "4755 root:root"), id="another mode"),
        pytest.param(("sftunnel-key.pem 644", "sftunnel-key.pem; reboot 644"), id="a command"),
        pytest.param(("/cacert.pem ", "/LL-caCert.pem "), id="another file"),
        pytest.param(("format=1", "format=2"), id="a later format"),
        pytest.param(("fmc=", "boss="), id="no FMC"),
        pytest.param(("bundle_id=", "bundle_id=../"), id="an id that is a path"),
        pytest.param((r"(fmc=\S+) \d+", r"\1 soon"), id="a run that is no number"),
    ],
)
def test_a_trusted_bundle_with_an_unusable_plan(firewall: Firewall, line: tuple[str, str]) -> None:
    conf = firewall.bundle / "bundle.conf"
    text = conf.read_text()
    changed = re.sub(line[0], line[1], text) if "(" in line[0] else text.replace(*line)
    if changed == text:
        changed = text.replace(" 644 root:root", "; reboot 644 root:root", 1)
    conf.write_text(changed)
    sign_anew(firewall)
    assert_refused(firewall, 4, "bundle.conf is not usable: ", *firewall.options())
