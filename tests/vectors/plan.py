"""Vectors of bundle.conf: its keys and their values; all are signed, as by a bad builder."""

from __future__ import annotations

from collections.abc import Iterator

from vectors.parts import (
    CA,
    CERT,
    DEVICE_UUID,
    FMC_UUID,
    KEY,
    OTHER_UUID,
    RUN_ID,
    TRIO,
    Edit,
    bundle,
    bundle_conf,
    same,
    swap,
)
from vectors.vector import Vector, of_bundle

UNUSABLE = "4 bundle.conf is not usable: "
ORDER = f"{UNUSABLE}its lines are not in the order or form of the format"
NO_TRIO = f"{UNUSABLE}it does not name a device, or not a whole trio for every FMC"
ANOTHER = "4 the bundle is damaged or was altered: bundle.conf is about another bundle"
LINES = {
    line.partition(b"=")[0].decode(): line
    for line in bundle_conf({FMC_UUID: TRIO}).splitlines(keepends=True)
}
"""By key; of `file` the last one."""
FILES = [
    line
    for line in bundle_conf({FMC_UUID: TRIO}).splitlines(keepends=True)
    if line.startswith(b"file=")
]
LINES["bundle_id"] = b"bundle_id=\n"


def plan_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield from _lines()
    yield from _values()


def _lines() -> Iterator[Vector]:
    wanted = "wanted one line '%s=...', found "
    for key, missing in (
        ("format", f"{UNUSABLE}wanted format '1', found ''"),
        ("bundle_id", "0"),
        ("device_name", "0"),
        ("device_uuid", NO_TRIO),
        ("device_address", "0"),
        ("created", "0"),
        ("builder_version", "0"),
    ):
        yield of_bundle(
            f"plan/no-{key}",
            f"no `{key}`",
            planned(swap(LINES[key], b"")),
            UNUSABLE + wanted % key,
            missing,
        )
        yield of_bundle(
            f"plan/two-{key}",
            f"`{key}` twice, the same",
            planned(same, _doubled(key)),
            UNUSABLE + wanted % key,
            "0",
        )
    yield of_bundle(
        "plan/no-fmc",
        "no `fmc`",
        planned(swap(LINES["fmc"], b"")),
        f"{UNUSABLE}it names no FMC",
        UNUSABLE,
    )
    yield of_bundle(
        "plan/two-fmc",
        "the same `fmc` twice",
        planned(same, _doubled("fmc")),
        f"{UNUSABLE}it names FMC '{FMC_UUID}' twice",
        NO_TRIO,
    )
    for line, name in zip(FILES, (CA, CERT, KEY), strict=True):
        yield of_bundle(
            f"plan/no-file-{name}",
            f"no `file` of {name}",
            planned(swap(line, b"")),
            f"{UNUSABLE}it has no whole trio for FMC '{FMC_UUID}'",
            NO_TRIO,
        )
    yield of_bundle(
        "plan/two-file",
        "a `file` twice, the same",
        planned(same, _doubled("file")),
        ORDER,
        UNUSABLE,
    )


def _values() -> Iterator[Vector]:
    upper = DEVICE_UUID.upper().encode()
    for name, fault, edit, verify, check in (
        (
            "format-2",
            "format 2",
            swap(b"format=1", b"format=2"),
            "wanted format '1', found '2'",
            "wanted format '1', found '2'",
        ),
        (
            "format-01",
            "format 01",
            swap(b"format=1", b"format=01"),
            "wanted format '1', found '01'",
            "wanted format '1', found '01'",
        ),
        (
            "format-1.0",
            "format 1.0",
            swap(b"format=1", b"format=1.0"),
            "wanted format '1', found '1.0'",
            "wanted format '1', found '1.0'",
        ),
        (
            "format-blank",
            "a blank behind the format",
            swap(b"format=1", b"format=1 "),
            "wanted format '1', found '1 '",
            "wanted format '1', found '1 '",
        ),
        (
            "id-short",
            "a bundle_id of 15 digits",
            swap(b"bundle_id=\n", b"bundle_id=0123456789abcde\n"),
            "wanted one line 'bundle_id=...'",
            "",
        ),
        (
            "id-upper-case",
            "a bundle_id in upper case",
            swap(b"bundle_id=\n", b"bundle_id=0123456789ABCDEF\n"),
            "wanted one line 'bundle_id=...'",
            "",
        ),
        (
            "id-path",
            "a bundle_id that is a path",
            swap(b"bundle_id=\n", b"bundle_id=../../x\n"),
            "wanted one line 'bundle_id=...'",
            "it does not name a device",
        ),
        (
            "name-empty",
            "an empty device_name",
            swap(b"test-vector", b""),
            "wanted one line 'device_name=...'",
            "",
        ),
        (
            "name-escape",
            "an escape sequence in device_name",
            swap(b"test-vector", b"\x1b[2Jvector"),
            "wanted one line 'device_name=...'",
            "it holds what a terminal would obey",
        ),
        (
            "uuid-short",
            "a device_uuid without its last digit",
            swap(DEVICE_UUID.encode(), DEVICE_UUID[:-1].encode()),
            "wanted one line 'device_uuid=...'",
            "it does not name a device",
        ),
        (
            "uuid-braces",
            "a device_uuid in braces",
            swap(DEVICE_UUID.encode(), b"{%s}" % DEVICE_UUID.encode()),
            "wanted one line 'device_uuid=...'",
            "it does not name a device",
        ),
        (
            "created-offset",
            "`created` with an offset",
            swap(b"12:00:00Z", b"12:00:00+00:00"),
            "wanted one line 'created=...'",
            "",
        ),
        (
            "created-no-time",
            "`created` in month 13",
            swap(b"2026-01-01", b"2026-13-01"),
            "'created=2026-13-01T12:00:00Z' is no time",
            "",
        ),
        (
            "version-blank",
            "a blank in builder_version",
            swap(b"0.1.0", b"0.1.0 beta"),
            "wanted one line 'builder_version=...'",
            "",
        ),
        (
            "run-negative",
            "a negative run id",
            swap(b" %d\n" % RUN_ID, b" -1\n"),
            "unusable line 'fmc=",
            "unusable line 'fmc=",
        ),
        ("run-missing", "no run id", swap(b" %d\n" % RUN_ID, b"\n"), "unusable line 'fmc=", ""),
        (
            "run-leading-zero",
            "a run id with a zero in front",
            swap(b" %d\n" % RUN_ID, b" 0%d\n" % RUN_ID),
            "its lines are not in the order or form of the format",
            "",
        ),
    ):
        yield of_bundle(
            f"plan/{name}",
            fault,
            planned(edit),
            UNUSABLE + verify,
            UNUSABLE + check if check else "0",
        )
    yield of_bundle(
        "plan/uuid-upper-case",
        "a device_uuid in upper case",
        bundle(plan=swap(DEVICE_UUID.encode(), upper), top="sftunnel-test-vector-DE71CE00"),
        "3 'payload/",
        NO_TRIO,
    )
    yield of_bundle(
        "plan/fmc-upper-case",
        "an FMC UUID in upper case, in all places",
        bundle(
            trio={},
            more_trios={FMC_UUID.upper(): TRIO},
            plan=swap(b"fmc=%s %d\n" % (FMC_UUID.encode(), RUN_ID), b""),
        ),
        "3 'payload/",
        UNUSABLE,
    )
    yield of_bundle(
        "plan/created-other",
        "`created` is not the time of the archive",
        planned(swap(b"12:00:00Z", b"12:00:01Z")),
        ANOTHER,
        "0",
    )
    yield of_bundle(
        "plan/name-other",
        "device_name is not that in the archive's name",
        planned(swap(b"test-vector", b"other")),
        ANOTHER,
        "0",
    )
    yield of_bundle(
        "plan/uuid-other",
        "device_uuid is another device's",
        planned(swap(DEVICE_UUID.encode(), OTHER_UUID.encode())),
        "3 'payload/",
        "5 wrong device: the files are for 'test-vector'",
    )
    yield of_bundle(
        "plan/id-other",
        "none: a bundle_id that is no hash of the rest; readers do not look",
        planned(swap(b"bundle_id=\n", b"bundle_id=0123456789abcdef\n")),
        "0",
        "0",
        free=True,
    )
    yield of_bundle(
        "plan/address-empty",
        "none: an empty device_address",
        planned(swap(b"192.0.2.1", b"")),
        "0",
        "0",
    )
    yield of_bundle(
        "plan/name-odd",
        "none: a device_name of other letters, quotes and commands",
        bundle(name="$(reboot) '\u6771\u4eac'", top=f"sftunnel-__reboot______-{DEVICE_UUID[:8]}"),
        "0",
        "0",
    )


def planned(plan: Edit, conf: Edit = same) -> bytes:
    """Return a signed bundle with another bundle.conf, its id made between the two edits."""
    return bundle(plan=plan, conf=conf)


def _doubled(key: str) -> Edit:
    def edit(conf: bytes) -> bytes:
        lines = conf.splitlines(keepends=True)
        at = max(n for n, line in enumerate(lines) if line.startswith(f"{key}=".encode()))
        return b"".join([*lines[: at + 1], *lines[at:]])

    return edit
