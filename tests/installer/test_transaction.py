"""Old trio or new trio, never a mix: faults put in the way of install.sh at every command."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

from refusals import sign_anew
from rehearsal import AS_ROOT, IS_LONG, MV_ONE_BY_ONE, Firewall, Made, make_firewall, snapshot

CHANGING = ("cp", "mv", "rm", "mkdir", "ln", "sync", "chmod", "chown")
"""The commands with which the installer changes anything."""

KILL = "kill -KILL 0"
"""The whole process group: the installer, its subshells, the command itself."""
FAIL = 'echo "$0: cannot: No space left on device" >&2; exit 1'


class Saboteur:
    """Stands before the changing commands and does something at the n-th of them."""

    def __init__(self, place: Path, commands: Sequence[str] = CHANGING) -> None:
        self._counter = place / "counter"
        self._deed = place / "deed"
        self._at = place / "at"
        self.path = place / "wrappers"
        self.path.mkdir()
        for command in commands:
            real = shutil.which(command)
            wrapper = self.path / command
            wrapper.write_text(
                f"#!/bin/sh\n{MV_ONE_BY_ONE if command == 'mv' else ''}"
                f'read -r n <"{self._counter}"\n'
                "n=$((n + 1))\n"
                f'echo "$n" >"{self._counter}"\n'
                f'read -r at <"{self._at}"\n'
                f'[ "$n" -lt "$at" ] || . "{self._deed}"\n'
                f'exec "{real}" "$@"\n'
            )
            wrapper.chmod(0o755)
        self.disarm()

    def arm(self, at: int, deed: str, *, only_then: bool = True) -> None:
        """Do a deed at the n-th command, or from then on."""
        condition = f'[ "$n" -ne {at} ] || ' if only_then else ""
        self._counter.write_text("0\n")
        self._at.write_text(f"{at}\n")
        self._deed.write_text(f"{condition}{{ {deed}; }}\n")

    def disarm(self) -> None:
        """Do nothing from now on."""
        self.arm(10**6, ":")

    def count(self) -> int:
        """Return how many commands have come by since it was last armed."""
        return int(self._counter.read_text())


@pytest.fixture
def sabotaged(made: Made, tmp_path: Path) -> tuple[Firewall, Saboteur]:
    """Give a firewall with a saboteur between the installer and its tools."""
    firewall = make_firewall(made, tmp_path)
    saboteur = Saboteur(tmp_path)
    firewall.environment["PATH"] = f"{saboteur.path}:{os.environ['PATH']}"
    return firewall, saboteur


def _restore(firewall: Firewall, pristine: Path) -> None:
    """Put the device tree back to what it was."""
    shutil.rmtree(firewall.root)
    subprocess.run(["cp", "-a", str(pristine), str(firewall.root)], check=True)


def _copy(firewall: Firewall, name: str) -> Path:
    copy = firewall.root.parent / name
    subprocess.run(["cp", "-a", str(firewall.root), str(copy)], check=True)
    return copy


def _moments(commands: int) -> range:
    """Return at which of so many commands to do something: each in a long run, else a fourth."""
    # Four commands follow one another that end a run with 6.
    assert commands > 10
    return range(1 if IS_LONG else commands % 4 + 1, commands + 1, 1 if IS_LONG else 4)


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("verb", "mended_by"),
    [
        ("install", "recover"),
        ("install", "install"),
        ("activate", "recover"),
        ("rollback", "recover"),
        ("rollback", "install"),
    ],
)
def test_killed_at_any_command_the_next_run_mends_it(
    sabotaged: tuple[Firewall, Saboteur], verb: str, mended_by: str
) -> None:
    firewall, saboteur = sabotaged
    options = firewall.options("--no-restart")
    if verb == "activate":
        assert firewall.install("--stage-only").returncode == 0
    if verb == "rollback":
        assert firewall.run("install", *options).returncode == 0
    pristine = _copy(firewall, "pristine")
    saboteur.disarm()
    assert firewall.run(verb, *options).returncode == 0
    commands = saboteur.count()
    ends = set()
    for at in _moments(commands):
        _restore(firewall, pristine)
        saboteur.arm(at, KILL)
        assert firewall.run(verb, *options).returncode == -9
        saboteur.disarm()
        if mended_by == "recover":
            _assert_told_and_untouched(firewall)
        mended = firewall.run(mended_by, *options)
        assert mended.returncode == 0, mended.stderr
        ends.add(firewall.which_trio())
        firewall.assert_nothing_left()
    assert ends == ({"new"} if mended_by == "install" else {"old", "new"})


def _assert_told_and_untouched(firewall: Firewall) -> None:
    """State that check and status say what was interrupted, and write nothing."""
    before = snapshot(firewall.root)
    for verb in ("status", "check"):
        done = firewall.run(verb, *firewall.options())
        assert done.returncode == 0, done.stderr
        assert ("recover" in done.stderr) == (firewall.state / "journal").exists(), done.stderr
    assert snapshot(firewall.root) == before, "check or status wrote something"


@pytest.mark.sampled
@pytest.mark.parametrize("verb", ["install", "rollback"])
def test_killed_again_while_being_mended_it_is_mended_all_the_same(
    sabotaged: tuple[Firewall, Saboteur], verb: str
) -> None:
    firewall, saboteur = sabotaged
    options = firewall.options("--no-restart")
    if verb == "rollback":
        assert firewall.run("install", *options).returncode == 0
    saboteur.arm(1, _at_second_rename(KILL), only_then=False)
    assert firewall.run(verb, *options).returncode == -9
    with pytest.raises(AssertionError, match="a mix"):
        firewall.which_trio()
    half_way = _copy(firewall, "half-way")
    saboteur.disarm()
    assert firewall.run("recover", *options).returncode == 0
    commands = saboteur.count()
    for at in _moments(commands):
        _restore(firewall, half_way)
        saboteur.arm(at, KILL)
        assert firewall.run("recover", *options).returncode == -9
        saboteur.disarm()
        assert firewall.run("recover", *options).returncode == 0
        assert firewall.which_trio() == ("old" if verb == "install" else "new")
        firewall.assert_nothing_left()


def _at_second_rename(deed: str) -> str:
    """Return a deed that waits for the second file of a trio to be renamed."""
    return f'case "$0 $*" in *"/mv -f"*sftunnel-cert.pem) {deed} ;; esac'


@pytest.mark.sampled
@pytest.mark.parametrize("verb", ["install", "activate", "rollback"])
def test_failing_at_any_command_nothing_is_half_done(
    sabotaged: tuple[Firewall, Saboteur], verb: str
) -> None:
    firewall, saboteur = sabotaged
    options = firewall.options("--no-restart")
    if verb != "install":
        first = ["--stage-only"] if verb == "activate" else []
        assert firewall.run("install", *options, *first).returncode == 0
    start = firewall.which_trio()
    pristine = _copy(firewall, "pristine")
    saboteur.disarm()
    assert firewall.run(verb, *options).returncode == 0
    commands = saboteur.count()
    codes = set()
    for at in _moments(commands):
        _restore(firewall, pristine)
        saboteur.arm(at, FAIL)
        done = firewall.run(verb, *options)
        codes.add(done.returncode)
        assert done.returncode in (0, 5, 6), (at, done.stdout, done.stderr)
        if done.returncode:
            assert firewall.which_trio() == start
            assert "No space left on device" in done.stderr, done.stderr
            if verb == "install" and not firewall.backups():
                assert not list(firewall.state.glob("*")), "something is left"
        else:
            assert firewall.which_trio() != start
        saboteur.disarm()
        assert firewall.run("recover", *options).returncode == 0
        firewall.assert_nothing_left()
    assert codes == {0, 5, 6}


def test_when_even_putting_back_fails_it_says_so_and_recover_mends_it(
    sabotaged: tuple[Firewall, Saboteur],
) -> None:
    firewall, saboteur = sabotaged
    options = firewall.options("--no-restart")
    deed = (
        'case "$0 $*" in *"/mv -f"*.pem) ;; *) false ;; esac && {'
        ' case $* in *sftunnel-key.pem) : >"$0.broken" ;; esac;'
        f' [ ! -e "$0.broken" ] || {{ {FAIL}; }}; }}'
    )
    saboteur.arm(1, deed, only_then=False)
    done = firewall.run("install", *options)
    assert done.returncode == 7
    assert "THE TRIO MAY BE A MIX" in done.stderr
    assert "rollback.sh" in done.stderr
    assert "No space left on device" in done.stderr
    with pytest.raises(AssertionError, match="a mix"):
        firewall.which_trio()
    saboteur.disarm()
    (backup,) = firewall.backups()
    script = firewall.state / "backups" / backup / "rollback.sh"
    mended = firewall.run("recover", "--root", str(firewall.root), script=script)
    assert mended.returncode == 0, mended.stderr
    firewall.assert_trio(firewall.old_trio)


def test_a_journal_that_cannot_be_taken_back_keeps_the_backup_that_it_names(
    sabotaged: tuple[Firewall, Saboteur],
) -> None:
    firewall, saboteur = sabotaged
    # The journal takes its name; then it can be neither flushed nor removed.
    deed = (
        f'[ ! -e "{saboteur.path}/broken" ] || '
        f'case "$0 $*" in */sync\\ *|*/rm\\ *journal) {FAIL} ;; esac; '
        f'case "$0 $*" in */mv\\ *journal) : >"{saboteur.path}/broken" ;; esac'
    )
    saboteur.arm(1, deed, only_then=False)
    done = firewall.run("install", *firewall.options("--no-restart"))
    assert done.returncode == 7, (done.stdout, done.stderr)
    assert firewall.which_trio() == "old"
    assert len(firewall.backups()) == 1
    saboteur.disarm()
    mended = firewall.run("recover", "--root", str(firewall.root))
    assert mended.returncode == 0, mended.stderr
    firewall.assert_trio(firewall.old_trio)


@pytest.mark.parametrize(("signal", "code"), [("HUP", 129), ("INT", 130), ("TERM", 143)])
def test_a_signal_before_the_commit_changes_nothing(
    sabotaged: tuple[Firewall, Saboteur], signal: str, code: int
) -> None:
    firewall, saboteur = sabotaged
    deed = f'case "$0 $*" in */cp*/.sftunnel-bundler) kill -{signal} 0 ;; esac'
    saboteur.arm(1, deed, only_then=False)
    done = firewall.install("--no-restart")
    assert done.returncode == code
    firewall.assert_trio(firewall.old_trio)
    assert not firewall.state.exists()


@pytest.mark.parametrize("signal", ["HUP", "INT", "TERM"])
def test_a_signal_within_the_commit_waits_for_its_end(
    sabotaged: tuple[Firewall, Saboteur], signal: str
) -> None:
    firewall, saboteur = sabotaged
    saboteur.arm(1, _at_second_rename(f"kill -{signal} 0"), only_then=False)
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_a_journal_that_says_restart_does_not_outlive_the_commit_that_failed(
    sabotaged: tuple[Firewall, Saboteur],
) -> None:
    """The disk fails just behind the commit point, and the power just behind the disk."""
    firewall, saboteur = sabotaged
    journal = firewall.state / "journal"
    deed = (
        f'case "$0 $*" in'
        f' */sync*sftunnel-bundler) if grep -q phase=restart "{journal}"; then {FAIL}; fi ;;'
        ' "$0 -f "*/.sftunnel-bundler/sftunnel-cert.pem*)'
        f' [ ! -e "$0.once" ] || {KILL}; : >"$0.once" ;; esac'
    )
    saboteur.arm(1, deed, only_then=False)
    assert firewall.install("--no-restart").returncode == -9
    with pytest.raises(AssertionError, match="a mix"):
        firewall.which_trio()
    saboteur.disarm()
    assert firewall.run("recover", *firewall.options()).returncode == 0
    firewall.assert_trio(firewall.old_trio)


def test_nobody_reading_what_it_says_stops_nothing(firewall: Firewall) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    command = [*AS_ROOT, "sh", str(firewall.bundle / "install.sh"), *firewall.options()]
    done = subprocess.run(command, stdout=writer, stderr=writer, check=False)
    os.close(writer)
    assert done.returncode == 0
    firewall.assert_trio(firewall.new_trio)


def test_a_run_beside_another_is_refused_and_a_dead_ones_lock_is_not(firewall: Firewall) -> None:
    firewall.state.mkdir(mode=0o700)
    lock = firewall.state / "lock"
    stat = Path(f"/proc/{os.getpid()}/stat").read_text()
    started = stat.rpartition(") ")[2].split()[19]
    lock.symlink_to(f"{os.getpid()}:{started}")
    done = firewall.install()
    assert done.returncode == 5
    assert f"another run is at work on this device: process '{os.getpid()}'" in done.stderr
    assert lock.is_symlink()
    lock.unlink()
    lock.symlink_to(f"{os.getpid()}:{int(started) + 1}")
    done = firewall.install()
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)


@pytest.mark.parametrize("options", ["-a", "-C", "-f", "-aCfx"])
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox ash"])
def test_options_of_the_callers_shell_change_nothing(
    firewall: Firewall, shell: str, options: str
) -> None:
    firewall.shell = [*shell.split(), options]
    assert firewall.install("--no-restart").returncode == 0
    firewall.assert_trio(firewall.new_trio)
    assert firewall.rollback("--no-restart").returncode == 0
    firewall.assert_trio(firewall.old_trio)


def test_a_state_directory_that_others_can_read_is_closed(firewall: Firewall) -> None:
    firewall.state.mkdir(mode=0o755)
    firewall.state.chmod(0o755)
    assert firewall.install("--no-restart").returncode == 0
    assert firewall.state.stat().st_mode & 0o777 == 0o700


def test_a_bug_behind_the_commit_does_not_say_that_nothing_has_changed(firewall: Firewall) -> None:
    script = firewall.bundle / "install.sh"
    text = script.read_text()
    assert text.count("\tresult=0\n") == 1
    script.write_text(text.replace("\tresult=0\n", "\tfalse\n"))
    sign_anew(firewall)
    done = firewall.install("--no-restart")
    assert done.returncode == 8, done.stderr
    assert "error: the installer failed unexpectedly" in done.stderr
    assert firewall.which_trio() == "new"
