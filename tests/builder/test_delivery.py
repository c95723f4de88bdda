"""A bundle over a bad line arrives whole, and costs little more than over a good one."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import mean

import pytest

from found import Record
from line_model import PASSWORD, Faults, LineModel
from sftunnel_builder import delivery as delivery_module
from sftunnel_builder.delivery import IN_FLIGHT, Delivery, SessionLostError
from sftunnel_builder.dialogue import Dialogue
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.parcel import Parcel, make_parcel
from sftunnel_builder.port import Flow, Line, PortSettings, open_port
from sftunnel_builder.walk import Guide, walk_to_root
from toolsets import SHELLS, Toolset

NAME = "sftunnel-BSNS-1120-1-c8d5d5c6.tar.gz"
DATA = random.Random(1).randbytes(16384)
SMALL = DATA[:4096]
PATIENCE_S = 1.0
MOST_AT_1E_4 = 1.3
SHELLS_OF_DEVICES = [s for s in SHELLS if s.name in ("bash", "dash", "busybox ash")]
BASH = ["bash", "--norc"]
FIRST = make_parcel(SMALL, NAME, "5a" * 32, "/x").paste.blocks[0].text.splitlines()[2][:20]
"""Of the first block's data."""


def _parcel(place: Path, data: bytes = SMALL) -> Parcel:
    return make_parcel(data, NAME, "5a" * 32, str(place / "renewal"))


@contextmanager
def _talk(model: LineModel, flow: Flow = Flow.NONE) -> Iterator[Dialogue]:
    line = open_port(PortSettings(model.port, model.baud, flow))
    try:
        yield Dialogue(line, PATIENCE_S)
    finally:
        line.close()


def _arrived(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (place / "renewal").iterdir()}


@pytest.mark.slow
@pytest.mark.parametrize("toolset", SHELLS_OF_DEVICES, ids=lambda s: s.name)
@pytest.mark.parametrize(("rate", "seeds"), [(0.0, 1), (1e-4, 4), (1e-3, 2)])
def test_bytes_lost_changed_and_doubled_are_sent_again(
    tmp_path: Path, toolset: Toolset, rate: float, seeds: int, record_property: Record
) -> None:
    shell, environment = toolset.environment(tmp_path)
    shell += ["--norc"] if toolset.name == "bash" else ["-i"]

    def deliver(seed: int) -> tuple[float, int]:
        place = tmp_path / str(seed)
        place.mkdir()
        parcel = _parcel(place, DATA)
        model = LineModel(shell, place, environment=environment, faults=Faults(rate, seed))
        with model, _talk(model) as dialogue:
            Delivery(dialogue, parcel).run()
        assert _arrived(place) == {NAME: DATA}
        return dialogue.bytes_sent / parcel.bytes_needed, model.damaged

    # A line is mostly waited for, so several take no longer than one.
    with ThreadPoolExecutor(seeds) as pool:
        ratios, damaged = zip(*pool.map(deliver, range(seeds)), strict=True)
    assert any(damaged) == bool(rate)
    if rate <= 1e-4:
        assert mean(ratios) <= MOST_AT_1E_4
    record_property(
        "found",
        f"console send, {rate:6g} of the bytes damaged, {toolset.name:11}: sent / needed "
        f"{mean(ratios):.2f} (worst {max(ratios):.2f} of {seeds})",
    )


def test_a_faster_line_a_log_message_and_an_older_part_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "renewal").mkdir()
    parcel = _parcel(tmp_path)
    stray = f"{parcel.paste.part_prefix[:-2]}9-1"
    (tmp_path / "renewal" / stray).write_text("of a text with other blocks")
    model = LineModel(BASH, tmp_path, 115200 * 50, faults=Faults(log_every=1500))
    with model, _talk(model) as dialogue:
        Delivery(dialogue, parcel).run()
    assert model.messages > 2
    assert _arrived(tmp_path)[NAME] == SMALL


@pytest.mark.parametrize("is_serial", [False, True], ids=["over TCP", "on a serial port"])
def test_a_device_that_says_xoff_loses_nothing(tmp_path: Path, is_serial: bool) -> None:
    parcel = _parcel(tmp_path)
    model = LineModel(
        BASH, tmp_path, 9600 * 8, faults=Faults(has_xonxoff=True), is_serial=is_serial
    )
    with model, _talk(model, Flow.XONXOFF) as dialogue:
        Delivery(dialogue, parcel).run()
    assert model.stops
    assert model.lost == 0
    assert _arrived(tmp_path) == {NAME: SMALL}


def test_a_session_that_ends_in_the_midst_is_told_and_taken_up_again(tmp_path: Path) -> None:
    parcel = _parcel(tmp_path)
    blocks = len(parcel.paste.blocks)
    model = LineModel(BASH, tmp_path, 9600 * 5, faults=Faults(end_session_at=4000))
    with model, _talk(model) as dialogue:
        with pytest.raises(SessionLostError, match="the session has ended with ") as caught:
            Delivery(dialogue, parcel).run()
        assert caught.value.code is ExitCode.UNSUITABLE
        assert "type the same command" in caught.value.hint
        seen_at_login = model.printed.partition(b"login:")[2]
        most = IN_FLIGHT * max(len(block.text) for block in parcel.paste.blocks)
        assert len(seen_at_login) < most, "it went on typing at the login prompt"
        walk_to_root(dialogue, Guide("admin", lambda _purpose: PASSWORD))
        again = Delivery(dialogue, parcel)
        again.run()
    assert again.tally.blocks_there > 0
    assert again.tally.blocks_sent < blocks
    assert _arrived(tmp_path) == {NAME: SMALL}


def test_a_connection_that_closes_is_told_and_the_next_run_goes_on(tmp_path: Path) -> None:
    parcel = _parcel(tmp_path)
    model = LineModel(BASH, tmp_path, faults=Faults(hang_up_at=4000))
    with model:
        with _talk(model) as dialogue, pytest.raises(BundlerError, match="broke"):
            Delivery(dialogue, parcel).run()
        with _talk(model) as dialogue:
            again = Delivery(dialogue, parcel)
            again.run()
    assert again.tally.blocks_there > 0
    assert _arrived(tmp_path) == {NAME: SMALL}


class Damaging:
    """A line that changes a text the first time that it is sent, for each of some texts."""

    def __init__(self, line: Line, changes: Mapping[bytes, bytes]) -> None:
        self._line = line
        self.left = dict(changes)
        self.read = line.read

    def write(self, data: bytes, *, should_stop: Callable[[], bool] = lambda: False) -> bool:
        for before in [text for text in self.left if text in data]:
            data = data.replace(before, self.left.pop(before), 1)
        return self._line.write(data, should_stop=should_stop)


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({b"f=$n.tar": b"f=$..tar"}, id="the name of the file"),
        pytest.param({b"n=sftunnel": b"n=stunnel"}, id="the name of everything"),
        pytest.param({b"$(seq ": b"$(sex "}, id="what puts the parts together"),
        pytest.param(
            {b"grep ^$1": b"grep ^$2", FIRST: FIRST.swapcase()}, id="the check, and a block then"
        ),
        pytest.param({b"ok $1": b"ok 1$1"}, id="what is answered"),
        pytest.param({b"b<<\\: 2 ": b"b<<\\: 3 "}, id="a block's number"),
        pytest.param({b"b<<\\: 2 ": b"b<<\\: 02 "}, id="a block's number, doubled in part"),
        pytest.param({b"b<<\\: 2 ": b"b'<\\: 2 "}, id="a quotation that does not end"),
        pytest.param({FIRST: b"\x13" + FIRST[1:]}, id="a Ctrl-S, that stops the terminal"),
        pytest.param({FIRST: b"\r\x04" + FIRST[1:]}, id="a Ctrl-D in a block"),
        pytest.param({b"sha256 -r<sftunnel": b"sha256 -r<ftunnel"}, id="a question"),
    ],
)
def test_whatever_is_damaged_is_noticed(tmp_path: Path, changes: dict[bytes, bytes]) -> None:
    parcel = _parcel(tmp_path)
    told: list[int] = []
    with LineModel(BASH, tmp_path) as model, _talk(model) as dialogue:
        damaging = Damaging(dialogue.line, changes)
        dialogue.line = damaging
        Delivery(dialogue, parcel, arrived=told.append).run()
    assert damaging.left == {}
    assert sum(told) == sum(len(block.text) for block in parcel.paste.blocks)
    assert _arrived(tmp_path) == {NAME: SMALL}


@pytest.mark.parametrize(
    "stuck", [b"\x13", b"cat <<'E'\r", b"echo 'a\r", b'echo "a\r', b"b<<\\: 1 1a2b3c\rAAAA\r"]
)
def test_a_command_left_unfinished_is_broken_off(tmp_path: Path, stuck: bytes) -> None:
    model = LineModel(BASH, tmp_path)
    with model, _talk(model) as dialogue:
        dialogue.type(stuck)
        Delivery(dialogue, _parcel(tmp_path)).run()
    assert _arrived(tmp_path) == {NAME: SMALL}


def test_what_is_there_is_not_sent_again(tmp_path: Path) -> None:
    parcel = _parcel(tmp_path)
    told: list[int] = []
    with LineModel(BASH, tmp_path) as model, _talk(model) as dialogue:
        Delivery(dialogue, parcel, arrived=told.append).run()
        before = dialogue.bytes_sent
        again = Delivery(dialogue, parcel)
        again.run()
    assert sum(told) == sum(len(block.text) for block in parcel.paste.blocks)
    assert again.tally.blocks_sent == 0
    assert dialogue.bytes_sent - before < parcel.bytes_needed / 2


def test_another_file_of_that_name_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "renewal").mkdir()
    (tmp_path / "renewal" / NAME).write_text("mine")
    with (
        LineModel(BASH, tmp_path) as model,
        _talk(model) as dialogue,
        pytest.raises(BundlerError, match=f"there is another file '{NAME}'"),
    ):
        Delivery(dialogue, _parcel(tmp_path)).run()
    assert (tmp_path / "renewal" / NAME).read_text() == "mine"


def test_a_part_that_was_spoilt_on_the_device_is_found_in_the_end(tmp_path: Path) -> None:
    parcel = _parcel(tmp_path)
    (tmp_path / "renewal").mkdir()
    (tmp_path / "renewal" / f"{parcel.paste.part_prefix}3").write_text("spoilt")
    with LineModel(BASH, tmp_path) as model, _talk(model) as dialogue:
        delivery = Delivery(dialogue, parcel)
        delivery.run()
    assert delivery.tally.rounds >= 2
    assert _arrived(tmp_path) == {NAME: SMALL}


def test_a_directory_that_cannot_be_used_is_told(tmp_path: Path) -> None:
    (tmp_path / "renewal").write_text("a file")
    with (
        LineModel(BASH, tmp_path) as model,
        _talk(model) as dialogue,
        pytest.raises(BundlerError, match="cannot use the directory"),
    ):
        Delivery(dialogue, _parcel(tmp_path)).run()


@pytest.mark.parametrize("directory", ["renewal", "/srv/a b", "/$(id)", "/", "/a/../b", "/~"])
def test_a_directory_that_a_shell_reads_otherwise_is_refused(directory: str) -> None:
    with pytest.raises(BundlerError, match="--dir wants") as caught:
        make_parcel(SMALL, NAME, "5a" * 32, directory)
    assert caught.value.code is ExitCode.USAGE


def test_a_hopeless_line_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "MOST_EFFORT", 0.5)
    with (
        LineModel(BASH, tmp_path) as model,
        _talk(model) as dialogue,
        pytest.raises(BundlerError, match="the line damages too much: ") as caught,
    ):
        Delivery(dialogue, _parcel(tmp_path)).run()
    assert "--line-delay" in caught.value.hint


def test_lines_are_sent_with_the_delay_that_was_asked_for(tmp_path: Path) -> None:
    parcel = _parcel(tmp_path, SMALL[:1000])
    with LineModel(BASH, tmp_path) as model, _talk(model) as dialogue:
        began = time.monotonic()
        Delivery(dialogue, parcel, line_delay_s=0.05).run()
    assert time.monotonic() - began > 0.05 * parcel.paste.text().count(b"\n")
