"""FAILED_PUSH, as it is written, copied and damaged."""

from __future__ import annotations

import textwrap
import time
from pathlib import Path

import pytest

from sftunnel_builder.failed_push import parse_failed_push

DATA = Path(__file__).parent / "data"
DEVICE = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
RECORDS = [
    f"{DEVICE} BSNS-1120-1 10.48.67.54 /etc/sf/ca_root/cacert.pem /var/sf/peers/{FMC}/cacert.pem",
    f"{DEVICE} BSNS-1120-1 10.48.67.54 /var/sf/peers/{DEVICE}/certs_pushed//sftunnel-key.pem "
    f"/var/sf/peers/{FMC}/sftunnel-key.pem",
    f"{DEVICE} BSNS-1120-1 10.48.67.54 /var/sf/peers/{DEVICE}/certs_pushed//sftunnel-cert.pem "
    f"/var/sf/peers/{FMC}/sftunnel-cert.pem",
]
PLAIN = ("\n".join(RECORDS) + "\n").encode()


def _said(data: bytes) -> list[tuple[str, str, str, str, str]]:
    return [
        (r.device_uuid, r.device_name, r.address, r.source, r.target)
        for r in parse_failed_push(data).records
    ]


def test_the_documented_form_is_read() -> None:
    read = parse_failed_push(PLAIN)
    assert read.problems == ()
    assert [r.line for r in read.records] == [1, 2, 3]
    first = read.records[0]
    assert (first.device_uuid, first.device_name, first.address) == (
        DEVICE,
        "BSNS-1120-1",
        "10.48.67.54",
    )
    assert first.source == "/etc/sf/ca_root/cacert.pem"
    assert first.target == f"/var/sf/peers/{FMC}/cacert.pem"


@pytest.mark.parametrize("width", range(60, 201))
def test_a_copy_wrapped_by_a_terminal_reads_the_same(width: int) -> None:
    wrapped = [line[i : i + width] for line in RECORDS for i in range(0, len(line), width)]
    read = parse_failed_push("\n".join(wrapped).encode())
    assert read.problems == ()
    assert _said("\n".join(wrapped).encode()) == _said(PLAIN)


@pytest.mark.parametrize("width", range(60, 201))
def test_a_terminal_that_drops_blanks_at_the_fold_is_forgiven(width: int) -> None:
    wrapped = "\n".join(
        line[i : i + width].rstrip() for line in RECORDS for i in range(0, len(line), width)
    )
    assert _said(wrapped.encode()) == _said(PLAIN)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(PLAIN.replace(b"\n", b"\r\n"), id="carriage returns"),
        pytest.param(b"\xef\xbb\xbf" + PLAIN, id="a byte order mark"),
        pytest.param(PLAIN.rstrip(b"\n"), id="no last line end"),
        pytest.param(PLAIN.replace(b"\n", b"\n\n"), id="empty lines"),
        pytest.param(b"\x1b[18t\x07" + PLAIN.replace(b"\n", b"\x1b[0m\n"), id="escape sequences"),
        pytest.param(PLAIN.replace(DEVICE.encode(), DEVICE.upper().encode(), 1), id="capitals"),
        pytest.param(
            b"root@fmc:/root# cat FAILED_PUSH\n" + PLAIN + b"root@fmc:/root#\n", id="prompts"
        ),
    ],
)
def test_what_a_copy_does_to_it_is_undone(data: bytes) -> None:
    assert parse_failed_push(data).problems == ()
    assert _said(data) == _said(PLAIN)


@pytest.mark.parametrize(
    ("middle", "name", "address"),
    [
        ("Plant 4 edge 10.1.2.3", "Plant 4 edge", "10.1.2.3"),
        ("Plant 4 edge DONTRESOLVE", "Plant 4 edge", ""),
        ("edge", "edge", ""),
        ("Plant 4", "Plant 4", ""),
        ("edge 2001:db8::1", "edge", "2001:db8::1"),
        ("edge fw.example.net", "edge", "fw.example.net"),
        ('$(reboot) "`x`" 10.1.2.3', '$(reboot) "`x`"', "10.1.2.3"),
    ],
)
def test_names_with_blanks_and_devices_without_address(
    middle: str, name: str, address: str
) -> None:
    data = PLAIN.replace(b"BSNS-1120-1 10.48.67.54", middle.encode())
    (record, *_) = parse_failed_push(data).records
    assert (record.device_name, record.address) == (name, address)


def test_the_listing_of_the_tech_note() -> None:
    read = parse_failed_push((DATA / "tech-note-FAILED_PUSH.txt").read_bytes())
    assert [(r.device_name, Path(r.target).name) for r in read.records] == [
        ("BSNS-1120-1", "cacert.pem"),
        ("BSNS-1120-1", "sftunnel-key.pem"),
        ("BSNS-1120-1", "sftunnel-cert.pem"),
        ("EMEA-FPR3110-08", "cacert.pem"),
        ("EMEA-FPR3110-08", "sftunnel-key.pem"),
    ]
    (problem,) = read.problems
    assert problem.device_name == "EMEA-FPR3110-08"
    assert problem.text == "the record is cut off"
    assert problem.line == 12


def test_a_line_that_is_no_record_is_named_with_its_number() -> None:
    read = parse_failed_push(PLAIN + b"something else\x1b[31m\n")
    (problem,) = read.problems
    assert problem.line == 4
    assert problem.text == "not a FAILED_PUSH record: 'something else'"
    assert len(read.records) == 3


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff\xfe\x00", b"\x00" * 100])
def test_rubbish_gives_no_record_and_no_exception(data: bytes) -> None:
    assert parse_failed_push(data).records == ()


def test_three_hundred_thousand_lines_take_seconds() -> None:
    data = PLAIN * 100_000
    began = time.process_time()
    assert len(parse_failed_push(data).records) == 300_000
    assert time.process_time() - began < 30


def test_a_long_line_that_is_nearly_a_prompt_takes_seconds() -> None:
    began = time.process_time()
    parse_failed_push(b"a@b:" * 20_000)
    assert time.process_time() - began < 30


def test_a_wall_of_text_without_records_takes_seconds() -> None:
    data = (RECORDS[0][:80] + "\n" + textwrap.fill("x" * 200_000, 80)).encode()
    began = time.process_time()
    parse_failed_push(data)
    assert time.process_time() - began < 30


@pytest.mark.parametrize("length", [5, 6, 7, 17, 18, 19, 30, 43])
@pytest.mark.parametrize("drops_blanks", [False, True], ids=["", "blanks dropped at the fold"])
def test_a_fold_in_mid_path_never_passes_for_a_blank(length: int, drops_blanks: bool) -> None:
    records = [line.replace("BSNS-1120-1", "n" * length) for line in RECORDS]
    plain = _said("\n".join(records).encode())
    for width in range(60, 201):
        lines = [line[i : i + width] for line in records for i in range(0, len(line), width)]
        text = "\n".join(line.rstrip() if drops_blanks else line for line in lines)
        assert _said(text.encode()) == plain, f"{width} columns"


def test_another_file_name_in_the_destination_is_said() -> None:
    text = RECORDS[0].rpartition("/")[0] + "/passwd\n"
    (problem,) = parse_failed_push(text.encode()).problems
    assert problem.text == (
        f"the destination is cut off or no file of a trio: '/var/sf/peers/{FMC}/passwd'"
    )
