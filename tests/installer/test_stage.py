"""Staging now and activating later: whose signature counts, how long a staged key lies there."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal import Firewall, put_before_path
from sftunnel_builder.lab.certificates import make_ca, new_key


@pytest.fixture
def staged(firewall: Firewall) -> Firewall:
    """Give a firewall with its bundle staged."""
    assert firewall.install("--stage-only").returncode == 0
    assert (firewall.state / "staged").is_dir()
    return firewall


def test_another_signer_than_the_one_who_was_trusted_then_is_refused(staged: Firewall) -> None:
    done = staged.run("activate", "--root", str(staged.root), "--yes", "--signer", "0" * 64)
    assert done.returncode == 4
    assert "error: the bundle is signed by another key: wanted '" in done.stderr
    staged.assert_trio(staged.old_trio)


def test_what_a_forgotten_signer_had_signed_is_not_activated(staged: Firewall) -> None:
    assert staged.install("--no-restart").returncode == 0
    assert staged.install("--stage-only").returncode == 0
    assert staged.rollback("--no-restart").returncode == 0
    assert staged.install("--stage-only").returncode == 0
    forget = ["recover", "--root", str(staged.root), "--forget-signer", staged.signer]
    done = staged.run(*forget)
    assert done.returncode == 0, done.stderr
    assert "is no longer staged" in done.stdout
    done = staged.run("activate", *staged.options())
    assert done.returncode == 5
    assert "nothing is staged" in done.stderr


def test_a_signer_that_is_only_staged_can_be_forgotten_too(staged: Firewall) -> None:
    forget = ["recover", "--root", str(staged.root), "--forget-signer", staged.signer]
    done = staged.run(*forget)
    assert done.returncode == 0, done.stderr
    assert not (staged.state / "staged").exists()
    staged.assert_trio(staged.old_trio)
    done = staged.run(*forget)
    assert done.returncode == 2
    assert "is pinned here" in done.stderr


def test_an_install_of_what_is_staged_leaves_no_staged_key(staged: Firewall) -> None:
    assert staged.install("--no-restart").returncode == 0
    assert not (staged.state / "staged").exists()


def test_what_could_not_be_activated_is_not_staged(firewall: Firewall, tmp_path: Path) -> None:
    # As on a file system that has no modes and does not say so.
    put_before_path(firewall, tmp_path / "instead", chmod="case $1 in 644) exit 0 ;; esac")
    done = firewall.install("--stage-only")
    assert done.returncode == 5, done.stderr
    assert "error: cannot keep the staged files in '" in done.stderr
    assert "cacert.pem" in done.stderr
    firewall.assert_trio(firewall.old_trio)
    assert not (firewall.state / "staged").exists()


def test_staging_again_replaces_what_was_staged(staged: Firewall) -> None:
    before = {path.name for path in (staged.state / "staged").rglob("*")}
    assert staged.install("--stage-only").returncode == 0
    assert {path.name for path in (staged.state / "staged").rglob("*")} == before
    staged.assert_trio(staged.old_trio)
    assert staged.run("activate", *staged.options("--no-restart")).returncode == 0
    staged.assert_trio(staged.new_trio)


@pytest.mark.parametrize("verb", ["install", "activate"])
def test_a_newer_ca_that_the_fmc_gave_meanwhile_is_not_replaced(
    staged: Firewall, verb: str
) -> None:
    now = datetime.now(UTC)
    newer = make_ca(
        staged.fmc_uuid, new_key(), now + timedelta(hours=1), now + timedelta(days=3650)
    )
    (staged.peer_dir / "cacert.pem").write_bytes(newer)
    done = staged.run(verb, *staged.options("--no-restart"))
    assert done.returncode == 3
    assert f"error: this device has a newer CA of FMC '{staged.fmc_uuid}'" in done.stderr
    assert (staged.peer_dir / "cacert.pem").read_bytes() == newer
    done = staged.run(verb, *staged.options("--no-restart", "--allow-older"))
    assert done.returncode == 0, done.stderr
    staged.assert_trio(staged.new_trio)
