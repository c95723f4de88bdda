"""The day on which the crypto library refuses the FMC's CA, as it announced, changes nothing."""

from __future__ import annotations

import base64
import hashlib
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from cryptography import x509
from typer.testing import CliRunner

from rehearsal import Made
from sftunnel_builder.certificates import load_certificate, pem_to_der
from sftunnel_builder.cli import app
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.lab.der import encode_integer, split
from sftunnel_builder.trio import TrioFiles, check_trio

from .conftest import DEVICE, FMC, NOW


@pytest.fixture
def strict_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the library refuse every certificate whose serial number is not positive."""
    load_der, load_pem = x509.load_der_x509_certificate, x509.load_pem_x509_certificate

    def refuse(der: bytes) -> None:
        fields = split(split(der)[0])
        serial = fields[1] if fields[0][0] == 0xA0 else fields[0]
        if serial == encode_integer(0) or serial[2] & 0x80:
            raise ValueError("the serial number is not positive")

    def strict_der(data: bytes) -> x509.Certificate:
        refuse(data)
        return load_der(data)

    def strict_pem(data: bytes) -> x509.Certificate:
        refuse(pem_to_der(data, "CERTIFICATE", "x"))
        return load_pem(data)

    monkeypatch.setattr(x509, "load_der_x509_certificate", strict_der)
    monkeypatch.setattr(x509, "load_pem_x509_certificate", strict_pem)


def _run(*arguments: str | Path) -> str:
    done = CliRunner().invoke(app, [str(word) for word in arguments], standalone_mode=False)
    assert done.exception is None or isinstance(done.exception, typer.Exit), done.exception
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.usefixtures("strict_library")
def test_a_kit_is_built_verified_and_shown(made: Made, tmp_path: Path) -> None:
    der = pem_to_der(made.fmc.ca_pem, "CERTIFICATE", "x")
    with pytest.raises(ValueError, match="not positive"):
        x509.load_der_x509_certificate(der)
    with pytest.raises(ValueError, match="not positive"):
        x509.load_pem_x509_certificate(made.fmc.ca_pem)
    tree, key = ("--fmc-tree", made.fmc.root), ("--signing-key", made.signing_key)
    out = _run("build", *tree, *key, "--out", tmp_path / "kit", "--plain-keys", "--jobs", "1")
    assert out.count("built ") == 2
    bundles = sorted((tmp_path / "kit/bundles").glob("*.tar.gz"))
    assert _run("verify", *bundles, "--signer", made.report.signer).count("good ") == 2
    shown = _run("inspect", bundles[0])
    assert f"CN={made.fmc.uuid}" in shown
    assert f"SHA-256 fingerprint {hashlib.sha256(der).hexdigest()}" in shown


@pytest.mark.usefixtures("strict_library")
@pytest.mark.parametrize("serial", [0, -1, -(2**63), 1, 127, 128, 2**159], ids=str)
def test_a_ca_of_any_serial_number_is_judged_by_its_own_bytes(
    make_trio: Callable[..., TrioFiles], serial: int
) -> None:
    files = make_trio(ca={"serial": serial})
    checked = check_trio(files, device_uuid=DEVICE, fmc_uuid=FMC, now=NOW)
    assert checked.ca.der == pem_to_der(files.cacert, "CERTIFICATE", "x")
    assert checked.ca.tbs == split(checked.ca.der)[0]
    assert checked.files["cacert.pem"] == files.cacert


@pytest.mark.usefixtures("strict_library")
def test_a_flipped_bit_in_what_is_signed_is_found_in_every_byte(
    make_trio: Callable[..., TrioFiles],
) -> None:
    good = load_certificate(make_trio().cacert, "x")
    assert good.is_issued_by(good)
    begin = good.der.index(good.tbs)
    unnoticed = []
    for at in range(begin, begin + len(good.tbs)):
        der = good.der[:at] + bytes([good.der[at] ^ 1]) + good.der[at + 1 :]
        try:
            changed = load_certificate(_pem(der), "x")
        except BundlerError:
            continue
        if changed.is_issued_by(good):
            unnoticed.append(at)
    assert unnoticed == []


def _pem(der: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN CERTIFICATE-----\n{lines}\n-----END CERTIFICATE-----\n".encode()
