"""install.sh with somebody at the terminal: what it asks, what it shows, what it never shows."""

from __future__ import annotations

import re
import shutil
import signal
import time
from pathlib import Path

import pytest

from rehearsal import Firewall, need
from terminal import Terminal


@pytest.fixture(params=["dash", "bash", "busybox ash"])
def asked(request: pytest.FixtureRequest, firewall: Firewall) -> Firewall:
    """Give a firewall with one of three shells."""
    firewall.shell = request.param.split()
    return firewall


def test_fingerprint_passphrase_and_a_yes_are_asked_for(asked: Firewall) -> None:
    terminal = Terminal.of(asked, "install", "--root", str(asked.root), "--wait", "0")
    terminal.expect("Type at least its first 20 digits:")
    assert asked.signer not in terminal.seen, "the answer stands on the screen"
    typed = " ".join(asked.signer[i : i + 4] for i in range(0, 20, 4)).upper()
    terminal.type(typed)
    terminal.expect("Passphrase of the key for BSNS-1120-1 (not shown):")
    passphrase = asked.passphrase_file.read_text().strip()
    terminal.type(passphrase)
    terminal.expect("[yes/no]")
    assert passphrase not in terminal.seen
    terminal.type("yes")
    assert terminal.end() == 0, terminal.seen
    assert "as typed" in terminal.seen
    assert passphrase not in terminal.seen
    asked.assert_trio(asked.new_trio)


@pytest.mark.parametrize("typed", ["19 digits", "wrong digits"])
def test_too_few_or_wrong_digits_are_refused(firewall: Firewall, typed: str) -> None:
    terminal = Terminal.of(firewall, "install", "--root", str(firewall.root))
    terminal.expect("Type at least its first 20 digits:")
    terminal.type(firewall.signer[:19] if typed == "19 digits" else "0" * 20)
    assert terminal.end() == 4
    firewall.assert_trio(firewall.old_trio)


def test_anything_but_yes_changes_nothing(firewall: Firewall) -> None:
    options = [option for option in firewall.options() if option != "--yes"]
    terminal = Terminal.of(firewall, "install", *options)
    terminal.expect("[yes/no]")
    terminal.type("y")
    assert terminal.end() == 2
    assert "not confirmed: nothing was changed" in terminal.seen
    firewall.assert_trio(firewall.old_trio)
    assert not firewall.state.exists()


def test_ctrl_c_at_the_passphrase_gives_the_echo_back(asked: Firewall) -> None:
    terminal = Terminal.of(asked, "install", "--root", str(asked.root), "--signer", asked.signer)
    terminal.expect("(not shown):")
    time.sleep(0.2)
    assert not terminal.has_echo()
    terminal.press_ctrl_c()
    assert terminal.end() in (130, -signal.SIGINT)
    assert terminal.has_echo()
    asked.assert_trio(asked.old_trio)
    assert not asked.state.exists()


def test_tracing_does_not_show_the_passphrase(asked: Firewall) -> None:
    options = asked.options()
    terminal = Terminal.of(asked, "install", *options, tracing=True)
    assert terminal.end() == 0, terminal.seen
    assert asked.passphrase_file.read_text().strip() not in terminal.seen
    asked.assert_trio(asked.new_trio)


def test_no_command_line_or_environment_ever_holds_a_secret(
    firewall: Firewall, tmp_path: Path
) -> None:
    trace = tmp_path / "trace"
    need("strace", shutil.which("strace"))
    firewall.shell = [
        "strace",
        "-f",
        "-s",
        "4096",
        "-v",
        "-e",
        "trace=execve",
        "-o",
        str(trace),
        "sh",
    ]
    # As the caller's own variables of these names they would go into every environment.
    script = (firewall.bundle / "install.sh").read_text()
    names = set(re.findall(r"\b([a-z_]+)=|\bread -r ([a-z_]+)", script))
    names = {assigned or read for assigned, read in names}
    assert {"passphrase", "new_key", "opened", "text", "line"} < names
    firewall.environment.update(dict.fromkeys(names, "something else"))
    done = firewall.install("--no-restart")
    assert done.returncode == 0, done.stderr
    text = trace.read_text()
    assert text.count("execve(") > 20
    assert firewall.passphrase_file.read_text().strip() not in text
    assert firewall.new_trio["sftunnel-key.pem"].decode().splitlines()[2] not in text
