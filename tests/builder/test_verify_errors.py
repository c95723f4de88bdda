"""The numbers are those of OpenSSL: asked in real handshakes."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sftunnel_builder.causes import Cause, cause_of_verify_error
from sftunnel_builder.trio import TrioFiles
from sftunnel_builder.verify_errors import VERIFY_ERRORS, verify_error_in, verify_error_name

DAY = timedelta(days=1)


def _refusal(server: TrioFiles, trusted: bytes, folder: Path) -> ssl.SSLCertVerificationError:
    """Return why a client that trusts a CA refuses a server's certificate, without a network."""
    (folder / "cert.pem").write_bytes(server.cert)
    (folder / "key.pem").write_bytes(server.key)
    accepting = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    accepting.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    asking = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    asking.check_hostname = False
    asking.load_verify_locations(cadata=trusted.decode())
    there, back = ssl.MemoryBIO(), ssl.MemoryBIO()
    client, host = asking.wrap_bio(back, there), accepting.wrap_bio(there, back, server_side=True)
    for side in (client, host, client):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            continue
        except ssl.SSLCertVerificationError as error:
            return error
    raise AssertionError("it was not refused")


@pytest.mark.parametrize(
    ("faults", "stranger", "cause", "numbers"),
    [
        pytest.param({"leaf": (-9, -1)}, False, Cause.EXPIRED, {10}, id="expired"),
        pytest.param({"leaf": (1, 9)}, False, Cause.NOT_YET_VALID, {9}, id="not yet valid"),
        pytest.param({}, True, Cause.WRONG_CA, {18, 19, 20, 21}, id="another CA"),
    ],
)
def test_what_openssl_says_is_understood(
    make_trio: Callable[..., TrioFiles],
    tmp_path: Path,
    faults: dict[str, tuple[int, int]],
    stranger: bool,
    cause: Cause,
    numbers: set[int],
) -> None:
    now = datetime.now(UTC)
    times = {"ca": (-99, 99), "leaf": (-9, 9), **faults}
    facts = {part: {"times": (now + a * DAY, now + b * DAY)} for part, (a, b) in times.items()}
    trio = make_trio(**facts)
    trusted = (
        make_trio(ca={"fmc_uuid": "5e1f7b40-87cb-11ef-8d0e-aa0d2f4b6c11"}) if stranger else trio
    )
    refusal = _refusal(trio, trusted.cacert, tmp_path)
    assert refusal.verify_code in numbers
    assert verify_error_in(refusal.verify_message) == refusal.verify_code
    assert cause_of_verify_error(refusal.verify_code) is cause


@pytest.mark.parametrize(
    ("number", "name"),
    [
        pytest.param(10, "X509_V_ERR_CERT_HAS_EXPIRED", id="a known one"),
        pytest.param(68, "X509_V_ERR_CA_MD_TOO_WEAK", id="that of defect CSCwa10423"),
        pytest.param(24, None, id="one that another release gave to something else"),
        pytest.param(79, None, id="one of OpenSSL 3 only"),
        pytest.param(999, None, id="one that is none"),
    ],
)
def test_a_number_is_named_or_is_not(number: int, name: str | None) -> None:
    assert verify_error_name(number) == name


@pytest.mark.parametrize(
    ("text", "number"),
    [
        pytest.param("certificate has expired", 10, id="whole"),
        pytest.param("certificate has e", None, id="cut off: nothing is guessed"),
        pytest.param("self signed certificate in certificate chain", 19, id="before OpenSSL 3"),
        pytest.param("ok", None, id="no error"),
    ],
)
def test_a_text_gives_its_number_only_when_it_is_whole(text: str, number: int | None) -> None:
    assert verify_error_in(text) == number


def test_no_two_numbers_have_one_text() -> None:
    assert len({text for _, text in VERIFY_ERRORS.values()}) == len(VERIFY_ERRORS)
