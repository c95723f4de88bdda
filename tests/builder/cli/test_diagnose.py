"""`sftunnel-bundler diagnose` as it is typed: what it prints and how it ends."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from log_text import BRIEF_DOWN, DEVICE, EXPIRED, STATUS_UP, established, initiating, log

FAILING = initiating() + log(EXPIRED)
NOISE = "Nov 24 10:11:12 fmc-1 SF-IMS[9]: [9] SFDataCorrelator:x [INFO] nothing\n"
MAX_MEMORY_KIB = 16 * 1024
"""How much more a stream of 200 MB may take than a log of one line."""


def _environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80"}


def _diagnose(*words: str | Path, given: bytes = b"") -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "sftunnel_builder", "diagnose", *words],
        env=_environment(),
        input=given,
        capture_output=True,
        check=False,
    )
    assert b"Traceback" not in done.stderr
    return subprocess.CompletedProcess(
        done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
    )


@pytest.mark.parametrize(
    ("text", "first_line", "advice"),
    [
        pytest.param(
            FAILING,
            "fails  10.10.200.31  a certificate has expired: err 10",
            "do not restart, reboot or upgrade anything",
            id="expired",
        ),
        pytest.param(
            initiating() + log("[ERROR] err 20:unable to get local issuer certificate"),
            "fails  10.10.200.31  the two sides have certificates of different CAs: err 20",
            "install the bundle",
            id="wrong CA",
        ),
        pytest.param(
            initiating() + log("[ERROR] err 9:certificate is not yet valid"),
            "fails  10.10.200.31  a certificate is not valid yet: a clock is wrong: err 9",
            "leave the certificates alone",
            id="clock",
        ),
        pytest.param(
            log("[ERROR] err 68:CA signature digest algorithm too weak"),
            "fails  a peer that the log does not name  the CA signed with a digest that is too "
            "weak for this release (defect CSCwa10423): err 68",
            "issue the certificates anew",
            id="weak digest, of a peer without a name",
        ),
        pytest.param(
            initiating() + log("[ERROR] err 99:mystery"),
            "fails  10.10.200.31  a certificate was not accepted for another reason: err 99",
            "no advice for this number",
            id="an unknown number",
        ),
        pytest.param(
            initiating() + log("[ERROR] Connect failed on port 8305 (Connection timed out)"),
            "fails  10.10.200.31  no connection: the other side is not reached",
            "TCP 8305",
            id="unreachable",
        ),
        pytest.param(
            FAILING + established(at="Nov 24 11:00:00"),
            "up     10.10.200.31  up again since Nov 24 11:00:00; before that: a certificate has "
            "expired: err 10",
            "verify error 10, X509_V_ERR_CERT_HAS_EXPIRED",
            id="up again",
        ),
        pytest.param(
            STATUS_UP, "up     10.10.200.31  no failure seen", "of sftunnel", id="a status: up"
        ),
        pytest.param(
            BRIEF_DOWN,
            "fails  10.10.17.202  the tunnel is down or went down, and no reason is given",
            "at Mon Jun 15 09:21:57 2020 UTC",
            id="a status: down",
        ),
        pytest.param(
            log("[INFO] Opened file"), "nothing wrong found", "1 line, 1 of sftunnel", id="nothing"
        ),
    ],
)
def test_the_verdict_comes_first_and_then_what_to_do(
    text: str, first_line: str, advice: str
) -> None:
    done = _diagnose(given=text.encode())
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(first_line)
    assert advice in done.stdout
    assert ("what to do" in done.stdout) is done.stdout.startswith("fails")


@pytest.mark.parametrize("words", [["-"], []], ids=["as -", "without a name"])
def test_standard_input_may_be_compressed(words: list[str]) -> None:
    done = _diagnose(*words, given=gzip.compress((NOISE + FAILING).encode()))
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("\n3 lines, 2 of sftunnel\n")


def test_a_rotated_set_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "messages").write_text(established(at="Jan  1 00:10:00"))
    (tmp_path / "messages.1").write_text(NOISE + FAILING.replace("Nov 24", "Dec 31"))
    (tmp_path / "messages.2.gz").write_bytes(gzip.compress(FAILING.encode()))
    done = _diagnose(tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("up     10.10.200.31  up again since Jan  1 00:10:00; ")
    assert "2 times, first Nov 24 10:11:12, last Dec 31 10:11:12\n" in done.stdout
    assert "6 lines, 5 of sftunnel" in done.stdout


def test_logs_of_several_hosts_are_told_apart(tmp_path: Path) -> None:
    for host in ("ftd-1", "ftd-2"):
        (tmp_path / host).write_text(FAILING.replace("ftd-1", host))
    out = _diagnose(tmp_path / "ftd-1", tmp_path / "ftd-2").stdout
    assert [line.partition("  a cert")[0] for line in out.splitlines()[:2]] == [
        "fails  10.10.200.31 in the log of ftd-1",
        "fails  10.10.200.31 in the log of ftd-2",
    ]


@pytest.mark.parametrize(
    ("files", "code", "message"),
    [
        pytest.param({}, 3, "cannot read the log '{}/gone'", id="none there"),
        pytest.param({"good": FAILING}, 9, "cannot read the log '{}/gone'", id="one of two there"),
        pytest.param({"gone": NOISE * 3}, 3, "was found, in 3 lines", id="another log"),
        pytest.param({"gone": ""}, 3, "was found, in 0 lines", id="empty"),
    ],
)
def test_what_could_not_be_used_is_named(
    tmp_path: Path, files: dict[str, str], code: int, message: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    done = _diagnose(*{tmp_path / "gone", *(tmp_path / name for name in files)})
    assert done.returncode == code
    assert message.format(tmp_path) in done.stderr
    assert [line.partition(":")[0] for line in done.stderr.splitlines()] == ["error", "hint"]
    assert ("a certificate has expired" in done.stdout) is (code == 9)


@pytest.mark.parametrize(
    ("is_damaged", "code", "message"),
    [
        pytest.param(False, 0, "warning: '{}' is cut off: it was read to line ", id="cut off"),
        pytest.param(True, 9, "error: '{}' could be read to line ", id="damaged"),
    ],
)
def test_what_was_read_of_a_broken_file_counts(
    tmp_path: Path, is_damaged: bool, code: int, message: str
) -> None:
    packed = gzip.compress(FAILING.encode() * 1000 + os.urandom(50_000))[:-9000]
    path = tmp_path / "messages.gz"
    path.write_bytes(packed + b"\xff" * 20_000 * is_damaged)
    done = _diagnose(path)
    assert done.returncode == code
    assert done.stderr.startswith(message.format(path))
    assert "1,000 times" in done.stdout


def test_the_json_for_programs() -> None:
    text = FAILING + initiating("10.1.1.1") + log(f"[ERROR] subject = /title={DEVICE}")
    done = _diagnose("--json", given=(text + log("[ERROR] err 20:x") + established()).encode())
    assert (done.returncode, done.stderr) == (0, "")
    said = json.loads(done.stdout)
    failing, again = said.pop("peers")
    (finding,) = failing.pop("findings")
    assert said == {
        "inputs": [
            {"name": "standard input", "lines": 6, "sftunnel_lines": 6, "is_cut_off": False}
        ],
        "lines": 6,
        "sftunnel_lines": 6,
        "warnings": [],
        "left_out": 0,
    }
    assert failing == {
        "name": "10.1.1.1",
        "uuid": DEVICE,
        "log_of": "ftd-1",
        "is_up": False,
        "up_since": None,
        "cause": "wrong-ca",
    }
    assert finding.pop("advice")
    assert finding.pop("words")
    assert finding == {
        "cause": "wrong-ca",
        "verify_error": 20,
        "verify_error_name": "X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY",
        "count": 1,
        "first": "Nov 24 10:11:12",
        "last": "Nov 24 10:11:12",
        "example": log("[ERROR] err 20:x").strip(),
    }
    assert (again["is_up"], again["cause"], again["up_since"]) == (True, None, "Nov 24 10:11:12")


def test_a_large_log_has_a_bar_on_the_terminal_and_a_small_one_none(tmp_path: Path) -> None:
    (tmp_path / "small").write_text(FAILING)
    (tmp_path / "large").write_text(FAILING)
    os.truncate(tmp_path / "large", 80_000_000)
    for name, has_bar in (("small", False), ("large", True)):
        out, err = _at_a_terminal(str(tmp_path / name))
        assert out.startswith("fails  10.10.200.31")
        assert ("reading logs" in err) is has_bar, err


def test_nothing_to_read_at_a_terminal_is_wrong_usage() -> None:
    out, err = _at_a_terminal()
    assert out == ""
    assert err.startswith("error: no log was named, and none comes from standard input")


def _at_a_terminal(*words: str) -> tuple[str, str]:
    """Run the command with a terminal for input and errors; return its output and the screen."""
    terminal, other_end = os.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "sftunnel_builder", "diagnose", *words],
        env={**_environment(), "TERM": "xterm"},
        stdin=other_end,
        stdout=subprocess.PIPE,
        stderr=other_end,
        check=False,
    )
    assert done.returncode == (0 if words else 2)
    os.write(other_end, b"\n")
    os.close(other_end)
    err = os.read(terminal, 65536).decode(errors="replace")
    os.close(terminal)
    return done.stdout.decode(), err


def test_200_megabytes_through_a_pipe_take_no_more_memory_than_a_line() -> None:
    block = (NOISE * 2000 + FAILING).encode()
    small, large = (_memory_kib(block, count) for count in (1, 200_000_000 // len(block)))
    assert large - small < MAX_MEMORY_KIB


def _memory_kib(block: bytes, count: int) -> int:
    """Return the most memory that a run took to read a block again and again."""
    # Not getrusage, which counts what this process had when the other one was started.
    code = (
        "import re, sys\nfrom sftunnel_builder.cli import main\n"
        "try: main()\n"
        "except SystemExit as end: code = end.code\n"
        "peak = re.search(r'VmHWM:\\s*(\\d+) kB', open('/proc/self/status').read())\n"
        "print(peak[1], file=sys.stderr); sys.exit(code)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code, "diagnose"],
        env=_environment(),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    for _ in range(count):
        process.stdin.write(block)
    process.stdin.close()
    out, err = process.stdout.read(), process.stderr.read()
    process.stdout.close()
    process.stderr.close()
    assert process.wait(60) == 0, err
    assert f"{2001 * count + count:,} lines, {2 * count:,} of sftunnel" in out.decode()
    return int(err)
