"""Every message of the sources stands in docs/troubleshooting.md, with its exit code."""

from __future__ import annotations

from docs.messages import device_messages, page_rows, source_rows
from sftunnel_builder.runbook_messages import MESSAGES


def test_the_sources_have_messages() -> None:
    messages = source_rows()
    assert {side for side, _ in messages} == {"device", "reason", "program", "builder"}
    assert ("device", "this must run as root") in messages
    assert ("builder", "'…' exists already") in messages


def test_every_die_has_a_code() -> None:
    odd = [m for m in device_messages() if m.code not in [*"12345678", "-"]]
    assert odd == []


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
