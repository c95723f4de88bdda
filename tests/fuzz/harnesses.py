"""A harness for each reader of what comes from outside: `bytes -> None`, and its promises.

To add one: write a function that gives the bytes to the real reader within `refusals_in_form` and
states what the reader promises of what it accepts; add it to HARNESSES; put small, readable seeds
into `seeds/<its name>/`, or make them in `seeds` when they would hold a key.
"""

from __future__ import annotations

import gzip
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fuzz.certificates_and_keys import (
    certificate,
    certificate_der,
    certificates,
    good_files,
    good_keys,
    passphrase_file,
    private_key,
    private_key_der,
)
from fuzz.promises import assert_one_line, refusals_in_form
from fuzz.targets import (
    DEVICE,
    FMC,
    NOW,
    PASSPHRASE,
    SEEDS,
    as_file,
    framed,
    good,
    members_of,
    signed_anew,
    snapshot_of_good,
    squeezed,
    tar_in,
)
from sftunnel_builder.archive import pack, unpack
from sftunnel_builder.bundle import bundle_name, check_payload, describe, make_contents, open_bundle
from sftunnel_builder.bundle_conf import parse_bundle_conf
from sftunnel_builder.certificates import (
    pem_to_der,
)
from sftunnel_builder.cli import diagnose, inspect
from sftunnel_builder.devices import Manager, devices_of_failed_push, devices_with_pushed_files
from sftunnel_builder.devices_csv import parse_devices_csv
from sftunnel_builder.diagnosis import EXAMPLE_LENGTH, Observer
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.failed_push import parse_failed_push
from sftunnel_builder.fmc_tree import FmcTree, runs_named_in
from sftunnel_builder.log_files import MAX_LINE_BYTES, LogFile, Tally, read_lines
from sftunnel_builder.log_lines import parse_line
from sftunnel_builder.receipt import Expected, parse_receipt, verify_receipt
from sftunnel_builder.receipt_search import find_receipts
from sftunnel_builder.runbook import COLUMNS, Runbook
from sftunnel_builder.runbook_facts import facts_of
from sftunnel_builder.runs import manager_of
from sftunnel_builder.snapshot import read_snapshot
from sftunnel_builder.tree import DirectoryTree


@dataclass(frozen=True)
class Harness:
    """How one reader is fuzzed."""

    read: Callable[[bytes], None]
    max_bytes: int
    """The longest input that is tried."""
    made_seeds: Callable[[], Iterable[bytes]] = tuple
    """Makes the seeds that cannot stand in the repository, as they hold keys or depend on them."""

    def seeds(self, name: str) -> list[bytes]:
        """Return all seeds of the harness of this name."""
        kept = sorted(path for path in (SEEDS / name).glob("*") if path.is_file())
        return [*(path.read_bytes() for path in kept), *self.made_seeds()]


def failed_push(data: bytes) -> None:
    """Read FAILED_PUSH, choose the devices, and word what each of them would be given."""
    assert all(run_id >= 0 for run_id in runs_named_in(data))
    pushed = parse_failed_push(data)
    last = data.count(b"\n") + 1
    assert all(1 <= each.line <= last for each in (*pushed.records, *pushed.problems))
    for problem in pushed.problems:
        assert_one_line(problem.text)
    manager = Manager(FmcTree(DirectoryTree(Path("/fmc"))), FMC, 1728915794)
    devices, refusals = devices_of_failed_push(pushed, "/fmc/FAILED_PUSH", [manager])
    for refusal in refusals:
        for text in (refusal.message, refusal.hint, refusal.name):
            assert_one_line(text)
    for device in devices:
        assert_one_line(device.name, 200)
        assert_one_line(device.address, 200)
        assert re.fullmatch("[0-9a-f-]{36}", device.uuid), device.uuid
        name = bundle_name(device.name, device.uuid)
        assert re.fullmatch("[A-Za-z0-9._-]{1,57}", name), name
        conf = describe((device.name, device.uuid, device.address), NOW, {FMC: (1, good().trio)})
        assert parse_bundle_conf(conf.render()) == conf
        facts = facts_of(make_contents(conf, {FMC: good().trio}, None), "0" * 64, "1" * 64)
        for line in Runbook(facts).text().decode().split("\n"):
            assert_one_line(line, COLUMNS)


def devices_csv(data: bytes) -> None:
    """Read a devices.csv; a message names the line and repeats nothing of it."""
    with refusals_in_form(secret=data):
        for row in parse_devices_csv(io.BytesIO(data), "devices.csv"):
            assert 1 <= row.line <= data.count(b"\n") + 1
            assert row.name or row.address


def snapshot(data: bytes) -> None:
    """Read a snapshot, and what a build asks of the FMC in it."""
    with refusals_in_form(secret=data):
        files = read_snapshot(io.BytesIO(data), "fmc.tar.gz")
        for path in files.contents:
            assert re.fullmatch(r"(/[^/\0]+)+", path), path
            assert not {".", ".."} & set(path.split("/")), path
            assert_one_line(path)
        tree = FmcTree(files)
        tree.ims_conf()
        for note in tree.notes():
            assert_one_line(note)
        manager = manager_of(tree, None)
        if newest := tree.newest_failed_push():
            failed_push(tree.read(newest))
        for device in devices_with_pushed_files([manager]):
            assert re.fullmatch("[0-9A-Fa-f-]{36}", device.uuid), device.uuid


def snapshot_tar(data: bytes) -> None:
    """Read a tar as a snapshot."""
    snapshot(gzip.compress(data, 1, mtime=0))


def log(data: bytes) -> None:
    """Read a log or a saved status output, plain or compressed, and say what is wrong."""
    with as_file(data) as path, refusals_in_form():
        tally, observer, advanced = Tally(), Observer(), list[int]()
        for line in read_lines(LogFile(path, len(data)), tally, advanced.append):
            assert len(line) <= MAX_LINE_BYTES
            if said := parse_line(line):
                observer.add(said)
        assert sum(advanced) <= len(data)
        diagnosis = observer.diagnose()
        for peer in diagnosis.peers:
            assert_one_line(peer.name)
            assert_one_line(peer.host)
            for finding in peer.findings:
                assert finding.count >= 1
                assert_one_line(finding.example, EXAMPLE_LENGTH)
        for text in _texts(diagnose._facts(diagnosis)):
            assert_one_line(text)


def receipts(data: bytes) -> None:
    """Find receipts in a file or a log; what is accepted is in the canonical form."""
    conf = parse_bundle_conf(good().bundle.members["bundle.conf"])
    kit = {DEVICE: Expected(conf, good().files.cert, "sftunnel-cert.pem")}
    with as_file(data) as path:
        for each in find_receipts([path]):
            with refusals_in_form():
                if isinstance(each, BundlerError):
                    raise each
                assert_one_line(each.place)
                for reading in each.readings:
                    receipt = parse_receipt(reading)
                    assert receipt.text.encode() == reading
                    verify_receipt(receipt, kit)


def bundle_conf(data: bytes) -> None:
    """Parse bundle.conf; what is accepted is what `render` writes."""
    with refusals_in_form():
        conf = parse_bundle_conf(data)
        assert parse_bundle_conf(conf.render()) == conf
        known = {line.partition(b"=")[0] for line in conf.render().splitlines()}
        said = [line for line in data.split(b"\n") if line.partition(b"=")[0] in known]
        assert b"".join(line + b"\n" for line in said) == conf.render()
        assert len({trio.fmc_uuid for trio in conf.trios}) == len(conf.trios)


def bundle_bytes(data: bytes) -> None:
    """Open a bundle as it comes."""
    with refusals_in_form():
        open_bundle(data)


def bundle_deflate(data: bytes) -> None:
    """Unpack a deflate stream and last bytes under a checksum that fits."""
    with refusals_in_form():
        archive = unpack(framed(data[:-8], data[-8:]))
        assert unpack(pack(archive)) == archive


def bundle_tar(data: bytes) -> None:
    """Unpack a tar under checksums that fit; what is accepted is what `pack` writes."""
    with refusals_in_form():
        archive = unpack(squeezed(data))
        assert tar_in(pack(archive)) == data


def bundle_signed(data: bytes) -> None:
    """Verify and show a bundle that somebody altered and then signed with the right key."""
    try:
        bundle = signed_anew(members_of(data))
    except ValueError:  # no tar can hold such a name
        return
    with refusals_in_form():
        facts = inspect._facts(bundle)
        for text in _texts(facts):
            assert_one_line(text)
        for warning in check_payload(open_bundle(bundle), PASSPHRASE, NOW):
            assert_one_line(warning)


def _texts(facts: Any) -> Iterable[str]:
    """Give every text in a JSON value."""
    if isinstance(facts, str):
        yield facts
    elif isinstance(facts, dict):
        for key, value in facts.items():
            yield from (key, *_texts(value))
    elif isinstance(facts, list):
        for value in facts:
            yield from _texts(value)


def _good_changes() -> Iterable[bytes]:
    """Give each member of the good bundle, to be changed by itself and signed again."""
    yield b""
    for name, content in good().bundle.members.items():
        yield b"== %s\n%s" % (name.encode(), content)
    yield b"== payload/%s/sftunnel-key.pem\n%s" % (FMC.encode(), good().locked_key)


HARNESSES = {
    "failed_push": Harness(failed_push, 16_384),
    "devices_csv": Harness(devices_csv, 8192),
    "log": Harness(
        log,
        16_384,
        lambda: [gzip.compress(path.read_bytes(), mtime=0) for path in SEEDS.glob("log/*.txt")],
    ),
    "snapshot": Harness(snapshot, 16_384, lambda: [gzip.compress(snapshot_of_good(), mtime=0)]),
    "snapshot_tar": Harness(snapshot_tar, 32_768, lambda: [snapshot_of_good()]),
    "receipts": Harness(receipts, 16_384),
    "bundle_conf": Harness(bundle_conf, 4096, lambda: [good().bundle.members["bundle.conf"]]),
    "bundle_bytes": Harness(bundle_bytes, 65_536, lambda: [pack(good().bundle)]),
    "bundle_deflate": Harness(
        bundle_deflate, 16_384, lambda: [pack(good().bundle)[len(framed(b"", b"")) :]]
    ),
    "bundle_tar": Harness(bundle_tar, 32_768, lambda: [tar_in(pack(good().bundle))]),
    "bundle_signed": Harness(bundle_signed, 8192, _good_changes),
    "certificate": Harness(certificate, 16_384, good_files),
    "certificates": Harness(
        certificates,
        16_384,
        lambda: [
            b"".join(good_files()),
            *(pem_to_der(pem, "CERTIFICATE", "a seed") for pem in good_files()),
        ],
    ),
    "certificate_der": Harness(
        certificate_der,
        4096,
        lambda: [pem_to_der(pem, "CERTIFICATE", "a seed") for pem in good_files()],
    ),
    "private_key": Harness(private_key, 8192, good_keys),
    "private_key_der": Harness(
        private_key_der, 4096, lambda: [pem_to_der(good().files.key, "PRIVATE KEY", "a seed")]
    ),
    "passphrase_file": Harness(passphrase_file, 8192),
}
