"""The log of a run: what was said, kept in the state directory, and no secret in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from rehearsal import Firewall, put_before_path


def _logs(firewall: Firewall) -> dict[str, str]:
    """Return the logs by name."""
    return {path.name: path.read_text() for path in (firewall.state / "logs").iterdir()}


def test_each_run_that_changed_something_leaves_what_it_said(firewall: Firewall) -> None:
    runs = {
        "install": firewall.install("--no-restart"),
        "rollback": firewall.rollback("--no-restart"),
        "stage": firewall.install("--no-restart", "--stage-only"),
        "activate": firewall.run("activate", *firewall.options("--no-restart")),
    }
    logs = _logs(firewall)
    assert len(logs) == len(runs)
    for verb, done in runs.items():
        assert done.returncode == 0, done.stderr
        (log,) = [text for name, text in logs.items() if verb in name]
        asked, *said, ended = log.splitlines()
        assert " installer 0.1.0: " in asked
        assert " --no-restart" in asked
        assert ended.startswith("ended 20")
        assert ended.endswith(", exit 0")
        told = [line.split() for line in (done.stdout + done.stderr).splitlines()]
        assert [line.replace(":", "").split() for line in said] == [
            " ".join(words).replace(":", "").split() for words in told
        ]
    for path in (firewall.state / "logs").iterdir():
        assert path.stat().st_mode & 0o777 == 0o600


def test_no_log_holds_a_secret(firewall: Firewall) -> None:
    passphrase = firewall.passphrase_file.read_text().strip()
    key = firewall.new_trio["sftunnel-key.pem"].decode().splitlines()[1:-1]
    assert firewall.install("--no-restart").returncode == 0
    assert firewall.rollback("--no-restart").returncode == 0
    for name, text in _logs(firewall).items():
        assert passphrase not in text, name
        assert not [line for line in key if line in text], name


def test_a_run_that_was_refused_leaves_none(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    before = _logs(firewall)
    firewall.passphrase_file.write_text("wrong\n")
    assert firewall.rollback("--no-restart").returncode == 0
    count = len(_logs(firewall))
    assert count == len(before) + 1
    assert firewall.install("--no-restart").returncode == 3
    assert len(_logs(firewall)) == count


@pytest.mark.parametrize(
    ("mv", "code", "logged"),
    [
        pytest.param(
            "case $* in *cert.pem) echo broken >&2; exit 1 ;; esac", 6, True, id="put back"
        ),
        pytest.param(
            "case $* in *journal) echo broken >&2; exit 1 ;; esac", 5, False, id="not begun"
        ),
    ],
)
def test_a_commit_that_failed_is_logged_if_it_had_begun(
    firewall: Firewall, tmp_path: Path, mv: str, code: int, logged: bool
) -> None:
    put_before_path(firewall, tmp_path / "instead", mv=f'{mv}; exec /bin/mv "$@"')
    done = firewall.install("--no-restart")
    assert done.returncode == code, done.stderr
    assert (firewall.state / "logs").exists() == logged
    if logged:
        (text,) = _logs(firewall).values()
        assert "error: the files could not be replaced: " in text
        assert text.endswith(", exit 6\n")


@pytest.mark.parametrize("there", ["a file", "a link to nowhere"])
def test_a_log_that_cannot_be_written_stops_nothing(firewall: Firewall, there: str) -> None:
    firewall.state.mkdir(mode=0o700)
    logs = firewall.state / "logs"
    if there == "a file":
        logs.write_text("a file where the directory should be")
    else:
        logs.symlink_to("nowhere")
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    (warning,) = done.stderr.splitlines()
    assert warning.startswith("warning: the log of this run could not be written in '")
    firewall.assert_trio(firewall.new_trio)
