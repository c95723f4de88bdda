"""The executables where appliances are awkward: old, full, locked, and without what is usual."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from executables import (
    COMMANDS,
    PLACES,
    Done,
    carried,
    executable,
    mounted,
    run,
    unpacked,
)
from rehearsal import Firewall, Made, need
from sftunnel_builder import __version__
from toolsets import TREES

pytestmark = pytest.mark.slow

KERNEL_3_10 = Path(__file__).resolve().parents[1] / "bin/kernel-3.10.c"
WIDE = "size=64m,mode=1777"
BULLSEYE = TREES / "bullseye"


def says_its_version(done: Done) -> bool:
    """Tell whether a run with --version came out well, and quietly."""
    return (done.returncode, done.stderr) == (0, "") and __version__ in done.stdout.split()


def refusal(done: Done, code: int) -> tuple[str, str]:
    """Return error and hint of a run that was refused with this exit code."""
    assert done.returncode == code, done
    assert done.stdout == ""
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    return error, hint


@pytest.fixture(scope="module")
def on_3_10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile what makes the kernel look like Linux 3.10."""
    need("a C compiler", shutil.which("cc"))
    program = tmp_path_factory.mktemp("kernel") / "kernel-3.10"
    subprocess.run(["cc", "-o", program, KERNEL_3_10], check=True)
    return program


@pytest.mark.parametrize("command", COMMANDS)
def test_it_runs_with_an_empty_environment(command: str) -> None:
    # No HOME, TERM, LANG, PATH, TMPDIR.
    assert says_its_version(run(carried(command), "--version", environment={}))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("shell", ["dash", "bash", "busybox"])
def test_every_shell_starts_it_also_where_it_may_not_be_executed(
    command: str, shell: str, tmp_path: Path
) -> None:
    need(shell, shutil.which(shell))
    stick = f"mount --bind {tmp_path} {tmp_path} && mount -o remount,bind,ro,noexec {tmp_path}"
    shutil.copy(executable(command), tmp_path)
    words = [shell, "sh"] if shell == "busybox" else [shell]
    assert says_its_version(run(*words, tmp_path / command, "--version", setup=stick))


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "options",
    [
        pytest.param("noexec,mode=1777", id="does not allow execution"),
        pytest.param("size=2m,mode=1777", id="is full"),
        pytest.param("ro", id="is read-only"),
        pytest.param("mode=0777", id="lets others rename what is in it"),
    ],
)
def test_it_goes_elsewhere_when_tmp(command: str, options: str) -> None:
    # The file system is this run's own; what is left on it is printed.
    script = '"$0" --version && sleep 0.5 && ls -A /tmp'
    done = run("sh", "-c", script, carried(command), setup=mounted(PLACES[0], options))
    assert says_its_version(done)
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_where_nothing_allows_execution_it_says_what_to_set(command: str) -> None:
    setup = " && ".join(mounted(place, "noexec,mode=1777") for place in PLACES)
    done = run(carried(command), "--version", setup=setup, environment={"HOME": "/tmp"})  # noqa: S108
    error, hint = refusal(done, 5)
    assert error == "error: no directory was found to unpack this program in"
    assert hint.startswith("hint: set TMPDIR to one that allows execution")


@pytest.mark.parametrize("command", COMMANDS)
def test_what_the_hint_says_to_set_helps(command: str) -> None:
    setup = " && ".join(
        [*(mounted(place, "noexec,mode=1777") for place in PLACES), mounted("/mnt", WIDE)]
    )
    environment = {"HOME": "/tmp", "TMPDIR": "/mnt"}  # noqa: S108
    assert says_its_version(
        run(carried(command), "--version", setup=setup, environment=environment)
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_another_machine_is_told_what_to_do_instead(command: str, tmp_path: Path) -> None:
    (tmp_path / "uname").write_text("#!/bin/sh\necho Linux aarch64\n")
    (tmp_path / "uname").chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    error, hint = refusal(run(carried(command), "--version", environment=environment), 5)
    assert error == 'error: this executable is for "Linux x86_64", and this is "Linux aarch64"'
    assert ("sh install.sh" in hint) == (command == "sftunnel-installer")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_libc_that_is_too_old_is_told(command: str) -> None:
    busybox = shutil.which("busybox")
    need("busybox (static)", busybox)
    # No dynamic loader, as where the C library is another: only static programs run.
    script = (
        f"{mounted('/mnt', WIDE)} && busybox --install -s /mnt &&"
        f"mount --bind {busybox} $(readlink -f /bin/sh) &&"
        "/mnt/mount --bind /dev/null /lib64/ld-linux-x86-64.so.2 &&"
        'PATH=/mnt exec busybox sh "$0" --version'
    )
    done = run("busybox", "sh", "-c", script, carried(command))
    error, hint = refusal(done, 5)
    assert error == "error: this executable needs the GNU C library 2.17 or newer, for 64 bits"
    assert ("sh install.sh" in hint) == (command == "sftunnel-installer")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda data: data[:-1], id="its last byte is missing"),
        pytest.param(lambda data: data[:5000000], id="it is cut in the middle"),
        pytest.param(lambda data: data + b"\n", id="something was added"),
        pytest.param(
            lambda data: data[:5000000] + bytes([data[5000000] ^ 1]) + data[5000001:],
            id="a bit is flipped",
        ),
    ],
)
def test_a_damaged_file_is_told(command: str, damage, tmp_path: Path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / command
    path.write_bytes(damage(executable(command).read_bytes()))
    error, hint = refusal(run("sh", path, "--version"), 4)
    assert error.startswith(f'error: "{path}" is ')
    assert hint == "hint: copy it again, and compare it with SHA256SUMS"


@pytest.mark.parametrize("command", COMMANDS)
def test_it_needs_no_newer_kernel_than_3_10(command: str, on_3_10: Path) -> None:
    assert says_its_version(run(on_3_10, carried(command), "--version"))


def in_bullseye(work: Path, *words: str, before: Sequence[str] = ()) -> Done:
    """Run one of the executables in a bullseye system without openssl, with a directory as /mnt."""
    need("the bullseye tree (.ci/debian-tree, SFTUNNEL_TEST_TREES)", BULLSEYE.is_dir())
    binds = [
        f"mount --bind {work} {BULLSEYE}/mnt",
        f"mount --rbind /proc {BULLSEYE}/proc",
        mounted(f"{BULLSEYE}{PLACES[0]}", WIDE),
        f"mount --bind /dev/null {BULLSEYE}/usr/bin/openssl",
    ]
    command = [*before, "/usr/sbin/chroot", str(BULLSEYE), *words]
    return run(*command, setup=" && ".join(binds), environment={})


@pytest.mark.parametrize("kernel", ["its own", "3.10"])
def test_a_whole_build_in_bullseye(kernel: str, on_3_10: Path, made: Made, tmp_path: Path) -> None:
    shutil.copy(executable("sftunnel-bundler"), tmp_path)
    subprocess.run(["cp", "-a", made.fmc.root, tmp_path / "fmc"], check=True)
    before = [str(on_3_10)] if kernel == "3.10" else []
    options = ["--fmc-tree", "/mnt/fmc", "--out", "/mnt/kit", "--signing-key", "/mnt/key.pem"]
    for words in (
        ["--version"],
        ["keygen", "--out", "/mnt/key.pem", "--no-passphrase"],
        ["build", *options, "--jobs", "2"],
        [
            "verify",
            *(f"/mnt/kit/{made.bundle(device).relative_to(made.kit)}" for device in made.devices),
        ],
    ):
        done = in_bullseye(tmp_path, "/mnt/sftunnel-bundler", *words, before=before)
        assert done.returncode == 0, done
        assert done.stderr == "" or "Traceback" not in done.stderr
    assert len(list((tmp_path / "kit/bundles").glob("*.tar.gz"))) == len(made.devices)


@pytest.mark.parametrize("kernel", ["its own", "3.10"])
def test_a_whole_install_in_bullseye_and_back(
    kernel: str, on_3_10: Path, made: Made, firewall: Firewall, tmp_path: Path
) -> None:
    shutil.copy(executable("sftunnel-installer"), tmp_path)
    shutil.copytree(made.kit, tmp_path / "kit")
    before = [str(on_3_10)] if kernel == "3.10" else []
    root = f"/mnt/{firewall.root.relative_to(tmp_path)}"
    passphrase_file = f"/mnt/{firewall.passphrase_file.relative_to(tmp_path)}"

    def do(*words: str) -> str:
        options = ["--root", root, "--yes", "--no-restart"]
        done = in_bullseye(tmp_path, "/mnt/sftunnel-installer", *words, *options, before=before)
        assert done.returncode == 0, done
        return done.stdout

    signed = ["--signer", firewall.signer, "--passphrase-file", passphrase_file]
    assert "ready to install" in do("check", "/mnt/kit", *signed)
    assert firewall.device.trio(firewall.fmc_uuid) == firewall.old_trio
    told = do("install", "/mnt/kit", *signed)
    assert "confirmation code: " in told
    assert firewall.device.trio(firewall.fmc_uuid) == firewall.new_trio
    do("rollback")
    assert firewall.device.trio(firewall.fmc_uuid) == firewall.old_trio


def test_programs_that_it_starts_get_library_path_and_umask_of_the_caller(
    made: Made, tmp_path: Path
) -> None:
    seen = tmp_path / "seen"
    signer = tmp_path / "sign"
    signer.write_text(
        f'#!/bin/sh\necho "${{LD_LIBRARY_PATH-unset}} $(umask)" >{seen}\n'
        f'exec openssl dgst -sha256 -sign "{made.signing_key}"\n'
    )
    signer.chmod(0o755)
    public = tmp_path / "signer.pem"
    public.write_bytes((made.kit / "signer.pem").read_bytes())
    for value, expected in (("/ngfw/usr/lib", "/ngfw/usr/lib"), (None, "unset")):
        environment = {"PATH": os.environ["PATH"]} | ({"LD_LIBRARY_PATH": value} if value else {})
        done = run(
            *("sh", "-c", 'umask 027; exec "$@"', "sh"),
            *(carried("sftunnel-bundler"), "build", "--fmc-tree", made.fmc.root),
            *("--signing-key", public, "--sign-command", signer),
            *("--out", tmp_path / f"kit-{expected.count('/')}"),
            environment=environment,
        )
        assert done.returncode == 0, done
        assert seen.read_text().split() == [expected, "0027"]


def test_the_demo_says_that_it_is_not_in_it() -> None:
    error, _ = refusal(run(carried("sftunnel-bundler"), "demo"), 5)
    assert error == "error: the demo is not in this executable"


def started(place: Path, pipe: Path) -> subprocess.Popen[bytes]:
    """Start the builder reading a log that never comes; return when its launcher has become it."""
    os.mkfifo(pipe)
    place.mkdir()
    process = subprocess.Popen(
        [executable("sftunnel-bundler"), "diagnose", pipe],
        env={**os.environ, "TMPDIR": str(place)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    until = time.monotonic() + 60
    while not Path(f"/proc/{process.pid}/exe").resolve().is_relative_to(place):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    return process


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL])
def test_it_leaves_nothing_behind_when_it_is_ended_by(
    number: signal.Signals, tmp_path: Path
) -> None:
    place = tmp_path / "place"
    process = started(place, tmp_path / "log")
    time.sleep(1)
    assert list(place.glob("sftunnel-bundler.*"))
    process.send_signal(number)
    process.communicate(timeout=30)
    assert process.returncode in {-number, 128 + number}
    assert unpacked("sftunnel-bundler", place) == []


@pytest.mark.parametrize(
    ("command", "words", "ends"),
    [
        pytest.param("sftunnel-bundler", ["diagnose", "/dev/zero"], set(), id="builder"),
        # It may have refused by then.
        pytest.param("sftunnel-installer", ["check", "/nowhere"], {5}, id="installer"),
    ],
)
def test_a_ctrl_c_is_heeded_at_any_moment_of_its_start(
    command: str, words: list[str], ends: set[int], tmp_path: Path
) -> None:
    for twentieth in range(1, 14):
        process = subprocess.Popen(
            [executable(command), *words],
            env={**os.environ, "TMPDIR": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        time.sleep(twentieth / 20)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
        # For some milliseconds the interpreter heeds it but has no program yet that could say so.
        is_starting = "Failed to start embedded python interpreter" in said
        if not (is_starting and process.returncode == 1 and "KeyboardInterrupt" in said):
            assert process.returncode in {-signal.SIGINT, 130, *ends}, said
            assert "Traceback" not in said
    assert unpacked(command, tmp_path) == []


def test_what_is_left_when_its_watch_is_killed_too_goes_at_the_next_start(tmp_path: Path) -> None:
    place = tmp_path / "place"
    process = started(place, tmp_path / "log")
    (kept,) = place.glob("sftunnel-bundler.*")
    strangers = [
        place / name
        for name in (
            "sftunnel-bundler.old",
            "sftunnel-bundler.99999999.backups1",
            f"sftunnel-other.{process.pid}.x",
        )
    ]
    for stranger in strangers:
        stranger.mkdir()
    environment = {**os.environ, "TMPDIR": str(place)}
    assert says_its_version(run(carried("sftunnel-bundler"), "--version", environment=environment))
    assert kept.is_dir()
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    assert kept.is_dir()
    assert says_its_version(run(carried("sftunnel-bundler"), "--version", environment=environment))
    assert not kept.exists()
    assert all(stranger.is_dir() for stranger in strangers)


def test_nobody_else_can_get_at_what_it_runs(tmp_path: Path) -> None:
    place = tmp_path / "place"
    process = started(place, tmp_path / "log")
    (directory,) = place.glob("sftunnel-bundler.*")
    try:
        for path in (directory, *directory.rglob("*")):
            assert path.stat().st_mode & 0o077 == 0, path
            assert path.stat().st_uid == os.getuid()
    finally:
        process.kill()
        process.communicate()
