"""The same journey under every shell, tool set and OpenSSL that a device could have."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal import Firewall, Made, make_firewall
from toolsets import TOOLSETS, Toolset


@pytest.fixture(params=TOOLSETS, ids=lambda toolset: toolset.name)
def equipped(request: pytest.FixtureRequest, made: Made, tmp_path: Path) -> Iterator[Firewall]:
    """Give a firewall with one of the tool sets."""
    toolset: Toolset = request.param
    firewall = make_firewall(made, tmp_path)
    firewall.shell, firewall.environment = toolset.environment(tmp_path)
    yield firewall
    firewall.device.stop_sftunnel()


def test_the_whole_journey(equipped: Firewall) -> None:
    firewall = equipped

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


def test_trouble_is_told_the_same_way(equipped: Firewall) -> None:
    firewall = equipped
    firewall.passphrase_file.write_text("wrong\n")
    refused = firewall.install()
    assert refused.returncode == 3
    assert "wrong passphrase, or a damaged key" in refused.stderr
    firewall.assert_trio(firewall.old_trio)
    assert not firewall.state.exists()
