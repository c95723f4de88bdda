"""Every check of the numbered list refuses its own bad trio, in its own words."""

from __future__ import annotations

import base64
import re
import textwrap
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID

from sftunnel_builder import trio as trio_module
from sftunnel_builder.certificates import pem_to_der
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.lab.certificates import key_pem, make_ca, new_key
from sftunnel_builder.lab.der import encode, encode_integer, encode_oid
from sftunnel_builder.trio import CheckedTrio, TrioFiles, check_run, check_trio

from .conftest import DEVICE, FMC, NOW, TIMES

DATA = Path(__file__).parent / "data"
OTHER = "11111111-2222-3333-4444-555555555555"


def _check(files: TrioFiles) -> CheckedTrio:
    return check_trio(files, device_uuid=DEVICE, fmc_uuid=FMC, now=NOW)


def _refusal(files: TrioFiles) -> BundlerError:
    with pytest.raises(BundlerError) as caught:
        _check(files)
    assert caught.value.code == ExitCode.REFUSED
    return caught.value


@pytest.mark.filterwarnings("error")
def test_a_good_trio_passes_as_it_is(make_trio: Callable[..., TrioFiles]) -> None:
    files = make_trio()
    checked = _check(files)
    assert checked.warnings == ()
    assert checked.files == {
        "cacert.pem": files.cacert,
        "sftunnel-cert.pem": files.cert,
        "sftunnel-key.pem": files.key,
    }


EXPIRED = (NOW - timedelta(days=9), NOW - timedelta(days=1))
FUTURE = (NOW + timedelta(days=1), NOW + timedelta(days=9))
WEAK = rsa.generate_private_key(65537, 1024)


@pytest.mark.parametrize(
    ("faults", "message"),
    [
        pytest.param(
            {"ca": {"times": EXPIRED}}, "'cacert.pem' expired on 2026-11-22", id="CA expired"
        ),
        pytest.param(
            {"leaf": {"times": EXPIRED}}, "'sftunnel-cert.pem' expired on", id="leaf expired"
        ),
        pytest.param(
            {"leaf": {"times": FUTURE}}, "is not valid before 2026-11-24", id="not yet valid"
        ),
        pytest.param(
            {"ca": {"times": FUTURE}}, "'cacert.pem' is not valid before", id="CA not yet valid"
        ),
        pytest.param(
            {"ca": {"digest": hashes.SHA1()}}, "'cacert.pem' is signed with 'sha1'", id="CA, SHA-1"
        ),
        pytest.param(
            {"leaf": {"digest": hashes.MD5()}},
            "'sftunnel-cert.pem' is signed with 'md5'",
            id="MD5",
        ),
        pytest.param(
            {"ca": {"key": WEAK}}, "'cacert.pem' has a key of 1024 bits", id="weak CA key"
        ),
        pytest.param(
            {"leaf": {"key": WEAK}}, "'sftunnel-cert.pem' has a key of 1024", id="weak key"
        ),
        pytest.param(
            {"leaf": {"digest": hashes.SHA1()}},
            "'sftunnel-cert.pem' is signed with 'sha1'",
            id="SHA-1",
        ),
        pytest.param(
            {"leaf": {"eku": [ExtendedKeyUsageOID.SERVER_AUTH]}},
            "is not for use as a TLS client",
            id="no client use",
        ),
        pytest.param(
            {"ca": {"fmc_uuid": OTHER}}, "is for another FMC: wanted", id="another FMC's CA"
        ),
        pytest.param(
            {"leaf": {"uuid": OTHER}}, "is for another device: wanted", id="another device's"
        ),
        pytest.param({"cacert": b""}, "'cacert.pem' is empty", id="empty file"),
        pytest.param(
            {"key": b"hello"}, "wanted one PEM block 'PRIVATE KEY', found none", id="no PEM"
        ),
    ],
)
def test_a_fault_has_its_own_message(
    make_trio: Callable[..., TrioFiles], faults: dict[str, dict[str, object]], message: str
) -> None:
    assert message in _refusal(make_trio(**faults)).message


def test_a_ca_with_the_right_name_and_another_key(make_trio: Callable[..., TrioFiles]) -> None:
    files = replace(make_trio(), cacert=make_ca(FMC, new_key(), *TIMES))
    assert "'sftunnel-cert.pem' was not issued by the CA" in _refusal(files).message


@pytest.mark.parametrize(("hours", "word"), [(-24, "an older"), (24, "a later")])
def test_a_certificate_of_another_run_is_told_by_its_date(
    make_trio: Callable[..., TrioFiles], hours: int, word: str
) -> None:
    times = (TIMES[0] + timedelta(hours=hours), TIMES[1])
    files = replace(make_trio(leaf={"times": times}), cacert=make_ca(FMC, new_key(), *TIMES))
    assert f"the certificate is of {word} one, {times[0]:%Y-%m-%d}" in _refusal(files).hint


def test_the_ca_of_the_other_fmc(make_trio: Callable[..., TrioFiles]) -> None:
    files = replace(make_trio(), cacert=make_ca(OTHER, new_key(), *TIMES))
    refusal = _refusal(files)
    assert "'sftunnel-cert.pem' was not issued by the CA in 'cacert.pem'" in refusal.message
    assert "from one generate_certs.pl run" in refusal.hint


def test_the_certificate_of_another_device_with_the_own_key(
    make_trio: Callable[..., TrioFiles], keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    other = make_trio(leaf={"uuid": OTHER, "key": keys[2]})
    refusal = _refusal(replace(make_trio(), cert=other.cert))
    assert f"is for another device: wanted '{DEVICE}', found '{OTHER}'" in refusal.message


def test_an_unknown_signature_algorithm_is_named(make_trio: Callable[..., TrioFiles]) -> None:
    files = make_trio()
    der = pem_to_der(files.cert, "CERTIFICATE", "x")
    sha256_with_rsa, other = (
        encode_oid("1.2.840.113549.1.1.11"),
        encode_oid("1.2.840.113549.1.1.99"),
    )
    assert der.count(sha256_with_rsa) == 2
    lines = textwrap.wrap(base64.b64encode(der.replace(sha256_with_rsa, other)).decode(), 64)
    pem = "\n".join(["-----BEGIN CERTIFICATE-----", *lines, "-----END CERTIFICATE-----", ""])
    refusal = _refusal(replace(files, cert=pem.encode()))
    assert "is signed with '1.2.840.113549.1.1.99', wanted SHA-256" in refusal.message


def test_a_ca_that_did_not_sign_itself(make_trio: Callable[..., TrioFiles]) -> None:
    files = make_trio()
    assert "is not signed by its own key" in _refusal(replace(files, cacert=files.cert)).message


def test_the_key_of_another_device(
    make_trio: Callable[..., TrioFiles], keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    refusal = _refusal(make_trio(key=key_pem(keys[2])))
    assert "the key in 'sftunnel-key.pem' is not that of 'sftunnel-cert.pem'" in refusal.message


@pytest.mark.parametrize("field", ["p", "q", "d", "dmp1", "dmq1", "iqmp"])
def test_a_damaged_private_number(
    make_trio: Callable[..., TrioFiles], keys: tuple[rsa.RSAPrivateKey, ...], field: str
) -> None:
    numbers = keys[1].private_numbers()
    public = numbers.public_numbers
    values = {"version": 0, "n": public.n, "e": public.e, "d": numbers.d, "p": numbers.p}
    values |= {name: getattr(numbers, name) for name in ("q", "dmp1", "dmq1", "iqmp")}
    values[field] ^= 1 << 40
    # RFC 8017 appendix A.1.2; the library would refuse to write such a key.
    pkcs1 = encode(0x30, *(encode_integer(value) for value in values.values()))
    lines = textwrap.wrap(base64.b64encode(pkcs1).decode(), 64)
    label = "RSA PRIVATE KEY"
    pem = "\n".join([f"-----BEGIN {label}-----", *lines, f"-----END {label}-----", ""])
    refusal = _refusal(make_trio(key=pem.encode()))
    assert "its numbers do not fit together" in refusal.message


def test_a_pkcs1_key_is_converted_and_that_is_said(
    make_trio: Callable[..., TrioFiles], keys: tuple[rsa.RSAPrivateKey, ...]
) -> None:
    pkcs1 = keys[1].private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )
    checked = _check(make_trio(key=pkcs1))
    assert checked.files["sftunnel-key.pem"] == key_pem(keys[1])
    assert checked.warnings == ("'sftunnel-key.pem' was converted to canonical PKCS#8",)


def test_keys_of_the_wrong_kind(make_trio: Callable[..., TrioFiles]) -> None:
    curve = ec.generate_private_key(ec.SECP256R1())
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8)
    plain = curve.private_bytes(*form, serialization.NoEncryption())
    locked = curve.private_bytes(*form, serialization.BestAvailableEncryption(b"x"))
    assert "is not an RSA key" in _refusal(make_trio(key=plain)).message
    assert "is encrypted" in _refusal(make_trio(key=locked)).message


@pytest.mark.parametrize(
    ("leaf", "warning"),
    [
        pytest.param({"uuid": None}, "has no title", id="no title"),
        pytest.param({"eku": None}, "does not say what it may be used for", id="no usage"),
    ],
)
def test_a_missing_field_is_a_warning(
    make_trio: Callable[..., TrioFiles], leaf: dict[str, object], warning: str
) -> None:
    (said,) = _check(make_trio(leaf=leaf)).warnings
    assert warning in said


@pytest.mark.parametrize(
    ("field", "name"),
    [("cacert", "cacert.pem"), ("cert", "sftunnel-cert.pem"), ("key", "sftunnel-key.pem")],
)
def test_the_tech_notes_damaged_pem_is_refused_by_file_and_reason(
    make_trio: Callable[..., TrioFiles], field: str, name: str
) -> None:
    damaged = (DATA / f"tech-note-{name}").read_bytes()
    refusal = _refusal(replace(make_trio(), **{field: damaged}))
    assert f"'{name}'" in refusal.message
    assert re.search(r"line \d+ has \d+ characters|wanted one PEM block|damaged", refusal.message)
    assert f"copy '{name}' from the FMC again" in refusal.hint


def test_no_message_repeats_what_is_in_the_key(make_trio: Callable[..., TrioFiles]) -> None:
    key = make_trio().key
    lines = key.splitlines()
    lines[5] = b"secretsecret" + lines[5][12:-1]
    refusal = _refusal(make_trio(key=b"\n".join(lines)))
    assert "secret" not in refusal.message + refusal.hint
    assert "line 6 has 63 characters" in refusal.message


@pytest.mark.parametrize(
    ("run_id", "run_ids", "made_by"),
    [
        pytest.param(None, [], "notBefore", id="nothing known: the CA's own time"),
        pytest.param(None, [100, 200], 200, id="the newest run before the CA"),
        pytest.param(200, [100, 200], 200, id="FAILED_PUSH of the run that made the CA"),
        pytest.param(150, [], 150, id="FAILED_PUSH from elsewhere"),
    ],
)
def test_the_run_that_made_a_ca(
    make_trio: Callable[..., TrioFiles], run_id: int | None, run_ids: list[int], made_by: int | str
) -> None:
    ca = _check(make_trio()).ca
    wanted = int(TIMES[0].timestamp()) if made_by == "notBefore" else made_by
    assert check_run(ca, "cacert.pem", run_id, run_ids) == wanted


def test_a_ca_of_a_later_run_is_refused(make_trio: Callable[..., TrioFiles]) -> None:
    ca = _check(make_trio()).ca
    with pytest.raises(BundlerError, match=r"FAILED_PUSH is of run '100', .* made by run '200'"):
        check_run(ca, "cacert.pem", 100, [100, 200])


def test_the_list_and_the_code_carry_the_same_numbers() -> None:
    assert trio_module.__doc__ is not None
    listed = {int(n) for n in re.findall(r"^ ?(\d+)\. ", trio_module.__doc__, re.M)}
    source = Path(trio_module.__file__).read_text().split('"""', 2)[2]
    coded = {int(n) for line in re.findall(r"#( [\d, ]+)$", source, re.M) for n in line.split(",")}
    assert listed == set(range(1, 14))
    assert coded == listed - {13}
