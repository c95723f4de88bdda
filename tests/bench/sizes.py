"""How large a bundle is, as a file and over a console, beside other ways to carry three files."""

from __future__ import annotations

import shutil
import subprocess
from base64 import encodebytes
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from bench.measure import run
from bench.rehearsed import make_one
from bench.section import BenchError, Section, Settings, Table
from sftunnel_builder.paste import make_paste

BAUDS = (9600, 115_200)
BITS_A_BYTE = 10
"""With a start and a stop bit."""
COLUMNS = ("what", "bytes", "over a console, bytes", *(f"s at {baud}" for baud in BAUDS))

INSTALL = """#!/bin/sh
# Puts the three files in place, and keeps the old ones.
set -eu
peer=${1:?the peer directory}
for name in cacert.pem sftunnel-cert.pem sftunnel-key.pem; do
    cp -p "$peer/$name" "$peer/$name.old"
    cp "$name" "$peer/$name.new"
    chmod 644 "$peer/$name.new"
    mv "$peer/$name.new" "$peer/$name"
done
"""
"""What a small archive that installs itself would run."""
MANIFEST = """[update]
compatible=sftunnel
version=1
[bundle]
format=plain
[image.rootfs]
filename=trio.tar
"""
DESCRIPTION = """software = {
    version = "1";
    hardware-compatibility: [ "1.0" ];
    files: (
%s
    );
    scripts: ( { filename = "install.sh"; type = "shellscript"; sha256 = "%s"; } );
}
"""
FILE = '        { filename = "%s"; path = "/var/sf/peers/FMC/%s"; sha256 = "%s"; }'


def measure(settings: Settings) -> Section:
    """Make a bundle, and everything else, of the same trio."""
    settings.tell("making a bundle, and archives of other kinds")
    made = make_one(settings.place)
    (device,) = made.devices
    path = made.bundle(device)
    bundle = path.read_bytes()
    signer = made.report.signer
    assert signer is not None
    text = make_paste(bundle, path.name, signer).text()
    trio = settings.place / "trio"
    trio.mkdir()
    for name, content in made.new_trios[device.uuid].items():
        (trio / name).write_bytes(content)
    rows = [_row("this bundle, its key encrypted", len(bundle), len(text))]
    others: dict[str, tuple[Sequence[str], Callable[[Path, Path], Path]]] = {
        "the three files as they are": ((), _as_they_are),
        "the three files, `tar` and `gzip -9`": (("tar", "gzip"), _tarred),
        "makeself, with a small install script": (("makeself",), _makeself),
        "RAUC bundle, signed": (("rauc", "mksquashfs", "openssl"), _rauc),
        "SWUpdate `.swu`, signed": (("cpio", "openssl"), _swupdate),
    }
    for number, (name, (tools, make)) in enumerate(others.items()):
        rows.append(_other(name, tools, make, trio, settings.place / f"other-{number}"))
    return Section("sizes", Table(COLUMNS, tuple(rows)))


def _row(name: str, size: int, typed: int) -> tuple[str, ...]:
    seconds = (f"{typed * BITS_A_BYTE / baud:.1f}" for baud in BAUDS)
    return (name, f"{size:,}", f"{typed:,}", *seconds)


def _other(
    name: str,
    tools: Sequence[str],
    make: Callable[[Path, Path], Path],
    trio: Path,
    place: Path,
) -> tuple[str, ...]:
    """Return the row of another form, or why there is none."""
    missing = [tool for tool in tools if not shutil.which(tool)]
    if missing:
        return (name, f"{', '.join(missing)} is not installed", *[""] * (len(COLUMNS) - 2))
    place.mkdir()
    try:
        data = make(trio, place).read_bytes()
    except BenchError as error:
        return (name, f"could not be made: {error}", *[""] * (len(COLUMNS) - 2))
    return _row(name, len(data), len(data if make is _as_they_are else encodebytes(data)))


def _as_they_are(trio: Path, place: Path) -> Path:
    out = place / "trio"
    out.write_bytes(b"".join(path.read_bytes() for path in sorted(trio.iterdir())))
    return out


def _tarred(trio: Path, place: Path) -> Path:
    _tar(trio, place / "trio.tar")
    run(["gzip", "-9n", "trio.tar"], place)
    return place / "trio.tar.gz"


def _tar(trio: Path, out: Path) -> None:
    owner = ["--owner=root:0", "--group=root:0", "--format=ustar", "--sort=name"]
    run(["tar", *owner, "-cf", out, "-C", trio, "."], out.parent)


def _makeself(trio: Path, place: Path) -> Path:
    shutil.copytree(trio, place / "in")
    (place / "in/install.sh").write_text(INSTALL)
    (place / "in/install.sh").chmod(0o755)
    options = ["--quiet", "--tar-quietly", "--nox11", "--sha256"]
    run(["makeself", *options, "in", "trio.run", "sftunnel", "./install.sh"], place)
    return place / "trio.run"


def _make_signer(place: Path) -> None:
    """Make the key and the certificate with which the other forms are signed."""
    new = ["-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem"]
    use = ["-addext", "extendedKeyUsage=emailProtection"]
    run(["openssl", "req", "-x509", *new, "-days", "3", "-subj", "/CN=bench", *use], place)


def _rauc(trio: Path, place: Path) -> Path:
    _make_signer(place)
    (place / "in").mkdir()
    _tar(trio, place / "in/trio.tar")
    (place / "in/manifest.raucm").write_text(MANIFEST)
    run(["rauc", "bundle", "--cert=cert.pem", "--key=key.pem", "in", "trio.raucb"], place)
    return place / "trio.raucb"


def _swupdate(trio: Path, place: Path) -> Path:
    """Make what SWUpdate's documents describe: a cpio archive, its description first, signed."""
    _make_signer(place)
    names = sorted(path.name for path in trio.iterdir())
    for name in names:
        shutil.copy(trio / name, place)
    (place / "install.sh").write_text(INSTALL)
    sums = dict(_sha256(place, [*names, "install.sh"]))
    files = ",\n".join(FILE % (name, name, sums[name]) for name in names)
    (place / "sw-description").write_text(DESCRIPTION % (files, sums["install.sh"]))
    sign = ["openssl", "cms", "-sign", "-binary", "-nosmimecap", "-outform", "DER"]
    signer = ["-signer", "cert.pem", "-inkey", "key.pem", "-out", "sw-description.sig"]
    run([*sign, *signer, "-in", "sw-description"], place)
    listed = "\n".join(["sw-description", "sw-description.sig", *names, "install.sh", ""])
    with (place / "trio.swu").open("wb") as out:
        subprocess.run(
            ["cpio", "--quiet", "-o", "-H", "crc"],
            input=listed.encode(),
            stdout=out,
            cwd=place,
            check=True,
        )
    if shutil.which("swupdate"):
        check = ["swupdate", "-c", "-k", "cert.pem", "-H", "bench:1.0", "-i", "trio.swu"]
        # It removes from there what the archive brings.
        (place / "tmp").mkdir()
        _try_three_times(partial(run, check, place, more={"TMPDIR": str(place / "tmp")}))
    return place / "trio.swu"


def _try_three_times(work: Callable[[], object]) -> None:
    """Do what fails now and then: on a busy machine swupdate is not done with its own start."""
    for is_last in (False, False, True):
        try:
            work()
        except BenchError:
            if is_last:
                raise
        else:
            return


def _sha256(place: Path, names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in run(["sha256sum", *names], place).splitlines():
        digest, name = line.split()
        yield name, digest
