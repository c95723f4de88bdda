"""All talk with people, on the builder's side.

Results go to standard output, talk to standard error.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from sftunnel_builder.errors import BundlerError, ExitCode, reason
from sftunnel_builder.words import _

T = TypeVar("T")
MIN_FOR_PROGRESS = 40
"""A progress bar for less work would be gone before it is read."""
MIN_BYTES_FOR_PROGRESS = 32 * 1024 * 1024


class OutputError(BundlerError):
    """Standard output takes nothing more: this can only be told on standard error."""


def result(text: str = "") -> None:
    """Print a line of the result."""
    with _output():
        sys.stdout.write(f"{text}\n")


def flush() -> None:
    """Send off what was printed."""
    with _output():
        sys.stdout.flush()


@contextmanager
def _output() -> Iterator[None]:
    """Go on if whoever read the output has gone; raise OutputError if it cannot be written."""
    try:
        yield
    except BrokenPipeError:
        _print_to_nobody()
    except OSError as error:
        _print_to_nobody()
        raise OutputError(
            _("standard output cannot be written: {why}").format(why=reason(error)),
            _("look at the free space where the output goes; the work itself may be done"),
            ExitCode.UNSUITABLE,
        ) from None


def _print_to_nobody() -> None:
    """Let Python find nothing to complain of when it flushes once more at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def result_json(value: Any) -> None:
    """Print the result as JSON for a program."""
    result(json.dumps(value, indent=2, ensure_ascii=False))


def row(label: str, value: str, width: int = 12) -> str:
    """Return a line of a list of labels and values."""
    return f"{label:<{width}} {value}"


def note(text: str) -> None:
    """Tell the person at the terminal something beside the result."""
    sys.stderr.write(f"{text}\n")


def warn(text: str) -> None:
    """Tell of something that may go wrong later."""
    note(_("warning: {text}").format(text=text))


def remark(text: str) -> None:
    """Tell of something that is good to know."""
    note(_("note: {text}").format(text=text))


def hint(text: str) -> None:
    """Say what to do."""
    note(_("hint: {hint}").format(hint=text))


def complain(error: BundlerError) -> None:
    """Say what is wrong, and what to do."""
    note(_("error: {message}").format(message=error.message))
    hint(error.hint)


def progress(items: Iterable[T], total: int, what: str) -> Iterable[T]:
    """Pass items through, with a bar on the terminal when the work is long."""
    if total < MIN_FOR_PROGRESS or not sys.stderr.isatty():
        return items
    from rich.console import Console
    from rich.progress import track

    return track(items, what, total, console=Console(stderr=True), transient=True)


@contextmanager
def byte_progress(
    total: int | None, what: str, *, is_slow: bool = False
) -> Iterator[Callable[[int], None]]:
    """Give a function to be told how many more bytes were read; on the terminal a bar shows it.

    total is in bytes, None if it is not known; is_slow says that few bytes take long, too.
    """
    is_short = total is not None and total < MIN_BYTES_FOR_PROGRESS and not is_slow
    if not sys.stderr.isatty() or is_short:
        yield lambda _count: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        *(TextColumn(what), BarColumn(), DownloadColumn()),
        *(TransferSpeedColumn(), TimeRemainingColumn()),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda count: bar.advance(task, count)
