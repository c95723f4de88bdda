"""What the program answers in place of openssl, compared with what openssl answers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from rehearsal import Firewall
from sftunnel_builder.resources import INSTALLER_FRAGMENTS
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_installer.engine import CALLBACK
from trios import make_trio

ROOT = Path(__file__).resolve().parents[2]
MINE = [sys.executable, "-W", "error", "-m", "sftunnel_installer", CALLBACK]
PKEY_IN = ["pkey", "-in", "locked.pem", "-passin", "stdin"]
VERIFY = ["verify", "-purpose", "sslclient", "-CAfile", "cacert.pem", "sftunnel-cert.pem"]
SIGN = ["dgst", "-sha256", "-hex", "-sign", "/dev/stdin", "SHA256SUMS"]
FACTS = [
    *("x509", "-noout", "-subject", "-nameopt", "RFC2253", "-enddate", "-fingerprint"),
    *("-sha256", "-in"),
]


@pytest.fixture
def place(firewall: Firewall, tmp_path: Path) -> Path:
    """A directory with a new trio, its locked key and what a bundle has."""
    for name in TRIO_NAMES:
        (tmp_path / name).write_bytes(firewall.new_trio[name])
    locked = firewall.bundle / "payload" / firewall.fmc_uuid / "sftunnel-key.pem"
    (tmp_path / "locked.pem").write_bytes(locked.read_bytes())
    (tmp_path / "passphrase").write_bytes(firewall.passphrase_file.read_bytes())
    for name in ("SHA256SUMS", "SHA256SUMS.sig", "signer.pem"):
        (tmp_path / name).write_bytes((firewall.bundle / name).read_bytes())
    (tmp_path / "damaged.pem").write_bytes(firewall.new_trio["cacert.pem"][:300])
    (tmp_path / "blank").write_bytes(b"\n")
    return tmp_path


def _ask(program: list[str], place: Path, words: list[str], stdin: str) -> tuple[int, bytes]:
    with (place / stdin if stdin else Path(os.devnull)).open("rb") as file:
        done = subprocess.run(
            [*program, *words],
            stdin=file,
            capture_output=True,
            cwd=place,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            check=False,
        )
    assert b"Traceback" not in done.stderr
    return done.returncode, done.stdout


SAME = {
    "a key with its passphrase": (PKEY_IN, "passphrase"),
    "a key with another passphrase": (PKEY_IN, "SHA256SUMS"),
    "a plain key that has none": (
        ["pkey", "-pubout", "-in", "sftunnel-key.pem", "-passin", "stdin"],
        "blank",
    ),
    "a sound key and its public key": (["rsa", "-check", "-pubout"], "sftunnel-key.pem"),
    "a key that is none": (["rsa", "-check", "-pubout"], "SHA256SUMS"),
    "the signer in DER": (["pkey", "-pubin", "-in", "signer.pem", "-outform", "DER"], ""),
    "a signer that is none": (["pkey", "-pubin", "-in", "SHA256SUMS", "-outform", "DER"], ""),
    "the certificate's public key": (["x509", "-noout", "-pubkey", "-in", "sftunnel-cert.pem"], ""),
    "when a CA begins": (["x509", "-noout", "-startdate", "-in", "cacert.pem"], ""),
    "no certificate": (["x509", "-noout", "-startdate", "-in", "damaged.pem"], ""),
    "a missing file": (["x509", "-noout", "-startdate", "-in", "nowhere.pem"], ""),
    "digests of files": (["dgst", "-sha256", "-r", "SHA256SUMS", "signer.pem"], ""),
    "digests of files, some of which are missing": (
        ["dgst", "-sha256", "-r", "nowhere.pem", "SHA256SUMS", "nowhere", "signer.pem"],
        "",
    ),
    "a bundle's signature": (
        ["dgst", "-sha256", "-verify", "signer.pem", "-signature", "SHA256SUMS.sig", "SHA256SUMS"],
        "",
    ),
    "a trio": (VERIFY, ""),
}


@pytest.mark.parametrize("what", SAME)
def test_it_is_the_same_byte_for_byte(place: Path, what: str) -> None:
    words, stdin = SAME[what]
    theirs = _ask(["openssl"], place, words, stdin)
    assert theirs[0] in (0, 1)
    mine = _ask(MINE, place, words, stdin)
    assert mine[1] == theirs[1]
    assert mine[0] == theirs[0]


def test_a_signature_reads_the_same(place: Path) -> None:
    mine, theirs = (_ask(p, place, SIGN, "sftunnel-key.pem") for p in (MINE, ["openssl"]))
    assert (mine[0], theirs[0]) == (0, 0)
    # What is before it differs between versions.
    assert mine[1].rpartition(b")= ")[2] == theirs[1].rpartition(b")= ")[2] != b""


def test_facts_of_certificates_read_the_same(place: Path, firewall: Firewall) -> None:
    # Whose name needs escapes.
    odd = make_trio(firewall, organization='Größe, "quoted" #1 + \\ <x>;=')
    (place / "odd.pem").write_bytes(odd["sftunnel-cert.pem"])
    for name in ("cacert.pem", "sftunnel-cert.pem", "odd.pem"):
        mine, theirs = (_ask(p, place, [*FACTS, name], "")[1] for p in (MINE, ["openssl"]))
        assert _shown(mine) == _shown(theirs)


def _shown(answer: bytes) -> dict[str, str]:
    """Return what install.sh makes of an answer."""
    text = answer.decode("latin-1").replace(":", "").lower()
    return dict(re.findall(r"(?m)^(subject|notafter|.*fingerprint)= *(.*)$", text))


@pytest.mark.parametrize(
    ("fault", "number"),
    [
        ({"days": (-9, -1)}, "10"),
        ({"ca_days": (-9, -1)}, "10"),
        ({"days": (1, 9)}, "9"),
        ({"eku": [ExtendedKeyUsageOID.SERVER_AUTH]}, "26"),
        ({"swap": "ca"}, None),
    ],
    ids=str,
)
def test_a_certificate_that_does_not_hold(
    place: Path, firewall: Firewall, fault: dict[str, object], number: str | None
) -> None:
    trio = make_trio(firewall, **fault)  # type: ignore[arg-type]
    for name in TRIO_NAMES:
        (place / name).write_bytes(trio[name])
    code, said = _ask(MINE, place, VERIFY, "")
    assert code != 0
    assert b": OK" not in said
    found = re.search(rb"error (\d+) at", said)
    assert found
    assert number is None or found[1].decode() == number
    ended = _ask(MINE, place, ["x509", "-checkend", "0", "-noout", "-in", "sftunnel-cert.pem"], "")
    assert ended[0] == int(fault.get("days") == (-9, -1))


def test_a_key_whose_numbers_do_not_fit(
    place: Path, sound_key_with_a_wrong_exponent: Callable[[Path], None]
) -> None:
    sound_key_with_a_wrong_exponent(place / "wrong.pem")
    assert _ask(MINE, place, ["rsa", "-check", "-pubout"], "wrong.pem") == (1, b"")


@pytest.fixture
def sound_key_with_a_wrong_exponent(place: Path) -> Callable[[Path], None]:
    """Give what writes the trio's key with another private exponent."""
    from cryptography.hazmat.primitives import serialization as s
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = s.load_pem_private_key((place / "sftunnel-key.pem").read_bytes(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    n = key.private_numbers()
    odd = rsa.RSAPrivateNumbers(n.p, n.q, n.d + 2, n.dmp1, n.dmq1, n.iqmp, n.public_numbers)

    def write(path: Path) -> None:
        wrong = odd.private_key(unsafe_skip_rsa_key_validation=True)
        pem = wrong.private_bytes(s.Encoding.PEM, s.PrivateFormat.PKCS8, s.NoEncryption())
        path.write_bytes(pem)

    return write


def _fragments() -> str:
    return "".join((ROOT / "installer" / name).read_text() for name in INSTALLER_FRAGMENTS)


def test_install_sh_calls_what_may_be_a_function_without_exec() -> None:
    """Which would look for a program: openssl is a function here, sha256sum where it is missing."""
    assert re.findall(r"exec (?:openssl|sha256sum)", _fragments()) == []


def test_every_call_of_install_sh_is_tried_here() -> None:
    text = _fragments()
    calls = re.findall(r"(?<![\w'\"-])openssl ((?:dgst|pkey|x509|rsa|verify)\b[^|;)]*)", text)
    assert len(calls) > 10
    tried = {word for words, _ in SAME.values() for word in words}
    tried |= {*FACTS, *VERIFY, *SIGN, "-noout", "-checkend", "0"}
    used = {word for call in calls for word in re.findall(r"(?<=\s)-[a-zA-Z]+\d*", f" {call}")}
    assert used - tried == set()
