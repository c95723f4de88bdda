"""The command line `sftunnel-bundler`: one module a verb, errors caught once, here."""

from __future__ import annotations

import io
import signal
import sys
from collections.abc import Iterable
from typing import Annotated, ClassVar, NoReturn

import typer

from sftunnel_builder import __version__, screen
from sftunnel_builder.cli import completion
from sftunnel_builder.cli.spoken import Verbs, usage_message
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.last_resort import bug, leave_no_core
from sftunnel_builder.words import N_, Lang, _, speak


class _Verbs(Verbs):
    package = __name__
    texts: ClassVar[dict[str, str]] = {
        "expiry": N_(
            "Show how long certificates are valid.\n\n"
            "Exits as monitoring plugins do: 0 fine, 1 ends soon, 2 expired, 3 cannot tell."
        ),
        "collect": N_(
            "Print the script that makes a snapshot of an FMC's files, for building elsewhere.\n\n"
            "\b\nsftunnel-bundler collect > collect.sh\n"
            "(umask 077; ssh FMC 'sudo sh -s' < collect.sh > fmc.tar.gz)\n"
            "sftunnel-bundler build --fmc-tree fmc.tar.gz"
        ),
        "keygen": N_("Make a signer, and print its fingerprint."),
        "build": N_("Build a kit: one signed bundle a device."),
        "sign": N_("Sign a kit that was built unsigned, or by another."),
        "inspect": N_("Show what is in a bundle, and whose it is."),
        "verify": N_("Verify bundles: form, signature, checksums, trio."),
        "usb": N_("Copy a kit to a USB stick: flushed, read back, compared."),
        "receipts": N_(
            "Verify receipts and codes, and show how the change stands.\n\n"
            "Exits with 0 when all devices are done, 9 when some are not, 4 when a receipt was "
            "refused."
        ),
        "diff": N_(
            "Show what would change, certificate by certificate.\n\n"
            "A is what is now, B what would be. Of a bundle and a device it also says what "
            "install.sh would do."
        ),
        "diagnose": N_(
            "Say which tunnels fail and why, from logs.\n\n"
            "Name older files first: what is read last counts as the newest. The files of a "
            "rotated set (messages.2.gz, messages.1, messages) are put in order."
        ),
        "demo": N_("Show the whole journey on made-up appliances."),
        "console": N_("Bring a bundle to a device over its serial console."),
    }


app = typer.Typer(
    name="sftunnel-bundler",
    cls=_Verbs,
    help=N_(
        "Renew the sftunnel certificates of firewalls that the network cannot reach: one signed "
        "bundle a device, one command to install it, one to undo it."
    ),
    no_args_is_help=True,
    add_completion=False,  # ours is in completion.py
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        screen.result(f"sftunnel-bundler {__version__}")
        raise typer.Exit


def _speak(lang: Lang) -> None:
    speak(lang)


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help=N_("Show the version.")
        ),
    ] = False,
    lang: Annotated[
        Lang,
        typer.Option(
            "--lang",
            callback=_speak,
            is_eager=True,
            help=N_("Language of messages, help and runbooks."),
        ),
    ] = Lang.EN,
    install_completion: Annotated[
        bool,
        typer.Option(
            "--install-completion",
            callback=completion.install,
            is_eager=True,
            help=N_("Install completion for the current shell."),
        ),
    ] = False,
    show_completion: Annotated[
        bool,
        typer.Option(
            "--show-completion",
            callback=completion.show,
            is_eager=True,
            help=N_(
                "Show completion for the current shell, to copy it or customize the installation."
            ),
        ),
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
        if code == ExitCode.INTERRUPTED:
            # From typer, for a Ctrl-C while a verb is loaded or runs.
            raise KeyboardInterrupt
    except BundlerError as error:
        code = _tell(error)
    except typer.TyperException as error:
        code = _tell_usage(usage_message(error.format_message()))
    except (KeyboardInterrupt, typer.Abort):
        screen.note(_("interrupted"))
        code = ExitCode.INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last resort: a bug, told without its contents
        code = _tell(_unexpected(error))
    raise SystemExit(int(code))


def _unexpected(error: Exception) -> BundlerError:
    """Return what to say of an error that nobody caught."""
    if isinstance(error, PermissionError) and error.filename:
        # Even whether something stands there is not for this user to know.
        return BundlerError(
            _("cannot look at '{place}': permission denied").format(
                place=printable(str(error.filename))
            ),
            _("check the name, and whether you may look into the directories above it"),
        )
    return bug(error)


def _tell(error: BundlerError) -> int:
    """Say what is wrong; return the exit code, which means something else to those who monitor."""
    if _verb(sys.argv[1:]) == "expiry" and not isinstance(error, screen.OutputError):
        from sftunnel_builder.cli.expiry import cannot_tell

        return cannot_tell(error)
    screen.complain(error)
    return error.code


def _verb(arguments: Iterable[str]) -> str | None:
    """Return the first word that is neither an option nor the language."""
    words = iter(arguments)
    for word in words:
        if word == "--lang":
            next(words, None)
        elif not word.startswith("-"):
            return word
    return None


def _tell_usage(message: str) -> int:
    """Say what is wrong with the command line; return the exit code."""
    if message.startswith(_("Usage: ")):  # no verb was given
        screen.note(message)
    elif message:
        verb = _verb(sys.argv[1:])
        hint = _("see what it takes with: sftunnel-bundler {verb} --help").format(
            verb=verb if verb in _Verbs.texts else "[VERB]"
        )
        return _tell(BundlerError(message[:1].lower() + message[1:], hint, ExitCode.USAGE))
    return ExitCode.USAGE
