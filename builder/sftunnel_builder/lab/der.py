"""Encode the little DER that certificates need and `cryptography` will not make (X.690).

Its builder makes neither X.509 v1 nor serial 0, and the internal CA of an FMC is both.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

BOOLEAN, INTEGER, BIT_STRING, OCTET_STRING, NULL = 0x01, 0x02, 0x03, 0x04, 0x05
OID, UTF8_STRING, UTC_TIME, GENERALIZED_TIME, SEQUENCE, SET = 0x06, 0x0C, 0x17, 0x18, 0x30, 0x31


def encode(tag: int, *parts: bytes) -> bytes:
    """Encode one value: tag, definite length, the parts joined (X.690 section 8.1)."""
    body = b"".join(parts)
    if len(body) < 0x80:
        return bytes([tag, len(body)]) + body
    length = len(body).to_bytes((len(body).bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def encode_integer(value: int) -> bytes:
    """Encode an integer in as few two's complement bytes as hold it; 0 is one zero byte."""
    bits = value.bit_length() if value >= 0 else (value + 1).bit_length()
    return encode(INTEGER, value.to_bytes(bits // 8 + 1, "big", signed=True))


def encode_oid(dotted: str) -> bytes:
    """Encode an object identifier such as "2.5.4.3" (X.690 section 8.19)."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    body = bytearray()
    for arc in (first * 40 + second, *rest):
        septets = [arc & 0x7F]
        while arc := arc >> 7:
            septets.append(arc & 0x7F | 0x80)
        body.extend(reversed(septets))
    return encode(OID, bytes(body))


def encode_name(attributes: Iterable[tuple[str, str]]) -> bytes:
    """Encode a distinguished name from (dotted OID, text): one attribute an RDN, UTF8String."""
    return encode(
        SEQUENCE,
        *(
            encode(SET, encode(SEQUENCE, encode_oid(oid), encode(UTF8_STRING, text.encode())))
            for oid, text in attributes
        ),
    )


def encode_time(moment: datetime) -> bytes:
    """Encode an aware time: UTCTime, from 2050 on GeneralizedTime (RFC 5280 4.1.2.5)."""
    utc = moment.astimezone(UTC)
    if utc.year < 2050:
        return encode(UTC_TIME, f"{utc:%y%m%d%H%M%SZ}".encode())
    return encode(GENERALIZED_TIME, f"{utc:%Y%m%d%H%M%SZ}".encode())


def split(value: bytes) -> list[bytes]:
    """Split a constructed DER value into the whole encodings of what it holds."""
    position, end = _extent(value, 0)
    children = []
    while position < end:
        stop = _extent(value, position)[1]
        children.append(value[position:stop])
        position = stop
    return children


def _extent(data: bytes, start: int) -> tuple[int, int]:
    """Find where the contents of the value at `start` begin and end."""
    length, contents = data[start + 1], start + 2
    if length & 0x80:
        contents += length & 0x7F
        length = int.from_bytes(data[start + 2 : contents], "big")
    return contents, contents + length
