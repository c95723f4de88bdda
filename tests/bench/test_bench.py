"""The measuring itself: a quick run writes a whole page, and what it measures does its work."""

from __future__ import annotations

import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import run as bench_run
from bench import sizes
from bench.machine import PAGE
from bench.measure import ROOT, environment, run
from bench.per_device import lay_out_parts, loop_command
from bench.renames import Renames
from bench.run import SECTIONS, main
from bench.section import BenchError, Section, Settings
from bench.trees import Fleets, MadeTree
from rehearsal import VERIFY_WITH_OPENSSL

MODULE = [sys.executable, "-m", "bench.run", "--quick"]


def tables(page: str) -> dict[str, list[list[str]]]:
    """Return the rows of the table of each section, the head first, by the section's heading."""
    found = {}
    for part in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
        rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line[:2] == "| "]
        found[part.partition("\n")[0]] = [rows[0], *rows[2:]]
    return found


def number(cell: str) -> float:
    """Return the figure that a cell begins with."""
    found = re.match(r"\*?([\d,.]+)", cell)
    assert found, cell
    return float(found[1].replace(",", ""))


@pytest.mark.slow
def test_a_quick_run_writes_a_page_with_every_section_and_sane_figures(tmp_path: Path) -> None:
    began = time.monotonic()
    assert main(["--quick", "--out", str(tmp_path / "page.md")]) == 0
    took = time.monotonic() - began
    page = (tmp_path / "page.md").read_text()
    assert page.startswith("<!-- Written by `make bench`")
    assert "these figures mean nothing" in page
    found = tables(page)
    assert len(found) == 1 + len(SECTIONS)
    builder = found["Builder"][1:]
    assert [row[:3] for row in builder[:2]] == [["2", "plain", "1"], ["2", "plain", "2"]]
    for row in builder:
        assert 0 < number(row[4]) < took
        assert number(row[5]) < 2 * number(row[4]) + 1
        assert 10 < number(row[7]) < 500, "MB"
    ways = found["What a device costs"][1:]
    assert len(ways) == 6
    assert all(number(row[3]) > 0 for row in ways), "CPU time: of that a busy machine takes none"
    assert all(number(row[5]) > 1 for row in ways if row[1] == "shell loop")
    starts = {row[0]: number(row[1]) for row in found["Start-up"][1:] if "dist" not in row[0]}
    assert starts["`python -I -S -c pass`"] < starts["`sftunnel-bundler console --help`"] < 60_000
    assert number(found["Size"][1][1]) > number(found["Size"][2][1]) > 3000
    installs = [row for row in found["On the device"][1:] if row[1] == "`install`" and row[2]]
    assert installs
    for row in installs:
        is_seen = row[5] != "not seen"
        assert not is_seen or number(row[5]) < 1000 * number(row[2]), "mixed only for a part of it"
    logs = found["Reading logs"][1:]
    assert len(logs) == 8
    assert all(number(row[4]) > 0.1 for row in logs)
    assert {row[2] for row in found["Goals"][1:]} <= {"yes", "**no**", "not measured"}


def test_a_part_goes_to_the_screen_and_leaves_the_page_alone(
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = (ROOT / PAGE).read_bytes()
    assert main(["--quick", "sizes"]) == 0
    assert list(tables(capsys.readouterr().out)) == ["Goals", "Size"]
    assert (ROOT / PAGE).read_bytes() == before


def test_a_section_that_cannot_be_measured_leaves_the_page_alone(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_settings: Settings) -> Section:
        raise BenchError("sh ended with 1: no room")

    before = (ROOT / PAGE).read_bytes()
    sections = dict.fromkeys(SECTIONS, fail) | {"sizes": SECTIONS["sizes"]}
    monkeypatch.setattr(bench_run, "SECTIONS", sections)
    assert main([]) == 1
    said = capsys.readouterr()
    assert list(tables(said.out)) == ["Goals", "Size"]
    assert "error: builder: sh ended with 1: no room\n" in said.err
    assert (ROOT / PAGE).read_bytes() == before


def test_an_unknown_section_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["speed"])
    assert ended.value.code == 2
    assert "there is no section speed" in capsys.readouterr().err


def test_a_tool_that_is_missing_is_told_and_one_that_fails_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def which(tool: str) -> str | None:
        return None if tool in ("makeself", "cpio") else f"/usr/bin/{tool}"

    def refuse(trio: Path, place: Path) -> Path:
        raise BenchError("rauc ended with 1: no key")

    monkeypatch.setattr(shutil, "which", which)
    monkeypatch.setattr(sizes, "_rauc", refuse)
    section = sizes.measure(Settings(tmp_path, True, lambda _what: None))
    found = {row[0]: row[1] for row in section.table.rows}
    assert found["makeself, with a small install script"] == "makeself is not installed"
    assert found["SWUpdate `.swu`, signed"] == "cpio is not installed"
    assert found["RAUC bundle, signed"] == "could not be made: rauc ended with 1: no key"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*MODULE, "builder"],
        env={**environment(tmp_path), "TMPDIR": str(tmp_path)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    for line in process.stderr:
        if line.startswith("bench: building"):
            break
    (work,) = tmp_path.iterdir()
    assert work.stat().st_mode & 0o777 == 0o700
    process.send_signal(number)
    assert process.wait(timeout=30) == 128 + number
    process.stderr.close()
    assert list(tmp_path.iterdir()) == []


def test_renames_are_told_with_their_times(tmp_path: Path) -> None:
    renames = Renames(tmp_path)
    for name in ("one", "two"):
        (tmp_path / f".{name}").touch()
        (tmp_path / f".{name}").rename(tmp_path / name)
        time.sleep(0.05)
    (first, began), (second, ended) = renames.stop()
    assert (first, second) == ("one", "two")
    assert 0.04 < ended - began < 10
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


@dataclass(frozen=True)
class Loop:
    """A small tree, and what the shell loop needs beside it."""

    place: Path
    tree: MadeTree
    parts: Path

    def pushed(self, name: str) -> list[Path]:
        """Return a file of each device, in the order of FAILED_PUSH."""
        lines = self.tree.failed_push.read_text().splitlines()
        uuids = dict.fromkeys(line.split()[0] for line in lines)
        peers = self.tree.root / "var/sf/peers"
        return [peers / uuid / "certs_pushed" / name for uuid in uuids]

    def run(self, keys: str) -> Path:
        """Make a kit, and return it."""
        out = self.place / "loop"
        run(
            loop_command(self.parts, self.tree.root, self.tree.failed_push, out, keys),
            self.place,
        )
        return out


@pytest.fixture
def loop(tmp_path: Path) -> Loop:
    tree = Fleets(tmp_path, 5).make(2)
    return Loop(tmp_path, tree, lay_out_parts(tmp_path, tree))


@pytest.mark.parametrize("keys", ["plain", "locked"])
def test_the_shell_loop_makes_whole_bundles(loop: Loop, keys: str) -> None:
    kit = loop.run(keys)
    bundles = sorted((kit / "bundles").glob("*.tar.gz"))
    originals = loop.pushed("sftunnel-key.pem")
    assert len(bundles) == len(originals) == 2
    for bundle in bundles:
        run(["sha256sum", "-c", f"{bundle.name}.sha256"], bundle.parent)
        run(["tar", "-xzf", bundle], loop.place)
        top = loop.place / bundle.name.removesuffix(".tar.gz")
        run(VERIFY_WITH_OPENSSL, top)
        run(["sha256sum", "-c", "SHA256SUMS"], top)
        conf = (top / "bundle.conf").read_text()
        uuid = conf.partition("device_uuid=")[2].split()[0]
        (key,) = top.glob("payload/*/sftunnel-key.pem")
        (original,) = [path for path in originals if uuid in path.parts]
        if keys == "locked":
            assert "BEGIN ENCRYPTED PRIVATE KEY" in key.read_text()
            lines = (loop.place / "loop-passphrases.txt").read_text().splitlines()
            (passphrase,) = [line.split()[1] for line in lines if line.startswith(uuid)]
            said = run(
                ["openssl", "pkey", "-in", key, "-passin", "env:PHRASE"],
                top,
                more={"PHRASE": passphrase},
            )
        else:
            said = key.read_text()
        assert said == original.read_text()
        assert set(conf.split()) >= {"format=1", f"device_uuid={uuid}", "644", "root:root"}


def _swap(loop: Loop, name: str) -> None:
    one, other = loop.pushed(name)
    other.write_bytes(one.read_bytes())


def _damage(loop: Loop) -> None:
    """Change a character in the middle, of the private exponent or a prime."""
    key = loop.pushed("sftunnel-key.pem")[1]
    text = key.read_text()
    at = len(text) // 2
    key.write_text(text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :])


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        pytest.param(lambda loop: _swap(loop, "sftunnel-key.pem"), "is not that of", id="key"),
        pytest.param(
            lambda loop: _swap(loop, "sftunnel-cert.pem"), "is of another device", id="certificate"
        ),
        pytest.param(_damage, "is damaged", id="damaged key"),
    ],
)
def test_the_shell_loop_refuses_what_build_refuses(
    loop: Loop, fault: Callable[[Loop], None], said: str
) -> None:
    fault(loop)
    with pytest.raises(BenchError, match=said):
        loop.run("plain")
