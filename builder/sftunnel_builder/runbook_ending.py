"""What a device's runbook says from the exit status on, and of the way back."""

from __future__ import annotations

from sftunnel_builder.runbook_blocks import Blanks, Block, Command, Output, Rows, Text, Tick
from sftunnel_builder.runbook_facts import Facts
from sftunnel_builder.runbook_outputs import rollback_output
from sftunnel_builder.words import _


def exit_codes() -> tuple[Block, ...]:
    """Return what each exit status means, and what to do."""
    rows = (
        ("0", _("Done, or already so. Go on below.")),
        ("1", _("A bug; nothing was changed. Report the message.")),
        ("2", _("Wrong command line, or not confirmed; nothing was changed. Type it again.")),
        (
            "3",
            _(
                "Certificate, key, dates or passphrase refused; nothing was changed. Do what the "
                "hint says; look at the device's clock."
            ),
        ),
        (
            "4",
            _(
                "Bundle damaged or not trusted; nothing was changed. Compare the fingerprint, "
                "carry the bundle again."
            ),
        ),
        (
            "5",
            _(
                "Wrong device, not root, no space, or busy; nothing was changed. Do what the hint "
                "says, type it again."
            ),
        ),
        ("6", _("Failed, and the old trio is back. Note the message, report it, then try again.")),
        (
            "7",
            _("FAILED, AND THE TRIO NEEDS A HAND: do what the message says, now. Do not reboot."),
        ),
        (
            "8",
            _(
                "The new trio is in place, but sftunnel did not restart or no tunnel came up. Look "
                "at /ngfw/var/log/messages, and at sftunnel_status.pl on the FMC. Do not roll back "
                "for that."
            ),
        ),
        (
            "128+",
            _("Stopped by a signal before any change. Type it again."),
        ),
    )
    return (Rows((_("Exit"), _("What it means, and what to do")), rows),)


def receipt(facts: Facts) -> tuple[Block, ...]:
    """Return what comes back from the device, and what is said on the telephone."""
    return (
        Text(
            _(
                "At the end a receipt is printed, from BEGIN SFTUNNEL RECEIPT to END SFTUNNEL "
                "RECEIPT, and under it a confirmation code of 12 characters. Read the code out by "
                "telephone to whoever keeps the kit, with the name of the device:"
            )
        ),
        Output("confirmation code: ..."),
        Tick(
            _(
                "Take back the file sftunnel-receipt-{digits}-*.json from the stick, or the "
                "terminal's log. It is signed with the device's new key."
            ).format(digits=facts.conf.device_uuid[:8])
        ),
    )


def afterwards() -> tuple[Block, ...]:
    """Return what to look at when it is done."""
    return (
        Tick(_("On the device, as root: sftunnel runs, and a line says connected to.")),
        Command("sftunnel_status.pl"),
        Output("...\n...connected to...\n..."),
        Tick(_("On the FMC: sftunnel_status.pl shows this device connected, too.")),
        Tick(_("On the FMC: a deployment to this device succeeds.")),
        Tick(
            _("What was carried to the device is removed from it: bundle, directory, passphrase.")
        ),
    )


def rollback(facts: Facts) -> tuple[Block, ...]:
    """Return how to go back, and what that does not do."""
    blocks: list[Block] = [
        Text(
            _(
                "An FMC that has run generate_certs.pl has a new CA and will NOT accept the old "
                "trio: rollback restores the files, not the tunnel. The command in the install's "
                "last line works without stick and bundle. With what was carried to the device:"
            )
        ),
    ]
    unpacked = Command("sh install.sh rollback")
    if facts.bundle_sha256 is None:
        return (*blocks, unpacked)
    return (
        *blocks,
        Command(f"sh /mnt/usb/start.sh rollback --signer \\\n  {facts.signer}"),
        Text(_("Or, in the unpacked bundle:")),
        unpacked,
        Text(_("It asks, and then, with your answer, both end with:")),
        Output(rollback_output(facts.conf)),
    )


def sign_off() -> tuple[Block, ...]:
    """Return the table that is signed."""
    steps = (
        _("Checked"),
        _("Installed, exit status:"),
        _("Tunnel seen on the FMC"),
        _("Confirmation code read out"),
        _("Rolled back (if needed)"),
    )
    return (Blanks(("", _("Time (UTC)"), _("Initials")), steps),)
