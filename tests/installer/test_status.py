"""What status says of a device, to people and, with --json, to programs; and its pinned signers."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from refusals import assert_refused
from rehearsal import Firewall, snapshot
from sftunnel_builder.lab.certificates import make_ca, make_leaf, new_key
from sftunnel_builder.resources import installer_script


@pytest.fixture(params=["dash", "bash", "busybox ash", "mksh"])
def equipped(request: pytest.FixtureRequest, firewall: Firewall) -> Firewall:
    """Give a firewall with one of four shells."""
    firewall.shell = request.param.split()
    return firewall


def _status(firewall: Firewall) -> dict[str, Any]:
    """Return what `status --json` says, which writes nothing."""
    before = snapshot(firewall.root)
    done = firewall.run("status", "--json", "--root", str(firewall.root))
    assert done.returncode == 0, done.stderr
    assert snapshot(firewall.root) == before
    said = json.loads(done.stdout)
    canonical = json.dumps(said, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    assert done.stdout == canonical + "\n"
    assert isinstance(said, dict)
    return said


def _text(firewall: Firewall) -> str:
    done = firewall.run("status", "--root", str(firewall.root))
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_device_that_was_never_touched(equipped: Firewall) -> None:
    said = _status(equipped)
    assert said["format"] == 1
    assert said["device"] == {
        "model": "Cisco Firepower 1120 Threat Defense",
        "uuid": equipped.device.uuid,
    }
    assert said["backups"] == said["signers"] == []
    assert said["interrupted"] is said["running"] is said["staged"] is None
    (peer,) = said["peers"]
    assert (peer["fmc"], peer["key"], peer["litter"]) == (equipped.fmc_uuid, "matching", [])
    assert peer["ca"]["days_left"] < 0
    assert "CN=" + equipped.fmc_uuid in peer["ca"]["subject"]
    assert "title=" + equipped.device.uuid in peer["certificate"]["subject"]
    assert "cacert.pem: EXPIRED, was valid until " in _text(equipped)


def test_what_is_installed_and_staged_and_backed_up(equipped: Firewall) -> None:
    assert equipped.install("--no-restart").returncode == 0
    assert equipped.rollback("--no-restart").returncode == 0
    assert equipped.install("--stage-only").returncode == 0
    said = _status(equipped)
    assert [(b["verb"], b["undone"]) for b in said["backups"]] == [
        ("install", False),
        ("rollback", False),
    ]
    assert [b["id"] for b in said["backups"]] == equipped.backups()
    (signer,) = said["signers"]
    assert signer["fingerprint"] == equipped.signer
    assert said["staged"] == {"bundle": signer["bundle"], "device_name": "BSNS-1120-1"}
    text = _text(equipped)
    assert f"staged     bundle {signer['bundle']} for BSNS-1120-1: activate commits it" in text
    assert f"signer     {equipped.signer} is pinned since {signer['pinned']}" in text


def test_a_signer_whose_file_has_no_last_line_end(equipped: Firewall) -> None:
    assert equipped.install("--no-restart").returncode == 0
    pin = equipped.state / "signers" / equipped.signer
    pin.write_text("bundle=0123456789abcdef\npinned=2026-11-28T09:30:00Z")
    assert _status(equipped)["signers"][0]["pinned"] == "2026-11-28T09:30:00Z"


def test_an_interrupted_run(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (backup,) = firewall.backups()
    journal = f"format=1\nverb=install\nphase=commit\nbackup={backup}\n"
    (firewall.state / "journal").write_text(journal)
    assert _status(firewall)["interrupted"] == {"phase": "commit", "verb": "install"}
    assert "an earlier install was interrupted" in _text(firewall)


def test_a_run_that_is_at_work(firewall: Firewall) -> None:
    firewall.state.mkdir(mode=0o700)
    with subprocess.Popen(["sleep", "60"]) as other:
        stat = Path(f"/proc/{other.pid}/stat").read_text()
        started = stat.rpartition(") ")[2].split()[19]
        (firewall.state / "lock").symlink_to(f"{other.pid}:{started}")
        assert _status(firewall)["running"] == other.pid
        other.kill()
    assert _status(firewall)["running"] is None


@pytest.mark.parametrize(
    ("key", "said"),
    [
        pytest.param(b"", "unreadable", id="an empty file"),
        pytest.param(None, "unreadable", id="no file"),
        pytest.param("encrypted", "unreadable", id="still encrypted, and nobody is asked"),
        pytest.param("another", "another", id="another's"),
    ],
)
def test_a_key_that_is_not_the_certificates(firewall: Firewall, key: Any, said: str) -> None:
    path = firewall.peer_dir / "sftunnel-key.pem"
    bundled = firewall.bundle / "payload" / firewall.fmc_uuid / "sftunnel-key.pem"
    if key is None:
        path.unlink()
    else:
        named = {"encrypted": bundled.read_bytes(), "another": firewall.new_trio[path.name]}
        path.write_bytes(named.get(key, b"") if isinstance(key, str) else key)
    assert _status(firewall)["peers"][0]["key"] == said
    assert f"sftunnel-key.pem: NOT THE CERTIFICATE'S ({said})" in _text(firewall)


def test_files_that_are_no_certificates_and_litter_beside_them(firewall: Firewall) -> None:
    (firewall.peer_dir / "cacert.pem").write_text("oops")
    (firewall.peer_dir / "sftunnel-cert.pem").unlink()
    (firewall.peer_dir / 'sftunnel-key.pem"\\\x1b[2J').touch()
    (peer,) = _status(firewall)["peers"]
    assert peer["ca"] is peer["certificate"] is None
    assert peer["litter"] == ['sftunnel-key.pem"\\?[2J']
    text = _text(firewall)
    assert text.count("MISSING, OR NOT A CERTIFICATE") == 2
    assert "also there: 'sftunnel-key.pem\"\\?[2J'" in text


NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0)
UNTIL = [NOON + timedelta(days=days, hours=hours) for days in (0, 400) for hours in (-11, 11)]
UNTIL += [datetime(year, 2, 28, 23, 59, 59, tzinfo=UTC) for year in (2049, 2050, 2055, 2096, 2400)]


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.mark.parametrize("until", UNTIL, ids=lambda until: until.strftime("%Y-%m-%dT%H:%M"))
def test_days_left_are_counted_right_far_beyond_2050(
    equipped: Firewall, key: rsa.RSAPrivateKey, until: datetime
) -> None:
    ca = make_ca(equipped.fmc_uuid, key, NOON - timedelta(days=9), until)
    leaf = make_leaf(ca, key, equipped.device.uuid, key, NOON - timedelta(days=9), until)
    (equipped.peer_dir / "cacert.pem").write_bytes(ca)
    (equipped.peer_dir / "sftunnel-cert.pem").write_bytes(leaf)
    before = (until - datetime.now(UTC)).days
    (peer,) = _status(equipped)["peers"]
    after = (until - datetime.now(UTC)).days
    for certificate in (peer["ca"], peer["certificate"]):
        assert certificate["not_after"] == until.strftime("%Y-%m-%dT%H:%M:%SZ")
        assert after <= certificate["days_left"] <= before


def test_every_day_of_two_years_is_counted_right() -> None:
    script = installer_script().decode()
    start = script.index("# count_days MONTH")
    function = script[start : script.index("\n}\n", start) + 3]
    first = datetime(2096, 1, 1, tzinfo=UTC)
    days = [first + timedelta(days=n) for n in range(731)]
    calls = "".join(
        f'count_days {day.strftime("%b %d")} 00:00:00 {day.year}; echo "$days $month_number"\n'
        for day in days
    )
    for shell in (["dash"], ["bash"]):
        done = subprocess.run(
            shell, input=function + calls, capture_output=True, text=True, check=True
        )
        epoch = datetime(1970, 1, 1, tzinfo=UTC)
        assert done.stdout.splitlines() == [f"{(day - epoch).days} {day.month}" for day in days]


# --- pinned signers --------------------------------------------------------------------------


def _without_signer(firewall: Firewall) -> list[str]:
    options = firewall.options("--no-restart")
    at = options.index("--signer")
    return options[:at] + options[at + 2 :]


def test_a_pinned_signer_can_be_forgotten(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    assert firewall.rollback("--no-restart").returncode == 0
    assert firewall.run("check", *_without_signer(firewall)).returncode == 0
    forget = ["--root", str(firewall.root), "--forget-signer", firewall.signer.upper()]
    done = firewall.run("recover", *forget)
    assert done.returncode == 0, done.stderr
    assert f"signer {firewall.signer} is no longer trusted here" in done.stdout
    assert _status(firewall)["signers"] == []
    done = firewall.run("install", *_without_signer(firewall))
    assert done.returncode == 4
    assert "error: nothing says that the signer '" in done.stderr
    done = firewall.run("recover", *forget)
    assert done.returncode == 2
    assert f"error: no signer '{firewall.signer}' is pinned here" in done.stderr


@pytest.mark.parametrize("verb", ["install", "status", "rollback"])
def test_forgetting_a_signer_is_only_for_recover(firewall: Firewall, verb: str) -> None:
    message = f"--forget-signer does not go with '{verb}'"
    assert_refused(firewall, 2, message, "--forget-signer", "0" * 64, verb=verb)


def test_json_is_only_for_status(firewall: Firewall) -> None:
    assert_refused(firewall, 2, "--json does not go with 'check'", "--json", verb="check")
