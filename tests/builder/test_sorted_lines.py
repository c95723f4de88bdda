"""Lines that wait on the disk come back whole and in order."""

from __future__ import annotations

import random
from contextlib import closing
from pathlib import Path

import pytest

from sftunnel_builder.sorted_lines import MAX_HELD, MAX_PARTS, SortedLines


@pytest.mark.parametrize(
    "count",
    [0, 1, MAX_HELD, MAX_HELD + 1, 5 * MAX_HELD + 3, 2 * MAX_PARTS * (MAX_HELD + 100)],
)
def test_they_come_sorted_as_often_as_they_are_asked_for(tmp_path: Path, count: int) -> None:
    lines = [b"%064x\n" % random.Random(number).getrandbits(256) for number in range(count)]
    open_before = len(list(Path("/proc/self/fd").iterdir()))
    with closing(SortedLines(tmp_path)) as held:
        for at in range(0, count, 100):
            held.add(lines[at : at + 100])
        assert list(held) == sorted(lines)
        assert len(list(Path("/proc/self/fd").iterdir())) <= open_before + MAX_PARTS + 1
        held.add([b"f" * 65 + b"\n"])
        assert list(held) == [*sorted(lines), b"f" * 65 + b"\n"]
        # Nobody can find what waits there, or forget it there.
        assert not list(tmp_path.iterdir())
