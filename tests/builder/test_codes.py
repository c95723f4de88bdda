"""Confirmation codes: how they are drawn, the file with their hashes, and what is read out."""

from __future__ import annotations

import base64
import hashlib
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder.bundle import open_bundle
from sftunnel_builder.codes import (
    CODES,
    Run,
    code_lines,
    confirmation_code,
    covers,
    find_run,
    prove,
    read_codes,
)
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.passphrases import ALPHABET

UUID, OTHER = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e", "6bf1143a-8a2f-11ef-92d8-fd927e807d77"


@pytest.fixture(scope="module")
def key(made: Made) -> bytes:
    """The new key of the first device."""
    return made.new_trios[made.devices[0].uuid]["sftunnel-key.pem"]


@pytest.fixture(scope="module")
def lines(key: bytes) -> tuple[bytes, ...]:
    return code_lines(key, UUID, "0123456789abcdef")


def test_the_proof_is_what_openssl_signs(key: bytes, tmp_path: Path) -> None:
    (tmp_path / "key.pem").write_bytes(key)
    (tmp_path / "text").write_text("sftunnel-bundler code 1 0123456789abcdef\n")
    words = ["openssl", "dgst", "-sha256", "-sign", "key.pem", "text"]
    signed = subprocess.run(words, cwd=tmp_path, capture_output=True, check=True).stdout
    assert prove(key, "0123456789abcdef") == base64.b64encode(signed).decode()


def test_a_code_is_always_the_same() -> None:
    assert confirmation_code("PROOF", "install", 0) == "68ppmah8wn5d"
    assert confirmation_code("PROOF", "install", 8) != confirmation_code("PROOF", "rollback", 8)


def test_a_code_is_twelve_characters_that_nobody_confuses() -> None:
    codes = {confirmation_code(f"proof {number}", "install", 0) for number in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {12}
    assert set("".join(codes)) == set(ALPHABET)


def test_the_file_has_hashes_of_every_end_and_no_code(key: bytes, lines: tuple[bytes, ...]) -> None:
    proof = prove(key, "0123456789abcdef")
    data = b"".join(sorted(lines))
    assert data.decode().splitlines() == sorted(data.decode().splitlines())
    wanted = {
        Run(UUID, verb, number)
        for verb in ("install", "rollback", "recover")
        for number in (0, 6, 7, 8)
    }
    assert set(read_codes(data)) == wanted
    for run in wanted:
        code = confirmation_code(proof, run.verb, run.exit_code)
        assert code not in data.decode()
        said = f"{code} {UUID} {run.verb} {run.exit_code}\n"
        digest = hashlib.sha256(said.encode()).hexdigest()
        assert f"{digest}  {UUID} {run.verb} {run.exit_code}\n" in data.decode()


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda data: data[:-1], id="the last line feed is missing"),
        pytest.param(lambda data: data + b"\n", id="an empty line"),
        pytest.param(lambda data: data + data, id="every line twice"),
        pytest.param(lambda data: b"".join(reversed(data.splitlines(True))), id="not sorted"),
        pytest.param(lambda data: data.replace(b"  ", b" "), id="one blank"),
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="CR LF"),
        pytest.param(lambda data: data.replace(b"install", b"\xff"), id="no ASCII"),
    ],
)
def test_a_file_in_another_form(lines: tuple[bytes, ...], spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(ValueError, match=r"unusable line|not sorted|codec"):
        read_codes(spoil(b"".join(sorted(lines))))


def test_of_which_devices_the_file_is(lines: tuple[bytes, ...]) -> None:
    runs = read_codes(b"".join(sorted(lines)))
    assert covers(runs, [UUID])
    assert not covers(runs, [])
    assert not covers(runs, [OTHER])
    assert not covers(runs, [UUID, OTHER])
    assert not covers(read_codes(b"".join(sorted(lines[1:]))), [UUID])


def test_what_is_read_out_is_found(key: bytes, lines: tuple[bytes, ...]) -> None:
    code = confirmation_code(prove(key, "0123456789abcdef"), "rollback", 8)
    runs = read_codes(b"".join(sorted(lines)))
    for typed in (code, f" {code}\n", f"{code[:4]}-{code[4:8]} {code[8:].upper()}"):
        assert find_run(runs, typed) == Run(UUID, "rollback", 8)
        assert find_run(runs, typed, UUID) == Run(UUID, "rollback", 8)
        assert find_run(runs, typed, OTHER) is None


def test_a_hash_is_worth_nothing_in_another_line(key: bytes, lines: tuple[bytes, ...]) -> None:
    """So that whoever tries codes tries them against one line at a time."""
    code = confirmation_code(prove(key, "0123456789abcdef"), "install", 0)
    (line,) = [line.decode() for line in lines if line.endswith(b" install 0\n")]
    for other in (line.replace(UUID, OTHER), line.replace("install", "recover")):
        assert find_run(read_codes(other.encode()), code) is None


def test_a_code_of_no_device(key: bytes, lines: tuple[bytes, ...]) -> None:
    runs = read_codes(b"".join(sorted(lines)))
    for proof, verb in (
        (prove(key, "fedcba9876543210"), "install"),
        (prove(key, "0123456789abcdef"), "activate"),
    ):
        assert find_run(runs, confirmation_code(proof, verb, 0)) is None


@pytest.mark.parametrize(
    "typed", ["", "k7mqx2hf9tp", "k7mqx2hf9tpaa", "k7mqx2hf9tp0", "\x1b7mqx2hf9tpa"]
)
def test_what_is_no_code(lines: tuple[bytes, ...], typed: str) -> None:
    with pytest.raises(BundlerError, match="wanted a confirmation code of 12 characters") as caught:
        find_run(read_codes(b"".join(sorted(lines))), typed)
    assert caught.value.code == ExitCode.USAGE
    assert "\x1b" not in caught.value.message


def test_a_kit_has_those_of_its_devices(made: Made) -> None:
    runs = read_codes((made.kit / CODES).read_bytes())
    assert covers(runs, [device.uuid for device in made.devices])
    for device in made.devices:
        conf = open_bundle(made.bundle(device).read_bytes()).conf
        proof = prove(made.new_trios[device.uuid]["sftunnel-key.pem"], conf.bundle_id)
        assert find_run(runs, confirmation_code(proof, "install", 0)) == Run(
            device.uuid, "install", 0
        )
