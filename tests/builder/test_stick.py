"""A stick that is pulled out, full or worn out: the old kit or the new one, never half of one."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import pytest

from rehearsal import Firewall, Made
from sftunnel_builder import stick as stick_module
from sftunnel_builder import usb
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.choose import Wanted
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.open_kit import open_kit
from sftunnel_builder.signer import load_signer
from sftunnel_builder.usb import UsbReport, UsbRequest, copy_kit
from signers import files

CALLS = ("open", "mkdir", "rename", "replace", "unlink", "rmdir", "fsync")
START_LINE = re.compile(r"^kit +(\S+?): SHA256SUMS is signed", re.MULTILINE)


def watch(_what: str) -> stick_module.Watch:
    return lambda names, _total: names


def copy(kit: Path, place: Path, *, replace: bool = False) -> UsbReport:
    return copy_kit(UsbRequest(kit, place, False, replace, set()), watch)


@pytest.fixture(scope="module")
def kits(made: Made, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two kits of the same devices."""
    other = tmp_path_factory.mktemp("kits") / "other"
    signer = load_signer(made.signing_key, None)
    request = BuildRequest(Wanted((made.fmc.root,)), other, signer, made.report.created)
    build_kit(request, lambda items, _total: items)
    return {"old": made.kit, "new": other}


@contextmanager
def pulled_out(monkeypatch: pytest.MonkeyPatch, place: Path, after: int) -> Iterator[list[str]]:
    """Let every call on files below a directory fail after so many; gives those that were made."""
    made: list[str] = []
    with monkeypatch.context() as patch:
        for name in CALLS:
            real = getattr(os, name)

            def call(
                *words: object, real: object = real, name: str = name, **more: object
            ) -> object:
                is_kit = isinstance(words[0], str | Path) and not Path(words[0]).is_relative_to(
                    place
                )
                if is_kit and "dir_fd" not in more:
                    return real(*words, **more)  # type: ignore[operator]
                if len(made) >= after:
                    raise OSError(errno.EIO, "Input/output error")
                made.append(name)
                return real(*words, **more)  # type: ignore[operator]

            patch.setattr(os, name, call)
        yield made


def run_start(wall: Firewall, place: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return wall.run(
        *words, "--root", str(wall.root), "--signer", wall.signer, script=place / "start.sh"
    )


def kit_on(wall: Firewall, place: Path, kits: dict[str, Path]) -> str:
    """Return which kit start.sh finds on a stick, by its name; `none` if it refuses."""
    if not (place / "start.sh").exists():
        assert not (place / "sftunnel").exists()
        return "none"
    done = run_start(wall, place, "status")
    if done.returncode:
        assert done.returncode == ExitCode.UNTRUSTED, done.stderr
        assert "there is no whole kit in" in done.stderr
        return "none"
    found = START_LINE.search(done.stderr)
    assert found, done.stderr
    sums = (Path(found[1]) / "SHA256SUMS").read_bytes()
    (name,) = [name for name, kit in kits.items() if (kit / "SHA256SUMS").read_bytes() == sums]
    assert files(Path(found[1])).items() >= files(kits[name]).items(), "it is not whole"
    return name


@pytest.mark.parametrize("before", ["none", "old"])
def test_a_stick_pulled_out_at_any_moment_has_the_old_kit_or_the_new_one(
    before: str,
    firewall: Firewall,
    kits: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = tmp_path / "usb"
    whole = {"photo.jpg", "start.sh", "sftunnel"}
    seen = []
    steps = 0
    # It is what the order of calls leaves that counts here, and not the disk of this machine.
    monkeypatch.setattr(os, "fsync", lambda _descriptor: None)
    monkeypatch.setattr(usb, "open_kit", cache(open_kit))
    while True:
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        (place / "photo.jpg").write_text("of somebody's holidays\n")
        if before == "old":
            copy(kits["old"], place)
        with pulled_out(monkeypatch, place, steps) as made:
            try:
                copy(kits["new"], place, replace=True)
                code = ExitCode.DONE
            except BundlerError as error:
                code = error.code
        is_done = code == ExitCode.DONE
        assert is_done or code == ExitCode.UNSUITABLE
        assert not is_done or {path.name for path in place.iterdir()} == whole
        # Until anything gets its name, all moments are alike.
        if "replace" in made or is_done or steps % 9 == 0:
            seen.append(kit_on(firewall, place, kits))
        report = copy(kits["new"], place, replace=True)
        assert report.signer == firewall.signer
        assert {path.name for path in place.iterdir()} == whole
        assert files(place / "sftunnel") == files(kits["new"])
        if is_done:
            break
        steps += 1
    assert steps > 30
    assert seen == sorted(seen, key=[before, "new"].index)
    assert set(seen) == {before, "new"}


def test_the_same_kit_again_is_only_read(kits: dict[str, Path], tmp_path: Path) -> None:
    assert not copy(kits["old"], tmp_path).was_there
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert copy(kits["old"], tmp_path).was_there
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(lambda place: _cut(place / "start.sh"), id="start.sh is cut"),
        pytest.param(lambda place: (place / "start.sh").unlink(), id="start.sh is gone"),
        pytest.param(lambda place: (place / "start.sh").write_bytes(b""), id="start.sh is empty"),
        pytest.param(lambda p: _cut(next(p.glob("sftunnel/bundles/*.gz"))), id="a bundle is cut"),
        pytest.param(lambda p: next(p.glob("sftunnel/runbooks/*")).unlink(), id="a file is gone"),
        pytest.param(lambda p: (p / "sftunnel.new").mkdir(), id="an unfinished one is beside it"),
        pytest.param(lambda p: (p / "sftunnel").rename(p / "sftunnel.old"), id="it is put aside"),
    ],
)
def test_the_same_kit_damaged_is_mended_without_asking(
    damage: object, kits: dict[str, Path], tmp_path: Path
) -> None:
    copy(kits["old"], tmp_path)
    whole = files(tmp_path)
    damage(tmp_path)  # type: ignore[operator]
    assert not copy(kits["old"], tmp_path).was_there
    assert files(tmp_path) == whole
    assert {path.name for path in tmp_path.iterdir()} == {"start.sh", "sftunnel"}


def test_a_stick_that_reads_back_other_bytes_is_refused(
    kits: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def worn_out(path: Path, regions: Iterable[tuple[int, int]]) -> list[bytes]:
        return [b"\xff" * size for _, size in regions]

    monkeypatch.setattr(stick_module, "read_back", worn_out)
    with pytest.raises(BundlerError, match="reads back other bytes than were written") as caught:
        copy(kits["old"], tmp_path)
    assert caught.value.code == ExitCode.UNSUITABLE
    assert list(tmp_path.iterdir()) == []


def test_what_macos_adds_is_noted_and_does_no_harm(
    firewall: Firewall, kits: dict[str, Path], tmp_path: Path
) -> None:
    place = tmp_path / "usb"
    place.mkdir()
    copy(kits["old"], place)
    for name in ("._start.sh", "sftunnel/._SHA256SUMS", "sftunnel/bundles/._x.tar.gz"):
        (place / name).write_bytes(b"Mac OS X")
    report = copy(kits["old"], place)
    assert report.was_there
    assert any("macOS has put 3 files" in note for note in report.notes)
    assert kit_on(firewall, place, kits) == "old"
    assert not copy(kits["new"], place, replace=True).was_there
    assert files(place / "sftunnel") == files(kits["new"])


def test_the_kit_opens_from_the_stick(kits: dict[str, Path], tmp_path: Path) -> None:
    copy(kits["old"], tmp_path)
    assert open_kit(tmp_path / "sftunnel").sums_sha256 == open_kit(kits["old"]).sums_sha256


@pytest.mark.parametrize(
    "name",
    [
        "sftunnel/runbooks/notes.txt",
        "sftunnel/bundles/thesis.odt",
        "sftunnel.new/bundles/thesis.odt",
        "sftunnel.old/thesis.odt",
    ],
)
def test_what_somebody_put_into_a_kit_is_left_alone(
    name: str, kits: dict[str, Path], tmp_path: Path
) -> None:
    copy(kits["old"], tmp_path)
    (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / name).write_text("mine")
    before = files(tmp_path)
    for kit in kits.values():
        with pytest.raises(BundlerError, match=f"'{name}' on the stick"):
            copy(kit, tmp_path, replace=True)
    assert files(tmp_path) == before


def test_two_runs_do_not_write_on_one_stick(kits: dict[str, Path], tmp_path: Path) -> None:
    with stick_module.alone(tmp_path), pytest.raises(BundlerError, match="another run is at work"):
        copy(kits["old"], tmp_path)
    assert list(tmp_path.iterdir()) == []
    copy(kits["old"], tmp_path)
