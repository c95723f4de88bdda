"""What `sftunnel-bundler receipts` takes, says, keeps, and how it ends."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from receipts import on_screen, writer
from rehearsal import Made
from sftunnel_builder import account
from sftunnel_builder.codes import confirmation_code, prove
from sftunnel_builder.errors import ExitCode
from sftunnel_builder.fleet import Fleet
from signers import bundler


@pytest.fixture
def kit(made: Made, tmp_path: Path) -> Path:
    """A copy of the kit, so that its ledger is the test's own."""
    return Path(shutil.copytree(made.kit, tmp_path / "kit"))


def run(place: Path, *words: str | Path) -> subprocess.CompletedProcess[str]:
    done = bundler(place, "receipts", "kit", *words)
    assert "Traceback" not in done.stderr
    return done


def code(made: Made, index: int, verb: str, exit_code: int) -> str:
    device = made.devices[index]
    bundle_id = writer(made, device).expected.conf.bundle_id
    proof = prove(made.new_trios[device.uuid]["sftunnel-key.pem"], bundle_id)
    return confirmation_code(proof, verb, exit_code)


def test_without_anything_all_are_pending_and_nothing_is_written(kit: Path) -> None:
    done = run(kit.parent)
    assert done.returncode == ExitCode.PART_DONE
    assert done.stdout.endswith("2 devices: 2 pending\n")
    assert [path.name for path in kit.parent.iterdir()] == ["kit"]


def test_a_change_from_a_file_a_log_and_a_stick(made: Made, kit: Path) -> None:
    first, second = (writer(made, device) for device in made.devices)
    (kit.parent / "one.json").write_bytes(first.receipt())
    done = run(kit.parent, "one.json")
    assert done.returncode == ExitCode.PART_DONE
    assert "BSNS-1120-1   done     2026-11-24T12:00:31Z" in done.stdout
    assert done.stdout.endswith("\n2 devices: 1 done, 1 pending\n")
    (kit.parent / "putty.log").write_bytes(b"fw# " + on_screen(second.receipt(exit=8), 40))
    done = run(kit.parent, "putty.log")
    assert done.returncode == ExitCode.PART_DONE
    assert done.stdout.endswith("\n2 devices: 1 done, 1 no tunnel yet\n")
    stick = kit.parent / "stick"
    stick.mkdir()
    later = second.receipt(verb="recover", ended="2026-11-24T12:10:00Z")
    (stick / "sftunnel-receipt-5e1f7b40-0001-20261124T120000Z-recover.json").write_bytes(later)
    done = run(kit.parent, stick, "--signer", made.report.signer)
    page = kit.parent / "kit.receipts/index.html"
    assert (done.returncode, done.stderr) == (0, f"page: {page}\n")
    assert "done: 2, no tunnel yet: 0, rolled back: 0, failed: 0, pending: 0" in page.read_text()
    assert run(kit.parent).stdout == done.stdout
    assert len((kit.parent / "kit.receipts/ledger.jsonl").read_bytes().splitlines()) == 3


def test_a_refused_one_does_not_stop_the_others(made: Made, kit: Path) -> None:
    good = writer(made, made.devices[0]).receipt()
    (kit.parent / "bad.json").write_bytes(good.replace(b'"exit":0', b'"exit":8'))
    (kit.parent / "good.json").write_bytes(good)
    done = run(kit.parent, "bad.json", "gone.json", "good.json", "--json")
    assert done.returncode == ExitCode.UNTRUSTED
    report = json.loads(done.stdout)
    assert [each["error"] for each in report["refused"]] == [
        "'bad.json': it was altered after 'BSNS-1120-1' had signed it",
        "cannot read 'gone.json': no such file or directory",
    ]
    assert report["counts"]["done"] == report["new_entries"] == 1


def test_a_code_counts_until_a_receipt_comes(made: Made, kit: Path) -> None:
    told = code(made, 0, "install", 0)
    spoken = f"{told[:4]}-{told[4:8].upper()} {told[8:]}"
    done = run(kit.parent, "--code", spoken, "--code", told, "--code", "aaaaaaaaaaaa")
    assert done.returncode == ExitCode.UNTRUSTED
    assert "no device of this kit gives the code 'aaaaaaaaaaaa'" in done.stderr
    assert "BSNS-1120-1   done     -" in done.stdout
    assert "telephone" in done.stdout
    ledger = kit.parent / "kit.receipts/ledger.jsonl"
    uuid = made.devices[0].uuid
    assert ledger.read_text() == f'{{"code":"{told}","device":"{uuid}","format":1}}\n'
    (kit.parent / "back.json").write_bytes(writer(made, made.devices[0]).rolled_back())
    done = run(kit.parent, "back.json")
    assert "1 rolled back" in done.stdout
    assert "telephone" not in done.stdout
    again = run(kit.parent, "--code", code(made, 0, "install", 8))
    assert "1 rolled back" in again.stdout
    contradiction = "the code says install and exit 8, its receipt rollback and exit 0"
    assert contradiction in again.stderr
    # A receipt of an earlier run, that comes late, says nothing about what the code tells of.
    (kit.parent / "late.json").write_bytes(writer(made, made.devices[0]).receipt())
    late = run(kit.parent, "late.json")
    assert "1 rolled back" in late.stdout
    assert contradiction in late.stderr


def test_days_without_end_are_taken(kit: Path) -> None:
    assert "2 expiring" in run(kit.parent, "--warn-days", "9" * 30).stdout


def test_standard_input_is_read(made: Made, kit: Path) -> None:
    both = b"".join(writer(made, device).receipt() for device in made.devices)
    done = subprocess.run(
        [sys.executable, "-m", "sftunnel_builder", "receipts", "kit", "-"],
        cwd=kit.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        input=both,
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"2 devices: 2 done" in done.stdout


def test_a_standard_input_that_is_closed_is_said_to_be(kit: Path) -> None:
    words = [sys.executable, "-m", "sftunnel_builder", "receipts", "kit", "-"]
    done = subprocess.run(
        ["sh", "-c", 'exec "$@" <&-', "sh", *words],
        cwd=kit.parent,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == ExitCode.UNTRUSTED
    assert "error: cannot read '-': bad file descriptor\n" in done.stderr


def test_a_kit_may_have_a_name_that_is_no_utf_8(made: Made, kit: Path) -> None:
    other = kit.rename(kit.parent / os.fsdecode(b"k\xff"))
    (kit.parent / "one.json").write_bytes(writer(made, made.devices[0]).receipt())
    done = bundler(kit.parent, "receipts", other, "one.json", "--json")
    assert done.returncode == ExitCode.PART_DONE
    page = (kit.parent / os.fsdecode(b"k\xff.receipts") / "index.html").read_text()
    assert 'href="../k%FF/runbooks/' in page


def test_the_page_is_written_while_nobody_else_has_the_ledger(
    made: Made, kit: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or of two runs at once the earlier one's page could replace the later one's."""
    real, held = account.write_progress_page, []

    def write(directory: Path, fleet: Fleet, now: datetime) -> Path:
        with (directory / "ledger.jsonl").open("rb") as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        held.append(directory)
        return real(directory, fleet, now)

    monkeypatch.setattr(account, "write_progress_page", write)
    (kit.parent / "one.json").write_bytes(writer(made, made.devices[0]).receipt())
    request = account.AccountRequest(kit, (kit.parent / "one.json",), (), set(), 90)
    account.take_account(request, datetime.now(UTC))
    assert held == [kit.parent / "kit.receipts"]


REFUSED = [
    pytest.param(["--json", "--csv"], ExitCode.USAGE, "contradict", id="two formats"),
    pytest.param(["--code", "k7mq"], ExitCode.UNTRUSTED, "of 12 characters", id="half a code"),
    pytest.param(["--signer", "0" * 64], ExitCode.UNTRUSTED, "another key", id="signer"),
    pytest.param(["kit"], ExitCode.UNTRUSTED, "there is no 'sftunnel-receipt-*", id="no stick"),
    pytest.param(["--warn-days", "-1"], ExitCode.USAGE, "warn-days", id="days"),
]


@pytest.mark.parametrize(("words", "exit_code", "message"), REFUSED)
def test_it_is_refused(words: list[str], exit_code: int, message: str, kit: Path) -> None:
    done = run(kit.parent, *words)
    assert done.returncode == exit_code
    assert message in done.stderr
    assert not (kit.parent / "kit.receipts").exists()


def test_a_damaged_kit_is_not_believed(made: Made, kit: Path) -> None:
    (kit / "codes").write_bytes(b"")
    (kit.parent / "one.json").write_bytes(writer(made, made.devices[0]).receipt())
    done = run(kit.parent, "one.json")
    assert (done.returncode, done.stdout) == (ExitCode.UNTRUSTED, "")
    assert not (kit.parent / "kit.receipts").exists()


def test_csv_is_read_back_by_a_program(made: Made, kit: Path) -> None:
    (kit.parent / "one.json").write_bytes(writer(made, made.devices[0]).receipt())
    done = run(kit.parent, "one.json", "--csv", "--warn-days", "4000")
    head, *rows = [line.split(",") for line in done.stdout.splitlines()]
    first = next(row for row in rows if row[0] == "BSNS-1120-1")
    assert dict(zip(head, first, strict=True)) | {"bundle": "", "valid until": ""} == {
        "device": "BSNS-1120-1",
        "uuid": made.devices[0].uuid,
        "address": "10.48.67.54",
        "bundle": "",
        "state": "done",
        "when": "2026-11-24T12:00:31Z",
        "tunnel": "up",
        "known by": "receipt",
        "exit": "0",
        "valid until": "",
        "is expiring": "yes",
    }
