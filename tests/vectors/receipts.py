"""Vectors of receipts, of codes that are read out, and of the ledger; the kit is `kit.KIT`."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, PSS, PKCS1v15

from vectors.kit import BUNDLE_ID, code
from vectors.parts import DEVICE_UUID, FMC_UUID, OTHER_UUID, RSA, TRIO, Edit, same, sha256
from vectors.vector import Stance, Vector

NONE = "4 'receipt': it is no whole receipt: "
ALTERED = "4 'receipt': it was altered after 'test-vector' had signed it"
FORGED = "4 'receipt': it is not signed with the new key of 'test-vector'"
KEYS = "its keys are not those of the format"
FORM = "its first line is not in the canonical form"
SECOND = "its second line is no base64 in the canonical form"
LINES = "".join(f"{sha256(TRIO[name])}  {FMC_UUID}/{name}\n" for name in sorted(TRIO))
FACTS: dict[str, Any] = {
    "after": sha256(LINES.encode()),
    "backup": "0001-20260102T120000Z",
    "before": sha256(b""),
    "bundle": BUNDLE_ID,
    "device": DEVICE_UUID,
    "ended": "2026-01-02T12:00:31Z",
    "exit": 0,
    "format": 1,
    "installer": "0.1.0",
    "pid_after": "6301",
    "pid_before": "6209",
    "started": "2026-01-02T12:00:00Z",
    "tunnel": "up",
    "verb": "install",
}


def canonical(value: object) -> bytes:
    """Return JSON with sorted keys, without blanks, in ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def receipt(*, said: bytes = b"", edit: Edit = same, key: str = "device", **other: Any) -> bytes:
    """Return a receipt: of other facts, or of another text; edit changes what is signed."""
    line = edit(said or canonical({**FACTS, **other})) + b"\n"
    return line + base64.b64encode(RSA[key].sign(line, PKCS1v15(), hashes.SHA256())) + b"\n"


RECEIPT = receipt()
CODE = code("install", 0)


def of_receipt(
    name: str, fault: str, data: bytes, receipts: str = "0", *, free: bool = False
) -> Vector:
    """Return a vector that `receipts` is handed as a file."""
    stance: Stance = "free" if free else "refuses" if receipts.startswith("4") else "takes"
    return Vector(f"receipt/{name}", fault, "receipt.json", data, {"receipts": receipts}, stance)


def receipt_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield of_receipt("good", "none: the base itself", RECEIPT)
    yield from _good()
    yield from _altered()
    yield from _signed()
    yield from _forms()
    yield from _files()


def _good() -> Iterator[Vector]:
    old = FACTS["before"]
    for name, fault, facts, receipts in (
        ("activate", "the verb is activate", {"verb": "activate"}, "0"),
        ("no-backup", "no backup", {"backup": ""}, "0"),
        ("no-pids", "no process numbers", {"pid_after": "", "pid_before": ""}, "0"),
        ("down", "exit 8, and the tunnel is down", {"exit": 8, "tunnel": "down"}, "9"),
        (
            "put-back",
            "exit 6, and the old trio lies there",
            {"exit": 6, "after": old, "tunnel": "not-looked-at"},
            "9",
        ),
        ("by-hand", "exit 7", {"exit": 7, "tunnel": "not-looked-at"}, "9"),
        (
            "rolled-back",
            "a rollback",
            {"verb": "rollback", "after": old, "before": FACTS["after"], "tunnel": "not-looked-at"},
            "9",
        ),
        (
            "recovered",
            "a recover that put the old trio back",
            {"verb": "recover", "after": old},
            "9",
        ),
        ("partly-up", "of several tunnels some are up", {"tunnel": "partly-up", "exit": 8}, "9"),
        ("exit-255", "an exit that no install.sh has", {"exit": 255}, "9"),
    ):
        yield of_receipt(name, f"none: {fault}", receipt(**facts), receipts)


def _altered() -> Iterator[Vector]:
    """Each field, after it was signed."""
    for key, new in (
        ("after", sha256(b"x")),
        ("backup", "0002-20260102T120000Z"),
        ("before", sha256(b"x")),
        ("ended", "2026-01-02T12:00:32Z"),
        ("exit", 8),
        ("installer", "0.1.1"),
        ("pid_after", "6302"),
        ("pid_before", "6208"),
        ("started", "2026-01-02T12:00:01Z"),
        ("tunnel", "down"),
        ("verb", "activate"),
    ):
        said = canonical({**FACTS, key: new}) + b"\n"
        yield of_receipt(
            f"altered-{key}",
            f"`{key}` was altered after it was signed",
            said + RECEIPT.partition(b"\n")[2],
            ALTERED,
        )
    other = {"bundle": "0123456789abcdef", "device": OTHER_UUID}
    for key, message in (
        ("bundle", "4 'receipt': it is of another kit: wanted bundle id"),
        ("device", f"4 'receipt': device '{OTHER_UUID}' is not in this kit"),
    ):
        said = canonical({**FACTS, key: other[key]})
        yield of_receipt(
            f"altered-{key}",
            f"`{key}` was altered after it was signed",
            said + b"\n" + RECEIPT.partition(b"\n")[2],
            message,
        )
        signed = receipt(said=said)
        yield of_receipt(f"other-{key}", f"of another {key}, and signed", signed, message)


def _signed() -> Iterator[Vector]:
    """Values that no device writes, signed."""
    cannot = "'%s' cannot be "
    for name, fault, facts in (
        ("after-short", "a SHA-256 of 63 digits", {"after": FACTS["after"][1:]}),
        ("after-upper-case", "a SHA-256 in upper case", {"after": "A" * 64}),
        ("after-empty", "no SHA-256", {"after": ""}),
        ("backup-path", "a path", {"backup": "../../etc"}),
        ("before-none", "null", {"before": None}),
        ("bundle-short", "15 digits", {"bundle": BUNDLE_ID[1:]}),
        ("device-name", "a name and no UUID", {"device": "test-vector"}),
        ("ended-blank", "a blank and no T", {"ended": "2026-01-02 12:00:31Z"}),
        ("ended-month-13", "month 13", {"ended": "2026-13-02T12:00:31Z"}),
        ("exit-text", "the text 0", {"exit": "0"}),
        ("exit-true", "true", {"exit": True}),
        ("exit-fraction", "0.0", {"exit": 0.0}),
        ("exit-negative", "-1", {"exit": -1}),
        ("exit-256", "256", {"exit": 256}),
        ("installer-blank", "with a blank", {"installer": "0.1.0 beta"}),
        ("pid_after-number", "a number and no text", {"pid_after": 6301}),
        ("pid_before-letters", "letters", {"pid_before": "abc"}),
        ("started-offset", "an offset", {"started": "2026-01-02T12:00:00+00:00"}),
        ("tunnel-unknown", "a word that format 1 has not", {"tunnel": "maybe"}),
        ("verb-unknown", "a verb that format 1 has not", {"verb": "check"}),
    ):
        key = next(iter(facts))
        yield of_receipt(
            f"signed-{name}", f"`{key}`: {fault}; signed", receipt(**facts), NONE + cannot % key
        )
    for name, value, shown in (
        ("2", 2, "2"),
        ("text", "1", "1"),
        ("true", True, "True"),
        ("fraction", 1.0, "1.0"),
    ):
        yield of_receipt(
            f"format-{name}",
            f"`format` is {json.dumps(value)}; signed",
            receipt(format=value),
            f"{NONE}wanted format '1', found '{shown}'",
        )
    for key in FACTS:
        less = {k: v for k, v in FACTS.items() if k != key}
        yield of_receipt(
            f"without-{key}", f"no `{key}`; signed", receipt(said=canonical(less)), NONE + KEYS
        )
    yield of_receipt(
        "unknown-key", "a key that format 1 has not; signed", receipt(later="yes"), NONE + KEYS
    )
    for name, fault, key in (
        ("other-key", "signed by another key, such as the old one", "other"),
        ("ca-key", "signed by the CA's key", "ca"),
    ):
        yield of_receipt(name, fault, receipt(key=key), FORGED)


def _forms() -> Iterator[Vector]:
    said = canonical(FACTS)
    text = said.decode()
    for name, fault, other, why in (
        (
            "order",
            "two keys have changed places",
            json.dumps({"verb": FACTS["verb"], **FACTS}, separators=(",", ":")),
            FORM,
        ),
        ("blanks", "blanks behind colons and commas", json.dumps(FACTS, sort_keys=True), FORM),
        ("blank-before", "a blank before it", " " + text, FORM),
        (
            "escape",
            "an escape for a letter that needs none",
            text.replace('"up"', '"\\u0075p"'),
            FORM,
        ),
        (
            "doubled",
            "a key twice, the same",
            text.replace("{", '{"after":"' + FACTS["after"] + '",', 1),
            FORM,
        ),
        ("exponent", "exit is -0", text.replace('"exit":0', '"exit":-0'), FORM),
        (
            "comma",
            "a comma behind the last one",
            text[:-1] + ",}",
            "its first line is no JSON in ASCII",
        ),
        ("list", "a list and no object", "[" + text + "]", KEYS),
        (
            "letter",
            "a letter that is not ASCII",
            text.replace('"up"', '"\u00fcp"'),
            "its first line is no JSON in ASCII",
        ),
    ):
        data = receipt(said=other.encode())
        yield of_receipt(
            f"json-{name}",
            f"{fault}; signed",
            data,
            NONE + why if data.lstrip().startswith(b"{") else "4 there is no receipt in 'receipt'",
        )
    line, second = (each + b"\n" for each in RECEIPT.split(b"\n")[:2])
    raw = base64.b64decode(second)
    private = RSA["device"]
    pss = private.sign(line, PSS(MGF1(hashes.SHA256()), 0), hashes.SHA256())
    for name, fault, other_second, message in (
        (
            "flipped",
            "a flipped bit in the signature",
            _base64(raw[:-1] + bytes([raw[-1] ^ 1])),
            FORGED,
        ),
        ("pss", "a signature of RSA-PSS, without salt", _base64(pss), FORGED),
        (
            "sha512",
            "a signature over the SHA-512",
            _base64(private.sign(line, PKCS1v15(), hashes.SHA512())),
            FORGED,
        ),
        (
            "no-line-feed",
            "a signature over line 1 without its line feed",
            _base64(private.sign(line[:-1], PKCS1v15(), hashes.SHA256())),
            ALTERED,
        ),
        (
            "base64-bits",
            "bits behind the end of the base64 are set",
            second[:-4] + _next(second[-4:]),
            NONE + SECOND,
        ),
        (
            "base64-url",
            "base64 for URLs",
            second.replace(b"+", b"-").replace(b"/", b"_"),
            NONE + SECOND,
        ),
        (
            "base64-no-padding",
            "base64 without its padding",
            second.replace(b"=", b""),
            NONE + SECOND,
        ),
        (
            "base64-lines",
            "base64 in lines of 64",
            b"".join(
                second[at : at + 64].rstrip(b"\n") + b"\n" for at in range(0, len(second), 64)
            ),
            FORGED,
        ),
        ("base64-blank", "a blank behind the base64", second[:-1] + b" \n", NONE + SECOND),
        ("empty-signature", "an empty second line", b"\n", NONE + SECOND),
        ("no-end", "no line feed at its end", second[:-1], NONE + SECOND),
        ("cut", "cut within the signature", second[:100], NONE + SECOND),
        ("no-signature", "the first line only", b"", NONE + SECOND),
    ):
        yield of_receipt(f"signature-{name}", fault, line + other_second, message)
    yield of_receipt(
        "cut-in-line-1",
        "cut within line 1",
        RECEIPT[:300],
        f"{NONE}its first line is no JSON in ASCII",
    )


def _files() -> Iterator[Vector]:
    """What `receipts` takes from a file besides: more of them, and what mail and terminals do."""
    rollback = receipt(
        verb="rollback",
        after=FACTS["before"],
        before=FACTS["after"],
        started="2026-01-03T12:00:00Z",
        ended="2026-01-03T12:00:31Z",
        backup="0002-20260103T120000Z",
    )
    yield of_receipt(
        "two", "none: two in a file, an install and its rollback", RECEIPT + rollback, "9"
    )
    yield of_receipt(
        "line-ends",
        "its lines came to end in CR LF on the way; the signature is over LF",
        RECEIPT.replace(b"\n", b"\r\n"),
        free=True,
    )
    line, second = RECEIPT.split(b"\n")[:2]
    joined = line + b"." + second
    wrapped = b"".join(joined[at : at + 64] + b"\n" for at in range(0, len(joined), 64))
    begin, end = b"-----BEGIN SFTUNNEL RECEIPT-----\n", b"-----END SFTUNNEL RECEIPT-----\n"
    yield of_receipt(
        "screen",
        "none: as install.sh shows it, in a terminal's log",
        b"# sh install.sh\n"
        + begin
        + wrapped
        + end
        + b"confirmation code: "
        + CODE.encode()
        + b"\n",
    )
    yield of_receipt(
        "screen-blanks",
        "none: the same with blanks and CR that a terminal put in",
        begin + wrapped.replace(b"\n", b"  \r\n  ") + end,
    )
    yield of_receipt(
        "screen-line-gone",
        "a line of the block is missing",
        begin + wrapped[:64] + wrapped[129:] + end,
        NONE,
    )
    yield of_receipt(
        "screen-no-end",
        "the block has no end",
        begin + wrapped,
        "4 'receipt': 1 receipt begins there and does not end",
    )
    yield of_receipt("empty", "an empty file", b"", "4 there is no receipt in 'receipt'")
    yield of_receipt("text", "something else", b"hello\n", "4 there is no receipt in 'receipt'")


def _base64(data: bytes) -> bytes:
    return base64.b64encode(data) + b"\n"


def _next(end: bytes) -> bytes:
    """Return the last characters of base64 that ends in `==`, with a bit set behind the data."""
    assert end[1:] == b"==\n", end
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    return alphabet[alphabet.index(end[:1]) + 1 :][:1] + end[1:]
