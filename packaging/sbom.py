"""Write the list of what the executables are made of, as CycloneDX 1.6.

    sbom.py OUT EXECUTABLE...

The same executables and parts give the same bytes.
"""

from __future__ import annotations

import hashlib
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import LicenseExpression
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from inventory import Part, parts
from sftunnel_builder import __version__

PRODUCT = "sftunnel-bundler"
LICENCE = "Apache-2.0"


def component(part: Part, around: str = "") -> Component:
    """Return a part, and what is in it, as the library has it."""
    reference = f"{around}{part.name}@{part.version}"
    return Component(
        type=ComponentType.LIBRARY,
        name=part.name,
        version=part.version,
        bom_ref=reference,
        licenses=[LicenseExpression(part.licence)] if part.licence else [],
        purl=PackageURL.from_string(part.purl) if part.purl else None,
        components=[component(inner, f"{reference}/") for inner in part.inner],
    )


def own(path: Path) -> Component:
    """Return an executable, with its checksum."""
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return Component(
        type=ComponentType.APPLICATION,
        name=path.name,
        version=__version__,
        bom_ref=f"dist/{path.name}",
        licenses=[LicenseExpression(LICENCE)],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )


def describe(executables: list[Path], made: datetime) -> Bom:
    """Return the whole list: a product of executables, which depend on all parts."""
    product = Component(
        type=ComponentType.APPLICATION,
        name=PRODUCT,
        version=__version__,
        bom_ref=PRODUCT,
        licenses=[LicenseExpression(LICENCE)],
    )
    programs, libraries = list(map(own, executables)), [component(part) for part in parts()]
    bom = Bom(components=[*programs, *libraries])
    bom.metadata.component = product
    bom.metadata.timestamp = made
    bom.register_dependency(product, programs)
    for program in programs:
        bom.register_dependency(program, libraries)
    digests = "".join(str(hashed.content) for program in programs for hashed in program.hashes)
    bom.serial_number = uuid5(NAMESPACE_URL, digests)
    return bom


def main() -> None:
    """Write the file."""
    out, *executables = map(Path, sys.argv[1:])
    made = datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), UTC)
    bom = describe(executables, made)
    out.write_text(JsonV1Dot6(bom).output_as_string(indent=2) + "\n")


if __name__ == "__main__":
    main()
