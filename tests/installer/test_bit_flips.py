"""No flipped bit in an unpacked bundle gets past the checks of install.sh.

Every byte of every file in CI, a sample on a laptop. The intact script judges the damaged
directory: a flipped install.sh is never run.
"""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from found import Record, record_tally
from rehearsal import AS_ROOT, IS_LONG, Firewall, need

pytestmark = pytest.mark.sampled
JUDGE = Path(__file__).parents[1] / "bin/judge.sh"
SIGNED_BY = ("SHA256SUMS", "SHA256SUMS.sig", "signer.pem")
"""What openssl reads before the checksums are compared: there it is always asked afresh."""
READ_BY_THE_CHECKS = (*SIGNED_BY, "bundle.conf")
"""What is not only hashed: here it may matter with which shell and tools."""
PARTS = 8 if IS_LONG else 1
SAMPLE = 5
UNTRUSTED = 4


@contextmanager
def _judge(firewall: Firewall, shell: Sequence[str], place: Path) -> Iterator[Callable[[str], int]]:
    """Keep install.sh check running; gives what returns its exit status for the bundle as it is."""
    script, verbs = re.subn(
        r"(?m)^do_check\(\)", "do_check_once()", (firewall.bundle / "install.sh").read_text()
    )
    assert verbs == 1
    assert script.endswith('\nmain "$@"\n')
    harness = place / "harness.sh"
    harness.write_text(script.removesuffix('main "$@"\n') + JUDGE.read_text())
    # $0 has no slash, so that the bundle is the working directory.
    command = [*AS_ROOT, *shell, "-c", '. "$JUDGE_SCRIPT"', "install.sh", "check"]
    places = {"JUDGE_SCRIPT": str(harness), "JUDGE_NOTES": str(place / "notes")}
    with subprocess.Popen(
        [*command, *firewall.options()],
        cwd=firewall.bundle,
        env={**firewall.environment, **places},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        stdin, stdout = process.stdin, process.stdout
        assert stdin is not None
        assert stdout is not None

        def judge(mode: str) -> int:
            stdin.write(f"{mode}\n")
            stdin.flush()
            return int(stdout.readline())

        yield judge
    assert process.returncode == 0


def _files(bundle: Path) -> list[str]:
    return sorted(str(path.relative_to(bundle)) for path in bundle.rglob("*") if path.is_file())


def _places(bundle: Path, names: Sequence[str]) -> Iterator[tuple[str, int]]:
    """Yield file and offset of every byte in a long run, else of a sample of each file."""
    for name in names:
        size = (bundle / name).stat().st_size
        step = 1 if IS_LONG else max(1, size // SAMPLE)
        yield from ((name, at) for at in range(0, size, step))


def _judge_all(
    firewall: Firewall, shell: Sequence[str], place: Path, flips: Sequence[tuple[str, int]]
) -> list[str]:
    """Flip a bit at each place in turn; return where the verdict was not that it is damaged."""
    draw = random.Random(repr(flips[0]))  # the same bits in every run
    missed, seen = [], set()
    with _judge(firewall, shell, place) as judge:
        assert judge("learn") == 0
        for name, at in flips:
            path, bit = firewall.bundle / name, draw.randrange(8)
            mode = "afresh" if name in SIGNED_BY or name not in seen else "remembered"
            seen.add(name)
            _flip(path, at, bit)
            code = judge(mode)
            _flip(path, at, bit)
            if code != UNTRUSTED:
                missed.append(f"bit {bit} of byte {at} of {name}: {code}")
        assert judge("afresh") == 0
    return missed


def _flip(path: Path, at: int, bit: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        (byte,) = file.read(1)
        file.seek(at)
        file.write(bytes([byte ^ 1 << bit]))


@pytest.mark.parametrize("part", range(PARTS))
def test_no_flipped_bit_of_an_unpacked_bundle_is_accepted(
    firewall: Firewall, tmp_path: Path, part: int, record_property: Record
) -> None:
    # Its applets need no new program each, which halves the time of so many checks.
    shell = ["busybox", "ash"]
    need("busybox", shutil.which("busybox"))
    names = _files(firewall.bundle)
    assert set(names) > set(READ_BY_THE_CHECKS)
    flips = list(_places(firewall.bundle, names))[part::PARTS]
    assert len(flips) >= len(names)
    missed = _judge_all(firewall, shell, tmp_path, flips)
    of = f"{len(names)} files"
    sentence = f"bit flips in the unpacked bundle: {{n}} bytes in {of}, {{missed}} accepted"
    record_tally(record_property, sentence, n=len(flips), missed=len(missed))
    assert missed == []


def test_no_flipped_bit_is_accepted_with_a_devices_own_shell_and_tools_either(
    firewall: Firewall, tmp_path: Path, record_property: Record
) -> None:
    need("bash", shutil.which("bash"))
    flips = list(_places(firewall.bundle, READ_BY_THE_CHECKS))
    assert len(flips) > len(READ_BY_THE_CHECKS)
    missed = _judge_all(firewall, ["bash"], tmp_path, flips)
    found = f"{len(flips)} bytes that install.sh reads before it trusts, {len(missed)} accepted"
    record_property("found", f"bit flips with bash and coreutils: {found}")
    assert missed == []
