"""What earlier releases made is still read: bundles, a kit, its ledger, receipts and codes."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sftunnel_builder import __version__
from sftunnel_builder.account import AccountRequest, take_account
from sftunnel_builder.bundle import check_payload, check_trust, open_bundle
from sftunnel_builder.fleet import State

PLACES = sorted(Path(__file__).parent.glob("*/facts.txt"))


@dataclass(frozen=True)
class Release:
    """What a release has left, unpacked."""

    place: Path
    """Where its kit and its receipts are, to be written beside."""
    plain: Path
    facts: dict[str, str]

    @property
    def now(self) -> datetime:
        """When it was made; its certificates hold ten years from then."""
        return datetime.strptime(self.facts["made"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)

    @property
    def kit(self) -> Path:
        """The kit, of one device."""
        return self.place / "kit"

    def request(self, files: tuple[Path, ...] = (), codes: tuple[str, ...] = ()) -> AccountRequest:
        """Return what to hand in for the kit."""
        return AccountRequest(self.kit, files, codes, {self.facts["signer"]}, 90)


@pytest.fixture(params=PLACES, ids=lambda path: path.parent.name)
def release(request: pytest.FixtureRequest, tmp_path: Path) -> Release:
    kept: Path = request.param.parent
    subprocess.run(["tar", "-xzf", kept / "kit.tar.gz"], cwd=tmp_path, check=True)
    lines = (line.partition(": ") for line in request.param.read_text().splitlines())
    return Release(tmp_path, kept / "plain.tar.gz", {key: value for key, _, value in lines})


def test_this_release_has_left_what_later_ones_are_to_read() -> None:
    assert __version__ in {path.parent.name for path in PLACES}


def test_a_bundle_with_a_plain_key(release: Release) -> None:
    opened = open_bundle(release.plain.read_bytes())
    assert not opened.is_key_encrypted()
    check_trust(opened, {release.facts["plain-signer"]})
    assert check_payload(opened, None, release.now) == []


def test_a_bundle_with_an_encrypted_key(release: Release) -> None:
    (path,) = release.kit.glob("bundles/*.tar.gz")
    opened = open_bundle(path.read_bytes())
    assert opened.is_key_encrypted()
    check_trust(opened, {release.facts["signer"]})
    assert check_payload(opened, release.facts["passphrase"], release.now) == []


def test_a_kit_and_its_ledger(release: Release) -> None:
    account = take_account(release.request(), release.now)
    assert not account.refused
    (device,) = account.fleet.devices
    assert device.state is State.ROLLED_BACK


def test_receipts_and_a_code_for_a_kit_without_a_ledger(release: Release) -> None:
    (release.place / "kit.receipts/ledger.jsonl").unlink()
    receipts = tuple(sorted(release.place.glob("*.json")))
    assert [path.name.rpartition("-")[2] for path in receipts] == ["install.json", "rollback.json"]
    for files, codes, state in (
        ((), (release.facts["code"],), State.DONE),
        (receipts[:1], (), State.DONE),
        (receipts[1:], (), State.ROLLED_BACK),
    ):
        account = take_account(release.request(files, codes), release.now)
        assert not account.refused
        assert account.new_entries == 1
        (device,) = account.fleet.devices
        assert device.state is state
