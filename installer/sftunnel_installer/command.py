"""The command `sftunnel-installer`: find the bundle, verify it, let its install.sh do the rest.

1. which device is this
2. where is its bundle, is it whole, and is it by somebody whom the operator trusts
3. lay it out where nobody else can write
4. run install.sh there: the same words, the same exit codes
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from sftunnel_builder import __version__
from sftunnel_builder.bundle import SUMS
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.last_resort import bug, leave_no_core
from sftunnel_builder.resources import installer_script
from sftunnel_installer.device import Device, find_device
from sftunnel_installer.engine import Listener, Signals, refuse_older, run_install_sh
from sftunnel_installer.find import Found, find_bundle
from sftunnel_installer.options import (
    NEED_A_BUNDLE,
    WRITE_NOTHING,
    Options,
    help_text,
    parse_options,
)
from sftunnel_installer.progress import Progress
from sftunnel_installer.report import Said, report
from sftunnel_installer.talk import complain, note, open_streams, output
from sftunnel_installer.trust import Trust
from sftunnel_installer.workplace import workplace


def run(arguments: Sequence[str]) -> int:
    """Run the command line; returns the exit code. Every error is a message and a hint."""
    open_streams()
    leave_no_core()
    signals = Signals()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A device's name may hold what the terminal's character set has not.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if {"--help", "-h"} & set(arguments):
            output(help_text())
            return int(ExitCode.DONE)
        if "--version" in arguments:
            output(f"sftunnel-installer {__version__}\n")
            return int(ExitCode.DONE)
        options = parse_options(arguments)
    except BundlerError as error:
        complain(error)
        if "--json" in arguments:
            _tell(report(None, int(error.code), None, None, error))
        return int(error.code)
    return _Run(options, signals).run()


def _tell(told: dict[str, Any]) -> None:
    """Print the one object of --json."""
    output(json.dumps(told, sort_keys=True, ensure_ascii=False) + "\n")


class _Run:
    """One run, and what is known of it by now."""

    def __init__(self, options: Options, signals: Signals) -> None:
        self._options = options
        self._signals = signals
        self._device: Device | None = None
        self._found: Found | None = None
        self._heard: list[bytes] = []

    def run(self) -> int:
        """Do what was asked; returns the exit code."""
        end: Said | BundlerError
        try:
            code = self._do()
            end = Said(b"".join(self._heard).decode("utf-8", "replace"))
            if self._is_result():
                for line in end.talk():
                    note(line)
        except BundlerError as error:
            complain(error)
            code, end = int(error.code), error
        except SystemExit as stop:
            # A signal, before install.sh ran.
            code = int(stop.code or 0)
            end = BundlerError(
                "interrupted", "nothing was changed; type the same again", ExitCode.INTERRUPTED
            )
        except Exception as error:  # noqa: BLE001  the last resort: a bug, told without its contents
            end = bug(error)
            complain(end)
            code = int(end.code)
        if self._options.as_json:
            _tell(report(self._options.verb, code, self._device, self._found, end))
        return code

    def _do(self) -> int:
        options = self._options
        self._device = device = find_device(options.root)  # 1
        if options.place or options.verb in NEED_A_BUNDLE:
            self._found = find_bundle(options.place, device, Trust(options, device))  # 2
            top = self._found.opened.top
            files = {f"{top}/{name}": data for name, data in self._found.opened.members.items()}
            script = f"{top}/install.sh"
            refuse_older(files[script])
        else:
            files, script = {"install.sh": installer_script()}, "install.sh"
        state = None if options.verb in WRITE_NOTHING else device.state
        or_apart = options.verb not in NEED_A_BUNDLE
        with workplace(state, files, or_apart=or_apart) as place:  # 3
            return run_install_sh(
                place, script, self._arguments(), self._signals, self._listener()
            )  # 4

    def _arguments(self) -> list[str]:
        """Return what install.sh is told."""
        options, found = self._options, self._found
        words = [options.verb, *options.passed_on]
        if options.verb in NEED_A_BUNDLE and found:
            # It compares the list with the one that was verified here, and pins the signer.
            digest = hashlib.sha256(found.opened.members[SUMS]).hexdigest()
            words += ["--digest", digest]
            if not options.digest or options.signers:
                words += ["--signer", found.opened.signer]
        else:
            words += [word for signer in options.signers for word in ("--signer", signer)]
            words += ["--digest", options.digest] if options.digest else []
        if options.receipt_dir:
            words += ["--receipt-dir", options.receipt_dir]
        elif found and options.verb not in WRITE_NOTHING and os.access(found.receipts, os.W_OK):
            words += ["--receipt-dir", str(found.receipts)]
        return [*words, "--json"] if self._is_result() else words

    def _is_result(self) -> bool:
        """Tell whether install.sh is to print JSON, too."""
        return self._options.as_json and self._options.verb == "status"

    def _listener(self) -> Listener | None:
        """Return who hears install.sh: nobody, where its output is ours as it is."""
        as_json = self._options.as_json
        if not as_json and not (sys.stdout.isatty() and sys.stderr.isatty()):
            return None
        to = 2 if as_json else 1
        progress = Progress(to) if sys.stderr.isatty() else None

        def hear(data: bytes) -> None:
            if progress:
                progress.hear(data)
            if as_json:
                self._heard.append(data)
            # Where it is JSON, the rest, if there is any, is said when it is over.
            if not self._is_result():
                _pass_on(to, data)

        return Listener(hear, progress.wait if progress else lambda: None)


def _pass_on(descriptor: int, data: bytes) -> None:
    """Write all of what install.sh said; a console that went away is no reason to stop it."""
    with suppress(OSError):
        while data:
            data = data[os.write(descriptor, data) :]
