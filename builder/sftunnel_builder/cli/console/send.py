"""`sftunnel-bundler console send`: a bundle over a serial console, typed and checked by us."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftunnel_builder import screen
from sftunnel_builder.cli.console.whole import BundleArgument, SignerOption, read_whole_bundle
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.port import Flow, Port, PortSettings, open_port
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from sftunnel_builder.delivery import Delivery
    from sftunnel_builder.dialogue import Dialogue
    from sftunnel_builder.parcel import Parcel
    from sftunnel_builder.transcript import Transcript

PATIENCE_S = 5.0
"""How long an answer may take on a slow device, beside what is on the line."""
_ON_THE_LINE = 4096
"""Bytes of echo that may come before an answer."""
MOST_WALKS = 5
"""How often a session that ended is begun anew."""


@dataclass(frozen=True)
class SendRequest:
    """What was asked beside the bundle."""

    port: PortSettings
    line_delay_ms: int
    wait_s: int
    walk: bool
    user: str
    module: int | None
    install: bool


def send(
    bundle: BundleArgument,
    port: Annotated[
        str,
        typer.Option(
            "--port", help=N_("/dev/ttyUSB0, or socket://host:port of a terminal server.")
        ),
    ],
    baud: Annotated[int, typer.Option("--baud", min=300, help=N_("Speed; always 8N1."))] = 9600,
    flow: Annotated[Flow, typer.Option("--flow", help=N_("How the device says stop."))] = Flow.NONE,
    directory: Annotated[
        str, typer.Option("--dir", help=N_("Where to on the device; made if it is not there."))
    ] = "/var/tmp/renewal",  # noqa: S108  on the device, root's own: `Delivery` sees to it
    line_delay: Annotated[
        int, typer.Option("--line-delay", min=0, max=5000, help=N_("Milliseconds after each line."))
    ] = 0,
    wait: Annotated[
        int, typer.Option("--wait", min=1, help=N_("Seconds to wait for a root shell."))
    ] = 30,
    walk: Annotated[
        bool,
        typer.Option(
            "--walk", help=N_("Go to the root shell: log in, connect ftd, expert, sudo su.")
        ),
    ] = False,
    user: Annotated[str, typer.Option("--user", help=N_("With --walk: who logs in."))] = "admin",
    module: Annotated[
        int | None,
        typer.Option(
            "--module", min=1, max=9, help=N_("With --walk: the module of a 4100 or 9300.")
        ),
    ] = None,
    install: Annotated[
        bool,
        typer.Option(
            "--install", help=N_("Start the installer there, with the keyboard passed through.")
        ),
    ] = False,
    signer: SignerOption = None,
    transcript: Annotated[
        Path | None,
        typer.Option("--transcript", help=N_("A new file for what the console prints, 0600.")),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Send a bundle over a serial console, and again what arrives damaged."""
    from sftunnel_builder.cli.console.script import describe_cost
    from sftunnel_builder.parcel import make_parcel

    _refuse_without_terminal(walk=walk, install=install, signer=signer)
    data, opened = read_whole_bundle(bundle, signer)
    parcel = make_parcel(data, f"{opened.top}.tar.gz", opened.signer, directory)
    screen.note(describe_cost(parcel.bytes_needed, parcel.paste))
    request = SendRequest(
        PortSettings(port, baud, flow), line_delay, wait, walk, user, module, install
    )
    began = time.monotonic()
    with _opened(request.port) as line, _written_down(transcript) as written:
        dialogue = _begin_dialogue(line, written)
        delivery = _deliver(dialogue, parcel, request)
        seconds = time.monotonic() - began
        _show(parcel, delivery, seconds, as_json=as_json)
        if install:
            raise typer.Exit(_install(dialogue, line, parcel))
    then = _("Then, on the device in {directory}: {command}")
    screen.note(then.format(directory=directory, command=parcel.paste.command))


def _refuse_without_terminal(*, walk: bool, install: bool, signer: list[str] | None) -> None:
    """Raise BundlerError if what was asked needs a person, or the fingerprint that they know."""
    if (walk or install) and not sys.stdin.isatty():
        raise BundlerError(
            _("--walk and --install need a terminal, and there is none"),
            _("run this where a person can type passwords; none is taken from elsewhere"),
            ExitCode.USAGE,
        )
    if install and not signer:
        raise BundlerError(
            _("--install wants --signer"),
            _(
                "give the fingerprint from the printed runbook: one that came with the bundle "
                "proves nothing"
            ),
            ExitCode.USAGE,
        )


@contextmanager
def _opened(settings: PortSettings) -> Iterator[Port]:
    """Hold the line, for as long as it is needed."""
    line = open_port(settings)
    try:
        yield line
    finally:
        line.close()


@contextmanager
def _written_down(path: Path | None) -> Iterator[Transcript | None]:
    """Keep a transcript, if one is wished."""
    from sftunnel_builder.transcript import Transcript

    transcript = Transcript(path) if path else None
    try:
        yield transcript
    finally:
        if transcript:
            transcript.close()
            if transcript.failure:
                screen.warn(transcript.failure)


def _begin_dialogue(line: Port, transcript: Transcript | None) -> Dialogue:
    """Return what types and listens on a line."""
    from sftunnel_builder.dialogue import Dialogue

    return Dialogue(line, PATIENCE_S + line.settings.seconds(_ON_THE_LINE), transcript)


def _deliver(dialogue: Dialogue, parcel: Parcel, request: SendRequest) -> Delivery:
    """Get to a root shell and send, again after a lost session if we may walk."""
    from sftunnel_builder.delivery import Delivery, SessionLostError

    for walks_left in range(MOST_WALKS if request.walk else 0, -1, -1):
        _get_to_root(dialogue, request)
        try:
            with (
                _sane_at_the_end(dialogue),
                screen.byte_progress(parcel.bytes_needed, _("Sending"), is_slow=True) as arrived,
            ):
                delivery = Delivery(dialogue, parcel, request.line_delay_ms / 1000, arrived)
                delivery.run()
                return delivery
        except SessionLostError as error:
            if not walks_left:
                raise
            screen.remark(_("{what}; going there again").format(what=error.message))
    raise AssertionError


def _get_to_root(dialogue: Dialogue, request: SendRequest) -> None:
    """Wait for a root shell, or walk there."""
    from sftunnel_builder.passphrases import ask_passphrase
    from sftunnel_builder.walk import Guide, wait_for_root, walk_to_root

    if not request.walk:
        wait_for_root(dialogue, request.wait_s, screen.note)
        return
    walk_to_root(
        dialogue,
        Guide(
            request.user,
            lambda purpose: ask_passphrase(
                _("Password on the console for {purpose}").format(purpose=purpose), twice=False
            ),
            request.module,
            screen.note,
        ),
    )


@contextmanager
def _sane_at_the_end(dialogue: Dialogue) -> Iterator[None]:
    """Leave no half command on the device when somebody stops us here."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        from sftunnel_builder.dialogue import BREAK_OFF, ENTER

        # The end marker of a block as well, should the Ctrl-C get lost.
        dialogue.line.write(BREAK_OFF + b":" + ENTER)
        screen.note(_("What has arrived stays on the device: the same command goes on from there."))
        raise


def _show(parcel: Parcel, delivery: Delivery, seconds: float, *, as_json: bool) -> None:
    """Print what was sent, for a person or a program."""
    sent, tally = delivery.dialogue.bytes_sent, delivery.tally
    if as_json:
        screen.result_json(
            _as_json(parcel, delivery) | {"bytes_sent": sent, "seconds": round(seconds, 1)}
        )
    else:
        proven = _("{sha256}, as the device says, too").format(sha256=parcel.paste.sha256)
        count = _(
            "{bytes_sent:,} sent, {bytes_needed:,} needed; blocks: "
            "{blocks_sent} sent, {blocks_needed} needed, {blocks_there} were there"
        ).format(
            bytes_sent=sent,
            bytes_needed=parcel.bytes_needed,
            blocks_sent=tally.blocks_sent,
            blocks_needed=len(parcel.paste.blocks),
            blocks_there=tally.blocks_there,
        )
        screen.result(screen.row(_("sent"), printable(parcel.file_name), 7))
        screen.result(screen.row("SHA-256", proven, 7))
        screen.result(screen.row(_("bytes"), count, 7))
    screen.flush()


def _as_json(parcel: Parcel, delivery: Delivery) -> dict[str, Any]:
    """Return what does not depend on the time for a program."""
    return {
        "bundle": parcel.file_name,
        "sha256": parcel.paste.sha256,
        "bytes_needed": parcel.bytes_needed,
        "blocks_needed": len(parcel.paste.blocks),
        "blocks_sent": delivery.tally.blocks_sent,
        "blocks_there_before": delivery.tally.blocks_there,
        "rounds": delivery.tally.rounds,
    }


def _install(dialogue: Dialogue, line: Port, parcel: Parcel) -> int:
    """Start the installer and pass the keyboard through; return its exit status."""
    from sftunnel_builder.attach import run_attached

    screen.note(
        _("The keyboard goes to the device now. Ctrl-] leaves; the installer goes on then.")
    )
    status = run_attached(dialogue, line, parcel.paste.command)
    if status is None:
        screen.remark(_("left; how the installer ended is not known here"))
        return ExitCode.PART_DONE
    screen.note(_("the installer ended with status {status}").format(status=status))
    return status
