"""Make bundles, a kit, receipts and a ledger with this release, for later ones to read.

    PYTHONPATH=builder:tests .venv/bin/python tests/releases/make.py

Run once for a release, before its tag. What a release has left here is never changed afterwards:
that later ones still read it is the point. The keys in it are published with it, so that they
protect nothing.
"""

from __future__ import annotations

import io
import shutil
import tarfile
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from rehearsal import Made, make_firewall, make_kit
from sftunnel_builder import __version__
from sftunnel_builder.account import AccountRequest, take_account
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc

PLACE = Path(__file__).parent / __version__


def main() -> None:
    """Write plain.tar.gz, a bundle; kit.tar.gz, a kit and what came back; and facts of both."""
    now = datetime.now(UTC)
    PLACE.mkdir()
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        plain = _made(work / "plain", now, plain_keys=True)
        shutil.copyfile(plain.bundle(plain.devices[0]), PLACE / "plain.tar.gz")
        made = _made(work / "locked", now, plain_keys=False)
        code = _rehearse(made, work / "stick")
        (PLACE / "kit.tar.gz").write_bytes(_packed(made.kit.parent, now))
        facts = {
            "made": f"{now:%Y-%m-%dT%H:%M:%SZ}",
            "plain-signer": plain.report.signer,
            "signer": made.report.signer,
            "passphrase": made.passphrase(made.devices[0]),
            "code": code,
        }
        text = "".join(f"{key}: {value}\n" for key, value in facts.items())
        (PLACE / "facts.txt").write_text(text)


def _made(place: Path, now: datetime, *, plain_keys: bool) -> Made:
    """Return a kit of one device."""
    place.mkdir()
    fmc = LabFmc.create(place / "fmc", now=now)
    device = LabDevice.create(place / "device", name="Plant 4 edge")
    fmc.register(device)
    fmc.generate_certs(now=now)
    return make_kit(place, [fmc], [device], now, plain_keys=plain_keys)


def _rehearse(made: Made, place: Path) -> str:
    """Install and roll back, hand in both receipts and the code of the install; return the code."""
    place.mkdir()
    firewall = make_firewall(made, place)
    installed = firewall.install()
    assert installed.returncode == 0, installed.stderr
    assert firewall.rollback("--wait", "0", "--receipt-dir", str(place)).returncode == 0
    firewall.device.stop_sftunnel()
    assert made.report.signer is not None
    code = installed.stdout.rpartition("confirmation code: ")[2].split()[0]
    receipts = sorted(firewall.state.glob("receipts/*.json"))
    assert len(receipts) == 2
    for codes, files in (((code,), ()), ((), tuple(receipts))):
        request = AccountRequest(made.kit, files, codes, {made.report.signer}, 90)
        account = take_account(request, datetime.now(UTC) + timedelta(seconds=1))
        assert not account.refused
        assert account.new_entries
    for receipt in receipts:
        shutil.copyfile(receipt, made.kit.parent / receipt.name)
    return code


def _packed(place: Path, now: datetime) -> bytes:
    """Return a .tar.gz of the kit, its ledger, and the receipts as the device wrote them."""

    def as_of_now(info: tarfile.TarInfo) -> tarfile.TarInfo | None:
        info.uid = info.gid = 0
        info.uname = info.gname = "root"
        info.mtime = int(now.timestamp())
        # The page beside the ledger is written anew each time.
        return None if info.name.endswith("receipts/index.html") else info

    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for path in (place / "kit", place / "kit.receipts", *sorted(place.glob("*.json"))):
            archive.add(path, path.name, filter=as_of_now)
    return out.getvalue()


if __name__ == "__main__":
    main()
