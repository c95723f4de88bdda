"""Who listens on a console is told from the tail of what it printed."""

from __future__ import annotations

import pytest

from sftunnel_builder.prompts import Prompt, is_gone, last_words, recognise, wants_password


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        pytest.param(b"", Prompt.NOTHING, id="nothing at all"),
        pytest.param(b"\r\n\x1b[18t\a", Prompt.NOTHING, id="nothing that can be seen"),
        pytest.param(b"\r\nfirepower login: ", Prompt.LOGIN, id="a login prompt with a name"),
        pytest.param(b"login:", Prompt.LOGIN, id="a login prompt alone"),
        pytest.param(b"sudo su\r\nPassword: ", Prompt.PASSWORD, id="su or login asks"),
        pytest.param(b"fw login: Password: ", Prompt.PASSWORD, id="behind a name not echoed"),
        pytest.param(b"[sudo] password for admin: ", Prompt.PASSWORD, id="sudo asks"),
        pytest.param(b"New password: ", Prompt.UNKNOWN, id="a password is to be changed"),
        pytest.param(b"\r\nfirepower# ", Prompt.FXOS, id="FXOS"),
        pytest.param(b"firepower-a /ssa* # ", Prompt.FXOS, id="FXOS in a scope, not committed"),
        pytest.param(b"Firepower-module1>", Prompt.MODULE, id="a module's CLI"),
        pytest.param(b"\xffbanner\r\n> ", Prompt.ANGLE, id="CLISH, behind bytes that are no text"),
        pytest.param(b"cat <<E\r\n> ", Prompt.ANGLE, id="a shell that waits for more"),
        pytest.param(b"> ls >", Prompt.UNKNOWN, id="something typed behind a prompt"),
        pytest.param(b"\x1b[18tadmin@BSNS-1120-1:~$ ", Prompt.EXPERT, id="expert mode"),
        pytest.param(b"bash-4.3$ ", Prompt.EXPERT, id="a shell without a prompt of its own"),
        pytest.param(b"root@BSNS-1120-1:/home/admin# ", Prompt.ROOT, id="a root shell"),
        pytest.param(b"root@fw:/var/sf/peers/c8d5-11ef# ", Prompt.ROOT, id="in a directory"),
        pytest.param(
            b"\x1b]0;root@fw: /\x07\x1b[?2004hroot@fw:/# ", Prompt.ROOT, id="title and brackets"
        ),
        pytest.param(b"\r\n# ", Prompt.ROOT, id="a bare #"),
        pytest.param(b"/ # ", Prompt.ROOT, id="busybox"),
        pytest.param(b"old line\rroot@fw:/# ", Prompt.ROOT, id="a line that was drawn anew"),
        pytest.param(
            b"root@fw:/# \r\nNov 24 12:00:00 fw SF-IMS[1]: [2] sftunneld:sf_ssl [ERROR] login:\r\n",
            Prompt.UNKNOWN,
            id="a log line behind the prompt",
        ),
        pytest.param(b"root@fw:/# make me #", Prompt.ROOT, id="what looks like one counts as such"),
    ],
)
def test_a_prompt_is_recognised(printed: bytes, wanted: Prompt) -> None:
    assert recognise(printed) is wanted


@pytest.mark.parametrize(
    ("printed", "wanted"),
    [
        pytest.param(b"\r\nfirepower login: ", True, id="a login prompt"),
        pytest.param(b"\r\nPassword: ", True, id="a password prompt"),
        pytest.param(b"\r\nfirepower login: :\r\nb<<\\: 6 3165", True, id="typed over already"),
        pytest.param(b"b<<\\: 1 1a2b3c\r\n> AAAAlogin", False, id="data"),
        pytest.param(b"Last login: Tue Nov 24 on ttyS0\r\n# ", False, id="who was there before"),
        pytest.param(
            b"Nov 24 12:00:00 fw SF-IMS[1]: [2] x login: y\r\n", False, id="a message of the log"
        ),
    ],
)
def test_it_is_told_if_the_session_is_over(printed: bytes, wanted: bool) -> None:
    assert is_gone(printed) is wanted


def test_a_question_for_a_password_is_found_before_a_log_line() -> None:
    assert wants_password(b"lecture\r\n\r\nPassword: \r\nNov 24 12:00:00 fw SF-IMS[1]: x\r\n")
    assert wants_password(b"\x1b[18tPassword: ")
    assert not wants_password(b"New password: ")
    assert not wants_password(b"Your password has expired\r\n")


def test_last_words_are_short_and_readable() -> None:
    assert last_words(b"one\r\n\r\n\x1b[1mtwo\x1b[m\r\nthree\r\nfour\a ") == "two / three / four"
    assert last_words(b"") == ""


def test_every_prompt_says_what_to_type() -> None:
    assert all(prompt.words and prompt.what_to_type for prompt in Prompt)
