"""What `sftunnel-bundler verify` says of a bundle with one flipped bit, wherever it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.main import get_command

from found import Record
from rehearsal import IS_LONG, Made
from sftunnel_builder.cli import app
from sftunnel_builder.errors import ExitCode

# Every byte in a long run, else a sample.
STEP = 1 if IS_LONG else 37
# Made once: that takes longer than to run it.
COMMAND = get_command(app)


def _verify(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    """Run the command in this process; return its exit status and what it said."""
    code = COMMAND(["verify", *words], standalone_mode=False)
    said = capsys.readouterr()
    return code or 0, said.out, said.err


@pytest.mark.sampled
def test_no_flipped_bit_of_a_bundle_goes_unnoticed(
    made: Made,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    record_property: Record,
) -> None:
    data = made.bundle(made.devices[0]).read_bytes()
    path = tmp_path / "bundle.tar.gz"
    words = [str(path), "--signer", made.report.signer]
    path.write_bytes(data)
    assert _verify(capsys, *words)[:2] == (0, f"good  {path}  signer {made.report.signer}\n")
    flips = range(0, len(data), STEP)
    assert len(flips) > 100
    missed = []
    for at in flips:
        damaged = bytearray(data)
        # Which bit changes from byte to byte.
        damaged[at] ^= 1 << at % 8
        path.write_bytes(damaged)
        code, out, err = _verify(capsys, *words)
        is_refused = (code, out) == (ExitCode.UNTRUSTED, f"bad   {path}\n")
        if not (is_refused and err.startswith("error: the bundle is damaged or was altered: ")):
            missed.append((at, code, out, err))
    found = f"bit flips in the packed bundle: {len(flips)} bytes, {len(missed)} accepted by verify"
    record_property("found", found)
    assert missed == []
