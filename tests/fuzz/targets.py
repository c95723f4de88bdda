"""One good bundle and trio for the harnesses to start from, made anew in each process.

No key is in the repository: what holds one, or is signed with one, is made here.
"""

from __future__ import annotations

import hashlib
import io
import os
import re
import struct
import tarfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from sftunnel_builder import archive
from sftunnel_builder.bundle import (
    SIGNATURE,
    SUMS,
    KeyLock,
    checksum_list,
    describe,
    make_contents,
    sign_contents,
)
from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf, new_key
from sftunnel_builder.signer import Signer, generate_signer
from sftunnel_builder.trio import CheckedTrio, TrioFiles, check_trio

SEEDS = Path(__file__).parent / "seeds"
NOW = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
DEVICE = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
PASSPHRASE = "k7md-2xqa-9fhw-pz4c-bt6n"
_MEMBER = re.compile(rb"^== (\S+)\n", re.MULTILINE)


@dataclass(frozen=True)
class Good:
    """A sound trio, and the bundle that brings it."""

    files: TrioFiles
    trio: CheckedTrio
    signer: Signer
    bundle: archive.Archive
    """With a short install.sh, as nothing reads it here."""
    locked_key: bytes


@cache
def good() -> Good:
    """Make them, once in a process."""
    ca_key, key, signer = new_key(), new_key(), generate_signer()
    dates = (NOW - timedelta(days=1), NOW + timedelta(days=3649))
    cacert = make_ca(FMC, ca_key, *dates)
    files = TrioFiles(cacert, make_leaf(cacert, ca_key, DEVICE, key, *dates), key_pem(key))
    trio = check_trio(files, device_uuid=DEVICE, fmc_uuid=FMC, now=NOW)
    conf = describe(("BSNS-1120-1", DEVICE, "10.48.67.54"), NOW, {FMC: (1728915794, trio)})
    plain = archive.unpack(sign_contents(make_contents(conf, {FMC: trio}, None), signer).data)
    locked = make_contents(conf, {FMC: trio}, KeyLock(PASSPHRASE, 1000))
    members = {**plain.members, "install.sh": b"#!/bin/sh\n"}
    key_name = f"payload/{FMC}/sftunnel-key.pem"
    return Good(files, trio, signer, replace(plain, members=members), locked.members[key_name])


def members_of(data: bytes) -> dict[str, bytes]:
    """Return the files that a seed describes: each behind a line `== NAME`."""
    pieces = _MEMBER.split(data)[1:]
    return {n.decode("latin-1"): c for n, c in zip(pieces[::2], pieces[1::2], strict=True)}


def signed_anew(changes: Mapping[str, bytes]) -> bytes:
    """Return the good bundle with members changed (or dropped, by a `-`), and signed again."""
    bundle, signer = good().bundle, good().signer
    members = {**bundle.members, **changes}
    members = {name: content for name, content in members.items() if content != b"-\n"}
    sums = checksum_list({n: c for n, c in members.items() if n not in (SUMS, SIGNATURE)})
    members |= {SUMS: sums, SIGNATURE: signer.sign(sums)} if SUMS not in changes else {}
    if SUMS in changes and SIGNATURE not in changes:
        members[SIGNATURE] = signer.sign(changes[SUMS])
    return archive.pack(replace(bundle, members=members))


def framed(stream: bytes, tail: bytes) -> bytes:
    """Return a .tar.gz whose first bytes fit a deflate stream, whatever that holds."""
    head = archive._GZIP_HEAD + archive._EXTRA_HEAD + hashlib.sha256(stream).digest()
    return head + stream + tail


def squeezed(tar: bytes) -> bytes:
    """Return a .tar.gz all of whose checksums fit a tar, whatever that is."""
    squeeze = zlib.compressobj(1, zlib.DEFLATED, -zlib.MAX_WBITS)
    tail = struct.pack("<II", zlib.crc32(tar), len(tar) & 0xFFFFFFFF)
    return framed(squeeze.compress(tar) + squeeze.flush(), tail)


def tar_in(data: bytes) -> bytes:
    """Return the tar in a bundle."""
    return zlib.decompress(data[archive._HEAD_LENGTH : -8], -zlib.MAX_WBITS)


def snapshot_of_good() -> bytes:
    """Return the tar of a snapshot of the FMC that made the good trio."""
    pushed = f"var/sf/peers/{DEVICE}/certs_pushed"
    contents = {
        "etc/sf/ims.conf": f"APPLIANCE_UUID={FMC}\nMODEL='Management Center'\n".encode(),
        "etc/sf/ca_root/cacert.pem": good().files.cacert,
        f"{pushed}/sftunnel-cert.pem": good().files.cert,
        f"{pushed}/sftunnel-key.pem": good().files.key,
        "var/tmp/certs/1728915794/FAILED_PUSH": (SEEDS / "failed_push/whole.txt").read_bytes(),
    }
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.GNU_FORMAT) as writer:
        for name, content in contents.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            writer.addfile(info, io.BytesIO(content))
    return out.getvalue()


@contextmanager
def as_file(data: bytes) -> Iterator[Path]:
    """Give a path under which the data can be read, without writing to a disk."""
    descriptor = os.memfd_create("input")
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        yield Path(f"/proc/self/fd/{descriptor}")
