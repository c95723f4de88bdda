"""A firewall whose power fails at any command: its disk, as it is just then, is copied and mounted.

The disk is an ext4 image on a loop device; what had not been written to it is missing in a copy, as
after a cut. It is mounted so that it writes nothing unasked: no commit of its journal for 300 s, no
early flush of a file that is renamed over another (noauto_da_alloc). There are two kinds of cut:

late   nothing is on the disk but what a command flushed;
early  the journal has just been committed, as a disk does at any time: names and modes are there,
       and files hold nothing unless they were flushed.

A run is recorded by a wrapper in the place of every command, which asks for a copy before and after
the real one.
"""

from __future__ import annotations

import ctypes
import fcntl
import hashlib
import os
import re
import select
import shutil
import signal
import struct
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from rehearsal import MV_ONE_BY_ONE, NEW_RECEIPT, Firewall

_CLONE_NEWNS = 0x20000
_EXT4_IOC_CHECKPOINT = 0x4004662B
"""Commits the journal and writes it to its places; Linux 5.14, linux/ext4.h."""
_MIB = 1 << 20
_MKFS = ("mkfs.ext4", "-q", "-F", "-b", "1024", "-J", "size=4", "-E", "lazy_itable_init=0")
_MOUNT = ("mount", "-t", "ext4", "-o", "loop,noauto_da_alloc,commit=300")
_RUN_TIMEOUT_S = 120
_TIMES = re.compile(rb"\d{4}-?\d\d-?\d\dT\d\d:?\d\d:?\d\dZ")

_WRAPPER = """\
#!/bin/sh
cut() { printf '%.300s\\n' "$1" >"REQUESTS" && IFS= read -r answer <"ANSWERS"; }
name=${0##*/}
if [ "$name" = mv ]; then
    ONE_BY_ONE
fi
words="$name $*"
words=${words%%"
"*}
cut "before $words"
"REAL/$name" "$@"
status=$?
cut "after $words"
exit "$status"
"""

# What the installer asks of it, and nothing else. Its state is not on the disk: a line a restart,
# as a file that is only added to can be read at any moment.
_PMTOOL = """\
#!/bin/sh
restarts=0
while read -r _; do restarts=$((restarts + 1)); done <"RESTARTS"
case "$*" in
status) echo "sftunnel (normal) - Running $((1000 + restarts))" ;;
'restartbyid sftunnel') echo again >>"RESTARTS" ;;
*) echo "pmtool: not known here: $*" >&2; exit 1 ;;
esac
"""

T = TypeVar("T")


def with_own_mounts(job: Callable[[], T]) -> T:
    """Do a job in a thread with a mount namespace of its own: no mount outlives it.

    A loop device goes with its mount. OSError where the machine does not allow it.
    """

    def separate() -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.unshare(_CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)

    def separately() -> T:
        separate()
        return job()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(separately).result()


def can_cut_power(place: Path) -> bool:
    """Tell whether this machine lets us mount an image and commit its journal."""
    image, mountpoint = place / "probe.img", place / "probe"
    mountpoint.mkdir()

    def probe() -> None:
        _make_image(image)
        with _mounted(image, mountpoint):
            _commit_journal(mountpoint)

    try:
        with_own_mounts(probe)
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


@dataclass(frozen=True)
class Cut:
    """One power cut."""

    moment: str
    disk: Path
    """What it left; the same file for the same bytes."""
    restarts: int
    """How many times sftunnel had been restarted by then."""


class Machine:
    """A firewall with its tree on a disk, to be used within `with_own_mounts`."""

    def __init__(self, firewall: Firewall, place: Path) -> None:
        self.firewall = firewall
        self._place = place
        self._running = place / "ram" / "running.img"
        self._mountpoint = place / "disk"
        self._restarts = place / "restarts"
        self._disks = place / "disks"
        for folder in (place, self._running.parent, self._mountpoint, self._disks):
            folder.mkdir()
        # To flush means writing to this; that need not wait for the machine's own disk.
        subprocess.run(["mount", "-t", "tmpfs", "ram", str(self._running.parent)], check=True)
        self._restarts.touch()
        pmtool = firewall.root / "usr/local/sf/bin/pmtool"
        pmtool.write_text(_PMTOOL.replace("RESTARTS", str(self._restarts)))
        self._make_wrappers()
        _make_image(self._running)
        with _mounted(self._running, self._mountpoint):
            subprocess.run(["cp", "-a", str(firewall.root), str(self._mountpoint)], check=True)
            firewall.device.root = self._mountpoint / firewall.root.name
            firewall.remember_others()
        self.pristine = self._keep()

    @contextmanager
    def on(self, disk: Path) -> Iterator[None]:
        """Switch the firewall on with a copy of this disk, and off again in good order."""
        self._running.unlink()
        subprocess.run(["cp", "--sparse=always", str(disk), str(self._running)], check=True)
        with _mounted(self._running, self._mountpoint):
            yield

    def disk_after(self, *arguments: str) -> Path:
        """Return the pristine disk after a run of the installer, switched off in good order."""
        with self.on(self.pristine):
            done = self.firewall.run(*arguments)
        assert done.returncode == 0, done.stderr
        return self._keep()

    def record(
        self, *arguments: str, early: bool
    ) -> tuple[subprocess.CompletedProcess[str], list[Cut]]:
        """Run the installer; return how it ended, and cuts around each command and at the end."""
        command = ["/bin/sh", str(self.firewall.bundle / "install.sh"), *arguments]
        environment = {**self.firewall.environment, "PATH": str(self._place / "wrappers")}
        requests, answers = (
            os.open(self._place / name, os.O_RDWR | os.O_CLOEXEC) for name in ("ask", "go")
        )
        cuts = []
        with subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            start_new_session=True,
        ) as process:
            ended = os.pidfd_open(process.pid)
            try:
                while ended not in (
                    ready := select.select([requests, ended], [], [], _RUN_TIMEOUT_S)[0]
                ):
                    if not ready:
                        raise TimeoutError(command)
                    for moment in os.read(requests, 65536).decode(errors="replace").splitlines():
                        cuts.append(self._cut(moment, early=early))
                        os.write(answers, b"\n")
            except BaseException:
                # Or whoever waits for an answer would wait for ever.
                os.killpg(process.pid, signal.SIGKILL)
                raise
            stdout, stderr = process.communicate()
        for descriptor in (requests, answers, ended):
            os.close(descriptor)
        cuts.append(self._cut("at the end", early=early))
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr), cuts

    def fingerprint(self) -> str:
        """Return a digest of names, modes, owners and contents on the disk, but for times and PIDs.

        Disks with the same one are the same to the installer. Of logs and receipts, which it does
        not read, it only matters whether they hold anything.
        """
        digest = hashlib.sha256()
        state = self.firewall.state
        for path in sorted(self.firewall.root.rglob("*")):
            facts = path.lstat()
            name = re.sub(r"/lock\.\d+$", "/lock.PID", str(path)).encode()
            content = b""
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                record = [state / name for name in ("logs", "receipts", *NEW_RECEIPT)]
                if any(path.is_relative_to(place) for place in record):
                    content = content and b"something"
            about = f"{facts.st_mode:o} {facts.st_uid}:{facts.st_gid} {len(content)}"
            digest.update(_TIMES.sub(b"TIME", b"%b %b %b\n" % (name, about.encode(), content)))
        return digest.hexdigest()

    def _cut(self, moment: str, *, early: bool) -> Cut:
        if early:
            _commit_journal(self._mountpoint)
        return Cut(moment, self._keep(), self._restarts.read_text().count("\n"))

    def _keep(self) -> Path:
        """Copy the disk as it is now, unless there is such a copy already."""
        parts = list(_parts_in_use(self._running))
        digest = hashlib.sha256()
        for start, content in parts:
            digest.update(start.to_bytes(8, "big") + content)
        disk = self._disks / digest.hexdigest()
        if not disk.exists():
            with disk.open("wb") as file:
                for start, content in parts:
                    file.seek(start)
                    file.write(content)
                file.truncate(self._running.stat().st_size)
        return disk

    def _make_wrappers(self) -> None:
        """Stand before every command that install.sh could mean: each word in it that is one."""
        for name in ("ask", "go"):
            os.mkfifo(self._place / name)
        wrapper = self._place / "wrapper"
        wrapper.write_text(
            _WRAPPER.replace("REQUESTS", str(self._place / "ask"))
            .replace("ANSWERS", str(self._place / "go"))
            .replace("REAL", str(self._place / "real"))
            .replace("ONE_BY_ONE", MV_ONE_BY_ONE)
        )
        wrapper.chmod(0o755)
        for name in ("wrappers", "real"):
            (self._place / name).mkdir()
        words = set(re.findall(r"\w+", (self.firewall.bundle / "install.sh").read_text()))
        for word in words:
            if (command := shutil.which(word)) is not None:
                (self._place / "real" / word).symlink_to(command)
                (self._place / "wrappers" / word).symlink_to(wrapper)


def _parts_in_use(image: Path) -> Iterator[tuple[int, bytes]]:
    """Yield start and content of each part of a sparse file that is no hole."""
    with image.open("rb") as file:
        size, end = os.fstat(file.fileno()).st_size, 0
        while end < size:
            try:
                start = os.lseek(file.fileno(), end, os.SEEK_DATA)
            except OSError:  # ENXIO: only a hole is left.
                return
            end = os.lseek(file.fileno(), start, os.SEEK_HOLE)
            yield start, os.pread(file.fileno(), end - start, start)


def _make_image(image: Path) -> None:
    with image.open("wb") as file:
        file.truncate(16 * _MIB)
    subprocess.run([*_MKFS, str(image)], check=True, capture_output=True)


@contextmanager
def _mounted(image: Path, mountpoint: Path) -> Iterator[None]:
    subprocess.run([*_MOUNT, str(image), str(mountpoint)], check=True, capture_output=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(mountpoint)], check=True)


def _commit_journal(mountpoint: Path) -> None:
    directory = os.open(mountpoint, os.O_RDONLY)
    try:
        fcntl.ioctl(directory, _EXT4_IOC_CHECKPOINT, struct.pack("I", 0))
    finally:
        os.close(directory)
