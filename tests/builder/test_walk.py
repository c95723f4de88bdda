"""The way to a root shell: each prompt has its answer, passwords are typed once, kept nowhere."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from line_model import PASSWORD, Faults, LineModel
from sftunnel_builder.dialogue import Dialogue, Seen
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.port import PortSettings, open_port
from sftunnel_builder.prompts import Prompt
from sftunnel_builder.transcript import Transcript
from sftunnel_builder.walk import (
    Guide,
    look_who_listens,
    next_command,
    wait_for_root,
    walk_to_root,
)

WRONG = "not-the-password"


class Operator:
    """Who is asked for passwords."""

    def __init__(self, *passwords: str) -> None:
        self.passwords = list(passwords)
        self.asked: list[str] = []
        self.said: list[str] = []

    def guide(self, module: int | None = None) -> Guide:
        return Guide("admin", self.answer, module, self.said.append)

    def answer(self, purpose: str) -> str:
        self.asked.append(purpose)
        return self.passwords.pop(0)


@contextmanager
def _console(place: Path, begins: str, faults: Faults | None = None) -> Iterator[Dialogue]:
    model = LineModel(["bash", "--norc"], place, faults=faults or Faults(), begins=begins)
    with model:
        line = open_port(PortSettings(model.port, model.baud))
        transcript = Transcript(place / "transcript")
        try:
            yield Dialogue(line, 1.5, transcript)
        finally:
            transcript.close()
            line.close()


@pytest.mark.parametrize(
    ("begins", "module", "asked"),
    [
        pytest.param("login", None, ["'admin'", "'sudo su'"], id="from the login prompt"),
        pytest.param("fxos", 1, ["'sudo su'"], id="from FXOS of a 4100, over its module"),
        pytest.param("module", None, ["'sudo su'"], id="from the module"),
        pytest.param("clish", None, ["'sudo su'"], id="from CLISH"),
        pytest.param("expert", None, ["'sudo su'"], id="from expert mode"),
        pytest.param("root", None, [], id="from where it leads"),
    ],
)
def test_the_way_leads_to_a_root_shell(
    tmp_path: Path, begins: str, module: int | None, asked: list[str]
) -> None:
    operator = Operator(PASSWORD, PASSWORD)
    with _console(tmp_path, begins) as dialogue:
        walk_to_root(dialogue, operator.guide(module))
        assert dialogue.ask_who() == 0
    assert operator.asked == asked
    written = (tmp_path / "transcript").read_bytes()
    assert b"root@" in written
    assert PASSWORD.encode() not in written
    assert PASSWORD not in "".join(operator.said)


def test_a_log_message_every_few_bytes_does_not_lead_astray(tmp_path: Path) -> None:
    operator = Operator(PASSWORD, PASSWORD)
    with _console(tmp_path, "login", Faults(log_every=30)) as dialogue:
        walk_to_root(dialogue, operator.guide())
    assert operator.passwords == []


@pytest.mark.parametrize(
    ("begins", "passwords", "purpose"),
    [
        ("login", [WRONG, WRONG], "'admin'"),
        ("login", [PASSWORD, WRONG, WRONG], "'sudo su'"),
        ("expert", [WRONG, WRONG], "'sudo su'"),
    ],
)
def test_a_wrong_password_is_told_and_not_repeated(
    tmp_path: Path, begins: str, passwords: list[str], purpose: str
) -> None:
    operator = Operator(*passwords)
    with _console(tmp_path, begins) as dialogue:
        with pytest.raises(
            BundlerError, match=f"did not take the password for {purpose}"
        ) as caught:
            walk_to_root(dialogue, operator.guide())
        assert operator.passwords == [WRONG]
        assert "lock" in caught.value.hint
        assert caught.value.code is ExitCode.UNSUITABLE
        assert WRONG not in str(caught.value) + caught.value.hint
        if begins == "expert":
            dialogue.forget()
            assert look_who_listens(dialogue) == Seen(Prompt.EXPERT, 100), "left at a question"
    assert WRONG.encode() not in (tmp_path / "transcript").read_bytes()


def test_a_way_that_leads_nowhere_is_left(tmp_path: Path) -> None:
    operator = Operator()
    with (
        _console(tmp_path, "fxos") as dialogue,
        pytest.raises(BundlerError, match="no root shell answered on the console; seen: FXOS"),
    ):
        walk_to_root(dialogue, operator.guide(module=2))
    assert operator.said == ["seen: FXOS; typing 'connect module 2 console'"]


def test_a_command_that_is_not_finished_is_not_taken_for_clish(tmp_path: Path) -> None:
    with _console(tmp_path, "root") as dialogue:
        dialogue.type(b"cat <<'E'\r")
        assert dialogue.look() is Prompt.ANGLE
        assert look_who_listens(dialogue).is_root


@pytest.mark.parametrize(
    ("begins", "seen", "hint"),
    [
        ("login", "a login prompt", "log in as admin"),
        ("fxos", "FXOS", "connect module 1 console"),
        ("clish", "the CLI of the firewall", "expert"),
        ("expert", "a shell that is not root's", "sudo su"),
    ],
)
def test_without_a_walk_it_is_told_what_to_type(
    tmp_path: Path, begins: str, seen: str, hint: str
) -> None:
    said: list[str] = []
    began = time.monotonic()
    with (
        _console(tmp_path, begins) as dialogue,
        pytest.raises(BundlerError, match=f"seen: {seen}") as caught,
    ):
        wait_for_root(dialogue, 1, said.append)
    assert hint in caught.value.hint
    assert caught.value.code is ExitCode.UNSUITABLE
    assert len(said) == 1
    assert time.monotonic() - began < 15


def test_a_root_shell_is_waited_for(tmp_path: Path) -> None:
    with _console(tmp_path, "root") as dialogue:
        wait_for_root(dialogue, 5, lambda text: pytest.fail(text))


class _Silence:
    """A line on which nobody is."""

    def read(self, timeout_s: float) -> bytes:
        time.sleep(min(timeout_s, 0.01))
        return b""

    def write(self, data: bytes, **_: object) -> bool:
        return True


def test_a_silent_console_is_told() -> None:
    with pytest.raises(BundlerError, match="nothing: the console is silent") as caught:
        wait_for_root(Dialogue(_Silence(), 0.1), 0.2, lambda _text: None)
    assert "--baud" in caught.value.hint


def test_only_an_answer_makes_a_root_shell() -> None:
    guide = Operator().guide()
    assert not Seen(Prompt.ROOT).is_root
    assert next_command(Seen(Prompt.UNKNOWN), guide) is None
    assert next_command(Seen(Prompt.ROOT, 1000), guide) == "sudo su"
