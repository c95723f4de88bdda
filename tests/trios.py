"""Trios made for a test, sound or with a fault, and put into a bundle as a bad builder would."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from refusals import sign_anew
from rehearsal import Firewall
from sftunnel_builder.bundle_conf import BundleConf, FmcTrio
from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf, new_key
from sftunnel_builder.trio import TRIO_NAMES


def make_trio(
    firewall: Firewall,
    *,
    ca_days: tuple[int, int] = (-1, 9),
    days: tuple[int, int] = (-1, 9),
    swap: str = "",
    **leaf: Any,
) -> dict[str, bytes]:
    """Make a trio for this firewall, valid from and until so many days from now, with a fault.

    swap: a CA of the same name with another key, or another key than the certificate's.
    """
    now = datetime.now(UTC)
    ca_times, times = ([now + timedelta(days=day) for day in each] for each in (ca_days, days))
    ca_key, leaf_key = new_key(), new_key()
    cacert = make_ca(firewall.fmc_uuid, ca_key, ca_times[0], ca_times[1])
    title = firewall.device.uuid
    cert = make_leaf(cacert, ca_key, title, leaf_key, times[0], times[1], **leaf)
    if swap == "ca":
        cacert = make_ca(firewall.fmc_uuid, new_key(), times[0], times[1])
    key = new_key() if swap == "key" else leaf_key
    return dict(zip(TRIO_NAMES, (cacert, cert, key_pem(key)), strict=True))


def put_into_bundle(firewall: Firewall, trio: dict[str, bytes]) -> None:
    """Replace what the bundle brings, plan and signature included: as a bad builder would."""
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in trio.items()}
    conf = BundleConf(
        firewall.device.name,
        firewall.device.uuid,
        "",
        datetime.now(UTC).replace(microsecond=0),
        "0.1.0",
        (FmcTrio(firewall.fmc_uuid, 1, sha256),),
    ).with_id()
    (firewall.bundle / "bundle.conf").write_bytes(conf.render())
    for name, content in trio.items():
        (firewall.bundle / "payload" / firewall.fmc_uuid / name).write_bytes(content)
    sign_anew(firewall)
