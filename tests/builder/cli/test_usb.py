"""What `sftunnel-bundler usb` takes, says and leaves on a stick."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, Made, need
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.choose import Wanted
from sftunnel_builder.errors import ExitCode
from sftunnel_builder.signer import load_signer
from signers import bundler, files

PROGRAM = [sys.executable, "-W", "error", "-m", "sftunnel_builder"]


def on_small_disk(
    place: Path, size: str, options: str, *words: str | Path, photo: int = 4096
) -> subprocess.CompletedProcess[str]:
    """Run sftunnel-bundler with a new file system, a photo on it, on a directory; list it."""
    place.mkdir()
    mount = f'mount -t tmpfs -o size={size} none "$0" && head -c {photo} /dev/zero >"$0/photo"'
    if options:
        mount += f' && mount -o remount,{options} "$0"'
    script = f'{mount} || exit 99; "$@"; status=$?; ls "$0"; exit "$status"'
    done = subprocess.run(
        [*AS_ROOT, "unshare", "-m", "sh", "-c", script, str(place), *PROGRAM, *map(str, words)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    need("a mount namespace", done.returncode not in (1, 99))
    return done


@pytest.mark.parametrize(
    ("size", "options", "message"),
    [
        pytest.param(
            "64k", "", r"is too small: wanted [\d,]+ bytes, found 65,536\n", id="too small"
        ),
        pytest.param(
            "1m", "", r"is too full: wanted [\d,]+ bytes free, found 8,192\n", id="too full"
        ),
        pytest.param("1m", "ro", "is read-only", id="read-only"),
    ],
)
def test_a_stick_that_does_not_suit_is_left_as_it_was(
    size: str, options: str, message: str, made: Made, tmp_path: Path
) -> None:
    place = tmp_path / "usb"
    photo = (1 << 20) - 8192 if size == "1m" else 4096
    done = on_small_disk(place, size, options, "usb", made.kit, place, photo=photo)
    assert done.returncode == ExitCode.UNSUITABLE
    assert re.search(message, done.stderr)
    assert done.stdout == "photo\n"


def test_a_mounted_stick_gets_the_kit_and_says_what_to_type(made: Made, tmp_path: Path) -> None:
    place = tmp_path / "usb"
    signer = made.report.signer
    done = on_small_disk(place, "1m", "", "usb", made.kit, place, "--signer", signer)
    assert done.returncode == 0, done.stderr
    assert f"    sh /mnt/usb/start.sh --signer {signer}\n" in done.stdout
    assert done.stdout.endswith("photo\nsftunnel\nstart.sh\n")
    assert f"umount '{place}'" in done.stderr
    assert "note" not in done.stderr


def test_another_kit_is_replaced_only_when_that_is_asked_for(made: Made, tmp_path: Path) -> None:
    (tmp_path / "usb").mkdir()
    request = BuildRequest(
        Wanted((made.fmc.root,)),
        tmp_path / "other",
        load_signer(made.signing_key, None),
        made.report.created,
    )
    build_kit(request, lambda items, _total: items)
    assert bundler(tmp_path, "usb", made.kit, "usb").returncode == 0
    before = files(tmp_path / "usb")
    refused = bundler(tmp_path, "usb", "other", "usb")
    assert (refused.returncode, refused.stdout) == (ExitCode.USAGE, "")
    assert "holds another kit" in refused.stderr
    assert files(tmp_path / "usb") == before
    done = bundler(tmp_path, "usb", "other", "usb", "--replace", "--json")
    assert done.returncode == 0
    report = json.loads(done.stdout)
    assert (report["was_there"], report["bundles"]) == (False, 2)
    assert files(tmp_path / "usb/sftunnel") == files(tmp_path / "other")
    again = bundler(tmp_path, "usb", "other", "usb")
    assert "was there already, read and compared" in again.stdout
    assert "no file system is mounted on that directory" in again.stderr
    assert "the signer was not compared" in again.stderr


def test_a_kit_with_plain_keys_is_said_to_be_one(made: Made, tmp_path: Path) -> None:
    request = BuildRequest(
        Wanted((made.fmc.root,)),
        tmp_path / "plain",
        load_signer(made.signing_key, None),
        made.report.created,
        plain_keys=True,
    )
    build_kit(request, lambda items, _total: items)
    done = bundler(tmp_path, "usb", "plain", "--image", "plain.img")
    assert "warning: keys in plaintext are in it" in done.stderr
    assert "passphrases" not in done.stderr


REFUSED = [
    pytest.param(["KIT"], ExitCode.USAGE, "either a directory or --image", id="no place"),
    pytest.param(["KIT", ".", "--image", "x"], ExitCode.USAGE, "either a directory", id="two"),
    pytest.param(["KIT", "gone"], ExitCode.USAGE, "'gone' is not a directory", id="not mounted"),
    pytest.param([".", "."], ExitCode.USAGE, "is not a kit", id="no kit"),
    pytest.param(["KIT", ".", "--signer", "12"], ExitCode.USAGE, "64 hex digits", id="half of it"),
    pytest.param(["UNSIGNED", "."], ExitCode.UNTRUSTED, "is not signed", id="an unsigned kit"),
    pytest.param(["DAMAGED", "."], ExitCode.UNTRUSTED, "the checksum of", id="a damaged kit"),
]


@pytest.mark.parametrize(("words", "code", "message"), REFUSED)
def test_it_is_refused(
    words: list[str], code: ExitCode, message: str, made: Made, tmp_path: Path
) -> None:
    place = tmp_path / "empty"
    place.mkdir()
    kits = {"KIT": made.kit, "UNSIGNED": tmp_path / "unsigned", "DAMAGED": tmp_path / "damaged"}
    if words[0] == "UNSIGNED":
        request = BuildRequest(
            Wanted((made.fmc.root,)), kits["UNSIGNED"], None, made.report.created
        )
        build_kit(request, lambda items, _total: items)
    if words[0] == "DAMAGED":
        shutil.copytree(made.kit, kits["DAMAGED"])
        (kits["DAMAGED"] / "start.sh").write_text("echo pwned\n")
    done = bundler(place, "usb", *(str(kits.get(word, word)) for word in words))
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr.replace(f"{place}/", "")
    assert list(place.iterdir()) == []


def test_a_ctrl_c_says_how_things_stand(made: Made, tmp_path: Path) -> None:
    script = (
        "import os, time\n"
        "from sftunnel_builder import cli, stick\n"
        "def wait(path, content):\n"
        "    open('writing', 'w').close()\n"
        "    time.sleep(30)\n"
        "stick.write_private = wait\n"
        "cli.main()\n"
    )
    (tmp_path / "usb").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-c", script, "usb", str(made.kit), "usb"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 30
    while not (tmp_path / "writing").exists():
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == ExitCode.INTERRUPTED
    assert "Type the same again to finish." in said
    assert "Traceback" not in said
    assert list((tmp_path / "usb").iterdir()) == []
