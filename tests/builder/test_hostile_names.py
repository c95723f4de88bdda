"""A device's name is shown, and is never a command, an escape sequence or a path."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest

from hostile import CANARY, NAMES, assert_shows_nothing_odd, rename
from sftunnel_builder.archive import unpack
from sftunnel_builder.bundle import open_bundle
from sftunnel_builder.lab import LabDevice, LabFmc
from sftunnel_builder.lab import fmc as fmc_module
from sftunnel_builder.lab.certificates import new_key


@dataclass
class Site:
    """A kit for devices with hostile names, built by the command that an operator types."""

    place: Path
    uuids: dict[str, str]
    """Of each device, by what its name is."""
    plain: subprocess.CompletedProcess[str]
    """What the build said to a person."""
    said: dict[str, Any]
    """What it said to a program."""

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run sftunnel-bundler there."""
        return _run(self.place, *arguments)

    def bundle(self, what: str) -> Path:
        """Return the bundle of a device."""
        (built,) = [b for b in self.said["built"] if b["uuid"] == self.uuids[what]]
        return self.place / "kit" / str(built["bundle"])


def _run(place: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "sftunnel_builder", *arguments],
        cwd=place,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    place = tmp_path_factory.mktemp("hostile")
    now = datetime.now(UTC)
    with pytest.MonkeyPatch.context() as patch:
        keys = cycle([new_key() for _ in range(3)])
        patch.setattr(fmc_module, "new_key", lambda: next(keys))
        fmc = LabFmc.create(place / "fmc", now=now)
        devices = {}
        for number, (what, name) in enumerate(NAMES.items()):
            device = LabDevice.create(
                place / f"ftd-{number}", name=f"ftd-{number}", address="10.1.2.3"
            )
            fmc.register(device)
            devices[what] = name, device
        fmc.generate_certs(now=now)
    rename(fmc, dict(devices.values()))
    assert _run(place, "keygen", "--out", "key.pem", "--no-passphrase").returncode == 0
    options = ("--fmc-tree", "fmc", "--out", "kit", "--signing-key", "key.pem")
    plain = _run(place, "build", *options)
    done = _run(place, "build", *options, "--json", "--replace")
    uuids = {what: device.uuid for what, (_, device) in devices.items()}
    yield Site(place, uuids, plain, json.loads(done.stdout))
    assert not list(place.rglob(CANARY)), "something of a name was executed"


def test_what_the_build_says_is_printable(site: Site) -> None:
    assert site.plain.returncode == 0, site.plain.stdout + site.plain.stderr
    assert_shows_nothing_odd(site.plain.stdout + site.plain.stderr)
    for device in site.said["built"]:
        for text in (device["name"], device["address"], device["bundle"]):
            assert_shows_nothing_odd(text)
            assert len(text) <= 200


def test_every_file_of_the_kit_has_a_safe_name(site: Site) -> None:
    names = {path.name for path in (site.place / "kit").rglob("*")}
    assert len(names) > 3 * len(NAMES)
    for name in names:
        assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name), name
        assert len(name) <= 64 + len(".sha256"), name


@pytest.mark.parametrize("what", NAMES)
def test_the_bundle_says_one_fact_a_line_and_holds_safe_names(site: Site, what: str) -> None:
    data = site.bundle(what).read_bytes()
    opened = open_bundle(data)
    conf = opened.members["bundle.conf"].decode()
    assert_shows_nothing_odd(conf)
    keys = [line.partition("=")[0] for line in conf.splitlines()]
    facts = ["format", "bundle_id", "device_name", "device_uuid", "device_address", "created"]
    assert keys == [*facts, "builder_version", "fmc", "file", "file", "file"]
    assert opened.conf.device_uuid == site.uuids[what]
    for name in unpack(data).members:
        assert re.fullmatch(r"[A-Za-z0-9._/-]+", name), name
        assert not {"", ".", ".."} & set(name.split("/"))


@pytest.mark.parametrize("what", NAMES)
def test_both_runbooks_can_be_printed(site: Site, what: str) -> None:
    bundle = site.bundle(what)
    beside = site.place / "kit/runbooks" / bundle.name.replace(".tar.gz", ".txt")
    for text in (
        beside.read_text(),
        open_bundle(bundle.read_bytes()).members["RUNBOOK.txt"].decode(),
    ):
        assert_shows_nothing_odd(text)
        assert max(map(len, text.splitlines())) <= 78
        assert "49" not in text.splitlines()[0], "the template in the name was filled in"


@pytest.mark.parametrize("what", NAMES)
def test_inspect_and_verify_show_it(site: Site, what: str) -> None:
    for verb in (["inspect"], ["verify"]):
        done = site.run(*verb, str(site.bundle(what)))
        assert done.returncode == 0, done.stderr
        assert_shows_nothing_odd(done.stdout + done.stderr)


def test_the_passphrase_file_has_one_line_a_device(site: Site) -> None:
    text = Path(site.said["passphrases"]).read_text()
    assert_shows_nothing_odd(text)
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    assert [row.split("  ")[0] for row in rows] == list(site.uuids.values())


@pytest.mark.parametrize("what", NAMES)
def test_a_device_that_is_refused_is_named_printably(site: Site, what: str, tmp_path: Path) -> None:
    (source,) = (site.place / "fmc/var/tmp/certs").glob("*/FAILED_PUSH")
    uuid = site.uuids[what].encode()
    records = b"\n" + source.read_bytes()
    begin = records.index(b"\n" + uuid) + 1
    (tmp_path / "FAILED_PUSH").write_bytes(records[begin : records.index(b"\n" + uuid, begin) + 1])
    options = ["--fmc-tree", "fmc", "--out", "none", "--signing-key", "key.pem"]
    done = site.run("build", *options, "--failed-push", str(tmp_path / "FAILED_PUSH"))
    assert done.returncode == 3, done.stderr
    assert_shows_nothing_odd(done.stdout + done.stderr)
    assert "missing: sftunnel-cert.pem, sftunnel-key.pem" in done.stdout


@pytest.mark.parametrize("what", NAMES)
def test_only_takes_what_the_build_shows(site: Site, what: str) -> None:
    (name,) = [b["name"] for b in site.said["built"] if b["uuid"] == site.uuids[what]]
    options = ["--fmc-tree", "fmc", "--signing-key", "key.pem", f"--only={name}"]
    done = site.run("build", *options, "--out", "only", "--replace", "--json", "--plain-keys")
    assert done.returncode == 0, done.stderr
    assert site.uuids[what] in {built["uuid"] for built in json.loads(done.stdout)["built"]}
