"""How a release is put together, as far as nothing is compiled: packing, checksums, signature."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import VERIFY_WITH_OPENSSL, Made, need

PACKAGING = Path(__file__).resolve().parents[2] / "packaging"
SHOW = """\
#!/bin/sh
echo "$@"
sleep 0.3
[ -p /proc/$$/fd/9 ] && [ -f "$0" ] || echo "the watch has removed this program" >&2
"""
"""What stands for a program."""
SHELLS = [
    [],
    *(["sh"], ["dash"], ["bash", "--posix"], ["busybox", "ash"], ["ksh"], ["mksh"]),
]
ENVIRONMENT = {**os.environ, "SOURCE_DATE_EPOCH": "1700000000", "GLIBC": "2.17"}


def script(name: str, *words: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a script of the freezing chain."""
    return subprocess.run(
        [sys.executable, PACKAGING / name, *words],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )


def write_tree(place: Path, time_s: int) -> Path:
    """Write what stands for a frozen program; it shows its arguments and its launcher's pipe."""
    tree = place / "sftunnel-bundler"
    (tree / "inner").mkdir(parents=True)
    for name in ("sftunnel-bundler", "probe"):
        (tree / name).write_text(SHOW if name != "probe" else "#!/bin/sh\n")
        (tree / name).chmod(0o755)
    (tree / "inner/data").write_bytes(b"data")
    for path in (tree, *tree.rglob("*")):
        os.utime(path, (time_s, time_s))
    return tree


def test_the_same_tree_gives_the_same_bytes(tmp_path: Path) -> None:
    packed = []
    for number in (1, 2):
        tree = write_tree(tmp_path / str(number), number * 1_000_000)
        out = tmp_path / f"packed-{number}"
        done = script("pack.py", PACKAGING / "launcher.sh", tree, out)
        assert done.returncode == 0, done.stderr
        packed.append(out.read_bytes())
    assert packed[0] == packed[1]


@pytest.mark.parametrize("shell", SHELLS, ids=lambda shell: " ".join(shell) or "executed")
def test_what_is_packed_runs_with_its_arguments(shell: list[str], tmp_path: Path) -> None:
    need("Linux on x86-64", os.uname().sysname + os.uname().machine == "Linuxx86_64")
    need(shell[0] if shell else "sh", shutil.which(shell[0] if shell else "sh"))
    out = tmp_path / "sftunnel-bundler"
    tree = write_tree(tmp_path / "tree", 1_000_000)
    assert script("pack.py", PACKAGING / "launcher.sh", tree, out).returncode == 0
    done = subprocess.run(
        [*shell, out, "one", "two  three"],
        env={**os.environ, "GZIP": "--fast", "TAR_OPTIONS": "--exclude=inner"},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "one two  three\n", "")


def test_a_place_that_cannot_be_looked_at_is_not_taken_for_safe(tmp_path: Path) -> None:
    out = tmp_path / "sftunnel-bundler"
    tree = write_tree(tmp_path / "tree", 1_000_000)
    assert script("pack.py", PACKAGING / "launcher.sh", tree, out).returncode == 0
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/find").write_text("#!/bin/sh\nexit 1\n")
    (tmp_path / "bin/find").chmod(0o755)
    path = f"{tmp_path / 'bin'}:{os.environ['PATH']}"
    done = subprocess.run(
        ["sh", out], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr.startswith("error: no directory was found to unpack this program in\n")


def test_without_a_key_it_says_that_nothing_is_signed(tmp_path: Path) -> None:
    (tmp_path / "b").write_bytes(b"second")
    (tmp_path / "a").write_bytes(b"first")
    done = script("sums.py", tmp_path)
    assert done.returncode == 0
    assert "dist/SHA256SUMS is not signed" in done.stderr
    assert not (tmp_path / "SHA256SUMS.sig").exists()
    subprocess.run(["sha256sum", "--strict", "-c", "SHA256SUMS"], cwd=tmp_path, check=True)


def test_a_signer_signs_the_checksums_as_those_of_a_kit(made: Made, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"first")
    done = script("sums.py", tmp_path, made.signing_key)
    assert done.returncode == 0, done.stderr
    assert made.report.signer in done.stderr
    subprocess.run(VERIFY_WITH_OPENSSL, cwd=tmp_path, check=True)


def test_a_key_that_is_none_is_told(tmp_path: Path) -> None:
    key = tmp_path / "key.pem"
    key.write_text("no key")
    key.chmod(0o600)
    done = script("sums.py", tmp_path, key)
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("error: ")


def test_a_ctrl_c_before_the_installer_has_started_is_silent() -> None:
    hook = (PACKAGING / "interrupt_hook.py").read_text()
    code = f"{hook}\nimport os; os.kill(os.getpid(), signal.SIGINT)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (-signal.SIGINT, b"")
