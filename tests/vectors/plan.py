"""Vectors of bundle.conf; all are signed, as a bad builder would."""

from __future__ import annotations

from collections.abc import Iterator

from vectors.parts import (
    CA,
    CERT,
    DEVICE_UUID,
    FMC_UUID,
    KEY,
    OTHER_FMC_UUID,
    OTHER_UUID,
    RSA,
    RUN_ID,
    TRIO,
    Edit,
    bundle,
    bundle_conf,
    ca,
    cert,
    same,
    sha256,
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
    yield from _files()
    yield from _forms()
    yield from _several_fmcs()


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
            _plan(swap(LINES[key], b"")),
            UNUSABLE + wanted % key,
            missing,
        )
        yield of_bundle(
            f"plan/two-{key}",
            f"`{key}` twice, the same",
            _plan(same, _doubled(key)),
            UNUSABLE + wanted % key,
            "0",
        )
    yield of_bundle(
        "plan/no-fmc",
        "no `fmc`",
        _plan(swap(LINES["fmc"], b"")),
        f"{UNUSABLE}it names no FMC",
        UNUSABLE,
    )
    yield of_bundle(
        "plan/two-fmc",
        "the same `fmc` twice",
        _plan(same, _doubled("fmc")),
        f"{UNUSABLE}it names FMC '{FMC_UUID}' twice",
        NO_TRIO,
    )
    for line, name in zip(FILES, (CA, CERT, KEY), strict=True):
        yield of_bundle(
            f"plan/no-file-{name}",
            f"no `file` of {name}",
            _plan(swap(line, b"")),
            f"{UNUSABLE}it has no whole trio for FMC '{FMC_UUID}'",
            NO_TRIO,
        )
    yield of_bundle(
        "plan/two-file", "a `file` twice, the same", _plan(same, _doubled("file")), ORDER, UNUSABLE
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
            _plan(edit),
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
        _plan(swap(b"12:00:00Z", b"12:00:01Z")),
        ANOTHER,
        "0",
    )
    yield of_bundle(
        "plan/name-other",
        "device_name is not that in the archive's name",
        _plan(swap(b"test-vector", b"other")),
        ANOTHER,
        "0",
    )
    yield of_bundle(
        "plan/uuid-other",
        "device_uuid is another device's",
        _plan(swap(DEVICE_UUID.encode(), OTHER_UUID.encode())),
        "3 'payload/",
        "5 wrong device: the files are for 'test-vector'",
    )
    yield of_bundle(
        "plan/id-other",
        "none: a bundle_id that is no hash of the rest; readers do not look",
        _plan(swap(b"bundle_id=\n", b"bundle_id=0123456789abcdef\n")),
        "0",
        "0",
        free=True,
    )
    yield of_bundle(
        "plan/address-empty",
        "none: an empty device_address",
        _plan(swap(b"192.0.2.1", b"")),
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


def _files() -> Iterator[Vector]:
    digest = sha256(TRIO[CA]).encode()
    unusable_line = f"{UNUSABLE}unusable line 'file="
    fmc, other = FMC_UUID.encode(), OTHER_FMC_UUID.encode()
    for name, fault, edit, verify, check in (
        ("mode", "mode 600", swap(b" 644 root", b" 600 root"), ORDER, unusable_line),
        ("owner", "owner admin", swap(b"root:root", b"admin:root"), ORDER, unusable_line),
        ("owner-numbers", "owner 0:0", swap(b"root:root", b"0:0"), ORDER, unusable_line),
        (
            "target-outside",
            "a target outside of the peer directories",
            swap(b" /var/sf/peers/%s/cacert.pem" % fmc, b" /etc/sf/cacert.pem"),
            ORDER,
            unusable_line,
        ),
        (
            "target-way-out",
            "a target with `..`",
            swap(b" /var/sf/peers/%s/" % fmc, b" /var/sf/peers/%s/../" % fmc),
            ORDER,
            unusable_line,
        ),
        (
            "target-other-fmc",
            "a target of an FMC that it does not name",
            swap(b" /var/sf/peers/%s/" % fmc, b" /var/sf/peers/%s/" % other),
            ORDER,
            unusable_line,
        ),
        (
            "target-other-name",
            "a target that is none of the three names",
            swap(b"%s/cacert.pem %s" % (fmc, digest), b"%s/ims.conf %s" % (fmc, digest)),
            ORDER,
            unusable_line,
        ),
        (
            "source-other",
            "the source of another file",
            swap(b"file=payload/%s/cacert.pem" % fmc, b"file=payload/%s/sftunnel-cert.pem" % fmc),
            f"{UNUSABLE}it has no whole trio for FMC '{FMC_UUID}'",
            unusable_line,
        ),
        (
            "source-outside",
            "a source outside of the bundle",
            swap(b"file=payload/%s/cacert.pem" % fmc, b"file=/etc/passwd"),
            f"{UNUSABLE}it has no whole trio for FMC '{FMC_UUID}'",
            unusable_line,
        ),
        (
            "hash-short",
            "a checksum of 63 digits",
            swap(digest, digest[:-1]),
            f"{UNUSABLE}it has no whole trio for FMC '{FMC_UUID}'",
            unusable_line,
        ),
        (
            "blank",
            "two blanks between fields",
            swap(b" 644 root", b"  644 root"),
            f"{UNUSABLE}it has no whole trio for FMC '{FMC_UUID}'",
            "0",
        ),
        (
            "no-owner",
            "no owner",
            swap(b" root:root", b""),
            f"{UNUSABLE}it has no whole trio for FMC '{FMC_UUID}'",
            unusable_line,
        ),
        (
            "hash",
            "a checksum that is not the file's",
            swap(digest, sha256(b"").encode()),
            f"4 the bundle is damaged or was altered: 'payload/{FMC_UUID}/{CA}' is not what bundle.conf says",
            "0",
        ),
        (
            "hash-key",
            "a checksum that is not the plain key's",
            swap(sha256(TRIO[KEY]).encode(), sha256(b"").encode()),
            f"4 the bundle is damaged or was altered: 'payload/{FMC_UUID}/{KEY}' is not what bundle.conf says",
            f"3 the key for FMC '{FMC_UUID}' does not open",
        ),
    ):
        yield of_bundle(f"plan/file-{name}", fault, _plan(edit), verify, check)


def _forms() -> Iterator[Vector]:
    for name, fault, conf, verify, check, free in (
        (
            "unknown-key",
            "none: a key that format 1 does not know, at the end",
            lambda conf: conf + b"later=yes\n",
            "0",
            "0",
            False,
        ),
        (
            "unknown-key-between",
            "a key that format 1 does not know, among the others",
            swap(b"created=", b"later=yes\ncreated="),
            "0",
            "0",
            True,
        ),
        (
            "unknown-key-no-end",
            "the last line, of a key that format 1 does not know, has no line feed",
            lambda conf: conf + b"later=yes",
            "0",
            "0",
            True,
        ),
        (
            "unknown-key-no-utf8",
            "a key that format 1 does not know has a value that is no UTF-8",
            lambda conf: conf + b"later=\xff\n",
            "0",
            "0",
            True,
        ),
        (
            "unknown-key-escape",
            "a key that format 1 does not know has an escape sequence",
            lambda conf: conf + b"later=\x1b[2J\n",
            "0",
            f"{UNUSABLE}it holds what a terminal would obey",
            True,
        ),
        (
            "comment",
            "a comment, which is a line of an unknown key",
            lambda conf: b"# a comment\n" + conf,
            "0",
            "0",
            True,
        ),
        (
            "empty-line",
            "an empty line, which is one of an unknown key",
            lambda conf: conf + b"\n",
            "0",
            "0",
            True,
        ),
        ("no-end", "no line feed at its end", lambda conf: conf[:-1], ORDER, NO_TRIO, False),
        (
            "order",
            "device_name and device_uuid have changed places",
            _device_swapped,
            ORDER,
            "0",
            False,
        ),
        (
            "file-order",
            "two `file` lines have changed places",
            swap(FILES[0] + FILES[1], FILES[1] + FILES[0]),
            ORDER,
            "0",
            False,
        ),
        (
            "blank-before",
            "a blank before a key",
            swap(b"device_name", b" device_name"),
            f"{UNUSABLE}wanted one line 'device_name=...'",
            "0",
            False,
        ),
        (
            "blanks-around",
            "blanks around `=`",
            swap(b"device_name=", b"device_name = "),
            f"{UNUSABLE}wanted one line 'device_name=...'",
            "0",
            False,
        ),
        (
            "quotes",
            "quotes around the version",
            swap(b"0.1.0", b'"0.1.0"'),
            f"{UNUSABLE}wanted one line 'builder_version=...'",
            "0",
            False,
        ),
        (
            "upper-case-key",
            "a key in upper case",
            swap(b"created=", b"CREATED="),
            f"{UNUSABLE}wanted one line 'created=...'",
            "0",
            False,
        ),
        (
            "byte-order-mark",
            "a byte order mark",
            lambda conf: b"\xef\xbb\xbf" + conf,
            f"{UNUSABLE}wanted one line 'format=...'",
            f"{UNUSABLE}wanted format '1', found ''",
            False,
        ),
        (
            "line-ends",
            "line ends of CR LF",
            lambda conf: conf.replace(b"\n", b"\r\n"),
            f"{UNUSABLE}wanted one line 'format=...'",
            f"{UNUSABLE}it holds what a terminal would obey",
            False,
        ),
        (
            "no-utf8",
            "a device_name that is no UTF-8",
            swap(b"test-vector", b"test-vecto\xff"),
            ORDER,
            "0",
            False,
        ),
        (
            "empty",
            "an empty file",
            lambda _: b"",
            f"{UNUSABLE}wanted one line 'format=...'",
            f"{UNUSABLE}wanted format '1', found ''",
            False,
        ),
        (
            "zero",
            "a zero byte behind a value",
            swap(b"192.0.2.1", b"192.0.2.1\0"),
            f"{UNUSABLE}wanted one line 'device_address=...'",
            "0",
            False,
        ),
    ):
        yield of_bundle(f"plan/{name}", fault, _plan(same, conf), verify, check, free=free)


def _several_fmcs() -> Iterator[Vector]:
    second = {
        CA: ca("other", fmc_uuid=OTHER_FMC_UUID),
        CERT: cert(ca_pem=ca("other", fmc_uuid=OTHER_FMC_UUID), ca_key=RSA["other"]),
        KEY: TRIO[KEY],
    }
    yield of_bundle(
        "plan/two-fmcs",
        "none: a trio for each of two FMCs",
        bundle(more_trios={OTHER_FMC_UUID: second}),
        "0",
        "0",
    )
    yield of_bundle(
        "plan/fmc-without-files",
        "a second `fmc` without files",
        _plan(swap(LINES["fmc"], LINES["fmc"] + b"fmc=%s 1\n" % OTHER_FMC_UUID.encode())),
        f"{UNUSABLE}it has no whole trio for FMC '{OTHER_FMC_UUID}'",
        NO_TRIO,
    )


def _plan(plan: Edit, conf: Edit = same) -> bytes:
    return bundle(plan=plan, conf=conf)


def _doubled(key: str) -> Edit:
    def edit(conf: bytes) -> bytes:
        lines = conf.splitlines(keepends=True)
        at = max(n for n, line in enumerate(lines) if line.startswith(f"{key}=".encode()))
        return b"".join([*lines[: at + 1], *lines[at:]])

    return edit


def _device_swapped(conf: bytes) -> bytes:
    name, uuid = LINES["device_name"], LINES["device_uuid"]
    return swap(name + uuid, uuid + name)(conf)
