"""The runbook of a device: plain text, from a template. Decides nothing; only words it."""

from __future__ import annotations

from sftunnel_builder.bundle_conf import BundleConf
from sftunnel_builder.resources import template
from sftunnel_builder.signer import grouped

COLUMNS = 78
MAX_NAME = 39
"""What fits behind the words of the longest line that names the device."""
MAX_ADDRESS = 65


def render_device_runbook(
    conf: BundleConf, top: str, signer: str, is_locked: bool, bundle_sha256: str | None = None
) -> bytes:
    """Return the runbook of one device, UTF-8, at most 78 columns.

    bundle_sha256 is the checksum of the whole bundle; it is None for the copy inside the bundle,
    which cannot hold its own.
    """
    groups = grouped(signer).split()
    sums = grouped(bundle_sha256).split() if bundle_sha256 else []
    text = template("RUNBOOK.txt.j2").render(
        conf=conf,
        device_name=_cut(conf.device_name, MAX_NAME),
        device_address=_cut(conf.device_address, MAX_ADDRESS),
        top=top,
        bundle=f"{top}.tar.gz",
        signer=signer,
        signer_lines=[" ".join(groups[:8]), " ".join(groups[8:])],
        is_locked=is_locked,
        bundle_sha256=bundle_sha256,
        bundle_sha256_lines=[" ".join(sums[:8]), " ".join(sums[8:])] if sums else [],
    )
    return text.encode()


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else f"{text[: columns - 3]}..."
