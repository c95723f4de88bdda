"""Vectors of codes that are read out, and of the ledger beside the kit."""

from __future__ import annotations

from collections.abc import Iterator

from vectors.kit import KIT, code
from vectors.parts import DEVICE_UUID, swap
from vectors.receipts import CODE, RECEIPT, canonical, receipt
from vectors.vector import Stance, Vector

LEDGER = b"".join(
    canonical(each) + b"\n"
    for each in (
        {"format": 1, "receipt": RECEIPT.decode()},
        {"code": CODE, "device": DEVICE_UUID, "format": 1},
    )
)


def code_vectors() -> Iterator[Vector]:
    """Yield what is read out; the bytes are those of the base kit."""
    for name, fault, typed, receipts in (
        ("install-0", "none: of an install", CODE, "0"),
        ("install-8", "none: of an install that ended with 8", code("install", 8), "9"),
        ("rollback-0", "none: of a rollback", code("rollback", 0), "9"),
        ("recover-7", "none: of a recover that ended with 7", code("recover", 7), "9"),
        (
            "groups",
            "none: in capitals, with hyphens and blanks",
            f"{CODE[:4]}-{CODE[4:8]} {CODE[8:]}".upper(),
            "0",
        ),
        (
            "activate",
            "drawn for activate, which has the codes of install",
            code("activate", 0),
            "4 no device of this kit gives the code",
        ),
        (
            "install-9",
            "of an exit that has none",
            code("install", 9),
            "4 no device of this kit gives the code",
        ),
        (
            "other-key",
            "of another key",
            code("install", 0, key="other"),
            "4 no device of this kit gives the code",
        ),
        (
            "other-bundle",
            "of another bundle",
            code("install", 0, "0123456789abcdef"),
            "4 no device of this kit gives the code",
        ),
        ("short", "eleven characters", CODE[:11], "4 wanted a confirmation code of 12 characters"),
        (
            "letter",
            "with a letter that no code has",
            "l" + CODE[1:],
            "4 wanted a confirmation code of 12 characters",
        ),
    ):
        stance: Stance = "refuses" if receipts.startswith("4") else "takes"
        yield Vector(
            f"code/{name}", fault, "kit.tar", KIT, {"receipts": receipts}, stance, {"code": typed}
        )


def ledger_vectors() -> Iterator[Vector]:
    """Yield what lies beside the kit as `kit.receipts/ledger.jsonl`."""
    entries = LEDGER.splitlines(keepends=True)
    torn = b'{"format":1,"torn":1}\n'
    edited = "4 'kit.receipts/ledger.jsonl' line %d is not as it was written: "
    forged = canonical({"format": 1, "receipt": receipt(key="other").decode()}) + b"\n"
    other_code = (
        canonical({"code": code("install", 0, key="other"), "device": DEVICE_UUID, "format": 1})
        + b"\n"
    )
    format_1 = "it is not as format 1 writes it"
    for name, fault, data, receipts in (
        ("good", "none: the base itself", LEDGER, "0"),
        ("empty", "none: an empty file", b"", "9"),
        ("code-only", "none: a code only", entries[1], "0"),
        (
            "cut-at-the-end",
            "none: its last line was cut off by a crash",
            LEDGER + entries[0][:50],
            "0",
        ),
        (
            "torn",
            "none: a line that was cut off, and said so",
            LEDGER + entries[0][:50] + b"\n" + torn,
            "0",
        ),
        (
            "cut-within",
            "a line that is no JSON, with others behind it",
            entries[0][:50] + b"\n" + entries[1],
            edited % 1 + "it is no JSON",
        ),
        (
            "torn-wrong",
            "`torn` says two of one line",
            entries[0][:50] + b"\n" + torn.replace(b":1}", b":2}"),
            edited % 1 + "it is no JSON",
        ),
        ("torn-alone", "`torn` with no such line before it", LEDGER + torn, edited % 3 + format_1),
        (
            "format-2",
            "an entry of format 2",
            entries[1].replace(b'"format":1', b'"format":2'),
            edited % 1 + format_1,
        ),
        (
            "unknown-key",
            "an entry with a key that format 1 has not",
            entries[1].replace(b"}", b',"later":1}'),
            edited % 1 + format_1,
        ),
        (
            "unknown-entry",
            "an entry that format 1 has not",
            b'{"format":1,"note":"x"}\n',
            edited % 1 + format_1,
        ),
        ("blanks", "an entry with blanks", entries[1].replace(b",", b", "), edited % 1 + format_1),
        ("line-ends", "line ends of CR LF", LEDGER.replace(b"\n", b"\r\n"), edited % 1 + format_1),
        (
            "forged",
            "a receipt that the new key has not signed",
            entries[1] + forged,
            edited % 2 + "it is not signed with the new key",
        ),
        (
            "altered",
            "a receipt that was altered",
            swap(b"6301", b"6302")(LEDGER),
            edited % 1 + "it was altered after",
        ),
        (
            "code-other",
            "a code that the device does not give",
            other_code,
            edited % 1 + "that device does not give that code",
        ),
        (
            "code-capitals",
            "a code in capitals",
            entries[1].replace(CODE.encode(), CODE.upper().encode()),
            edited % 1 + "that device does not give that code",
        ),
    ):
        stance: Stance = "refuses" if receipts.startswith("4") else "takes"
        yield Vector(f"ledger/{name}", fault, "ledger.jsonl", data, {"receipts": receipts}, stance)
