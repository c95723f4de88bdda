"""Whose FMC a tree is, and which file may be a FAILED_PUSH."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from sftunnel_builder.choose import Wanted, choose_devices
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.fmc_tree import CA_PATH, FmcTree
from sftunnel_builder.lab.certificates import make_ca
from sftunnel_builder.runs import manager_of
from sftunnel_builder.tree import DirectoryTree

from .conftest import FMC, TIMES

Keys = tuple[rsa.RSAPrivateKey, ...]


def _tree(place: Path, key: rsa.RSAPrivateKey, name: str, begin: datetime = TIMES[0]) -> FmcTree:
    path = place / CA_PATH.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_bytes(make_ca(name, key, begin, TIMES[1]))
    return FmcTree(DirectoryTree(place))


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("../../../../etc", id="a way out"),
        pytest.param(f"{FMC}\nfile=x", id="a line more"),
        pytest.param(f"{FMC}/..", id="a way out behind it"),
        pytest.param("\x1b[31mfmc", id="a colour"),
        pytest.param("fmc.example.net", id="a host name"),
    ],
)
@pytest.mark.parametrize("all_devices", [False, True], ids=["", "all devices"])
def test_a_ca_that_names_no_uuid_is_no_fmcs(
    keys: Keys, tmp_path: Path, name: str, all_devices: bool
) -> None:
    _tree(tmp_path, keys[0], name)
    with pytest.raises(BundlerError, match="wanted the UUID of the FMC") as caught:
        choose_devices(Wanted((tmp_path,), all_devices=all_devices))
    assert caught.value.message.isprintable()


def test_a_ca_from_before_1970_has_a_run_that_bundle_conf_can_say(
    keys: Keys, tmp_path: Path
) -> None:
    begin = datetime(1960, 1, 1, tzinfo=UTC)
    assert manager_of(_tree(tmp_path, keys[0], FMC, begin), None).run_id == 0


def test_a_file_without_end_is_no_failed_push(keys: Keys, tmp_path: Path) -> None:
    _tree(tmp_path, keys[0], FMC)
    with pytest.raises(BundlerError, match="'/dev/zero' is over 64 MiB"):
        choose_devices(Wanted((tmp_path,), failed_push=Path("/dev/zero")))
