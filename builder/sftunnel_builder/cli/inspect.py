"""`sftunnel-bundler inspect`: what is in a bundle."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Any

import typer

from sftunnel_builder import screen
from sftunnel_builder.cli.verify import read_bundle
from sftunnel_builder.words import N_, _


def inspect(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help=N_("A bundle, .tar.gz."))],
    as_json: Annotated[bool, typer.Option("--json", help=N_("Print the result as JSON."))] = False,
) -> None:
    """Show what is in a bundle, and whose it is."""
    data = read_bundle(bundle)
    facts = _facts(data)
    if as_json:
        screen.result_json(facts)
        return
    rows = {
        _("bundle id"): facts["bundle_id"],
        _("device name"): facts["device_name"],
        _("device uuid"): facts["device_uuid"],
        _("device address"): facts["device_address"],
        _("created"): facts["created"],
        _("signer"): facts["signer"] or _("NOT SIGNED YET"),
        "sha256": facts["sha256"],
        _("key"): _("encrypted") if facts["key_encrypted"] else _("NOT ENCRYPTED"),
    }
    width = max(map(len, rows)) + 1
    for label, value in rows.items():
        screen.result(screen.row(label, value, width))
    for fmc in facts["fmcs"]:
        screen.result()
        screen.result(
            _("FMC {uuid}, generate_certs.pl run {run}").format(uuid=fmc["uuid"], run=fmc["run_id"])
        )
        for text, certificate in (
            (_("  ca: {subject}"), fmc["ca"]),
            (_("  certificate: {subject}"), fmc["certificate"]),
        ):
            screen.result(text.format(subject=certificate["subject"]))
            screen.result(_("    valid {not_before} to {not_after}").format(**certificate))
            screen.result(_("    SHA-256 fingerprint {fingerprint}").format(**certificate))
        for file in fmc["files"]:
            screen.result(f"  {file['target']}  {file['mode']} {file['owner']}")
            screen.result(f"    sha256 {file['sha256']}")
    screen.result()
    screen.result(_("files in the bundle"))
    for name, size in facts["members"].items():
        screen.result(f"  {size:>7}  {name}")


def _facts(data: bytes) -> dict[str, Any]:
    """Return what a bundle holds, for --json."""
    from sftunnel_builder.bundle import Contents, OpenedBundle, open_contents
    from sftunnel_builder.bundle_conf import LANDED_MODE, LANDED_OWNER, FmcTrio
    from sftunnel_builder.certificates import load_certificate
    from sftunnel_builder.errors import printable
    from sftunnel_builder.trio import TRIO_NAMES

    def certificate(opened: Contents, place: str) -> dict[str, str]:
        loaded = load_certificate(opened.members[place], place)
        return {
            "subject": printable(loaded.subject()),
            "not_before": loaded.not_before_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "not_after": loaded.not_after_utc.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "fingerprint": loaded.fingerprint(),
        }

    def fmc(opened: Contents, trio: FmcTrio) -> dict[str, Any]:
        return {
            "uuid": trio.fmc_uuid,
            "run_id": trio.run_id,
            "ca": certificate(opened, trio.source("cacert.pem")),
            "certificate": certificate(opened, trio.source("sftunnel-cert.pem")),
            "files": [
                {
                    "source": trio.source(name),
                    "target": trio.target(name),
                    "sha256": trio.sha256[name],
                    "mode": LANDED_MODE,
                    "owner": LANDED_OWNER,
                }
                for name in TRIO_NAMES
            ],
        }

    opened = open_contents(data)
    conf = opened.conf
    return {
        "bundle_id": conf.bundle_id,
        "device_name": printable(conf.device_name),
        "device_uuid": conf.device_uuid,
        "device_address": printable(conf.device_address),
        "created": conf.created.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "builder_version": conf.builder_version,
        "signer": opened.signer if isinstance(opened, OpenedBundle) else None,
        "sha256": hashlib.sha256(data).hexdigest(),
        "key_encrypted": opened.is_key_encrypted(),
        "fmcs": [fmc(opened, trio) for trio in conf.trios],
        "members": {name: len(content) for name, content in opened.members.items()},
    }
