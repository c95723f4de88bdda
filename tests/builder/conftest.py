"""What the builder's tests share: trios with chosen faults."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf, new_key
from sftunnel_builder.trio import TrioFiles

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TIMES = (NOW - timedelta(days=1), NOW + timedelta(days=3649))
DEVICE = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"


@pytest.fixture(scope="session")
def keys() -> tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey, rsa.RSAPrivateKey]:
    """Three keys: a CA's, a device's, a stranger's."""
    return new_key(), new_key(), new_key()


@pytest.fixture(scope="session")
def make_trio(
    keys: tuple[rsa.RSAPrivateKey, rsa.RSAPrivateKey, rsa.RSAPrivateKey],
) -> Callable[..., TrioFiles]:
    """Give a function that makes a good trio, or one with the faults that it is told."""

    def make(
        *,
        ca: dict[str, object] | None = None,
        leaf: dict[str, object] | None = None,
        **other: bytes,
    ) -> TrioFiles:
        ca_facts = {"fmc_uuid": FMC, "key": keys[0], "times": TIMES, **(ca or {})}
        leaf_facts = {"uuid": DEVICE, "key": keys[1], "times": TIMES, **(leaf or {})}
        ca_times, leaf_times = ca_facts.pop("times"), leaf_facts.pop("times")
        ca_key = ca_facts.pop("key")
        cacert = make_ca(ca_facts.pop("fmc_uuid"), ca_key, *ca_times, **ca_facts)  # type: ignore
        leaf_key = leaf_facts.pop("key")
        cert = make_leaf(
            cacert,
            ca_key,
            leaf_facts.pop("uuid"),
            leaf_key,
            *leaf_times,
            **leaf_facts,  # type: ignore
        )
        files = {"cacert": cacert, "cert": cert, "key": key_pem(leaf_key), **other}  # type: ignore
        return TrioFiles(files["cacert"], files["cert"], files["key"])

    return make
