"""What install.sh does, and says, on a disk that is really full, read-only or immutable.

On a small file system of its own, which takes real root; the fault comes up at every command.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import IS_LONG, Made, make_firewall, need, put_before_path
from sftunnel_builder.trio import TRIO_NAMES

pytestmark = pytest.mark.sampled
CHANGING = ("cp", "mv", "rm", "mkdir", "ln", "sync", "chmod", "chown")
STRIDE = 1 if IS_LONG else 30


def _run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)


class Disk:
    """A mounted file system in a file, and the firewall whose tree lies on it."""

    def __init__(self, made: Made, place: Path, *, inodes: int = 512) -> None:
        self.mounted = place / "disk"
        self.mounted.mkdir()
        image = place / "image"
        with image.open("wb") as file:
            file.truncate(6 * 2**20)
        need("mkfs.ext4", shutil.which("mkfs.ext4"))
        made_fs = _run("mkfs.ext4", "-q", "-m", "0", "-N", str(inodes), image)
        assert made_fs.returncode == 0, made_fs.stderr
        need(
            "root that may mount", _run("mount", "-o", "loop", image, self.mounted).returncode == 0
        )
        self.firewall = make_firewall(made, self.mounted)
        self._pristine = place / "pristine"
        _run("cp", "-a", self.firewall.root, self._pristine)
        self._count = place / "count"
        self._deed = place / "deed"
        self.disarm()
        script = (
            'echo >>"{count}"; [ "$(wc -l <"{count}")" -ne "$(head -n 1 "{deed}" | tr -d "# ")" ] '
            '|| . "{deed}"; exec "{real}" "$@"'
        )
        wrappers = {
            name: script.format(count=self._count, deed=self._deed, real=shutil.which(name))
            for name in CHANGING
        }
        put_before_path(self.firewall, place / "wrappers", **wrappers)

    def arm(self, at: int, deed: str) -> None:
        """Do a deed at the at-th command of the installer's that changes anything."""
        self._count.write_text("")
        self._deed.write_text(f"# {at}\n{deed}\n")

    def disarm(self) -> None:
        """Do nothing from now on."""
        self.arm(10**6, ":")

    def commands(self) -> int:
        """Return how many changing commands have come by since it was last armed."""
        return len(self._count.read_text())

    def mend(self) -> None:
        """Take the fault away."""
        _run("mount", "-o", "remount,rw", self.mounted)
        shutil.rmtree(self.mounted / "filler", ignore_errors=True)
        # What was removed is free only when that is on the disk.
        _run("sync", "-f", self.mounted)

    def restore(self) -> None:
        """Put the device's tree back to what it was at first."""
        shutil.rmtree(self.firewall.root)
        assert _run("cp", "-a", self._pristine, self.firewall.root).returncode == 0
        for receipt in self.firewall.bundle.parent.glob("sftunnel-receipt-*"):
            receipt.unlink()


@pytest.fixture
def disk(made: Made, tmp_path: Path) -> Iterator[Disk]:
    """Give a firewall on a small disk."""
    need("real root", os.getuid() == 0)
    try:
        yield Disk(made, tmp_path)
    finally:
        _run("umount", "-l", tmp_path / "disk")


FULL = """\
mkdir -p "{0}/filler"
for part in 64k 1k; do
    dd if=/dev/zero of="{0}/filler/$part" bs="$part" 2>/dev/null
    sync -f "{0}"
done"""
NO_INODES = """\
mkdir -p "{0}/filler"
n=0
while (: >"{0}/filler/$n") 2>/dev/null; do n=$((n + 1)); done"""
READ_ONLY = 'mount -o remount,ro "{0}"'


@pytest.mark.parametrize(
    ("fault", "deed", "reason", "codes"),
    [
        pytest.param("full", FULL, "No space left on device", {0, 5, 6}, id="full"),
        pytest.param(
            "out of inodes", NO_INODES, "No space left on device", {0, 5, 6}, id="out of inodes"
        ),
        # Where nothing can be written any more, nothing can be put back.
        pytest.param("read-only", READ_ONLY, "Read-only file system", {0, 5, 6, 7}, id="read-only"),
    ],
)
def test_a_disk_that_turns_bad_at_any_command_leaves_a_whole_trio(
    disk: Disk,
    record_property: Callable[[str, object], None],
    fault: str,
    deed: str,
    reason: str,
    codes: set[int],
) -> None:
    firewall = disk.firewall
    deed = deed.format(disk.mounted)
    # The deed must not come by its own wrappers.
    deed = f"PATH='{os.environ['PATH']}'; {deed}"
    assert firewall.install("--no-restart").returncode == 0
    commands = disk.commands()
    ends: Counter[int] = Counter()
    bad = []
    for at in range(1, commands + 1, STRIDE):
        disk.restore()
        disk.arm(at, deed)
        done = firewall.install("--no-restart")
        disk.disarm()
        ends[done.returncode] += 1
        trio = firewall.device.trio(firewall.fmc_uuid)
        (error, *_) = [*(x for x in done.stderr.splitlines() if x.startswith("error: ")), ""]
        # A builtin of the shell says no more than the last of these, of whatever error.
        told = any(words in error for words in (reason, "too little space", "I/O error"))
        named = str(firewall.root / "ngfw/var/sf") in error
        wanted = firewall.old_trio if done.returncode else firewall.new_trio
        untouched = trio == wanted and (
            firewall.trio_facts() == firewall.old_facts or not done.returncode
        )
        good = done.returncode == 7 or untouched
        if done.returncode not in codes or not good or (done.returncode and not (told and named)):
            bad.append(f"at {at} of {commands}: exit {done.returncode}, {untouched=}, {error}")
        disk.mend()
        recovered = firewall.run("recover", *firewall.options("--no-restart"))
        assert recovered.returncode == 0, f"at {at}: {done.stderr}; then: {recovered.stderr}"
        firewall.assert_trio(wanted)
        again = firewall.install("--no-restart")
        assert again.returncode == 0, f"at {at}: {done.stderr}; then: {again.stderr}"
        firewall.assert_trio(firewall.new_trio)
    assert ends.total() > 1
    codes_told = ", ".join(f"{code}: {count}" for code, count in sorted(ends.items()))
    record_property(
        "found",
        f"a disk that is {fault} from a command on: {ends.total()} commands (codes {codes_told}), "
        f"bad ends {len(bad)}",
    )
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("flag", ["i", "a"])
@pytest.mark.parametrize(
    "lsattr",
    [
        pytest.param("", id="seen beforehand"),
        pytest.param("exit 1", id="not seen, as lsattr is of no use"),
    ],
)
def test_what_is_immutable_in_a_peer_directory_stays_and_so_does_the_rest(
    disk: Disk, tmp_path: Path, lsattr: str, flag: str
) -> None:
    firewall = disk.firewall
    if lsattr:
        put_before_path(firewall, tmp_path / "useless", lsattr=lsattr)
    bad = []
    for where in (*TRIO_NAMES, "."):
        disk.restore()
        assert _run("chattr", f"+{flag}", firewall.peer_dir / where).returncode == 0
        done = firewall.install("--no-restart")
        old = firewall.device.trio(firewall.fmc_uuid) == firewall.old_trio
        untouched = old and firewall.trio_facts() == firewall.old_facts
        (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        told = "immutable" in error or "Operation not permitted" in error
        named = (
            str(firewall.peer_dir.resolve().parent) in error
            and (firewall.fmc_uuid if where == "." else where) in error
        )
        if not (done.returncode in (5, 6) and untouched and told and named):
            bad.append(f"'{where}' with +{flag}: exit {done.returncode}, {untouched=}, {error}")
        assert _run("chattr", f"-{flag}", firewall.peer_dir / where).returncode == 0
        recovered = firewall.run("recover", *firewall.options("--no-restart"))
        assert recovered.returncode == 0, recovered.stderr
        firewall.assert_trio(firewall.old_trio)
        assert firewall.install("--no-restart").returncode == 0
        firewall.assert_trio(firewall.new_trio)
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("where", ["sftunnel-bundler", "sftunnel-bundler/backups"])
def test_an_immutable_state_directory_is_told_before_anything_is_changed(
    disk: Disk, where: str
) -> None:
    firewall = disk.firewall
    assert firewall.install("--no-restart").returncode == 0
    assert firewall.rollback("--no-restart").returncode == 0
    facts = firewall.trio_facts()
    path = firewall.state.parent / where
    assert _run("chattr", "+i", path).returncode == 0
    done = firewall.install("--no-restart")
    assert done.returncode == 5, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert str(path.resolve()) in error
    assert "Operation not permitted" in error
    assert firewall.trio_facts() == facts
    firewall.assert_trio(firewall.old_trio)
    assert _run("chattr", "-i", path).returncode == 0
    assert firewall.install("--no-restart").returncode == 0
    firewall.assert_trio(firewall.new_trio)
