"""OpenSSL's numbers for why a certificate was not accepted: X509_V_ERR_... in x509_vfy.h.

Only numbers that mean the same in OpenSSL 1.0.2 to 3.x: 24 and 65 to 79 were given away again, the
three of them that are here excepted (66 to 68, from 1.1.0 on; CiscoSSL is of that line).
"""

from __future__ import annotations

import re

VERIFY_ERRORS: dict[int, tuple[str, str]] = {
    2: ("UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate"),
    3: ("UNABLE_TO_GET_CRL", "unable to get certificate CRL"),
    4: ("UNABLE_TO_DECRYPT_CERT_SIGNATURE", "unable to decrypt certificate's signature"),
    5: ("UNABLE_TO_DECRYPT_CRL_SIGNATURE", "unable to decrypt CRL's signature"),
    6: ("UNABLE_TO_DECODE_ISSUER_PUBLIC_KEY", "unable to decode issuer public key"),
    7: ("CERT_SIGNATURE_FAILURE", "certificate signature failure"),
    8: ("CRL_SIGNATURE_FAILURE", "CRL signature failure"),
    9: ("CERT_NOT_YET_VALID", "certificate is not yet valid"),
    10: ("CERT_HAS_EXPIRED", "certificate has expired"),
    11: ("CRL_NOT_YET_VALID", "CRL is not yet valid"),
    12: ("CRL_HAS_EXPIRED", "CRL has expired"),
    13: ("ERROR_IN_CERT_NOT_BEFORE_FIELD", "format error in certificate's notBefore field"),
    14: ("ERROR_IN_CERT_NOT_AFTER_FIELD", "format error in certificate's notAfter field"),
    17: ("OUT_OF_MEM", "out of memory"),
    18: ("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
    19: ("SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain"),
    20: ("UNABLE_TO_GET_ISSUER_CERT_LOCALLY", "unable to get local issuer certificate"),
    21: ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate"),
    22: ("CERT_CHAIN_TOO_LONG", "certificate chain too long"),
    23: ("CERT_REVOKED", "certificate revoked"),
    25: ("PATH_LENGTH_EXCEEDED", "path length constraint exceeded"),
    26: ("INVALID_PURPOSE", "unsuitable certificate purpose"),
    27: ("CERT_UNTRUSTED", "certificate not trusted"),
    28: ("CERT_REJECTED", "certificate rejected"),
    29: ("SUBJECT_ISSUER_MISMATCH", "subject issuer mismatch"),
    62: ("HOSTNAME_MISMATCH", "hostname mismatch"),
    66: ("EE_KEY_TOO_SMALL", "EE certificate key too weak"),
    67: ("CA_KEY_TOO_SMALL", "CA certificate key too weak"),
    68: ("CA_MD_TOO_WEAK", "CA signature digest algorithm too weak"),
}
"""By number: the name after X509_V_ERR_, and the text that OpenSSL 3 prints."""

_OLDER_TEXTS = {
    # OpenSSL before 3.0.
    "self signed certificate": 18,
    "self signed certificate in certificate chain": 19,
    "unsupported certificate purpose": 26,
}
_NUMBERS = {text: number for number, (_, text) in VERIFY_ERRORS.items()} | _OLDER_TEXTS


_TEXT = re.compile(
    rf"\b(?:{'|'.join(re.escape(t) for t in sorted(_NUMBERS, key=len, reverse=True))})\b"
)


def verify_error_name(number: int) -> str | None:
    """Return a number's name in OpenSSL's headers, such as X509_V_ERR_CERT_HAS_EXPIRED, if known.

    None also for a number whose meaning depends on the release of OpenSSL.
    """
    known = VERIFY_ERRORS.get(number)
    return f"X509_V_ERR_{known[0]}" if known else None


def verify_error_in(text: str) -> int | None:
    """Return the number of the first of OpenSSL's texts that a text holds whole; None without one.

    A text that is cut off is not guessed at.
    """
    found = _TEXT.search(text)
    return _NUMBERS[found[0]] if found else None
