"""Vectors of the tar: its end, its headers, its members and their names."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from vectors.container import Member, octal
from vectors.parts import CREATED, FMC_UUID, GOOD, KEY, Files, bundle
from vectors.vector import DAMAGED, Vector, of_bundle

HEAD = f"{DAMAGED}its first bytes are not those of a bundle"
SUM = f"{DAMAGED}its contents do not have the checksum that its first bytes give"
TAIL = f"{DAMAGED}its last bytes are not those of a bundle"
END = f"{DAMAGED}it does not end where it should"
FORM = f"{DAMAGED}it is not in the one form in which bundles are packed"
NAME = f"{DAMAGED}'%s' in it has a name that no bundle has"
UNLISTED = "4 the bundle holds what SHA256SUMS does not list: '%s'"
TOP = "sftunnel-test-vector-de71ce00"


def archive_vectors() -> Iterator[Vector]:
    """Yield them."""
    yield of_bundle("archive/good", "none: the base itself", GOOD, "0", "0")
    yield from _tar()
    yield from _header_fields()
    yield from _members()
    yield from _names()


def _tar() -> Iterator[Vector]:
    yield of_bundle(
        "archive/tar-none",
        "the stream is of no tar",
        bundle(archive=lambda _: b"hello\n"),
        f"{DAMAGED}it is not a tar archive",
    )
    yield of_bundle(
        "archive/tar-empty",
        "a tar without members",
        bundle(members=lambda _: []),
        f"{DAMAGED}it is not one directory of one time",
    )
    for name, fault, edit, check in (
        ("short-end", "the end is not filled up to 10,240 bytes", lambda tar: tar[:-512], "0"),
        ("long-end", "10,240 more zeros", lambda tar: tar + bytes(10240), "0"),
        (
            "end-not-zero",
            "a byte that is not zero behind the end",
            lambda tar: tar[:-1] + b"\1",
            "0",
        ),
    ):
        yield of_bundle(f"archive/tar-{name}", fault, bundle(archive=edit), FORM, check)
    yield of_bundle(
        "archive/tar-no-end",
        "no zero block at all",
        bundle(archive=lambda tar: tar[: len(tar.rstrip(b"\0")) // 512 * 512 + 512]),
        FORM,
        "0",
    )
    yield of_bundle(
        "archive/tar-cut",
        "cut within the last member",
        bundle(archive=lambda tar: tar[: len(tar.rstrip(b"\0")) - 10]),
        FORM,
    )


def _header_fields() -> Iterator[Vector]:
    """Each field of a header of its own, in the member bundle.conf."""
    for name, fault, change, verify, check in (
        ("mode", "mode 640", {"mode": b"0000640\0"}, FORM, "0"),
        ("setuid", "mode 4644", {"mode": b"0004644\0"}, FORM, "0"),
        ("mode-blank", "the mode ends in a blank", {"mode": b"000644 \0"}, FORM, "0"),
        ("uid", "uid 1000", {"uid": b"0001750\0"}, FORM, "0"),
        ("gid", "gid 1000", {"gid": b"0001750\0"}, FORM, "0"),
        ("uname", "the owner's name is `admin`", {"uname": b"admin"}, FORM, "0"),
        ("gname", "the group's name is empty", {"gname": b""}, FORM, "0"),
        (
            "time",
            "a second later than the others",
            {"mtime": octal(int(CREATED.timestamp()) + 1)},
            f"{DAMAGED}it is not one directory of one time",
            "0",
        ),
        (
            "time-blank",
            "the time ends in a blank",
            {"mtime": b"%011o " % int(CREATED.timestamp())},
            f"{DAMAGED}it is not a tar archive",
            "0",
        ),
        (
            "size-binary",
            "the size is binary, as GNU writes large ones",
            {"size": b"\x80" + struct.pack(">11s", b"")[:-1]},
            f"{DAMAGED}it is not a tar archive",
            "",
        ),
        ("checksum", "a wrong checksum", {"checksum_form": b"7%05o\0 "}, FORM, ""),
        ("checksum-form", "a checksum of seven digits", {"checksum_form": b"%07o\0"}, FORM, "0"),
        (
            "type-zero",
            "the type is a zero byte, as before POSIX",
            {"kind": b"\0"},
            f"{DAMAGED}'{TOP}/bundle.conf' in it is not a plain file",
            "0",
        ),
        (
            "type-contiguous",
            "the type is `7`",
            {"kind": b"7"},
            f"{DAMAGED}'{TOP}/bundle.conf' in it is not a plain file",
            "0",
        ),
        ("magic-gnu", "the magic of GNU", {"magic": b"ustar  \0"}, FORM, "0"),
        ("magic-none", "no magic, as before POSIX", {"magic": b""}, FORM, "0"),
        ("link-name", "a plain file with a link name", {"link": b"x"}, FORM, "0"),
        (
            "device-numbers",
            "device numbers are zero and not empty",
            {"major": b"0000000\0", "minor": b"0000000\0"},
            FORM,
            "0",
        ),
        (
            "prefix",
            "a short name that is split",
            {"prefix": TOP.encode(), "name": b"bundle.conf"},
            FORM,
            "0",
        ),
        ("padding", "the content is filled up with `x`", {"padding": b"x"}, FORM, "0"),
    ):
        data = bundle(members=_changed("bundle.conf", **change))
        yield of_bundle(
            f"archive/tar-{name}", f"header of bundle.conf: {fault}", data, verify, check
        )
    for name, fault, member, mode in (
        ("mode-key", "the key has mode 644", f"payload/{FMC_UUID}/{KEY}", b"0000644\0"),
        ("mode-install", "install.sh has mode 644", "install.sh", b"0000644\0"),
    ):
        data = bundle(members=_changed(member, mode=mode))
        yield of_bundle(f"archive/tar-{name}", fault, data, FORM, "0")
    later = octal(int(CREATED.timestamp()) + 1)
    data = bundle(members=lambda each: [replace(one, mtime=later) for one in each])
    yield of_bundle(
        "archive/tar-all-times",
        "all members a second later than `created`",
        data,
        f"{DAMAGED}bundle.conf is about another bundle",
        "0",
    )


def _members() -> Iterator[Vector]:
    """Members that no bundle has, put before the last one."""
    plain = "'%s' in it is not a plain file"
    for name, fault, member, verify, check in (
        (
            "directory",
            "the top directory as a member",
            _extra(name=b"%s/" % TOP.encode(), mode=b"0000755\0", kind=b"5"),
            plain % f"{TOP}/",
            "0",
        ),
        (
            "symbolic-link",
            "a symbolic link",
            _extra(kind=b"2", link=b"install.sh"),
            plain % f"{TOP}/extra",
            "4 the bundle holds a link, or what else is no plain file: './extra'",
        ),
        (
            "hard-link",
            "a hard link",
            _extra(kind=b"1", link=b"%s/install.sh" % TOP.encode()),
            plain % f"{TOP}/extra",
            "4 the bundle holds a link, or what else is no plain file: ",
        ),
        (
            "character-device",
            "a character device",
            _extra(kind=b"3", major=b"0000001\0", minor=b"0000003\0"),
            plain % f"{TOP}/extra",
            "",
        ),
        (
            "pipe",
            "a named pipe",
            _extra(kind=b"6"),
            plain % f"{TOP}/extra",
            "4 the bundle holds a link, or what else is no plain file: './extra'",
        ),
        (
            "pax",
            "a PAX header",
            _extra(b"18 comment=a vect\n", kind=b"x"),
            plain % f"{TOP}/extra",
            "0",
        ),
        (
            "pax-global",
            "a global PAX header",
            _extra(b"18 comment=a vect\n", kind=b"g"),
            plain % f"{TOP}/extra",
            "0",
        ),
        (
            "gnu-long-name",
            "a long name as GNU writes it",
            Member(
                b"././@LongLink", b"%s/SHA256SUMS.sig\0" % TOP.encode(), kind=b"L", mtime=octal(0)
            ),
            plain % "././@LongLink",
            "0",
        ),
        (
            "gnu-sparse",
            "a sparse file of GNU",
            _extra(kind=b"S"),
            plain % f"{TOP}/extra",
            UNLISTED % "extra",
        ),
    ):
        data = bundle(members=lambda each, m=member: [*each[:-1], m, each[-1]])  # type: ignore[misc]
        yield of_bundle(f"archive/tar-{name}", fault, data, DAMAGED + verify, check)
    yield of_bundle(
        "archive/tar-doubled",
        "the last member twice, the same bytes",
        bundle(members=lambda each: [*each, each[-1]]),
        f"{DAMAGED}it holds '{TOP}/SHA256SUMS.sig' twice",
        "0",
    )
    yield of_bundle(
        "archive/tar-order",
        "two members have changed places",
        bundle(members=lambda each: [each[1], each[0], *each[2:]]),
        f"{DAMAGED}SHA256SUMS is not in the form of the format",
        "0",
    )
    yield of_bundle(
        "archive/order-signed",
        "the same, and so does the signed list",
        bundle(files=_first_last),
        "0",
        "0",
        free=True,
    )
    yield of_bundle(
        "archive/extra-signed",
        "none: a file more that SHA256SUMS lists, outside of payload/",
        bundle(files=lambda files: {**files, "NOTES": b"later\n"}),
        "0",
        "0",
    )
    yield of_bundle(
        "archive/extra-payload-signed",
        "a file more that SHA256SUMS lists, in payload/",
        bundle(files=lambda files: {**files, f"payload/{FMC_UUID}/more.pem": b"later\n"}),
        f"{DAMAGED}it holds other files than bundle.conf plans",
        "0",
    )
    dotted = bundle(files=lambda files: {**files, "./extra": b""})
    yield of_bundle(
        "archive/extra-signed-dot",
        "a file more, signed, whose name begins with `./`: stock tools list it without",
        dotted,
        NAME % f"{TOP}/./extra",
        UNLISTED % "extra",
    )
    for name, check in (
        ("install.sh", "0"),
        ("bundle.conf", "4 bundle.conf is not usable: wanted format '1', found ''"),
        ("RUNBOOK.txt", "0"),
    ):
        data = bundle(files=lambda files, n=name: {k: v for k, v in files.items() if k != n})  # type: ignore[misc]
        yield of_bundle(
            f"archive/no-{name}",
            f"no {name}, which the list does not have either",
            data,
            f"{DAMAGED}it has no '{name}'",
            check,
        )
    yield of_bundle(
        "archive/unsigned",
        "an unsigned bundle: the last four members are not there",
        bundle(members=lambda each: each[:-4]),
        "4 the bundle is not signed yet",
        "4 '",
    )


def _names() -> Iterator[Vector]:
    """A file more, with a name that no bundle has."""
    for name, fault, path, check in (
        ("absolute", "an absolute name", b"/tmp/extra", ""),
        ("way-out", "a name with `..`", b"%s/../extra" % TOP.encode(), ""),
        ("blank", "a name with a blank", b"%s/ex tra" % TOP.encode(), UNLISTED % "ex tra"),
        ("letter", "a name with a letter that is not ASCII", f"{TOP}/extr\u00e1".encode(), ""),
        ("line-feed", "a name with a line feed", b"%s/ex\ntra" % TOP.encode(), UNLISTED % "ex tra"),
        ("two-slashes", "a name with two slashes", b"%s//extra" % TOP.encode(), UNLISTED % "extra"),
        (
            "slash-behind",
            "a plain file whose name ends in a slash",
            b"%s/extra/" % TOP.encode(),
            "",
        ),
        ("top-only", "a file beside the top directory", b"extra", ""),
    ):
        shown = path.decode("ascii", "replace").replace("\n", "?")
        data = bundle(members=lambda each, p=path: [*each, replace(_extra(), name=p)])  # type: ignore[misc]
        yield of_bundle(f"archive/name-{name}", fault, data, NAME % shown, check)
    yield of_bundle(
        "archive/name-two-tops",
        "a file in another top directory",
        bundle(members=lambda each: [*each, replace(_extra(), name=b"other/extra")]),
        f"{DAMAGED}it is not one directory of one time",
    )
    dotted = [replace(_extra(), name=b"./%s/extra" % TOP.encode())]
    yield of_bundle(
        "archive/name-dot-before",
        "a name that begins with `./`",
        bundle(members=lambda each: [*each, *dotted]),
        f"{DAMAGED}it is not one directory of one time",
        UNLISTED % "extra",
    )
    yield of_bundle(
        "archive/name-of-another",
        "the top directory is not what bundle.conf makes it",
        bundle(top="sftunnel-other-de71ce00"),
        f"{DAMAGED}bundle.conf is about another bundle",
        "0",
    )
    yield of_bundle(
        "archive/name-long",
        "none: a name of over 100 bytes is split behind the top directory",
        bundle(name="n" * 40, top=f"sftunnel-{'n' * 32}-de71ce00"),
        "0",
        "0",
    )


def _changed(file: str, **change: Any) -> Callable[[list[Member]], list[Member]]:
    path = f"{TOP}/{file}".encode()
    return lambda each: [replace(one, **change) if one.name == path else one for one in each]


def _extra(content: bytes = b"", **change: Any) -> Member:
    member = Member(f"{TOP}/extra".encode(), content, mtime=octal(int(CREATED.timestamp())))
    return replace(member, **change)


def _first_last(files: Files) -> Files:
    first, *rest = files.items()
    return dict([*rest, first])
