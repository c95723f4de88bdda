"""Every message of the sources stands in docs/troubleshooting.md, with its exit code."""

from __future__ import annotations

import ast

import pytest

from docs.messages import Module, device_messages, page_rows, source_rows
from sftunnel_builder.runbook_messages import MESSAGES


def test_the_sources_have_messages() -> None:
    messages = source_rows()
    assert {side for side, _ in messages} == {"device", "reason", "program", "builder"}
    assert ("device", "this must run as root") in messages
    assert ("builder", "'…' exists already") in messages


def test_every_die_has_a_code() -> None:
    odd = [m for m in device_messages() if m.code not in [*"12345678", "-"]]
    assert odd == []


@pytest.mark.parametrize(
    "worded",
    [
        "f\"'{path}' has {n:,} lines\"",
        "_(\"'{path}' has {n:,} lines\").format(path=path, n=n)",
        "ngettext(\"'{path}' has {n} line\", \"'{path}' has {n} lines\", n).format(path=p, n=n)",
        'pgettext("of a log", "\'{path}\' has {n} lines").format(path=path, n=n)',
    ],
)
def test_a_message_reads_the_same_however_it_is_worded(worded: str) -> None:
    sources = [
        f"def f():\n raise BundlerError({worded}, '')",
        f"def f():\n warnings.append({worded})",
        f"def f():\n return [{worded}]",
        f"def f():\n message = {worded}\n return Refusal(d, 'uuid', message, '')",
    ]
    for source in sources:
        (message,) = Module("module.py", ast.parse(source), "builder").messages()
        assert message.text == "'…' has … lines"


@pytest.mark.parametrize("template", ['f"bad: {why}"', '_("bad: {text}").format(text=why)'])
@pytest.mark.parametrize("reason", ['f"no {x}"', '_("no {x}").format(x=x)', '"no …"', '_("no …")'])
def test_a_reason_is_filled_into_what_words_it(template: str, reason: str) -> None:
    source = f"def bad(why):\n return BundlerError({template}, '')\ndef f():\n raise bad({reason})"
    (message,) = Module("module.py", ast.parse(source), "builder").messages()
    assert message.text == "bad: no …"


def test_every_message_is_in_the_page() -> None:
    known = page_rows()
    missing = [
        f"{side}, {place}: | `{text}` | {code} | cause | what to do |"
        for (side, text), (code, place) in source_rows().items()
        if (side, text) not in known
    ]
    assert not missing, "\n".join(["docs/troubleshooting.md lacks these rows:", *missing])


def test_no_message_in_the_page_is_gone_from_the_sources() -> None:
    sources = source_rows()
    stale = [f"{side}: {text}" for side, text in page_rows() if (side, text) not in sources]
    assert not stale, "\n".join(["docs/troubleshooting.md has rows that nothing prints:", *stale])


def test_the_page_gives_the_exit_codes_of_the_sources() -> None:
    sources = source_rows()
    wrong = [
        f"{text}: the page says {code}, {sources[side, text][1]} says {sources[side, text][0]}"
        for (side, text), code in page_rows().items()
        if (side, text) in sources and sources[side, text][0] != code
    ]
    assert not wrong, "\n".join(wrong)


def test_runbooks_in_other_languages_explain_every_message_of_the_device() -> None:
    explained = [text for _, text in MESSAGES]
    assert len(explained) == len(set(explained))
    assert set(explained) == {message.text for message in device_messages()}
