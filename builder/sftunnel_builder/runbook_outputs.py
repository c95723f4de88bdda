"""What stands on the screen when the commands of a runbook do what they should.

`...` stands for what is another text each time (times, PIDs, sizes), on a line of its own for any
number of lines, and for the end of a line that is too long for paper. A test runs the commands and
compares, line by line.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sftunnel_builder.bundle_conf import BundleConf

if TYPE_CHECKING:
    from collections.abc import Iterator

WIDTH = 72
"""Of a line of output on paper."""
VARIES = "..."


def start_output(conf: BundleConf, top: str, bundle_sha256: str, signer: str) -> str:
    """Return what start.sh says before install.sh does."""
    return _fitted(
        "kit        /mnt/usb/sftunnel: SHA256SUMS is signed by signer.pem: Verified OK",
        f"           signer {signer}, as given with --signer",
        f"device     ims.conf says {conf.device_uuid}: its bundle is {top}.tar.gz",
        f"           copied, and its SHA-256 is the listed one, {bundle_sha256}",
    )


def check_output(conf: BundleConf, signer: str, *, is_locked: bool) -> str:
    """Return what `check` says."""
    return _fitted(
        *_verified(conf, signer, is_locked),
        f"ready to install on {conf.device_name}: nothing was changed",
    )


def install_output(conf: BundleConf) -> str:
    """Return what `install` says after what it verifies, as `check` does: question, answer, end."""
    return _fitted(
        f"Install on {conf.device_name} now? {VARIES} [yes/no] yes",
        *_replaced(f"confirm    tunnel up, connected to {VARIES}"),
        f"done: install on {conf.device_name}; to undo: sh '{VARIES}/rollback.sh'",
    )


def rollback_output(conf: BundleConf) -> str:
    """Return what `rollback` says from its question on; no tunnel is awaited."""
    return _fitted(
        f"Put backup {VARIES} back on {conf.device_name} now? {VARIES} [yes/no] yes",
        *_replaced("confirm    tunnel not looked at"),
        f"note: these are older files. {VARIES}",
        f"done: rollback on {conf.device_name}; to undo: sh '{VARIES}/rollback.sh'",
    )


def _replaced(confirmed: str) -> Iterator[str]:
    """Yield what is said of the change itself, and of its receipt."""
    yield f"backup     {VARIES}: each file compared with its original"
    yield "stage      written beside the old files, flushed, compared"
    yield "commit     replaced, flushed, read back and compared"
    yield f"restart    sftunnel restarted, PID {VARIES} -> {VARIES}"
    yield confirmed
    yield f"receipt    {VARIES}"
    yield f"           {VARIES}"
    yield "-----BEGIN SFTUNNEL RECEIPT-----"
    yield VARIES
    yield "-----END SFTUNNEL RECEIPT-----"
    yield f"confirmation code: {VARIES}"


def _verified(conf: BundleConf, signer: str, is_locked: bool) -> Iterator[str]:
    """Yield what is said before anything is changed."""
    # install.sh, bundle.conf, RUNBOOK.txt and signer.pem, beside the trios.
    listed = 4 + sum(len(trio.sha256) for trio in conf.trios)
    yield "bundle     SHA256SUMS is signed by signer.pem: Verified OK"
    yield f"           signer {signer}, as given with --signer"
    yield f"           {listed} files have the checksums that it lists"
    yield f"device     ims.conf says {conf.device_uuid}: it is {conf.device_name}, as wanted"
    for trio in conf.trios:
        yield f"           peer directory {VARIES}/{trio.fmc_uuid} is there"
    for number, trio in enumerate(conf.trios):
        yield f"trio       FMC {trio.fmc_uuid}: the CA issued the certificate, {VARIES}"
        yield f"           both hold by this device's clock, {VARIES}"
        if is_locked and number == 0:
            yield f"Passphrase of the key for {conf.device_name} (not shown):"
        yield f"           the key has the planned SHA-256, {trio.sha256['sftunnel-key.pem']}"
        yield "           RSA key ok, says openssl rsa -check; its public key is the certificate's"
        yield f"           generate_certs.pl run {trio.run_id}; {VARIES}"
    yield f"preflight  root; {VARIES} KiB free, {VARIES} wanted"
    files = sum(len(trio.sha256) for trio in conf.trios)
    yield f"           {files} files to put in place: no link or directory stands there, {VARIES}"
    yield f"           pmtool: {VARIES}"


def _fitted(*lines: str) -> str:
    """Return lines that fit on paper."""
    return "\n".join(
        line if len(line) <= WIDTH else line[: WIDTH - len(VARIES)] + VARIES for line in lines
    )
