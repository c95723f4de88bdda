"""What install.sh and start.sh can print, for those who do not read its English.

The device speaks English only; a runbook in another language has a table of these, translated by
the catalogue. A test compares the list with the sources. `…` stands for what is filled in.
"""

from __future__ import annotations

from functools import cache

from sftunnel_builder.runbook_blocks import Rows
from sftunnel_builder.words import N_, Lang, _, spoken

MESSAGES: tuple[tuple[str, str], ...] = (
    ("5", N_("there is no number left for a backup in '…/backups'")),
    ("5", N_("cannot make a backup in '…/backups': …")),
    ("2", N_("'…' is no backup's name")),
    ("5", N_("there is no backup in '…/backups'")),
    ("2", N_("there is no backup '…'")),
    ("5", N_("cannot copy the backup to '…': …")),
    ("3, 7", N_("backup '…' is damaged: …")),
    ("5", N_("cannot set owners and modes in '…': …")),
    ("5", N_("'…' is already there")),
    ("5", N_("cannot export the backup to '…': …")),
    ("", N_("the old backup '…' could not be removed")),
    ("", N_("a file is not what was saved")),
    ("4", N_("'…' is not a whole bundle: SHA256SUMS, SHA256SUMS.sig or signer.pem is missing")),
    ("4", N_("SHA256SUMS is not a list of checksums")),
    ("4", N_("the bundle holds a link, or what else is no plain file: '…'")),
    ("4", N_("macOS has put files of its own into the bundle: '…'")),
    ("4", N_("the bundle holds what SHA256SUMS does not list: '…'")),
    ("4", N_("the bundle lacks what SHA256SUMS lists: '…'")),
    ("4", N_("SHA256SUMS lists a file twice")),
    ("4", N_("line ends were changed on the way, in '…'")),
    ("5", N_("cannot copy the bundle to '…': …")),
    ("5", N_("openssl is missing on this device")),
    ("4", N_("the signature does not fit: SHA256SUMS, its signature or signer.pem is damaged")),
    ("4", N_("SHA256SUMS is another one: wanted SHA-256 '…', found '…'")),
    ("4", N_("the bundle is signed by another key: wanted '…', found '…'")),
    ("4", N_("wanted at least 20 digits, found …")),
    ("4", N_("nothing says that the signer '…' is to be trusted")),
    ("4", N_("damaged, as its checksum is not the signed one: '…'")),
    ("4", N_("bundle.conf is not usable: it holds what a terminal would obey")),
    ("4", N_("bundle.conf is not usable: …")),
    ("2", N_("no signer '…' is pinned here")),
    ("5", N_("cannot remove '…': …")),
    ("5", N_("cannot read '…'")),
    ("5", N_("'…' holds no usable APPLIANCE_UUID")),
    ("5", N_("wrong device: the files are for '…', '…'; this is '…'…")),
    ("5", N_("the peer directory '…/…' is a symbolic link")),
    ("5", N_("there is no peer directory '…/…'")),
    ("5", N_("'…' is a symbolic link")),
    ("5", N_("cannot make '…': …")),
    ("5", N_("cannot keep others out of '…': …")),
    ("5", N_("another run is at work on this device: process '…'")),
    ("5", N_("cannot take the lock in '…': …")),
    ("5", N_("somebody took the lock away")),
    ("", N_("the new key is not on this device any more: there is no receipt of this …")),
    ("1", N_("the installer failed unexpectedly, with status …")),
    ("5", N_("nothing is staged on this device")),
    ("3", N_("what was staged is damaged: …")),
    ("5", N_("cannot write in '…': …")),
    ("4", N_("a certificate or key of the bundle is not what bundle.conf says must land")),
    ("5", N_("cannot keep the staged files in '…': …")),
    ("", N_("'…/staged' holds a key and could not be removed")),
    ("5", N_("cannot write beside the old files: …")),
    ("8", N_("… is in place, but …")),
    ("", N_("'…' could not be removed: the next run restarts sftunnel again")),
    ("8", N_("the trio is in place, but …")),
    ("", N_("a file is not what was staged")),
    ("2", N_("two verbs: '…' and '…'")),
    ("2", N_("option '…' needs a value")),
    ("2", N_("unknown word '…'")),
    ("2", N_("… does not go with '…'")),
    ("2", N_("… wants 64 hex digits, found '…'")),
    ("2", N_("--keep wants a whole number from 1 to 99, found '…'")),
    ("2", N_("--export-backup '…' is not a directory")),
    ("2", N_("--wait wants whole seconds, found '…'")),
    ("5", N_("this must run as root")),
    ("2", N_("--root '…' is not a directory")),
    ("", N_("rehearsal in '…' on a live appliance: sftunnel will not be restarted")),
    ("5", N_("there is no directory '…'")),
    ("", N_("unusable line '…=…'")),
    ("", N_("wanted format '1', found '…'")),
    ("", N_("it does not name a device, or not a whole trio for every FMC")),
    ("5", N_("'…' is not a plain file")),
    ("5", N_("'…' is not writable")),
    ("", N_("'…' in '…' has another name, a hard link, which will keep the old file")),
    ("5", N_("pmtool was not found, so that sftunnel could not be restarted")),
    ("5", N_("cannot tell the free space of '…'")),
    ("5", N_("too little space under '…': wanted … KiB, found …")),
    ("5", N_("immutable or append-only, in '…': '…'")),
    ("2", N_("not confirmed: nothing was changed")),
    ("", N_("no receipt could be written")),
    ("", N_("the receipt could not be copied to '…'")),
    ("", N_("the signer could not be pinned in '…/signers'")),
    ("", N_("the generate_certs.pl run could not be remembered in '…/runs'")),
    ("", N_("the log of this run could not be written in '…/logs'")),
    ("2", N_("the terminal closed before an answer")),
    ("5", N_("cannot switch off echo on this terminal")),
    ("4", N_("install.sh is damaged: line ends were changed on the way")),
    ("4", N_("install.sh is damaged: its end is missing")),
    ("4", N_("there is no whole kit in '…': …")),
    (
        "4",
        N_(
            "the signature of the kit does not fit: SHA256SUMS, its signature or signer.pem is "
            "damaged"
        ),
    ),
    ("4", N_("the kit is signed by another key: wanted '…', found '…'")),
    ("5", N_("cannot copy '….tar.gz' to '…': …")),
    ("4", N_("'….tar.gz' is damaged: its SHA-256 is not the one in the kit's list")),
    ("5", N_("cannot unpack '….tar.gz' in '…': …")),
    ("5", N_("the kit has no bundle for this device, '…'")),
    ("", N_("another run is at work: process …")),
    (
        "",
        N_(
            "an earlier … was interrupted: recover puts the old trio back, as do install and "
            "rollback before anything else"
        ),
    ),
    (
        "",
        N_(
            "'…' names no usable backup: compare the files in '…' with those in '…/backups' by hand"
        ),
    ),
    ("", N_("after an earlier … sftunnel was not seen to come up: recover restarts it again")),
    ("7", N_("cannot write or remove '…': …")),
    ("5", N_("cannot write the journal in '…': …")),
    ("6", N_("the files could not be replaced: …")),
    ("", N_("'…' could not be removed: rollback takes this backup only with --backup …")),
    ("", N_("an empty directory could not be removed before sftunnel's restart: …")),
    ("8", N_("interrupted after … was put in place")),
    ("7", N_("THE TRIO MAY BE A MIX of old and new files, and could not be put back: …")),
    ("5", N_("cannot remove what an earlier run left in '…': …")),
    ("7", N_("'…' names no usable backup")),
    (
        "7",
        N_(
            "an earlier … was cut off in its commit, and '…/…' has been changed by something else "
            "since"
        ),
    ),
    ("", N_("what was written beside the old files is not what was meant")),
    ("", N_("what lies in the peer directory is not what was written: '…'")),
    ("", N_("this device's clock is wrong: it says …, and the bundle was made …")),
    ("3", N_("a certificate for FMC '…' has expired")),
    ("3", N_("a certificate for FMC '…' is not valid yet, by this device's clock")),
    ("3", N_("the certificate for FMC '…' is not made for a TLS client")),
    ("3", N_("the certificate for FMC '…' was not issued by the CA beside it")),
    ("3", N_("no passphrase can be read from '…'")),
    ("3", N_("the key is encrypted, and there is nobody to ask for its passphrase")),
    ("3", N_("the key for FMC '…' does not open: wrong passphrase, or a damaged key")),
    ("3", N_("the key for FMC '…' is damaged")),
    ("3", N_("the key for FMC '…' is not the certificate's")),
    (
        "3",
        N_(
            "the bundle is of generate_certs.pl run '…', and this device has had run '…' of FMC '…'"
        ),
    ),
    (
        "3",
        N_(
            "this device has a newer CA of FMC '…' than the bundle brings: made '…', the bundle's "
            "'…'"
        ),
    ),
    ("", N_("pmtool status names no PID for sftunnel, so that the restart could not be proven")),
    (
        "",
        N_(
            "this device has … managers and … tunnels: make sure on the FMC that it is the right "
            "one"
        ),
    ),
    ("", N_("pmtool was not found")),
    ("", N_("'pmtool restartbyid sftunnel' failed with status …, or took over … s")),
    ("", N_("sftunnel has not restarted: its PID was '…' and is '…'")),
    ("", N_("sftunnel_status.pl was not found, so that the tunnel could not be looked at")),
    ("", N_("the tunnel did not come up within … s")),
)
"""Exit code, empty for a warning or a reason, and text."""


def message_table() -> tuple[Rows, ...]:
    """Return every message and what it means, in the chosen language; nothing in English."""
    return () if spoken() is Lang.EN else _table(spoken())


@cache
def _table(_lang: Lang) -> tuple[Rows, ...]:
    by_text = sorted(MESSAGES, key=lambda row: row[1])
    rows = tuple((code or "-", text, _(text)) for code, text in by_text)
    return (Rows((_("Exit"), _("Message"), _("What it means")), rows),)
