"""A kit that lies there is whole, or is refused, whether it is signed or not."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.bundle import checksum_list
from sftunnel_builder.choose import Wanted
from sftunnel_builder.codes import CODES
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.open_kit import open_kit
from sftunnel_builder.signer import KeySigner, generate_signer, load_signer
from signers import files

FIRST = "sftunnel-BSNS-1120-1-"


@pytest.fixture(params=["signed", "unsigned"])
def kit(request: pytest.FixtureRequest, made: Made, tmp_path: Path) -> Path:
    """Give a kit to damage."""
    out = tmp_path / "kit"
    if request.param == "signed":
        shutil.copytree(made.kit, out)
    else:
        build_kit(
            BuildRequest(Wanted((made.fmc.root,)), out, None, made.report.created), lambda i, _: i
        )
    return out


def _bundle(kit: Path) -> Path:
    (path,) = [*kit.glob(f"bundles/{FIRST}*.gz"), *kit.glob(f"unsigned/{FIRST}*.gz")]
    return path


def _refusal(kit: Path) -> BundlerError:
    with pytest.raises(BundlerError) as caught:
        open_kit(kit)
    return caught.value


def test_a_whole_kit_opens(kit: Path, made: Made) -> None:
    opened = open_kit(kit)
    assert opened.signer == (made.report.signer if (kit / "signer.pem").exists() else None)
    assert [contents.conf.device_name for contents in opened.bundles.values()] == [
        device.name for device in made.devices
    ]


def _link(kit: Path) -> None:
    path = _bundle(kit)
    path.rename(kit.parent / "elsewhere")
    path.symlink_to(kit.parent / "elsewhere")


def _strange_name(kit: Path) -> None:
    Path(os.fsdecode(os.fsencode(kit) + b"/strange-\xff\x1b")).touch()


DAMAGES = [
    pytest.param(lambda kit: (kit / "extra").touch(), "holds 'extra', which", id="a file more"),
    pytest.param(
        lambda kit: (_bundle(kit).parent / "x.tar.gz").touch(), "x.tar.gz', which", id="a bundle"
    ),
    pytest.param(lambda kit: _bundle(kit).unlink(), "it lacks '", id="a bundle less"),
    pytest.param(
        lambda kit: _bundle(kit).write_bytes(_bundle(kit).read_bytes()[:-1]),
        "the checksum of '",
        id="a bundle cut off",
    ),
    pytest.param(_link, "in it is no plain file", id="a link"),
    pytest.param(lambda kit: os.mkfifo(kit / "fifo"), "'fifo' in it is no plain file", id="FIFO"),
    pytest.param(_strange_name, "'strange-??' in it is no plain file, or", id="a strange name"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGES)
def test_a_damaged_kit(kit: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(kit)
    error = _refusal(kit)
    assert error.code == ExitCode.UNTRUSTED
    assert error.message.startswith("the kit is damaged or was altered: ")
    assert message in error.message


@pytest.mark.parametrize("what", ["nothing", "a file", "an empty directory", "a bundle"])
def test_what_is_no_kit(tmp_path: Path, made: Made, what: str) -> None:
    path = tmp_path / "kit"
    if what == "an empty directory":
        path.mkdir()
    elif what != "nothing":
        path.write_bytes(made.bundle(made.devices[0]).read_bytes() if what == "a bundle" else b"")
    error = _refusal(path)
    assert error.code == ExitCode.USAGE
    assert error.message == f"'{path}' is not a kit: it has no 'SHA256SUMS'"


def _list_anew(kit: Path, signer: KeySigner | None) -> None:
    """Let the list fit to what lies there; signed, as a bad builder would."""
    beside = ("SHA256SUMS", "SHA256SUMS.sig")
    if signer:
        (kit / "signer.pem").write_bytes(signer.public_pem())
    listed = {n: c for n, c in sorted(files(kit).items()) if n not in beside}
    (kit / "SHA256SUMS").write_bytes(checksum_list(listed))
    if signer:
        (kit / "SHA256SUMS.sig").write_bytes(signer.sign((kit / "SHA256SUMS").read_bytes()))


def _rename(kit: Path) -> None:
    path = _bundle(kit)
    path.rename(path.with_name("sftunnel-other-c8d5d5c6.tar.gz"))


def _forget_a_code(kit: Path) -> None:
    codes = (kit / CODES).read_text()
    (kit / CODES).write_text(codes[codes.index("\n") + 1 :])


def _spoil_the_codes(kit: Path) -> None:
    (kit / CODES).write_text(f"{(kit / CODES).read_text()}x\n")


def _remove_bundles(kit: Path) -> None:
    for path in [*kit.glob("*/*")]:
        path.unlink()


LISTED = [
    pytest.param(_rename, "is the bundle that belongs in '", id="a bundle of another name"),
    pytest.param(lambda kit: (kit / "notes").touch(), "'notes' is missing, or", id="a note"),
    pytest.param(lambda kit: (kit / CODES).unlink(), "'codes' is missing, or", id="no codes"),
    pytest.param(_forget_a_code, "'codes' is of other devices", id="a code less"),
    pytest.param(_spoil_the_codes, "of the format: unusable line 'x'", id="no line of codes"),
    pytest.param(_remove_bundles, "it holds no bundle", id="no bundle"),
]


@pytest.mark.parametrize(("change", "message"), LISTED)
def test_what_is_listed_but_is_no_kits(
    kit: Path, made: Made, change: Callable[[Path], None], message: str
) -> None:
    is_signed = (kit / "signer.pem").exists()
    change(kit)
    _list_anew(kit, load_signer(made.signing_key, None) if is_signed else None)
    error = _refusal(kit)
    assert error.code == ExitCode.UNTRUSTED
    assert message in error.message


def test_bundles_of_another_signer_than_the_kits(made: Made, tmp_path: Path) -> None:
    kit = tmp_path / "kit"
    shutil.copytree(made.kit, kit)
    stranger = generate_signer()
    _list_anew(kit, stranger)
    error = _refusal(kit)
    assert f"is signed by '{made.report.signer}', the kit by '{stranger.fingerprint()}'" in (
        error.message
    )


@pytest.mark.parametrize("name", ["signer.pem", "SHA256SUMS.sig"])
def test_half_of_a_signature_is_not_taken_for_none(made: Made, tmp_path: Path, name: str) -> None:
    kit = tmp_path / "kit"
    shutil.copytree(made.kit, kit)
    (kit / name).unlink()
    assert _refusal(kit).code == ExitCode.UNTRUSTED


def test_a_signed_kit_stripped_of_its_signature_is_no_unsigned_one(
    made: Made, tmp_path: Path
) -> None:
    kit = tmp_path / "kit"
    shutil.copytree(made.kit, kit)
    (kit / "signer.pem").unlink()
    (kit / "SHA256SUMS.sig").unlink()
    _list_anew(kit, None)
    error = _refusal(kit)
    assert error.code == ExitCode.UNTRUSTED
    assert f"is signed by '{made.report.signer}', the kit by 'nobody'" in error.message
