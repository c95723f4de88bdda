"""Signing apart from building: everything is checked before, and nothing else is changed."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder.archive import unpack
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.bundle import Contents, checksum_list, open_bundle, pack_contents
from sftunnel_builder.choose import Wanted
from sftunnel_builder.codes import CODES
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.kit import new_kit
from sftunnel_builder.open_kit import open_kit
from sftunnel_builder.sign import SignReport, SignRequest, sign_kit
from sftunnel_builder.signer import KeySigner, generate_signer, load_signer
from signers import files

SIGNER_MADE = {"RUNBOOK.txt", "signer.pem", "SHA256SUMS", "SHA256SUMS.sig"}


@pytest.fixture
def signed(made: Made, tmp_path: Path) -> Path:
    """Give a copy of a signed kit, with its passphrases beside it."""
    shutil.copytree(made.kit, tmp_path / "kit")
    shutil.copy(str(made.report.passphrases), tmp_path / "kit-passphrases.txt")
    return tmp_path / "kit"


@pytest.fixture
def unsigned(made: Made, tmp_path: Path) -> Path:
    """Give an unsigned kit."""
    return _build(made, tmp_path / "unsigned-kit", None)


def _build(made: Made, out: Path, signer: KeySigner | None, *, plain_keys: bool = True) -> Path:
    created = made.report.created
    request = BuildRequest(Wanted((made.fmc.root,)), out, signer, created, plain_keys=plain_keys)
    assert len(build_kit(request, lambda items, _: items).built) == len(made.devices)
    return out


def _sign(kit: Path, signer: KeySigner, *trusted: str, out: Path | None = None) -> SignReport:
    now = datetime.now(UTC)
    request = SignRequest(kit, out or kit, signer, frozenset(trusted), now)
    return sign_kit(request, lambda items, _: items)


def _refusal(kit: Path, *trusted: str) -> BundlerError:
    """Return why a kit is not signed; state that nothing was changed or left behind."""
    before = files(kit.parent)
    with pytest.raises(BundlerError) as caught:
        _sign(kit, generate_signer(), *trusted)
    assert files(kit.parent) == before
    assert [path.name for path in kit.parent.iterdir() if path.name.startswith(".")] == []
    return caught.value


def test_unsigned_and_signed_later_is_as_built_and_signed(made: Made, tmp_path: Path) -> None:
    signer = load_signer(made.signing_key, None)
    # Under one name, as the page of the change says it.
    for place in ("at-once", "later"):
        (tmp_path / place).mkdir()
    at_once = _build(made, tmp_path / "at-once/kit", signer)
    later = _build(made, tmp_path / "later/kit", None)
    assert not SIGNER_MADE & {path.name for path in later.rglob("*")} - {"SHA256SUMS"}
    _sign(later, signer)
    assert files(later) == files(at_once)
    assert len(files(later)) == 6 + 4 * len(made.devices)


def test_an_unsigned_bundle_holds_what_no_signer_adds(made: Made, unsigned: Path) -> None:
    bundles = list((unsigned / "unsigned").iterdir())
    assert len(bundles) == len(made.devices)
    for path in bundles:
        members = unpack(path.read_bytes()).members
        whole = set(unpack(made.bundle(made.devices[0]).read_bytes()).members)
        assert set(members) == whole - SIGNER_MADE
        with pytest.raises(BundlerError, match="the bundle is not signed yet") as caught:
            open_bundle(path.read_bytes())
        assert caught.value.code == ExitCode.UNTRUSTED


def test_another_signer_changes_nothing_that_is_installed(made: Made, signed: Path) -> None:
    before = open_kit(signed).bundles
    passphrases = (signed.parent / "kit-passphrases.txt").read_bytes()
    signer = generate_signer()
    report = _sign(signed, signer, "0" * 64, made.report.signer)
    assert (report.signer_before, report.signer) == (made.report.signer, signer.fingerprint())
    assert report.passphrases == signed.parent / "kit-passphrases.txt"
    after = open_kit(signed)
    assert after.signer == signer.fingerprint()
    assert list(after.bundles) == list(before)
    for name, contents in after.bundles.items():
        changed = {n for n, c in contents.members.items() if c != before[name].members[n]}
        assert changed == SIGNER_MADE
        runbook = (signed / "runbooks" / f"{contents.top}.txt").read_text()
        assert signer.fingerprint() in runbook
        assert hashlib.sha256((signed / name).read_bytes()).hexdigest() in runbook
        assert made.report.signer not in runbook + contents.members["RUNBOOK.txt"].decode()
    assert (signed.parent / "kit-passphrases.txt").read_bytes() == passphrases


def test_signed_twice_by_the_same_signer_is_the_same(made: Made, signed: Path) -> None:
    before = files(signed)
    _sign(signed, load_signer(made.signing_key, None))
    assert files(signed) == before


def test_out_leaves_the_kit_as_it_was(made: Made, signed: Path) -> None:
    before = files(signed.parent)
    out = signed.parent / "new"
    report = _sign(signed, generate_signer(), out=out)
    assert report.kit == out
    assert report.passphrases == signed.parent / "kit-passphrases.txt"
    now = files(signed.parent)
    assert {name: now[name] for name in before} == before
    assert {name.split("/")[0] for name in set(now) - set(before)} == {"new"}
    with pytest.raises(BundlerError, match="exists already") as caught:
        _sign(signed, generate_signer(), out=out)
    assert caught.value.code == ExitCode.USAGE
    assert "--replace" not in caught.value.hint
    assert files(signed.parent) == now


def test_only_whose_signer_is_named(made: Made, signed: Path, unsigned: Path) -> None:
    error = _refusal(signed, "0" * 64)
    assert error.code == ExitCode.UNTRUSTED
    assert error.message.endswith(f"wanted '{'0' * 64}', found '{made.report.signer}'")
    error = _refusal(unsigned, made.report.signer)
    assert error.message.endswith("found 'none'")


def _remade(kit: Path, change: Callable[[Contents], Contents], signer: KeySigner | None) -> Path:
    """Write a kit again with one bundle changed, as a bad builder would: the rest fits to it."""
    first, *rest = open_kit(kit).bundles.values()
    out = kit.with_name("remade")
    with new_kit(out, signer) as remade:
        for contents in (change(first), *rest):
            remade.add_bundle(contents)
        remade.add_codes((kit / CODES).read_bytes().splitlines(keepends=True))
        remade.seal()
        remade.directory.rename(out)
    return out


def _with(name: str, content: bytes | None) -> Callable[[Contents], Contents]:
    def change(contents: Contents) -> Contents:
        members = {n: c for n, c in contents.members.items() if n != name}
        return replace(contents, members=members if content is None else {**members, name: content})

    return change


def _reordered(contents: Contents) -> Contents:
    return replace(contents, members=dict(reversed(contents.members.items())))


BAD_BUNDLES = [
    pytest.param(_with("install.sh", b"rm -rf /"), "than those of the format", id="at the end"),
    pytest.param(_with("extra", b""), "holds other files than those of the format", id="a file"),
    pytest.param(_with("install.sh", None), "it has no 'install.sh'", id="no install.sh"),
    pytest.param(_reordered, "or in another order", id="another order"),
]


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])
@pytest.mark.parametrize(("change", "message"), BAD_BUNDLES)
def test_a_bundle_of_another_form_is_not_signed(
    signed: Path,
    unsigned: Path,
    change: Callable[[Contents], Contents],
    message: str,
    is_signed: bool,
) -> None:
    signer = generate_signer() if is_signed else None
    kit = _remade(signed if is_signed else unsigned, change, signer)
    error = _refusal(kit)
    assert message in error.message
    assert error.message.startswith(f"'{'bundles' if is_signed else 'unsigned'}/sftunnel-BSNS-1120")
    assert error.code == ExitCode.UNTRUSTED


@pytest.mark.parametrize("is_signed", [True, False], ids=["signed", "unsigned"])
def test_a_strangers_install_sh_is_not_signed(
    signed: Path, unsigned: Path, is_signed: bool
) -> None:
    def change(contents: Contents) -> Contents:
        script = contents.members["install.sh"] + b"\n"
        return replace(contents, members={**contents.members, "install.sh": script})

    signer = generate_signer() if is_signed else None
    error = _refusal(_remade(signed if is_signed else unsigned, change, signer))
    assert "its install.sh is not that of this release" in error.message
    assert error.code == ExitCode.UNTRUSTED


def test_a_trio_that_has_expired_is_not_signed(unsigned: Path) -> None:
    now = datetime.now(UTC)
    request = SignRequest(
        unsigned, unsigned, generate_signer(), frozenset(), now.replace(year=now.year + 11)
    )
    before = files(unsigned)
    with pytest.raises(BundlerError, match=r"'unsigned/.*cacert\.pem' expired on") as caught:
        sign_kit(request, lambda items, _: items)
    assert caught.value.code == ExitCode.REFUSED
    assert files(unsigned) == before


def test_another_devices_key_is_not_signed(unsigned: Path) -> None:
    first, second = open_kit(unsigned).bundles.values()
    (trio,) = second.conf.trios
    key = second.members[trio.source("sftunnel-key.pem")]
    sha256 = {**first.conf.trios[0].sha256, "sftunnel-key.pem": trio.sha256["sftunnel-key.pem"]}

    def change(contents: Contents) -> Contents:
        mixed = replace(contents.conf.trios[0], sha256=sha256)
        conf = replace(contents.conf, trios=(mixed,)).with_id()
        members = {
            **contents.members,
            "bundle.conf": conf.render(),
            mixed.source("sftunnel-key.pem"): key,
        }
        return Contents(conf, members)

    error = _refusal(_remade(unsigned, change, None))
    assert "is not that of" in error.message
    assert error.code == ExitCode.REFUSED


def test_what_bundle_conf_says_beside_the_format_is_kept(unsigned: Path) -> None:
    (path, *_) = sorted((unsigned / "unsigned").iterdir())
    contents = open_kit(unsigned).bundles[f"unsigned/{path.name}"]
    conf = contents.members["bundle.conf"] + b"later=x\n"
    members = {**contents.members, "bundle.conf": conf}
    path.write_bytes(pack_contents(replace(contents, members=members)).data)
    listed = {n: c for n, c in sorted(files(unsigned).items()) if n != "SHA256SUMS"}
    (unsigned / "SHA256SUMS").write_bytes(checksum_list(listed))
    _sign(unsigned, generate_signer())
    opened = open_bundle((unsigned / "bundles" / path.name).read_bytes())
    assert opened.members["bundle.conf"] == conf
