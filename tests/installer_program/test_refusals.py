"""What the program refuses, with nothing changed and nothing left."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from programs import Program
from refusals import sign_again, sign_anew
from rehearsal import Made
from sftunnel_builder import __version__
from sftunnel_builder.signer import generate_signer
from trios import make_trio, put_into_bundle


def test_the_bundle_of_another_device(program: Program, made: Made) -> None:
    other = made.bundle(made.devices[1])
    program.refused(5, "wrong device: the files are for 'Plant 4 edge'", other)


def test_another_signer(program: Program, stick: Path) -> None:
    signer = program.wall.signer
    program.wall.signer = generate_signer().fingerprint()
    program.refused(
        4, f"signed by another key: wanted '{program.wall.signer}', found '{signer}'", stick
    )


def test_nobody_says_whom_to_trust(program: Program, made: Made) -> None:
    wall = program.wall
    options = ["--root", wall.root, "--yes", "--passphrase-file", wall.passphrase_file]
    done = program.run("install", made.bundle(wall.device), *options)
    assert done.returncode == 4
    assert f"nothing says that the signer '{wall.signer}' is to be trusted" in done.stderr
    wall.assert_trio(wall.old_trio)
    assert not wall.state.exists()


def test_any_changed_byte(program: Program, made: Made, tmp_path: Path) -> None:
    data = made.bundle(program.wall.device).read_bytes()
    for at in range(3, len(data), len(data) // 5):
        changed = bytearray(data)
        changed[at] ^= 4
        place = tmp_path / f"{at}.tar.gz"
        place.write_bytes(changed)
        program.refused(4, f"'{at}.tar.gz': the bundle is damaged or was altered", place)
    (tmp_path / "cut.tar.gz").write_bytes(data[:-1])
    program.refused(4, "the bundle is damaged or was altered", tmp_path / "cut.tar.gz")


def test_a_changed_bundle_in_a_kit(program: Program, stick: Path) -> None:
    place = stick / "sftunnel/bundles" / f"{program.wall.bundle.name}.tar.gz"
    place.write_bytes(place.read_bytes() + b"\0")
    program.refused(4, "its SHA-256 is not the one in the kit's list", stick)


def test_a_changed_list_of_a_kit(program: Program, stick: Path) -> None:
    place = stick / "sftunnel/SHA256SUMS"
    place.write_bytes(place.read_bytes().replace(b"  codes", b"  Codes"))
    program.refused(4, "the signature of the kit does not fit", stick)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda b: (b / "install.sh").write_text("exit 0\n"), "the checksum of 'install.sh'"),
        (lambda b: (b / "more").write_text(""), "it holds 'more', which SHA256SUMS does not list"),
        (lambda b: (b / "RUNBOOK.txt").unlink(), "it has no 'RUNBOOK.txt'"),
        (lambda b: (b / "more").symlink_to("bundle.conf"), "'more' in it is a link"),
        (lambda b: (b / "SHA256SUMS.sig").write_bytes(b"0"), "its signature does not fit"),
    ],
)
def test_a_changed_unpacked_bundle(program: Program, change: object, message: str) -> None:
    change(program.wall.bundle)  # type: ignore[operator]
    program.refused(4, message, program.wall.bundle)


def test_an_install_sh_that_somebody_else_signed_is_never_run(
    program: Program, tmp_path: Path
) -> None:
    proof = tmp_path / "proof"
    (program.wall.bundle / "install.sh").write_text(f"touch '{proof}'\n")
    sign_again(program.wall.bundle, generate_signer())
    program.refused(4, "the bundle is signed by another key", program.wall.bundle)
    assert not proof.exists()


def test_a_wrong_passphrase(program: Program, stick: Path) -> None:
    program.wall.passphrase_file.write_text("aaaa-bbbb-cccc-dddd-eeee\n")
    program.refused(3, "does not open: wrong passphrase, or a damaged key", stick)


def test_a_passphrase_that_is_no_text(program: Program, stick: Path) -> None:
    program.wall.passphrase_file.write_bytes(b"\xff\xfe\n")
    program.refused(3, "does not open: wrong passphrase, or a damaged key", stick)


@pytest.mark.parametrize(
    "fault",
    [
        {"days": (-9, -1)},
        {"ca_days": (-9, -1)},
        {"days": (1, 9)},
        {"swap": "ca"},
        {"swap": "key"},
        {"eku": [ExtendedKeyUsageOID.SERVER_AUTH]},
    ],
    ids=str,
)
def test_a_bad_trio_is_refused_in_the_words_of_the_device_s_openssl(
    program: Program, fault: dict[str, object]
) -> None:
    wall = program.wall
    put_into_bundle(wall, make_trio(wall, **fault))  # type: ignore[arg-type]
    theirs = wall.run("install", *wall.options("--no-restart"))
    assert theirs.returncode == 3
    error, hint = theirs.stderr.splitlines()[-2:]
    mine = program.refused(3, error.removeprefix("error: "), wall.bundle)
    assert mine == f"{error}\n{hint}"


def test_a_good_trio_of_another_builder(program: Program) -> None:
    wall = program.wall
    put_into_bundle(wall, make_trio(wall))
    assert program.verb("check", wall.bundle).returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--frobnicate"], "unknown word '--frobnicate'"),
        (["check"], "two verbs: 'install' and 'check'"),
        (["a", "b"], "two places to look for the bundle: 'a' and 'b'"),
        (["/nonexistent"], "there is no bundle and no directory '/nonexistent'"),
        (["--signer", "abc"], "--signer wants 64 hex digits, found 'abc'"),
        (["--signer="], "option '--signer' needs a value"),
        (["--signer"], "option '--signer' needs a value"),
        (["PLACE", "--wait", "soon"], "--wait wants whole seconds, found 'soon'"),
        (["PLACE", "--backup", "0001-x"], "--backup does not go with 'install'"),
        (["--root", "/nonexistent"], "--root '/nonexistent' is not a directory"),
    ],
)
def test_a_wrong_command_line(
    program: Program, stick: Path, words: list[str], message: str
) -> None:
    program.refused(2, message, *(stick if word == "PLACE" else word for word in words))


def test_a_digest_and_no_signer(program: Program, tmp_path: Path) -> None:
    wall = program.wall
    digest = hashlib.sha256((wall.bundle / "SHA256SUMS").read_bytes()).hexdigest()
    options = ["--root", wall.root, "--yes", "--no-restart"]
    options += ["--passphrase-file", wall.passphrase_file]
    done = program.run(wall.bundle, *options, "--digest", digest)
    assert done.returncode == 0, done.stderr
    assert not (wall.state / "signers").exists()
    wall.assert_trio(wall.new_trio)
    other = tmp_path / "other"
    shutil.copytree(wall.bundle, other)
    wall.bundle = other
    sign_anew(wall)
    done = program.run(other, *options, "--digest", digest)
    assert done.returncode == 4
    assert f"SHA256SUMS is another one: wanted SHA-256 '{digest}'" in done.stderr


def test_an_ims_conf_without_a_uuid(program: Program, stick: Path) -> None:
    for path in program.wall.root.rglob("ims.conf"):
        if path.parent.name == "sf":
            path.write_text("MODEL=x\n")
    program.wall.remember_others()
    program.refused(5, "holds no usable APPLIANCE_UUID", stick)


def _change_install_sh(program: Program, old: str, new: str) -> None:
    """Change the bundle's install.sh, as its trusted signer would."""
    script = program.wall.bundle / "install.sh"
    text = script.read_text()
    assert old in text
    script.write_text(text.replace(old, new))
    sign_anew(program.wall)


def test_an_install_sh_that_is_older_than_the_program(program: Program) -> None:
    _change_install_sh(program, "--forget-signer | --digest)", "--forget-signer)")
    message = f"the install.sh of this bundle is older than sftunnel-installer {__version__}"
    program.refused(5, message, program.wall.bundle)


@pytest.mark.parametrize(
    ("old", "new", "call"),
    [
        ("openssl verify -purpose", "openssl verify -x509_strict -purpose", "verify -x509_strict"),
        ("openssl rsa -check", "openssl ec -check", "ec"),
    ],
)
def test_an_install_sh_that_asks_more_of_openssl_than_the_program_knows(
    program: Program, old: str, new: str, call: str
) -> None:
    _change_install_sh(program, old, new)
    program.refused(
        5,
        f"this sftunnel-installer, {__version__}, does not know what the bundle's install.sh asks "
        f"of openssl: '{call}'",
        program.wall.bundle,
    )
