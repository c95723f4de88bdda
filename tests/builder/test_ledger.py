"""The ledger keeps what came in, through a crash, and believes no line that it cannot prove."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from receipts import Writer, expected, writer
from rehearsal import Made
from sftunnel_builder.codes import Run
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.ledger import LEDGER, CodeEntry, Proofs, Read, open_ledger, read_ledger
from sftunnel_builder.receipt import parse_receipt


@pytest.fixture(scope="module")
def proofs(made: Made) -> Proofs:
    return Proofs(expected(made), {})


@pytest.fixture(scope="module")
def first(made: Made) -> Writer:
    return writer(made, made.devices[0])


def keep(place: Path, proofs: Proofs, *receipts: bytes) -> None:
    with open_ledger(place, proofs) as ledger:
        ledger.append(map(parse_receipt, receipts))


def texts(read: Read) -> list[bytes]:
    return [entry.text.encode() for entry in read.entries]  # type: ignore[union-attr]


def test_what_is_handed_in_twice_is_kept_once(
    first: Writer, proofs: Proofs, tmp_path: Path
) -> None:
    one, two = first.receipt(), first.rolled_back()
    keep(tmp_path, proofs, one, one)
    keep(tmp_path, proofs, one, two)
    assert texts(read_ledger(tmp_path, proofs)) == [one, two]
    assert (tmp_path / LEDGER).stat().st_mode & 0o777 == 0o600


def test_a_cut_at_any_byte_is_said_and_nothing_else_is_lost(
    first: Writer, proofs: Proofs, tmp_path: Path
) -> None:
    one, two = first.receipt(), first.rolled_back()
    path = tmp_path / LEDGER
    keep(tmp_path, proofs, one)
    begun = path.stat().st_size
    keep(tmp_path, proofs, two)
    whole = path.read_bytes()
    for cut in range(begun + 1, len(whole), 61):
        path.write_bytes(whole[:cut])
        read = read_ledger(tmp_path, proofs)
        assert texts(read) == [one]
        assert "line 2 was cut off" in read.notes[0]
        keep(tmp_path, proofs, two)
        assert path.read_bytes().startswith(whole[:cut] + b"\n")
        read = read_ledger(tmp_path, proofs)
        assert texts(read) == [one, two]
        assert "line 2 was cut off" in read.notes[0]


def test_a_cut_before_the_last_line_feed_loses_nothing(
    first: Writer, proofs: Proofs, tmp_path: Path
) -> None:
    keep(tmp_path, proofs, first.receipt())
    path = tmp_path / LEDGER
    path.write_bytes(path.read_bytes()[:-1])
    keep(tmp_path, proofs, first.rolled_back())
    read = read_ledger(tmp_path, proofs)
    assert (texts(read), read.notes) == ([first.receipt(), first.rolled_back()], ())


CHANGES = [
    pytest.param(b'\\"exit\\":0', b'\\"exit\\":8', "it was altered", id="another exit code"),
    pytest.param(b'{"format":1', b'{"format": 1', "not as format 1 writes", id="a blank"),
    pytest.param(b'"format":1,"rec', b'"format":2,"rec', "not as format 1", id="another format"),
    pytest.param(b'"}\n{', b'"\n{', "it is no JSON", id="a damaged line with one behind it"),
]


@pytest.mark.parametrize(("old", "new", "why"), CHANGES)
def test_a_line_that_was_edited_is_refused_by_its_number(
    old: bytes, new: bytes, why: str, first: Writer, proofs: Proofs, tmp_path: Path
) -> None:
    keep(tmp_path, proofs, first.receipt(), first.rolled_back())
    path = tmp_path / LEDGER
    before = path.read_bytes()
    assert old in before
    path.write_bytes(before.replace(old, new, 1))
    with pytest.raises(BundlerError) as caught:
        keep(tmp_path, proofs, first.receipt(exit=8))
    assert caught.value.code == ExitCode.UNTRUSTED
    assert f"'{path}' line 1 is not as it was written: " in caught.value.message
    assert why in caught.value.message


CODE = "68ppmah8wn5d"
ONE, OTHER = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e", "6bf1143a-8a2f-11ef-92d8-fd927e807d77"


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param(f'"code":"{CODE}","device":"{OTHER}"', "that device does not", id="another"),
        pytest.param(f'"code":"{CODE.upper()}","device":"{ONE}"', "that device does", id="case"),
        pytest.param('"code":"aaaaaaaaaaaa","device":"' + ONE + '"', "that device", id="no code"),
        pytest.param('"code":"68pp","device":"' + ONE + '"', "of 12 characters", id="too short"),
        pytest.param(f'"code":"{CODE}"', "not as format 1 writes it", id="no device"),
    ],
)
def test_a_line_with_a_code_is_verified_for_its_device(line: str, why: str, tmp_path: Path) -> None:
    digest = hashlib.sha256(f"{CODE} {ONE} install 0\n".encode()).hexdigest()
    proofs = Proofs({}, {Run(ONE, "install", 0): digest})
    path = tmp_path / LEDGER
    path.write_text(f'{{"code":"{CODE}","device":"{ONE}","format":1}}\n')
    assert read_ledger(tmp_path, proofs).entries == (CodeEntry(CODE, Run(ONE, "install", 0)),)
    path.write_text(f'{{{line},"format":1}}\n')
    with pytest.raises(BundlerError) as caught:
        read_ledger(tmp_path, proofs)
    assert caught.value.code == ExitCode.UNTRUSTED
    assert caught.value.message.startswith(f"'{path}' line 1 is not as it was written: ")
    assert why in caught.value.message
    assert caught.value.message.count("not as it was written") == 1


def test_a_link_in_its_place_is_not_followed(first: Writer, proofs: Proofs, tmp_path: Path) -> None:
    (tmp_path / LEDGER).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(BundlerError, match="cannot write the ledger"):
        keep(tmp_path, proofs, first.receipt())
    assert not (tmp_path / "elsewhere").exists()
    (tmp_path / "elsewhere").touch()
    with pytest.raises(BundlerError, match="cannot read the ledger"):
        read_ledger(tmp_path, proofs)


@pytest.mark.parametrize("is_link", [False, True], ids=["a file", "a link to nothing"])
def test_what_has_the_name_of_its_directory_is_left_alone(
    is_link: bool, first: Writer, proofs: Proofs, tmp_path: Path
) -> None:
    place = tmp_path / "kit.receipts"
    if is_link:
        place.symlink_to(tmp_path / "nowhere")
    else:
        place.write_text("somebody's")
        with pytest.raises(BundlerError, match="is no directory"):
            read_ledger(place, proofs)
    with pytest.raises(BundlerError, match="is no directory, or a link to none") as caught:
        keep(place, proofs, first.receipt())
    assert caught.value.hint.startswith("move it away")
    assert place.is_symlink() or place.read_text() == "somebody's"


def test_a_pipe_in_its_place_is_not_waited_for(
    first: Writer, proofs: Proofs, tmp_path: Path
) -> None:
    os.mkfifo(tmp_path / LEDGER)
    with pytest.raises(BundlerError, match="is not a file"):
        read_ledger(tmp_path, proofs)
    with pytest.raises(BundlerError, match="is not a file"):
        keep(tmp_path, proofs, first.receipt())
