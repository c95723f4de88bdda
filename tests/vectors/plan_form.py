"""Vectors of bundle.conf: what must land, and the form of the whole; all are signed."""

from __future__ import annotations

from collections.abc import Iterator

from vectors.parts import (
    CA,
    CERT,
    FMC_UUID,
    KEY,
    OTHER_FMC_UUID,
    RSA,
    TRIO,
    bundle,
    ca,
    cert,
    same,
    sha256,
    swap,
)
from vectors.plan import FILES, LINES, NO_TRIO, ORDER, UNUSABLE, planned
from vectors.vector import DAMAGED, Vector, of_bundle


def plan_form_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield from _files()
    yield from _forms()
    yield from _several_fmcs()


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
            f"{DAMAGED}'payload/{FMC_UUID}/{CA}' is not what bundle.conf says",
            "0",
        ),
        (
            "hash-key",
            "a checksum that is not the plain key's",
            swap(sha256(TRIO[KEY]).encode(), sha256(b"").encode()),
            f"{DAMAGED}'payload/{FMC_UUID}/{KEY}' is not what bundle.conf says",
            f"3 the key for FMC '{FMC_UUID}' does not open",
        ),
    ):
        yield of_bundle(f"plan/file-{name}", fault, planned(edit), verify, check)


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
        yield of_bundle(f"plan/{name}", fault, planned(same, conf), verify, check, free=free)


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
        planned(swap(LINES["fmc"], LINES["fmc"] + b"fmc=%s 1\n" % OTHER_FMC_UUID.encode())),
        f"{UNUSABLE}it has no whole trio for FMC '{OTHER_FMC_UUID}'",
        NO_TRIO,
    )


def _device_swapped(conf: bytes) -> bytes:
    name, uuid = LINES["device_name"], LINES["device_uuid"]
    return swap(name + uuid, uuid + name)(conf)
