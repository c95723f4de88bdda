"""What `make dist` ships: sizes, the C library that it needs, checksums, the list of its parts."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from executables import COMMANDS, DIST, executable, number
from rehearsal import need

pytestmark = pytest.mark.slow

MB = 1_000_000
FLOOR = (2, 17)
ELF = b"\x7fELF"
SHARE = DIST.parent / "packaging/share"


def members(command: str) -> dict[str, tarfile.TarInfo]:
    """Return what is packed in an executable."""
    path = executable(command)
    payload = path.read_bytes()[number(path, "payload_at") - 1 :]
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(payload))) as tar:
        return {member.name: member for member in tar.getmembers()}


@pytest.mark.parametrize(("command", "most"), [(COMMANDS[0], 12 * MB), (COMMANDS[1], 10 * MB)])
def test_it_is_small(
    command: str, most: int, record_property: Callable[[str, object], None]
) -> None:
    size = executable(command).stat().st_size
    record_property("found", f"dist/{command}: {size / MB:.1f} MB")
    assert size <= most


@pytest.mark.parametrize("command", COMMANDS)
def test_no_elf_file_in_it_needs_a_newer_glibc(
    command: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    need("objdump", shutil.which("objdump"))
    path = executable(command)
    payload = gzip.decompress(path.read_bytes()[number(path, "payload_at") - 1 :])
    with tarfile.open(fileobj=io.BytesIO(payload)) as tar:
        tar.extractall(tmp_path, filter="data")
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    elves = [path for path in files if path.read_bytes()[:4] == ELF]
    assert {path.name for path in elves} >= {command, "probe", "libgcc_s.so.1"}
    needed = {}
    for elf in elves:
        symbols = subprocess.run(
            ["objdump", "-T", elf], capture_output=True, text=True, check=True
        ).stdout
        asked = re.findall(r"\*UND\*.*\bGLIBC_([0-9.]+)", symbols)
        needed[elf.name] = max(tuple(map(int, version.split("."))) for version in asked)
    record_property("found", f"dist/{command}: glibc {'.'.join(map(str, max(needed.values())))}")
    assert {name: version for name, version in needed.items() if version > FLOOR} == {}


@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_packed_says_nothing_of_who_packed_it(command: str) -> None:
    packed = members(command)
    assert len(packed) > 5
    for member in packed.values():
        assert (member.uid, member.gid, member.uname, member.gname) == (0, 0, "root", "root")
        assert member.isdir() or member.isreg()
        assert member.mode in {0o700, 0o600}
    assert len({member.mtime for member in packed.values()}) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_it_carries_the_licences_of_its_parts(command: str) -> None:
    assert "THIRD-PARTY-LICENSES.txt" in members(command)


def test_manual_pages_and_completion_are_packed_without_directories() -> None:
    executable(COMMANDS[0])
    wanted = {
        f"share/{path.relative_to(SHARE)}": path.read_bytes()
        for path in SHARE.rglob("*")
        if path.is_file()
    }
    # A directory in it would change owner and mode of the one in /usr/local.
    with tarfile.open(DIST / "sftunnel-bundler-share.tar.gz") as tar:
        packed = tar.getmembers()
        files = {member.name: tar.extractfile(member) for member in packed}
        assert {name: file and file.read() for name, file in files.items()} == wanted
    assert {(member.mode, member.uid, member.gid) for member in packed} == {(0o644, 0, 0)}


def test_the_checksums_are_those_of_all_files() -> None:
    for command in COMMANDS:
        executable(command)
    own = {"SHA256SUMS", "SHA256SUMS.sig", "signer.pem", ".gitignore"}
    expected = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in DIST.iterdir()
        if path.name not in own
    }
    lines = (DIST / "SHA256SUMS").read_text().splitlines()
    assert {line[66:]: line[:64] for line in lines} == expected
    assert {Path(name).suffix for name in expected} >= {".whl", ".gz", ".json", ".txt", ""}


def test_the_list_of_parts_is_valid_and_whole() -> None:
    executable(COMMANDS[0])
    text = (DIST / "sbom.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    parts = {part["name"]: part for part in json.loads(text)["components"]}
    assert parts.keys() >= {
        *("CPython", "zlib", "libffi", "PyInstaller bootloader", "LLVM libunwind"),
        *("cryptography", "typer", "rich", "jinja2", "pyserial", "segno", *COMMANDS),
    }
    for part in parts.values():
        assert part["version"]
        assert part["licenses"]
    assert "openssl" in {inner["name"] for inner in parts["cryptography"]["components"]}
    for command in COMMANDS:
        (digest,) = parts[command]["hashes"]
        assert digest["content"] == hashlib.sha256((DIST / command).read_bytes()).hexdigest()


def test_the_list_names_what_the_lock_file_pins() -> None:
    executable(COMMANDS[0])
    pins = dict(
        re.findall(
            r"^([a-z0-9-]+)==(\S+)(?! ; sys_platform == 'win32')",
            Path("requirements/run.lock").read_text(),
            re.MULTILINE,
        )
    )
    pins.pop("colorama", None)
    parts = json.loads((DIST / "sbom.cdx.json").read_text())["components"]
    assert pins.items() <= {part["name"]: part["version"] for part in parts}.items()


def test_every_part_has_its_licence_in_the_text() -> None:
    executable(COMMANDS[0])
    text = (DIST / "THIRD-PARTY-LICENSES.txt").read_text()
    parts = json.loads((DIST / "sbom.cdx.json").read_text())["components"]
    headings = {f"{part['name']} {part['version']}" for part in parts} - {
        f"{command} {part['version']}"
        for command in COMMANDS
        for part in parts
        if part["name"] == command
    }
    assert len(headings) > 10
    assert {heading for heading in headings if f"\n{heading}\n" not in text} == set()
