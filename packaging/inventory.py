"""What the executables are made of: one list, from which SBOM and licences are written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_string
from email.message import Message
from pathlib import Path

RELEASE = os.environ["RELEASE"]
WORK = Path(__file__).resolve().parents[1] / ".cache/freeze"
"""Where settings.sh says that all is built."""
SOURCES, TOOLS, BUILT, WHEELS = (WORK / name for name in ("sources", "tools", "built", "wheels"))
OWN_TEXTS = Path(__file__).parent / "licences"
"""Licences of packages whose wheels bring none: NAME.txt, from their source archives."""


@dataclass(frozen=True)
class Part:
    """Somebody else's work that is in the executables."""

    name: str
    version: str
    licence: str
    """An SPDX expression; empty where only the part around it says."""
    purl: str
    """A package URL, by which scanners look vulnerabilities up."""
    texts: tuple[Path, ...] = ()
    """The files with the licence's text."""
    inner: tuple[Part, ...] = ()
    """What is compiled into it, by its own list."""


def parts() -> list[Part]:
    """List all, in a fixed order."""
    return [*_sources(), *_tools(), *_wheels()]


def _sources() -> Iterator[Part]:
    """Yield what is compiled from Debian's sources, at the versions that were fetched."""
    for line in (SOURCES / "versions").read_text().splitlines():
        package, version = line.split()
        name, licence = {"zlib": ("zlib", "Zlib"), "libffi": ("libffi", "MIT")}.get(
            package, ("CPython", "PSF-2.0")
        )
        purl = (
            f"pkg:deb/debian/{package}@{version.replace(':', '%3A')}?arch=source&distro={RELEASE}"
        )
        yield Part(name, version, licence, purl, (BUILT / "python/licences" / f"{name}.txt",))


def _tools() -> Iterator[Part]:
    """Yield what the tools leave in an executable: the bootloader, what unwinds the stack."""
    (pyinstaller,), (ziglang,) = (
        list(TOOLS.glob(f"lib/*/site-packages/{name}-*.dist-info"))
        for name in ("pyinstaller", "ziglang")
    )
    version = _about(pyinstaller)["Version"]
    yield Part(
        "PyInstaller bootloader",
        version,
        "GPL-2.0-or-later WITH Bootloader-exception",
        f"pkg:pypi/pyinstaller@{version}",
        tuple(pyinstaller.rglob("COPYING.txt")),
    )
    version = _about(ziglang)["Version"]
    yield Part(
        "LLVM libunwind",
        f"zig-{version}",
        "Apache-2.0 WITH LLVM-exception",
        f"pkg:pypi/ziglang@{version}",
        (ziglang.parent / "ziglang/lib/libunwind/LICENSE.TXT",),
    )


def _wheels() -> Iterator[Part]:
    """Yield the libraries that are frozen."""
    for place in sorted(WHEELS.glob("*.dist-info")):
        about = _about(place)
        name, version = about["Name"].lower().replace("_", "-"), about["Version"]
        texts = [path for path in sorted(place.rglob("*")) if _is_licence(path)]
        yield Part(
            name,
            version,
            _licence(about),
            f"pkg:pypi/{name}@{version}",
            (*texts,) or (OWN_TEXTS / f"{name}.txt",),
            tuple(_inner(place)),
        )


def _inner(place: Path) -> Iterator[Part]:
    """Yield what a wheel's own SBOMs (PEP 770) say is compiled into it."""
    for path in sorted(place.glob("sboms/*.json")):
        for component in json.loads(path.read_text())["components"]:
            purl = component.get("purl", "")
            # How its builder came by it is a path or an address of no use here.
            yield Part(component["name"], component["version"], "", purl.partition("?")[0])


def _about(place: Path) -> Message:
    """Return the METADATA of a .dist-info directory."""
    return message_from_string((place / "METADATA").read_text("utf-8"))


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
        raise SystemExit(
            f'error: the licence of "{about["Name"]}" is not known\n'
            "hint: see what it is, and add it to CLASSIFIERS in packaging/inventory.py"
        )
    return known.pop()
