"""The command line `sftunnel-bundler`: one module a verb, errors caught once, here."""

from __future__ import annotations

import io
import signal
import sys
from typing import Annotated, NoReturn

import typer

from sftunnel_builder import __version__, screen
from sftunnel_builder.cli import (
    build,
    collect,
    console,
    demo,
    diagnose,
    diff,
    expiry,
    inspect,
    keygen,
    receipts,
    sign,
    usb,
    verify,
)
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.last_resort import bug, leave_no_core

app = typer.Typer(
    name="sftunnel-bundler",
    help="Renew the sftunnel certificates of firewalls that the network cannot reach: one signed "
    "bundle a device, one command to install it, one to undo it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for verb in (
    expiry.expiry,
    collect.collect,
    keygen.keygen,
    build.build,
    sign.sign,
    inspect.inspect,
    verify.verify,
    usb.usb,
    receipts.receipts,
    diff.diff,
    diagnose.diagnose,
    demo.demo,
):
    app.command()(verb)
app.add_typer(console.app, name="console")


def _print_version(wanted: bool) -> None:
    if wanted:
        screen.result(f"sftunnel-bundler {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Hold the options that go before a verb; the help text is the app's."""


def main() -> NoReturn:
    """Run the command line and exit with its code; every error is a message and a hint."""
    leave_no_core()
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is signal.SIG_DFL:
            # As an exception, so that half a kit is cleared away.
            signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A device's name may hold what the terminal's character set has not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = int(app(standalone_mode=False) or 0)
        screen.flush()
    except BundlerError as error:
        code = _tell(error)
    except typer.TyperException as error:
        code = _tell_usage(error.format_message().rstrip("."))
    except (KeyboardInterrupt, typer.Abort):
        screen.note("interrupted")
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last resort: a bug, told without its contents
        code = _tell(bug(error))
    raise SystemExit(int(code))


def _tell(error: BundlerError) -> int:
    """Say what is wrong; return the exit code, which means something else to those who monitor."""
    if sys.argv[1:2] == ["expiry"] and not isinstance(error, screen.OutputError):
        return expiry.cannot_tell(error)
    screen.complain(error)
    return error.code


def _tell_usage(message: str) -> int:
    """Say what is wrong with the command line; return the exit code."""
    if message.startswith("Usage: "):  # no verb was given
        screen.note(message)
    elif message:
        hint = "see what it takes with: sftunnel-bundler [VERB] --help"
        return _tell(BundlerError(message[:1].lower() + message[1:], hint, ExitCode.USAGE))
    return ExitCode.USAGE
