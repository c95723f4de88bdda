"""What the executables are made of: one list, from which SBOM and licences are written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from pathlib import Path

RELEASE = os.environ["RELEASE"]
WHEELS, TOOLS = Path(os.environ["wheels"]), Path(os.environ["tools"])
SOURCES, BUILT = Path(os.environ["sources"]), Path(os.environ["built"])


@dataclass(frozen=True)
class Part:
    """Somebody else's work that is in the executables."""

    name: str
    version: str
    licence: str
    """An SPDX expression."""
    purl: str
    """A package URL, which scanners look vulnerabilities up by."""
    texts: tuple[Path, ...]
    """The files with the licence's text."""


def parts() -> list[Part]:
    """List all, in a fixed order."""
    return [*_sources(), *_tools(), *_wheels()]


def _sources() -> Iterator[Part]:
    """Yield what is compiled from Debian's sources, at the versions that were fetched."""
    licences = {"libffi": "MIT", "zlib": "Zlib"}
    for line in (SOURCES / "versions").read_text().splitlines():
        package, version = line.split()
        name = re.sub(r"python[0-9.]+", "CPython", package)
        purl = f"pkg:deb/debian/{package}@{version.replace(':', '%3A')}?arch=source&distro={RELEASE}"
        texts = (BUILT / "python" / "licences" / package,)
        yield Part(name, version, licences.get(package, "PSF-2.0"), purl, texts)


def _tools() -> Iterator[Part]:
    """Yield what the tools leave in an executable: bootloader, run-time hooks, stack unwinding."""
    packages = _packages(TOOLS)
    (pyinstaller,) = packages["pyinstaller"].parent.rglob("pyinstaller-*/**/COPYING.txt")
    version = _metadata(packages["pyinstaller"])["Version"]
    yield Part(
        "PyInstaller bootloader",
        version,
        "GPL-2.0-or-later WITH Bootloader-exception",
        f"pkg:pypi/pyinstaller@{version}",
        (pyinstaller,),
    )
    version = _metadata(packages["ziglang"])["Version"]
    (text,) = packages["ziglang"].parent.glob("ziglang/lib/libunwind/LICENSE.TXT")
    yield Part(
        "LLVM libunwind",
        f"of zig {version}",
        "Apache-2.0 WITH LLVM-exception",
        f"pkg:pypi/ziglang@{version}",
        (text,),
    )


def _wheels() -> Iterator[Part]:
    """Yield the libraries that are frozen."""
    for name, place in sorted(_packages(WHEELS).items()):
        about = _metadata(place)
        texts = [path for path in sorted(place.rglob("*")) if _is_licence(path)]
        if not texts:
            raise SystemExit(f'error: the wheel of "{name}" brings no licence')
        yield Part(
            name, about["Version"], _licence(about), f"pkg:pypi/{name}@{about['Version']}", (*texts,)
        )


def _packages(place: Path) -> dict[str, Path]:
    """Return the .dist-info directory of each package below a directory."""
    found = sorted(place.rglob("*.dist-info"))
    return {_metadata(path)["Name"].lower().replace("_", "-"): path for path in found}


def _metadata(place: Path) -> Message:
    return message_from_string((place / "METADATA").read_text())


def _is_licence(path: Path) -> bool:
    return path.is_file() and bool(re.match(r"(?i)(licen[cs]e|copying|notice)", path.name))


CLASSIFIERS = {
    "License :: OSI Approved :: MIT License": "MIT",
    "License :: OSI Approved :: BSD License": "BSD-3-Clause",
    "License :: OSI Approved :: ISC License (ISCL)": "ISC",
}


def _licence(about: Message) -> str:
    """Return a package's licence as an SPDX expression; older metadata has a classifier instead."""
    if about["License-Expression"]:
        return str(about["License-Expression"])
    known = {CLASSIFIERS[line] for line in about.get_all("Classifier", []) if line in CLASSIFIERS}
    if len(known) != 1:
        raise SystemExit(f'error: what is the licence of "{about["Name"]}"? see inventory.py')
    return known.pop()
