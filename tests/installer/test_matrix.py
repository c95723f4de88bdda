"""The same journey under every shell, tool set and OpenSSL that a device could have.

Every combination in CI, each with a plain and an encrypted key. On a laptop one cell a shell, with
the machine's own openssl, and one cell an OpenSSL version, with bash as on a device.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from found import Cell, Record, record_cell
from rehearsal import IS_LONG, Firewall, Made, make_firewall, make_kit
from toolsets import OPENSSLS, OWN_OPENSSL, SHELLS, Toolset

pytestmark = pytest.mark.slow
KEYS = ("plain", "encrypted")
_OWN = [version for version in OPENSSLS if OWN_OPENSSL.startswith(version)]
_VERSIONS = OPENSSLS if _OWN else (*OPENSSLS, "")


@dataclass(frozen=True)
class Combination:
    """A cell of the matrix."""

    toolset: Toolset
    key: str
    at: tuple[int, int]

    def is_in_the_sample(self) -> bool:
        """Tell whether it is also tried outside CI."""
        is_own = self.toolset.openssl in (*_OWN, "")
        is_bash = self.toolset.name == "bash"
        return (is_bash or is_own) and (self.key == "encrypted" or (is_bash and is_own))


COMBINATIONS = [
    Combination(replace(shell, openssl=openssl), key, (row, column * len(KEYS) + half))
    for row, shell in enumerate(SHELLS)
    for column, openssl in enumerate(_VERSIONS)
    for half, key in enumerate(KEYS)
]
TRIED = [one for one in COMBINATIONS if IS_LONG or one.is_in_the_sample()]


@pytest.fixture(scope="session")
def made_plain(made: Made, tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Give a second kit from the same FMC, with plain keys."""
    place = tmp_path_factory.mktemp("plain")
    return make_kit(place, [made.fmc], made.devices, datetime.now(UTC), plain_keys=True)


def _name(one: Combination) -> str:
    openssl = one.toolset.openssl or "the machine's own"
    return f"{one.toolset.name}, OpenSSL {openssl}, {one.key} key"


@pytest.fixture
def equipped(
    request: pytest.FixtureRequest, made: Made, made_plain: Made, tmp_path: Path
) -> Iterator[Firewall]:
    """Give a firewall with the shell, tools and openssl of a combination."""
    one: Combination = request.param
    firewall = make_firewall(made if one.key == "encrypted" else made_plain, tmp_path)
    firewall.shell, firewall.environment = one.toolset.environment(tmp_path)
    yield firewall
    firewall.device.stop_sftunnel()


def _record(record: Record, one: Combination, firewall: Firewall) -> None:
    name = one.toolset.name.removesuffix(", old")
    row = f"{name} {one.toolset.shell_version(firewall.shell)}"
    column = f"{one.toolset.openssl_version(firewall.environment)}\n{one.key}"
    record_cell(record, Cell("whole journeys by shell, OpenSSL and key", one.at, row, column))


@pytest.mark.parametrize(
    ("equipped", "one"), [(one, one) for one in TRIED], ids=map(_name, TRIED), indirect=["equipped"]
)
def test_the_whole_journey(equipped: Firewall, one: Combination, record_property: Record) -> None:
    firewall = equipped
    _record(record_property, one, firewall)

    checked = firewall.run("check", *firewall.options())
    assert checked.returncode == 0, checked.stderr
    assert "ready to install on BSNS-1120-1" in checked.stdout
    assert not firewall.state.exists()
    firewall.assert_trio(firewall.old_trio)

    installed = firewall.install()
    assert installed.returncode == 0, installed.stderr
    assert "done: install on BSNS-1120-1" in installed.stdout
    firewall.assert_trio(firewall.new_trio)

    again = firewall.install()
    assert again.returncode == 0, again.stderr
    assert "already installed" in again.stdout
    assert len(firewall.backups()) == 1

    rolled_back = firewall.rollback()
    assert rolled_back.returncode == 0, rolled_back.stderr
    firewall.assert_trio(firewall.old_trio)
    assert firewall.trio_facts() == firewall.old_facts

    again = firewall.rollback()
    assert again.returncode == 0, again.stderr
    assert "already as in backup" in again.stdout

    staged = firewall.install("--stage-only")
    assert staged.returncode == 0, staged.stderr
    firewall.assert_trio(firewall.old_trio)
    litter = firewall.peer_dir / "sftunnel-key.pem\x1b\x7f"
    litter.touch()
    status = firewall.run("status", "--root", str(firewall.root))
    assert status.returncode == 0, status.stderr
    assert "EXPIRED" in status.stdout
    assert "activate commits it" in status.stdout
    assert "also there: 'sftunnel-key.pem??'" in status.stdout
    litter.unlink()

    activated = firewall.run("activate", *firewall.options())
    assert activated.returncode == 0, activated.stderr
    firewall.assert_trio(firewall.new_trio)
    assert not (firewall.state / "staged").exists()

    recovered = firewall.run("recover", "--root", str(firewall.root))
    assert recovered.returncode == 0, recovered.stderr
    assert "nothing is left unfinished" in recovered.stdout


LOCKED = [one for one in TRIED if one.key == "encrypted"]


@pytest.mark.parametrize("equipped", LOCKED, ids=map(_name, LOCKED), indirect=True)
def test_trouble_is_told_the_same_way(equipped: Firewall) -> None:
    firewall = equipped
    firewall.passphrase_file.write_text("wrong\n")
    refused = firewall.install()
    assert refused.returncode == 3
    assert "wrong passphrase, or a damaged key" in refused.stderr
    firewall.assert_trio(firewall.old_trio)
    assert not firewall.state.exists()
