"""One system call of the installer made to fail, out of all with which it changes a device.

`find_calls` watches a good run with strace and returns every call that changes the device's tree.
`Injector` lets exactly one of them fail in a later run. A call of an external command is counted in
that command's own process, under a strace of its own. A call of the shell itself (a redirection, a
builtin's output) is made by a process that cannot be named beforehand: strace is attached to all
shells from the last command before it on, and lets go of every process that becomes a command.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal import AS_ROOT, Firewall, need

_OPENING = ("open", "openat", "openat2", "creat")
_BY_DESCRIPTOR = (
    *("write", "writev", "pwrite64", "pwritev", "copy_file_range", "sendfile", "fallocate"),
    *("ftruncate", "fsync", "fdatasync", "syncfs", "sync_file_range", "fchmod", "fchown"),
)
_BY_NAME = (
    *("truncate", "rename", "renameat", "renameat2", "mkdir", "mkdirat", "mknod", "mknodat"),
    *("link", "linkat", "symlink", "symlinkat", "unlink", "unlinkat", "rmdir", "utimensat"),
    *("chmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchownat"),
)
_TRACED = ",".join(f"?{name}" for name in ("execve", *_OPENING, *_BY_DESCRIPTOR, *_BY_NAME))
"""A question mark: not every machine has every call."""

_SEQUENTIAL = ("cp", "mv", "rm", "mkdir", "ln", "sync", "chmod", "chown")
"""Commands that the installer never runs beside others: from one of them strace may be attached."""

_LINE = re.compile(r"(?:(\d+) +)?(\w+)\((.*)\) += (-?\d+|\?)(.*)")
_CUT = re.compile(r"(\d+) +(\w+\(.*) <unfinished \.\.\.>")
_RESUMED = re.compile(r"(\d+) +<\.\.\. \w+ resumed>(.*)")
_PLACE = re.compile(r'(?:AT_FDCWD|\b\d+)<([^>]*)>|"((?:[^"\\]|\\.)*)"')


@dataclass(frozen=True)
class Call:
    """A system call that changes the device's tree, and how to find it in another run."""

    name: str
    path: str
    """What it changes; of a renaming, the new name."""
    spelled: str
    """The path as the call gave it."""
    command: str
    """The command whose process makes it; of the shell's own, the command that ran before it."""
    run: int
    """The how-manieth run of that command."""
    count: int
    """The how-manieth call of this name: in the command's process, or on this path in the shell."""
    by_shell: bool
    after_commit: bool

    def __str__(self) -> str:
        who = f"shell, after {self.command}" if self.by_shell else self.command
        return f"{self.name} {self.count} of {who} {self.run} on {Path(self.path).name}"


def _whole_lines(trace: str) -> list[str]:
    """Join the two halves of calls during which another process was traced."""
    lines, cut = [], {}
    for line in trace.splitlines():
        if found := _CUT.fullmatch(line):
            cut[found[1]] = found[2]
        elif (found := _RESUMED.fullmatch(line)) and found[1] in cut:
            lines.append(f"{found[1]} {cut.pop(found[1])}{found[2]}")
        else:
            lines.append(line)
    return lines


def _only_reads(name: str, arguments: str) -> bool:
    return name in _OPENING and not re.search("O_CREAT|O_WRONLY|O_RDWR|O_TRUNC", arguments)


def _touched(name: str, arguments: str, directory: str) -> tuple[str, str]:
    """Return the path that a call changes or opens to read, absolute and as spelled, or nothing."""
    places = list(_PLACE.finditer(arguments))
    if name in _BY_DESCRIPTOR:
        opened = [place[1] for place in places if place[1] is not None]
        path = opened[-1 if name == "copy_file_range" else 0] if opened else ""
        return path, path
    base, path, spelled = directory, "", ""
    for place in places:
        if place[1] is not None:
            base = path = spelled = place[1]
        else:
            path, spelled = str(Path(base, place[2])), place[2]
    return path, spelled


def find_calls(
    firewall: Firewall, arguments: Sequence[str], trace: Path, journal: str
) -> list[Call]:
    """Run the installer under strace, which must end well; return its calls that change the tree.

    Left out are calls that fail in a good run too, but for a renaming that finds the name taken:
    it is followed by one that replaces.
    """
    shell = firewall.shell
    firewall.shell = [
        *("strace", "-f", "-y", "-qq", "-s", "0", "-e", "signal=none"),
        *("-o", str(trace), "-e", f"trace={_TRACED}", *shell),
    ]
    done = firewall.run(*arguments)
    firewall.shell = shell
    assert done.returncode == 0, done.stderr
    calls = _calls_of(trace.read_text(), str(firewall.root.resolve()) + "/")
    (*_, commit) = (n for n, c in enumerate(calls) if c[0].startswith("rename") and c[1] == journal)
    return [Call(*call, after_commit=n > commit) for n, call in enumerate(calls)]


def _calls_of(trace: str, top: str) -> list[tuple[str, str, str, str, int, int, bool]]:
    """Return the fields of a Call, but for the last, of every call that changes what is below."""
    calls = []
    runs: Counter[str] = Counter()
    counts: Counter[tuple[str, ...]] = Counter()
    command: dict[str, tuple[str, int]] = {}
    directory: dict[str, str] = {}
    last, main = ("", 0), ""
    for line in _whole_lines(trace):
        found = _LINE.fullmatch(line)
        if not found:
            continue
        pid, name, arguments, result, rest = found.groups()
        if name == "execve":
            # Only the first of a process: a script that stands for a command is that command.
            if not main:
                main = pid
            elif result == "0" and pid not in command:
                program = Path(arguments.split('"')[1]).name
                runs[program] += 1
                command[pid] = (program, runs[program])
                if program in _SEQUENTIAL:
                    last = command[pid]
            continue
        for place in re.finditer("AT_FDCWD<([^>]*)>", arguments):
            directory[pid] = place[1]
        path, spelled = _touched(name, arguments, directory.get(pid, ""))
        by_shell = pid not in command
        key = (pid, *map(str, last), name, path) if by_shell else (pid, name)
        counts[key] += 1
        taken = name.startswith("rename") and "EEXIST" in rest
        if _only_reads(name, arguments):
            # Counted, as a shell may read first what it writes then.
            continue
        if path.startswith(top) and (taken or result.isdigit()):
            ran, run = last if by_shell else command[pid]
            calls.append((name, path, spelled, ran, run, counts[key], by_shell))
    return calls


_WRAPPER = """\
#!/bin/sh
real='{real}'
[ -e '{deed}' ] || exec "$real" "$@"
echo $$ >>'{runs}'
run=0
while read -r pid; do
    run=$((run + 1))
    [ "$pid" != $$ ] || break
done <'{runs}'
. '{deed}'
exec "$real" "$@"
"""

_FAIL_IN_COMMAND = """\
if [ "$run" = {run} ]; then
    status=0
    {strace} "$real" "$@" || status=$?
    echo "$status" >'{place}/status'
    exit "$status"
fi
"""

_FAIL_IN_SHELL = """\
if [ "$run" = {run} ]; then
    read -r main <'{place}/main'
    set -- "$main" "$@"
    pid=$PPID attach=''
    while [ "$pid" != "$main" ]; do
        attach="$attach -p $pid"
        read -r _ _ _ pid _ <"/proc/$pid/stat"
    done
    shift
    # Or `$(...)` would wait for it, as it holds the pipe.
    {strace} $attach -p "$main" </dev/null >/dev/null 2>&1 &
    tracer=0
    while [ "$tracer" = 0 ]; do
        while read -r key value; do
            [ "$key" != TracerPid: ] || tracer=$value
        done <"/proc/$main/status"
    done
fi
"""


class Injector:
    """Stands before the commands of the installer, and lets one system call fail."""

    def __init__(self, place: Path, firewall: Firewall) -> None:
        self._place = place
        place.mkdir()
        self._firewall = firewall
        self._path = firewall.environment["PATH"]
        self._shell = firewall.shell
        self._wrappers = place / "wrappers"
        self._wrappers.mkdir()

    def stand_before(self, commands: set[str]) -> None:
        """Put wrappers before these commands on PATH, and note the shell's process id."""
        for command in commands:
            wrapper = self._wrappers / command
            files = {
                "deed": self._place / f"{command}.deed",
                "runs": self._place / f"{command}.runs",
            }
            wrapper.write_text(
                _WRAPPER.format(real=shutil.which(command, path=self._path), **files)
            )
            wrapper.chmod(0o755)
        self._firewall.environment["PATH"] = f"{self._wrappers}:{self._path}"
        note = 'echo $$ >"$0"; exec "$@"'
        self._firewall.shell = ["sh", "-c", note, str(self._place / "main"), *self._shell]

    def fail(self, call: Call, error: str) -> None:
        """Let this call of the next run fail."""
        strace = ["strace", "-y", "-qq", "-s", "0", "-e", "signal=none", "-o", f"{self._place}/log"]
        if call.by_shell:
            strace += ["-f", "-b", "execve", "-P", call.spelled, "-P", call.path]
        strace += ["-e", f"trace={call.name}"]
        strace += ["-e", f"inject={call.name}:error={error}:when={call.count}"]
        deed = _FAIL_IN_SHELL if call.by_shell else _FAIL_IN_COMMAND
        words = " ".join(f"'{word}'" for word in strace)
        (self._place / f"{call.command}.deed").write_text(
            deed.format(run=call.run, strace=words, place=self._place)
        )

    def disarm(self) -> None:
        """Let nothing fail from now on."""
        for pattern in ("*.deed", "*.runs", "log", "status"):
            for path in self._place.glob(pattern):
                path.unlink()

    def failed(self, call: Call) -> str:
        """Return the path on which the call did fail; state that it was the one that was meant.

        Only the name is compared: the order in which `rm -r` and `cp -R` take the files of a
        directory is not always the same. A shell that tries the same again fails once more.
        """
        log = self._place / "log"
        lines = _whole_lines(log.read_text()) if log.exists() else []
        (injected, *_) = [*(line for line in lines if line.endswith("(INJECTED)")), ""]
        found = _LINE.fullmatch(injected)
        assert found is not None, f"nothing failed: {call}, {lines}"
        path, _ = _touched(found[2], found[3], str(Path(call.path).parent))
        top = str(self._firewall.root.resolve())
        assert found[2] == call.name, f"{injected} for {call}"
        assert path.startswith(top), f"{injected} for {call}"
        return path

    def command_coped(self, call: Call) -> bool:
        """Say whether the command ended well all the same: it knew another way."""
        return not call.by_shell and (self._place / "status").read_text() == "0\n"


def freeze_date(place: Path, environment: dict[str, str], seconds: int) -> None:
    """Let `date` always tell the same time, so that all names are the same in every run."""
    real = shutil.which("date", path=environment["PATH"])
    place.mkdir()
    (place / "date").write_text(f'#!/bin/sh\nexec "{real}" -d @{seconds} "$@"\n')
    (place / "date").chmod(0o755)
    environment["PATH"] = f"{place}:{environment['PATH']}"


def need_strace(environment: Mapping[str, str]) -> None:
    """Skip where strace is missing or may not do its work; fail in CI."""
    path = shutil.which("strace", path=environment["PATH"])
    need("strace", path)
    inject = ["-e", "trace=write", "-e", "inject=write:error=EIO"]
    tried = subprocess.run(
        [*AS_ROOT, "strace", "-f", "-qq", "-o", "/dev/null", *inject, "sh", "-c", "echo x"],
        capture_output=True,
        check=False,
    )
    need("permission to use strace", tried.returncode and not tried.stdout)
