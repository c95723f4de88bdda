"""`sftunnel-bundler usb`: a kit on a USB stick, or in an image of one."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sftunnel_builder import screen
from sftunnel_builder.carried_installer import PROGRAM, read_installer
from sftunnel_builder.cli.verify import read_fingerprints
from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.signer import grouped
from sftunnel_builder.words import N_, _

if TYPE_CHECKING:
    from sftunnel_builder.usb import UsbReport

MOUNTED = "/mnt/usb"
"""Where the stick is on the device, in what is printed."""


def usb(
    kit: Annotated[
        Path, typer.Argument(metavar="KIT", help=N_("A signed kit."), show_default=False)
    ],
    directory: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]",
            help=N_("Where the stick is mounted, on this machine."),
            show_default=False,
        ),
    ] = None,
    image: Annotated[
        Path | None,
        typer.Option("--image", help=N_("Write an image of a FAT32 stick, instead of to DIR.")),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help=N_("Replace another kit on the stick, or the image."))
    ] = False,
    with_installer: Annotated[
        Path | None,
        typer.Option(
            "--with-installer",
            help=N_(
                "The frozen sftunnel-installer to put there, too. [default: that of the bundles]"
            ),
        ),
    ] = None,
    signer: Annotated[
        list[str] | None,
        typer.Option(
            "--signer", help=N_("Fingerprint of who must have signed it. May be repeated.")
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Copy a kit to a USB stick: flushed, read back, compared."""
    from sftunnel_builder.usb import UsbRequest, copy_kit

    place = image or directory
    if place is None or (image and directory):
        raise BundlerError(
            _("either a directory or --image is wanted: where does the kit go"),
            _("name the directory where the stick is mounted, or give --image FILE.img"),
            ExitCode.USAGE,
        )
    trusted = read_fingerprints(signer)
    request = UsbRequest(
        kit=Path(os.path.realpath(kit)),
        place=Path(os.path.abspath(place)),
        is_image=image is not None,
        replace=replace,
        trusted=trusted,
        installer=read_installer(with_installer) if with_installer else None,
    )
    try:
        report = copy_kit(request, lambda what: lambda names, n: screen.progress(names, n, what))
    except (KeyboardInterrupt, SystemExit):
        screen.note(
            _(
                "cut off: if there was a kit, the old or the new one is whole there; start.sh\n"
                "finds it. Type the same again to finish."
            )
        )
        raise
    for text in report.notes:
        screen.remark(text)
    if not trusted:
        screen.remark(_("the signer was not compared: give --signer, from the printed runbook"))
    if as_json:
        screen.result_json(_as_json(report))
    else:
        _show(report)


def _show(report: UsbReport) -> None:
    """Print the report for a person."""
    place = printable(str(report.place))
    done = _("was there already, read and compared") if report.was_there else _("flushed, compared")
    copied = _("{n} bundles, {bytes:,} bytes: {done}")
    copied = copied.format(n=report.bundles, bytes=report.bytes, done=done)
    screen.result(screen.row(_("image") if report.is_image else _("stick"), place))
    screen.result(screen.row(_("kit"), copied))
    screen.result(screen.row(_("signer"), report.signer))
    screen.result(screen.row("start.sh", report.start_sha256))
    if report.installer_sha256:
        screen.result(f"{PROGRAM}  {report.installer_sha256}")
    screen.note(screen.row(_("aloud:"), grouped(report.signer)))
    if report.has_plain_keys:
        screen.warn(_("keys in plaintext are in it: whoever has it can pose as those devices"))
    else:
        screen.note(_("Take the passphrases to the devices another way."))
    if not report.is_image:
        screen.note(_("Before you pull it out: umount '{place}', or eject it.").format(place=place))
    screen.note("")
    screen.note(_("On any of its devices, as root, with the path under which it sees the stick:"))
    screen.result(f"    {_command(report)}")
    screen.note(
        _("Before that: sha256sum {mounted}/start.sh must print there what stands above.").format(
            mounted=MOUNTED
        )
    )
    if report.installer_sha256:
        screen.note(
            _("Where the device's openssl does not do, with the same comparison: {command}").format(
                command=f"sh {MOUNTED}/{PROGRAM} --signer ..."
            )
        )
    screen.note(
        _("FXOS shows it as usbdrive: or usbA:; mounting it in expert mode is undocumented.")
    )


def _command(report: UsbReport) -> str:
    """Return what is typed on a device."""
    return f"sh {MOUNTED}/start.sh --signer {report.signer}"


def _as_json(report: UsbReport) -> dict[str, Any]:
    """Return the report for a program."""
    return {
        "place": str(report.place),
        "is_image": report.is_image,
        "was_there": report.was_there,
        "signer": report.signer,
        "sums_sha256": report.sums_sha256,
        "start_sha256": report.start_sha256,
        "installer_sha256": report.installer_sha256,
        "bundles": report.bundles,
        "bytes": report.bytes,
        "has_plain_keys": report.has_plain_keys,
        "command": _command(report),
        "notes": list(report.notes),
    }
