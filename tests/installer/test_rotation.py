"""Replacing a signer, as the devices see it: no gap, and no longer than wanted with both."""

from __future__ import annotations

import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from refusals import assert_refused
from rehearsal import Firewall, Made
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.choose import Wanted
from sftunnel_builder.sign import SignRequest, sign_kit
from sftunnel_builder.signer import KeySigner, generate_signer


@pytest.fixture
def successor() -> KeySigner:
    return generate_signer()


def _signed_again(made: Made, firewall: Firewall, successor: KeySigner, place: Path) -> Path:
    """Sign the kit by the successor, and unpack this firewall's bundle of it."""
    shutil.copytree(made.kit, place / "kit")
    kit = place / "kit"
    now = datetime.now(UTC)
    trusted = frozenset({made.report.signer})
    sign_kit(SignRequest(kit, kit, successor, trusted, now), lambda items, _: items)
    (place / "again").mkdir()
    packed = kit / "bundles" / f"{firewall.bundle.name}.tar.gz"
    subprocess.run(["tar", "-xzf", str(packed), "-C", str(place / "again")], check=True)
    return place / "again" / firewall.bundle.name


def _trusting(firewall: Firewall, *signers: str) -> list[str]:
    """Return the options of an unattended run that trusts these signers."""
    options = firewall.options()
    at = options.index("--signer")
    named = [word for signer in signers for word in ("--signer", signer)]
    return [*options[:at], *options[at + 2 :], *named]


def test_a_successor_is_trusted_when_named_and_takes_over(
    made: Made, firewall: Firewall, successor: KeySigner, tmp_path: Path
) -> None:
    old, new = firewall.signer, successor.fingerprint()
    assert firewall.install().returncode == 0
    assert firewall.rollback().returncode == 0
    firewall.bundle = _signed_again(made, firewall, successor, tmp_path)
    # The pin of the old one is not enough, nor is naming the old one.
    assert firewall.run("check", *_trusting(firewall)).returncode == 4
    done = firewall.run("install", *_trusting(firewall, old))
    assert (done.returncode, firewall.which_trio()) == (4, "old")
    assert f"wanted '{old}', found '{new}'" in done.stderr
    # While both are in use, both are named; the order does not count.
    for signers in ((old, new), (new, old)):
        assert firewall.run("check", *_trusting(firewall, *signers)).returncode == 0
    done = firewall.run("install", *_trusting(firewall, old, new))
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    # From then on the successor is pinned, and the old one can be forgotten.
    assert firewall.run("check", *_trusting(firewall)).returncode == 0
    forget = ["--root", str(firewall.root), "--forget-signer", old]
    assert firewall.run("recover", *forget).returncode == 0
    assert [path.name for path in (firewall.state / "signers").iterdir()] == [new]


def test_both_signers_are_named_for_bundles_of_the_old_one(
    firewall: Firewall, successor: KeySigner
) -> None:
    done = firewall.run("install", *_trusting(firewall, successor.fingerprint(), firewall.signer))
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    # What is pinned is who signed, not whom the command line named.
    pinned = [path.name for path in (firewall.state / "signers").iterdir()]
    assert pinned == [firewall.signer]


@pytest.mark.parametrize("verb", ["install", "check"])
def test_an_unsigned_bundle_is_not_a_whole_one(
    made: Made, firewall: Firewall, tmp_path: Path, verb: str
) -> None:
    request = BuildRequest(Wanted((made.fmc.root,)), tmp_path / "kit", None, made.report.created)
    build_kit(request, lambda items, _: items)
    packed = tmp_path / "kit/unsigned" / f"{firewall.bundle.name}.tar.gz"
    shutil.rmtree(firewall.bundle)
    subprocess.run(["tar", "-xzf", str(packed), "-C", str(firewall.bundle.parent)], check=True)
    assert_refused(firewall, 4, "is not a whole bundle", *firewall.options(), verb=verb)


def test_a_signer_that_cannot_be_pinned_is_told_and_the_run_is_remembered_all_the_same(
    firewall: Firewall,
) -> None:
    firewall.state.mkdir(mode=0o700)
    (firewall.state / "signers").touch()
    done = firewall.install("--no-restart")
    assert done.returncode == 0
    assert "warning: the signer could not be pinned" in done.stderr
    assert "could not be remembered" not in done.stderr
    assert (firewall.state / "runs").exists()
