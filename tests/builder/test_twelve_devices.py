"""A change of twelve devices, with real runs of install.sh: what is said of it is what happened."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from rehearsal import Firewall, Made, make_firewall, make_kit, put_before_path
from sftunnel_builder.errors import ExitCode
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from signers import bundler

DEVICES = 12
FAILED, ROLLED_BACK, PENDING = 0, 1, (2, 3)
NAMES = [f"fw-{number:02}" for number in range(DEVICES)]


@pytest.fixture(scope="module")
def twelve(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One FMC with twelve firewalls, and their kit."""
    place = tmp_path_factory.mktemp("twelve")
    now = datetime.now(UTC)
    fmc = LabFmc.create(place / "fmc", now=now)
    devices = [
        LabDevice.create(place / name, name=name, address=f"10.0.0.{number}")
        for number, name in enumerate(NAMES, 1)
    ]
    for device in devices:
        fmc.register(device)
    fmc.generate_certs(now=now)
    return make_kit(place, [fmc], devices, now)


def run(wall: Firewall, index: int) -> str:
    """Do what is done on a device in the window; return what its terminal shows."""
    if index == FAILED:
        real = shutil.which("mv")
        mv = f'case $* in */sftunnel-cert.pem) exit 1 ;; esac; exec {real} "$@"'
        put_before_path(wall, wall.bundle.parents[1] / "bin", mv=mv)
    done = wall.install("--no-restart")
    assert done.returncode == (6 if index == FAILED else 0), done.stderr
    shown = done.stdout + done.stderr
    if index == ROLLED_BACK:
        back = wall.rollback("--no-restart")
        assert back.returncode == 0, back.stderr
        shown += back.stdout + back.stderr
    return shown


def test_the_table_json_and_csv_tell_of_it_rightly(twelve: Made, tmp_path: Path) -> None:
    shutil.copytree(twelve.kit, tmp_path / "kit")
    logs, sticks = [], []
    for index in set(range(DEVICES)) - set(PENDING):
        place = tmp_path / f"at {NAMES[index]}"
        place.mkdir()
        wall = make_firewall(twelve, place, index)
        shown = run(wall, index)
        if index % 2:
            log = tmp_path / f"{NAMES[index]}.log"
            log.write_text(f"\x1b[1m{shown}\x07".replace("\n", "\r\n"), newline="")
            logs.append(log)
        else:
            sticks.append(wall.bundle.parent)
    done = bundler(tmp_path, "receipts", "kit", *logs, *sticks)
    assert "error" not in done.stderr
    assert done.returncode == ExitCode.PART_DONE
    _, failed, back, *others, empty, summary = done.stdout.splitlines()
    assert failed.startswith("fw-00   failed (exit 6)  20")
    assert back.startswith("fw-01   rolled back")
    assert [line.split()[:2] for line in others[:2]] == [[NAMES[i], "pending"] for i in PENDING]
    assert [line.split()[:2] for line in others[2:]] == [[name, "done"] for name in NAMES[4:]]
    assert (empty, summary) == ("", "12 devices: 8 done, 2 pending, 1 rolled back, 1 failed")
    _as_data(tmp_path)
    _as_page(tmp_path / "kit.receipts/index.html")


def _as_page(path: Path) -> None:
    page = path.read_text()
    assert "done: 8, no tunnel yet: 0, rolled back: 1, failed: 1, pending: 2" in page
    links = re.findall(r'href="([^"#]+)"', page)
    assert sum(link.endswith(".txt") for link in links) == DEVICES
    assert all((path.parent / unquote(link)).is_file() for link in links), links
    assert [each.name for each in path.parent.iterdir() if each.name[:1] == "."] == []


def _as_data(place: Path) -> None:
    as_json = bundler(place, "receipts", "kit", "--json")
    as_csv = bundler(place, "receipts", "kit", "--csv")
    assert as_json.returncode == as_csv.returncode == ExitCode.PART_DONE
    report = json.loads(as_json.stdout)
    states = {device["name"]: device["state"] for device in report["devices"]}
    assert (states["fw-00"], states["fw-01"]) == ("failed", "rolled back")
    wanted = {"done": 8, "failed": 1, "no tunnel yet": 0, "pending": 2, "rolled back": 1}
    assert report["counts"] == wanted
    assert (report["refused"], report["new_entries"], report["notes"]) == ([], 0, [])
    rows = list(csv.DictReader(io.StringIO(as_csv.stdout)))
    assert {row["device"]: row["state"] for row in rows} == states
    assert +Counter(wanted) == Counter(row["state"] for row in rows)
