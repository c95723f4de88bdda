"""What the docs tell people to type works as it stands there."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from docs.samples import ROOT, SECRET, YES, comparable, pages
from docs.workplace import Site
from sftunnel_builder.bundle_conf import parse_bundle_conf

BY_HAND = ("hand_bundle", "hand_kit", "hand_start", "hand_code", "hand_release")
"""Those of test_by_hand.py; `rehearsal` is test_rehearsed.py's."""
RUN = re.compile(r"<!-- run: (\w+) -->\n+```sh\n(.*?)```", re.DOTALL)


def commands(page: str, name: str) -> list[str]:
    """Return the lines of a block that is to be run, without comments."""
    found = dict(RUN.findall((ROOT / page).read_text()))
    assert name in found, f"{page} has no block '{name}'"
    return [line for line in found[name].splitlines() if line.partition("#")[0].strip()]


def sh(script: str, cwd: Path) -> str:
    done = subprocess.run(
        ["sh", "-euc", script], cwd=cwd, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


def test_the_cheat_sheet(tmp_path: Path) -> None:
    site = Site.create(tmp_path / "site")
    try:
        answers = {
            "expiry": [],
            "keygen": [("new signing key", SECRET), ("same again", SECRET)],
            "build": [("signing key", SECRET)],
            "verify": [],
        }
        lines = commands("README.md", "fmc")
        assert [line.split()[1] for line in lines] == list(answers)
        for line in lines:
            verb = line.split()[1]
            if "FINGERPRINT" in line:
                line = line.replace("FINGERPRINT", site.fingerprint())
            done = site.fmc_run(line, answers[verb])
            assert done.code == 0, f"{line}\n{done.text}"
        _on_the_device(site)
    finally:
        site.close()


def _on_the_device(site: Site) -> None:
    device = site.devices[0]
    bundle, old = site.bundle(device), device.trio(site.fmc.uuid)
    secret = ("(not shown)", site.passphrase(device))
    answers = {"check": [secret], "--signer": [secret, YES], "rollback": [YES]}
    stick = site.place / "stick"
    shutil.copy(site.place / f"kit/bundles/{bundle}.tar.gz", stick)
    printed = (site.place / f"kit/runbooks/{bundle}.txt").read_text()
    cwd = stick
    for line in commands("README.md", "device"):
        line = line.replace("BUNDLE", bundle).replace("FINGERPRINT", site.fingerprint())
        if line.startswith("cd "):
            cwd = cwd / line.split()[1]
            continue
        verb = line.split()[2] if "install.sh" in line else ""
        done = site.device_run(device, cwd, line, answers.get(verb, ()))
        assert done.code == 0, f"{line}\n{done.text}"
        if line.startswith("sha256sum"):
            assert done.text.split()[0] in printed
        if verb == "--signer":
            assert device.trio(site.fmc.uuid) != old
    assert device.trio(site.fmc.uuid) == old


def test_verifying_a_bundle_by_hand(site: Site, unpacked: Path) -> None:
    said = sh("\n".join(commands("README.md", "unpacked")), unpacked)
    assert site.fingerprint() in said
    assert "Verified OK" in said
    assert said.count(": OK") == 7


def test_verifying_a_kit_by_hand(site: Site, unpacked: Path) -> None:
    said = sh("\n".join(commands("README.md", "unpacked")), site.place / "kit")
    assert site.fingerprint() in said
    assert said.count(": OK") == 12


def test_verifying_a_receipt_by_hand(site: Site, unpacked: Path) -> None:
    device = site.devices[0]
    options = f"--signer {site.fingerprint()} --no-restart"
    answers = [("(not shown)", site.passphrase(device)), YES]
    done = site.device_run(device, unpacked, f"sh install.sh {options}", answers)
    assert done.code == 0, done.text
    (receipt,) = (site.place / "stick").glob("sftunnel-receipt-*.json")
    script = "\n".join(commands("docs/security.md", "receipt"))
    script = script.replace("RECEIPT", receipt.name).replace("BUNDLE", unpacked.name)
    said = sh(script, site.place / "stick").splitlines()
    conf = parse_bundle_conf((unpacked / "bundle.conf").read_bytes())
    assert said == [
        *("Verified OK", f"bundle_id={conf.bundle_id}", f"device_uuid={conf.device_uuid}")
    ]
    script = "\n".join(commands("docs/bundle-format.md", "code"))
    key = device.peer_dir(site.fmc.uuid) / "sftunnel-key.pem"
    script = script.replace("BUNDLE_ID", conf.bundle_id).replace("KEY", shlex.quote(str(key)))
    assert f"confirmation code: {sh(script, site.place / 'stick').strip()}" in done.text


def test_what_was_staged_is_activated_without_the_bundle(site: Site, unpacked: Path) -> None:
    device = site.devices[1]
    bundle = site.unpack(device)
    answers = [("(not shown)", site.passphrase(device))]
    staging = f"sh install.sh --stage-only --no-restart --signer {site.fingerprint()}"
    done = site.device_run(device, bundle, staging, answers)
    assert done.code == 0, done.text
    shutil.rmtree(bundle)
    (line,) = re.findall(r"in the window: (sh .* activate)", site.as_told(done.text))
    done = site.device_run(device, site.place, f"{line} --no-restart", [YES])
    assert done.code == 0, done.text


def test_an_exported_backup_is_put_back_as_told(site: Site, unpacked: Path) -> None:
    device = site.devices[0]
    answers = [("(not shown)", site.passphrase(device)), YES]
    restore = commands("docs/operations.md", "backup")
    install = "sh install.sh --signer FINGERPRINT --export-backup /mnt/usb"
    peer = device.peer_dir(site.fmc.uuid)
    # Another test may have installed there what the bundle brings.
    (peer / "cacert.pem").write_bytes(b"something old")
    old = device.trio(site.fmc.uuid)
    (site.place / "usb").mkdir()
    line = install.replace("FINGERPRINT", site.fingerprint())
    done = site.device_run(device, unpacked, f"{line} --no-restart", answers)
    assert done.code == 0, done.text
    assert device.trio(site.fmc.uuid) != old
    for line in restore:
        answers = [YES] if line.startswith("sh ") else []
        done = site.device_run(device, site.place / "usb", line, answers)
        assert done.code == 0, done.text
    assert device.trio(site.fmc.uuid) == old


@pytest.mark.usefixtures("unpacked")
def test_a_snapshot_is_enough_to_build(site: Site) -> None:
    collect, fetch, build = commands("docs/operations.md", "collect")
    for line in (collect, fetch):
        assert site.fmc_run(line).code == 0
    assert (site.place / "fmc.tar.gz").stat().st_mode & 0o077 == 0
    line = build.replace("--out kit", "--out kit-of-snapshot")
    done = site.fmc_run(f"{line} --signing-key other-key.pem --signing-passphrase-file phrase")
    assert done.code == 0, done.text


def test_every_block_to_be_run_is_run_here_or_beside() -> None:
    found = {(p.name, name) for p in pages() for name, _ in RUN.findall(p.read_text())}
    assert found == {
        ("README.md", "fmc"),
        ("README.md", "device"),
        ("README.md", "unpacked"),
        ("bundle-format.md", "code"),
        ("operations.md", "backup"),
        ("operations.md", "collect"),
        ("operations.md", "rehearsal"),
        ("security.md", "receipt"),
        *(("security.md", name) for name in BY_HAND),
    }


def test_what_is_compared_is_not_everything() -> None:
    assert comparable("PID 1 -> 2") == comparable("PID 33 -> 4")
    assert comparable("tunnel up") != comparable("tunnel down")
