"""The script that makes a snapshot, run by every shell, and what a build makes of it."""

from __future__ import annotations

import json
import os
import shutil
import socket
import stat
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, Made, need
from sftunnel_builder.collect import render_collect_script
from sftunnel_builder.snapshot import open_snapshot

SHELLS = [
    pytest.param(shell.split(), id=shell)
    for shell in ("dash", "bash", "bash --posix", "mksh", "yash -o posix", "busybox ash")
]


@pytest.fixture
def fmc(made: Made, tmp_path: Path) -> Path:
    """Give a copy of an FMC tree to change."""
    root = tmp_path / "fmc"
    subprocess.run(["cp", "-a", str(made.fmc.root), str(root)], check=True)
    return root


def _run(
    fmc: Path, *words: str, shell: Sequence[str] = ("sh",), place: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run the script as `sh -s` does, from the directory place."""
    return subprocess.run(
        [*AS_ROOT, *shell, "-s", "--", "--root", str(fmc), *words],
        input=render_collect_script().encode(),
        cwd=place or fmc.parent,
        capture_output=True,
        check=False,
    )


def _files(root: Path) -> dict[str, bytes]:
    """Return what a snapshot of a tree must hold."""
    wanted = ["etc/sf/ca_root/cacert.pem", "etc/sf/ims.conf", "etc/sf/sftunnel.conf"]
    wanted += ["etc/sf/keys/sftunnel-cert.pem", "var/log/sf/sfca_generation.log"]
    found = {f"/{name}": (root / name).read_bytes() for name in wanted}
    for pattern in ("var/tmp/certs/*/FAILED_PUSH", "var/sf/peers/*/certs_pushed/sftunnel-*.pem"):
        for path in root.glob(pattern):
            found[f"/{path.relative_to(root)}"] = path.read_bytes()
    return found


@pytest.mark.parametrize("shell", SHELLS)
def test_a_snapshot_holds_what_a_build_needs_and_nothing_else(
    fmc: Path, tmp_path: Path, shell: list[str]
) -> None:
    need(shell[0], shutil.which(shell[0]))
    done = _run(fmc, "fmc.tar.gz", shell=shell, place=tmp_path)
    assert (done.returncode, done.stdout) == (0, b""), done.stderr
    path = tmp_path / "fmc.tar.gz"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    tree = open_snapshot(path)
    assert tree.contents == _files(fmc)
    assert len(tree.contents) == 5 + 1 + 2 * 2
    assert done.stderr.decode() == f"snapshot of 2 devices\nSHA-256 {tree.sha256}\n"
    # The directory says that there was a run, also when every push succeeded.
    runs = fmc / "var/tmp/certs"
    assert tree.names(f"/{runs.relative_to(fmc)}") == [path.name for path in runs.iterdir()]


@pytest.mark.parametrize("shell", SHELLS)
def test_standard_output_may_be_a_pipe_or_a_socket(
    fmc: Path, tmp_path: Path, shell: list[str]
) -> None:
    need(shell[0], shutil.which(shell[0]))
    script = tmp_path / "collect.sh"
    script.write_text(render_collect_script())
    ours, theirs = socket.socketpair()
    # What sshd gives a command is a socket.
    with subprocess.Popen(
        [*AS_ROOT, *shell, str(script), "--root", str(fmc)],
        stdout=theirs,
        stderr=subprocess.PIPE,
    ) as process:
        theirs.close()
        data = b""
        while chunk := ours.recv(65536):
            data += chunk
        errors = process.communicate()[1]
    ours.close()
    assert process.returncode == 0, errors
    piped = _run(fmc, shell=shell)
    assert (piped.returncode, piped.stdout, piped.stderr) == (0, data, errors)
    path = tmp_path / "fmc.tar.gz"
    path.write_bytes(data)
    assert f"SHA-256 {open_snapshot(path).sha256}\n".encode() in errors


def test_a_kit_is_built_from_it(fmc: Path, made: Made, tmp_path: Path) -> None:
    done = _run(fmc, "fmc.tar.gz", place=tmp_path)
    assert done.returncode == 0, done.stderr
    kits = []
    for tree in (str(fmc), "fmc.tar.gz"):
        built = subprocess.run(
            [
                *(sys.executable, "-m", "sftunnel_builder", "build", "--fmc-tree", tree),
                *("--signing-key", str(made.signing_key), "--plain-keys", "--json"),
                *("--out", f"kit{len(kits)}"),
            ],
            cwd=tmp_path,
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join(sys.path),
                "SOURCE_DATE_EPOCH": str(int(made.report.created.timestamp())),
            },
            capture_output=True,
            check=True,
        )
        said = json.loads(built.stdout)
        assert len(said["built"]) == 2
        kits.append([device["sha256"] for device in said["built"]])
        names = {path.name for path in tmp_path.iterdir()}
        assert names <= {"fmc", "fmc.tar.gz", "kit0", "kit1"}, "something was unpacked"
    assert kits[0] == kits[1]
    digest = open_snapshot(tmp_path / "fmc.tar.gz").sha256
    assert said["notes"] == [
        f"snapshot 'fmc.tar.gz' has the SHA-256 {digest}: is it what was collected?"
    ]


def test_names_that_are_no_uuids_are_passed_over(fmc: Path, tmp_path: Path) -> None:
    wanted = _files(fmc)
    for name in ("$(touch PWNED)", "a b", "-rf", "x\ny"):
        pushed = fmc / "var/sf/peers" / name / "certs_pushed"
        pushed.mkdir(parents=True)
        (pushed / "sftunnel-cert.pem").write_text("x")
        (fmc / "var/tmp/certs" / name).mkdir()
        (fmc / "var/tmp/certs" / name / "FAILED_PUSH").write_text("x")
    assert _run(fmc, "fmc.tar.gz", place=tmp_path).returncode == 0
    assert open_snapshot(tmp_path / "fmc.tar.gz").contents == wanted
    assert not list(tmp_path.rglob("PWNED"))


def test_a_link_is_packed_as_the_file_that_it_leads_to(fmc: Path, tmp_path: Path) -> None:
    wanted = _files(fmc)
    (fmc / "var/sf").rename(fmc / "var/elsewhere")
    (fmc / "var/sf").symlink_to("elsewhere")
    assert _run(fmc, "fmc.tar.gz", place=tmp_path).returncode == 0
    assert open_snapshot(tmp_path / "fmc.tar.gz").contents == wanted


def _without_ca(fmc: Path) -> None:
    (fmc / "etc/sf/ca_root/cacert.pem").unlink()


def _existing(fmc: Path) -> None:
    (fmc.parent / "fmc.tar.gz").write_text("mine")


def _linked(fmc: Path) -> None:
    (fmc.parent / "fmc.tar.gz").symlink_to(fmc / "etc/sf/ims.conf")


@pytest.mark.parametrize(
    ("before", "words", "code", "message"),
    [
        (_without_ca, ["x.tar.gz"], 5, "there is no '/etc/sf/ca_root/cacert.pem'"),
        (_existing, ["fmc.tar.gz"], 5, "it exists, or nothing can be written there"),
        (_linked, ["fmc.tar.gz"], 5, "it exists, or nothing can be written there"),
        (_existing, ["none/x.tar.gz"], 5, "it exists, or nothing can be written there"),
        (_existing, ["--frobnicate"], 2, "unknown option '--frobnicate'"),
        (_existing, ["a", "b"], 2, "two files: 'a' and 'b'"),
        (_existing, ["--root"], 2, "--root needs a value"),
        (_existing, ["--root", "none"], 2, "'none' is not a directory"),
    ],
    ids=[
        "not an FMC",
        "a file of that name",
        "a link of that name",
        "no such directory",
        "an unknown option",
        "two files",
        "a missing value",
        "no such root",
    ],
)
def test_it_refuses_in_two_lines_and_leaves_nothing(
    fmc: Path, before: object, words: list[str], code: int, message: str
) -> None:
    assert callable(before)
    before(fmc)
    kept = {path: path.lstat().st_mtime_ns for path in fmc.parent.rglob("*")}
    done = _run(fmc, *words)
    errors = done.stderr.decode()
    assert (done.returncode, done.stdout) == (code, b""), errors
    assert message in errors
    assert [line.split(":")[0] for line in errors.splitlines()] == ["error", "hint"]
    assert {path: path.lstat().st_mtime_ns for path in fmc.parent.rglob("*")} == kept


@pytest.mark.parametrize("word", ["-h", "--help"])
def test_it_says_how_it_is_used_and_does_no_more(fmc: Path, word: str) -> None:
    kept = sorted(fmc.parent.rglob("*"))
    done = _run(fmc, "x.tar.gz", word)
    assert (done.returncode, done.stderr) == (0, b"")
    told = done.stdout.decode()
    assert told.startswith("usage: sh collect.sh [--root DIR] [FILE]\n")
    assert max(map(len, told.splitlines())) <= 100
    assert sorted(fmc.parent.rglob("*")) == kept


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("out", [">/dev/full", ">&-"])
def test_help_that_nobody_reads_makes_no_snapshot(
    fmc: Path, shell: Sequence[str], out: str
) -> None:
    need(shell[0], shutil.which(shell[0]))
    kept = sorted(fmc.parent.rglob("*"))
    unread = ["sh", "-c", f'exec "$@" {out}', "sh", *shell]
    done = _run(fmc, "x.tar.gz", "--help", shell=unread)
    assert done.returncode != 0
    assert sorted(fmc.parent.rglob("*")) == kept


def test_a_terminal_gets_no_snapshot(fmc: Path, tmp_path: Path) -> None:
    script = tmp_path / "collect.sh"
    script.write_text(render_collect_script())
    master, slave = os.openpty()
    done = subprocess.run(
        [*AS_ROOT, "sh", str(script), "--root", str(fmc)],
        stdout=slave,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(slave)
    os.close(master)
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: standard output is a terminal")


@pytest.mark.parametrize("words", [["fmc.tar.gz"], []], ids=["to a file", "to standard output"])
def test_a_tar_that_fails_is_told(fmc: Path, tmp_path: Path, words: list[str]) -> None:
    commands = tmp_path / "bin"
    commands.mkdir()
    tar = commands / "tar"
    tar.write_text("#!/bin/sh\necho half\necho 'tar: no space' >&2\nexit 2\n")
    tar.chmod(0o755)
    done = subprocess.run(
        [*AS_ROOT, "sh", "-s", "--", "--root", str(fmc), *words],
        input=render_collect_script().encode(),
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{commands}:{os.environ['PATH']}"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 5, done.stderr
    assert b"tar: no space\nerror: tar " in done.stderr
    assert b"SHA-256" not in done.stderr
    assert not (tmp_path / "fmc.tar.gz").exists()


def test_an_output_that_is_full_is_told(fmc: Path, tmp_path: Path) -> None:
    with open("/dev/full", "wb") as full:
        done = subprocess.run(
            [*AS_ROOT, "sh", "-s", "--", "--root", str(fmc)],
            input=render_collect_script().encode(),
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 5, done.stderr
    assert b"error: tar or its output failed" in done.stderr
    assert b"SHA-256" not in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_another_user_than_root_is_refused(fmc: Path) -> None:
    done = subprocess.run(
        ["sh", "-s", "--", "--root", str(fmc)],
        input=render_collect_script().encode(),
        user=65534,
        group=65534,
        cwd="/",
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (5, b"")
    assert done.stderr.startswith(b"error: this must run as root\nhint: ")


def test_a_script_that_was_cut_short_does_nothing(fmc: Path, tmp_path: Path) -> None:
    script = render_collect_script().encode()
    last = script.rindex(b'main "$@"')
    for cut in (*range(200, last, 397), last):
        done = subprocess.run(
            [*AS_ROOT, "sh", "-s", "--", "--root", str(fmc), "fmc.tar.gz"],
            input=script[:cut],
            cwd=tmp_path,
            capture_output=True,
            check=False,
        )
        assert done.stdout == b""
        assert not (tmp_path / "fmc.tar.gz").exists()


def test_shellcheck_finds_nothing(tmp_path: Path) -> None:
    need("shellcheck", shutil.which("shellcheck"))
    (tmp_path / "collect.sh").write_text(render_collect_script())
    done = subprocess.run(
        ["shellcheck", "-s", "sh", "collect.sh"], cwd=tmp_path, capture_output=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, b"")


def test_an_fmc_without_new_files_is_warned_of(fmc: Path, tmp_path: Path) -> None:
    shutil.rmtree(fmc / "var/sf/peers")
    done = _run(fmc, "fmc.tar.gz", place=tmp_path)
    assert done.returncode == 0
    assert done.stderr.startswith(b"warning: no device has files in certs_pushed/")
