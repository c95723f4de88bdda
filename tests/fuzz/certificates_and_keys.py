"""Harnesses for what proves and keeps secret: certificates, keys, passphrases."""

from __future__ import annotations

import base64
import re
import textwrap
import warnings
from collections.abc import Iterable

from fuzz.promises import assert_one_line, refusals_in_form
from fuzz.targets import DEVICE, FMC, NOW, as_file, good
from sftunnel_builder.certificates import Certificate, load_certificate, load_certificates
from sftunnel_builder.passphrases import read_passphrase_file
from sftunnel_builder.private_key import canonical_pem, is_sound, load_private_key
from sftunnel_builder.trio import TrioFiles, check_certificates, check_run, check_trio


def _pem(label: str, der: bytes) -> bytes:
    lines = "\n".join(textwrap.wrap(base64.b64encode(der).decode(), 64))
    return f"-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n".encode()


def certificate(data: bytes) -> None:
    """Read a certificate file."""
    with warnings.catch_warnings(record=True) as warned, refusals_in_form():
        warnings.simplefilter("always")
        _use(load_certificate(data, "cacert.pem"))
    assert not warned, warned[0].message


def certificate_der(data: bytes) -> None:
    """Judge a certificate whose PEM is sound, as the device's, as the CA, and as both."""
    pem = _pem("CERTIFICATE", data)
    certificate(pem)
    for cacert, cert in ((good().files.cacert, pem), (pem, good().files.cert), (pem, pem)):
        with refusals_in_form():
            files = TrioFiles(cacert, cert, b"")
            for warning in check_certificates(files, device_uuid=DEVICE, fmc_uuid=FMC, now=NOW)[2]:
                assert_one_line(warning)


def certificates(data: bytes) -> None:
    """Read a file of certificates: a chain, with whatever stands between, or one in DER."""
    with warnings.catch_warnings(record=True) as warned, refusals_in_form():
        warnings.simplefilter("always")
        for each in load_certificates(data, "chain.pem"):
            _use(each)
    assert not warned, warned[0].message


def _use(loaded: Certificate) -> None:
    """Ask a certificate all that the product asks of one."""
    loaded.fingerprint()
    loaded.public_key_sha256()
    loaded.issuer_common_name()
    loaded.subject_attributes()
    assert re.fullmatch("-?([0-9A-F]{2})+", loaded.serial())
    assert re.fullmatch(r"[a-z0-9_.-]+", loaded.digest_name())
    loaded.public_key()
    assert loaded.subject() is not None
    assert loaded.not_before_utc.tzinfo
    assert loaded.not_after_utc.tzinfo
    assert 0 <= check_run(loaded, "cacert.pem", None, []) < 10**12


def private_key(data: bytes) -> None:
    """Read a key file; no message repeats any of it."""
    with refusals_in_form(secret=data):
        key = load_private_key(data, "sftunnel-key.pem")
        if is_sound(key):
            written = canonical_pem(key)
            assert canonical_pem(load_private_key(written, "again")) == written


def private_key_der(data: bytes) -> None:
    """Judge a key whose PEM is sound, in both forms, with a certificate that is not its own."""
    for label in ("PRIVATE KEY", "RSA PRIVATE KEY"):
        pem = _pem(label, data)
        private_key(pem)
        with refusals_in_form(secret=pem):
            files = TrioFiles(good().files.cacert, good().files.cert, pem)
            check_trio(files, device_uuid=DEVICE, fmc_uuid=FMC, now=NOW)


def passphrase_file(data: bytes) -> None:
    """Read a passphrase file; what is accepted stands in it, and no message repeats it."""
    with as_file(data) as path, refusals_in_form(secret=data):
        passphrase = read_passphrase_file(path)
        assert data.startswith(passphrase.encode())
        assert 0 < len(passphrase.encode()) <= 512
        assert "\n" not in passphrase


def good_files() -> Iterable[bytes]:
    return good().files.cacert, good().files.cert


def good_keys() -> Iterable[bytes]:
    return good().files.key, good().locked_key
