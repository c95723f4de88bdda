"""Who signs, as an operator says it: `sign`, and the options that `build` shares with it."""

from __future__ import annotations

import hashlib
import json
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from docs.workplace import at_terminal, program
from rehearsal import Made, need
from signers import KeyPair, bundler, files, key_pair, stand_in_hsm
from signers import program as script


@pytest.fixture
def pair(tmp_path: Path) -> KeyPair:
    return key_pair(tmp_path, "key")


@pytest.fixture
def kit(made: Made, tmp_path: Path) -> Path:
    """Give a signed kit, encrypted, with its passphrases beside it."""
    shutil.copytree(made.kit, tmp_path / "kit")
    shutil.copy(str(made.report.passphrases), tmp_path / "kit-passphrases.txt")
    return tmp_path / "kit"


def _build(made: Made, place: Path, *options: str | Path) -> tuple[int, str]:
    """Build a kit `new`; return the exit code and what was said on standard error."""
    done = bundler(place, "build", "--fmc-tree", made.fmc.root, "--out", "new", *options)
    return done.returncode, done.stderr


def test_a_kit_goes_from_signer_to_signer(made: Made, kit: Path, pair: KeyPair) -> None:
    before = files(kit.parent)["kit-passphrases.txt"]
    signing = ["--signing-key", pair.private, "--signer", made.report.signer]
    done = bundler(kit.parent, "sign", "kit", *signing)
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines() if line] == [
        *("signed", "signed", "before", "kit", "signer", "passphrases")
    ]
    assert f"before       signed by {made.report.signer}\n" in done.stdout
    assert f"signer       {pair.fingerprint}\n" in done.stdout
    assert f"passphrases  {kit}-passphrases.txt\n" in done.stdout
    assert "encrypted keys were not opened" in done.stderr
    assert "was not compared" not in done.stderr
    bundles = sorted(kit.glob("bundles/*.gz"))
    done = bundler(kit.parent, "verify", *bundles, "--signer", pair.fingerprint)
    assert (done.returncode, done.stdout.count("good  ")) == (0, len(made.devices))
    assert files(kit.parent)["kit-passphrases.txt"] == before
    both = ["--signer", made.report.signer, "--signer", pair.fingerprint]
    assert bundler(kit.parent, "verify", *bundles, *both).returncode == 0
    assert bundler(kit.parent, "verify", *bundles, *both[:2]).returncode == 4


def test_what_it_says_to_programs(made: Made, kit: Path, pair: KeyPair) -> None:
    done = bundler(kit.parent, "sign", "kit", "--signing-key", pair.private, "--json")
    assert done.returncode == 0, done.stderr
    assert "the signer before was not compared" in done.stderr
    said = json.loads(done.stdout)
    assert (said["kit"], said["signer"]) == (str(kit), pair.fingerprint)
    assert said["signer_before"] == made.report.signer
    assert said["passphrases"] == f"{kit}-passphrases.txt"
    assert [(d["name"], d["uuid"], d["warnings"]) for d in said["signed"]] == [
        (device.name, device.uuid, []) for device in made.devices
    ]
    for device in said["signed"]:
        inspected = json.loads(bundler(kit, "inspect", "--json", device["bundle"]).stdout)
        assert inspected["sha256"] == device["sha256"]
        assert inspected["bundle_id"] == device["bundle_id"]


def test_an_unsigned_kit_is_shown_as_such_and_signed_by_a_program(
    made: Made, tmp_path: Path, pair: KeyPair
) -> None:
    # HOME has no signer, and none is missed.
    options = ["build", "--fmc-tree", made.fmc.root, "--out", "new", "--unsigned"]
    done = bundler(tmp_path, *options, HOME="/nowhere")
    assert done.returncode == 0, done.stderr
    assert f"kit          {tmp_path}/new, not signed yet\n" in done.stdout
    assert "sftunnel-bundler sign KIT" in done.stderr
    listed = hashlib.sha256((tmp_path / "new/SHA256SUMS").read_bytes()).hexdigest()
    assert f"SHA256SUMS   {listed}\n" in done.stdout
    (first, *_) = sorted((tmp_path / "new/unsigned").iterdir())
    shown = bundler(tmp_path, "inspect", first)
    assert (shown.returncode, "signer          NOT SIGNED YET\n" in shown.stdout) == (0, True)
    assert json.loads(bundler(tmp_path, "inspect", "--json", first).stdout)["signer"] is None
    refused = bundler(tmp_path, "verify", first)
    assert (refused.returncode, refused.stdout) == (4, f"bad   {first}\n")
    assert refused.stderr.startswith("error: the bundle is not signed yet\nhint: sign the kit")
    by_program = [
        "--signing-key",
        pair.public,
        "--sign-command",
        f"{stand_in_hsm(pair)} --pin=4711",
    ]
    done = bundler(tmp_path, "sign", "new", *by_program)
    assert done.returncode == 0, done.stderr
    assert f"before       not signed; SHA256SUMS {listed}\n" in done.stdout
    assert len((tmp_path / "count").read_text()) == len(made.devices) + 1
    bundles = sorted((tmp_path / "new/bundles").glob("*.gz"))
    assert bundler(tmp_path, "verify", *bundles, "--signer", pair.fingerprint).returncode == 0


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_a_program_signs_a_build_one_question_at_a_time(
    made: Made, tmp_path: Path, pair: KeyPair, jobs: str
) -> None:
    by_program = [
        "--signing-key",
        pair.public,
        "--sign-command",
        f"{stand_in_hsm(pair)} --pin=4711",
    ]
    code, said = _build(made, tmp_path, *by_program, "--jobs", jobs)
    assert code == 0, said
    assert len((tmp_path / "count").read_text()) == len(made.devices) + 1
    bundles = sorted((tmp_path / "new/bundles").glob("*.gz"))
    assert bundler(tmp_path, "verify", *bundles, "--signer", pair.fingerprint).returncode == 0


BAD_PROGRAMS = [
    pytest.param("echo 'no such slot' >&2; exit 3", 5, "ended with status 3", id="fails"),
    pytest.param("echo garbage", 3, "no signature in DER", id="prints garbage"),
    pytest.param("head -c 100000000 /dev/zero", 3, "printed over 4096 bytes", id="100 MB"),
    pytest.param("[ -e once ] || { >once; exec {sign}; }", 3, "printed 0 bytes", id="only once"),
]


@pytest.mark.parametrize("verb", ["build", "sign"])
@pytest.mark.parametrize(("body", "code", "message"), BAD_PROGRAMS)
def test_when_a_program_does_not_sign_nothing_is_written(
    made: Made, kit: Path, pair: KeyPair, verb: str, body: str, code: int, message: str
) -> None:
    sign = f"openssl dgst -sha256 -sign {pair.private}"
    path = script(kit.parent, body.replace("{sign}", sign))
    before = {name: c for name, c in files(kit.parent).items() if name != "once"}
    by_program = ["--signing-key", pair.public, "--sign-command", f"{path} --pin=4711"]
    if verb == "build":
        returned, said = _build(made, kit.parent, *by_program)
    else:
        done = bundler(kit.parent, "sign", "kit", *by_program)
        returned, said = done.returncode, done.stderr
    assert returned == code
    assert f"error: the sign command '{path}' " in said
    assert message in said
    assert ("no such slot" in said) == (code == 5)
    assert "4711" not in said
    assert "Traceback" not in said
    assert {name: c for name, c in files(kit.parent).items() if name != "once"} == before
    assert not [entry.name for entry in kit.parent.iterdir() if entry.name.startswith(".")]


def test_a_program_may_ask_for_its_pin_on_the_terminal(
    kit: Path, pair: KeyPair, tmp_path: Path
) -> None:
    need("setsid", shutil.which("setsid"))
    # It asks on standard error, and reads the answer from the terminal itself.
    ask = "printf 'PIN of the token: ' >&2; read -r pin </dev/tty; [ \"$pin\" = 4711 ] || exit 3"
    path = script(tmp_path, f"{ask}; exec openssl dgst -sha256 -sign {pair.private}")
    words = ["sign", "kit", "--signing-key", str(pair.public), "--sign-command", path]
    answers = [("PIN of the token: ", "4711")] * 3
    typed = at_terminal(program(*words), cwd=kit.parent, home=tmp_path, answers=answers)
    assert typed.code == 0, typed.text
    assert f"signer       {pair.fingerprint}\n" in typed.text


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["build", "--unsigned", "--signing-key", "key.pem"], 2, "contradict each other"),
        (["build", "--unsigned", "--sign-command", "true"], 2, "contradict each other"),
        (["build", "--unsigned", "--signing-passphrase-file", "x"], 2, "contradict each other"),
        (["sign"], 2, "missing argument"),
        (["sign", "nothing", "--signing-key", "key.pem"], 2, "is not a kit"),
        (["sign", "kit", "--signing-key", "key.pem", "--signer", "abc"], 2, "64 hex digits"),
        (["sign", "kit", "--signing-key", "key.pem", "--out", "no/kit"], 2, "no directory"),
        (["sign", "kit", "--signing-key", "key.pub"], 3, "is a public key, which cannot sign"),
        (["sign", "kit", "--signing-key", "key.pem", "--sign-command", "x"], 3, "a private key"),
        (["sign", "kit", "--signing-key", "key.pub", "--sign-command", " "], 2, "is empty"),
        (
            ["sign", "kit", "--sign-command", "x", "--signing-passphrase-file", "y"],
            2,
            "contradict each other",
        ),
    ],
)
def test_a_wrong_command_line_is_told_in_two_lines(
    kit: Path, pair: KeyPair, arguments: Sequence[str], code: int, message: str
) -> None:
    before = files(kit.parent)
    done = bundler(kit.parent, *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert message in error
    assert files(kit.parent) == before


def test_hints_say_how_to_get_the_right_half_of_a_key(kit: Path, pair: KeyPair) -> None:
    public = bundler(kit.parent, "sign", "kit", "--signing-key", "key.pub")
    assert "--sign-command" in public.stderr.splitlines()[1]
    private = ["sign", "kit", "--signing-key", "key.pem", "--sign-command", "true"]
    hint = bundler(kit.parent, *private).stderr.splitlines()[1]
    assert "openssl pkey -in 'key.pem' -pubout" in hint


def test_a_kit_is_found_through_a_link_and_from_within(kit: Path, pair: KeyPair) -> None:
    (kit.parent / "link").symlink_to(kit)
    assert bundler(kit.parent, "sign", "link", "--signing-key", pair.private).returncode == 0
    assert (kit.parent / "link").is_symlink()
    assert (kit / "signer.pem").read_bytes() == pair.signer.public_pem()
    other = key_pair(kit.parent, "other")
    done = bundler(kit, "sign", ".", "--signing-key", shlex.quote(str(other.private)))
    assert done.returncode == 0, done.stderr
    assert (kit / "signer.pem").read_bytes() == other.signer.public_pem()


def test_an_unsigned_kit_is_replaced_as_any_other(made: Made, tmp_path: Path) -> None:
    assert _build(made, tmp_path, "--unsigned")[0] == 0
    code, said = _build(made, tmp_path, "--unsigned")
    assert code == 2
    assert "exists already" in said
    assert _build(made, tmp_path, "--signing-key", made.signing_key, "--replace")[0] == 0
    assert _build(made, tmp_path, "--unsigned", "--replace")[0] == 0
    names = {path.name for path in (tmp_path / "new").iterdir()}
    assert names == {"SHA256SUMS", "codes", "unsigned"}
