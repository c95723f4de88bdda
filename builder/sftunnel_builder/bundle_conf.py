"""bundle.conf: what a device should hold. Written by the builder, read by it and by install.sh.

`key=value` lines, UTF-8, no quoting, unknown keys are ignored:

    format=1
    bundle_id=<16 hex digits>
    device_name=<printable text>
    device_uuid=<UUID>
    device_address=<address, may be empty>
    created=<YYYY-MM-DDTHH:MM:SSZ>
    builder_version=<version>
    fmc=<FMC UUID> <run id>                                       (one line an FMC)
    file=<source> <target> <SHA-256 of what must land> 644 root:root   (three lines an FMC)
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.failed_push import UUID_PATTERN
from sftunnel_builder.fmc_tree import PEERS_PATH
from sftunnel_builder.trio import TRIO_NAMES
from sftunnel_builder.words import _

FORMAT = 1
LANDED_MODE, LANDED_OWNER = "644", "root:root"
_TIME = "%Y-%m-%dT%H:%M:%SZ"
_FMC = re.compile(rf"({UUID_PATTERN}) ([0-9]{{1,12}})")
_FILE = re.compile(r"(\S+) (\S+) ([0-9a-f]{64}) (\S+) (\S+)")


@dataclass(frozen=True)
class FmcTrio:
    """What a bundle brings from one FMC."""

    fmc_uuid: str
    run_id: int
    """Unix time at which that generate_certs.pl run began."""
    sha256: Mapping[str, str]
    """Of what must land, by trio name."""

    def source(self, name: str) -> str:
        """Return the path in the bundle."""
        return f"payload/{self.fmc_uuid}/{name}"

    def target(self, name: str) -> str:
        """Return the path on the device."""
        return f"{PEERS_PATH}/{self.fmc_uuid}/{name}"


@dataclass(frozen=True)
class BundleConf:
    """The contents of a bundle.conf."""

    device_name: str
    device_uuid: str
    device_address: str
    created: datetime
    builder_version: str
    trios: tuple[FmcTrio, ...]
    bundle_id: str = ""

    def with_id(self) -> BundleConf:
        """Return the same with the bundle id: a hash of all else that it says."""
        text = replace(self, bundle_id="").render()
        return replace(self, bundle_id=hashlib.sha256(text).hexdigest()[:16])

    def render(self) -> bytes:
        """Return the file."""
        lines = [
            f"format={FORMAT}",
            f"bundle_id={self.bundle_id}",
            f"device_name={self.device_name}",
            f"device_uuid={self.device_uuid}",
            f"device_address={self.device_address}",
            f"created={self.created.strftime(_TIME)}",
            f"builder_version={self.builder_version}",
            *(f"fmc={trio.fmc_uuid} {trio.run_id}" for trio in self.trios),
        ]
        for trio in self.trios:
            lines += [
                f"file={trio.source(name)} {trio.target(name)} {trio.sha256[name]} "
                f"{LANDED_MODE} {LANDED_OWNER}"
                for name in TRIO_NAMES
            ]
        return "".join(f"{line}\n" for line in lines).encode()


def parse_bundle_conf(data: bytes) -> BundleConf:
    """Read a bundle.conf; raises BundlerError (UNTRUSTED) when it is not one of format 1.

    Strict: what it says must be exactly what `render` would write, unknown keys aside.
    """
    values: dict[str, list[str]] = {}
    for line in data.decode("utf-8", "replace").split("\n"):
        key, _mark, value = line.partition("=")
        values.setdefault(key, []).append(value)

    def one(key: str, pattern: str) -> str:
        found = values.get(key, [])
        is_one = len(found) == 1 and printable(found[0], len(found[0])) == found[0]
        if not is_one or not re.fullmatch(pattern, found[0]):
            raise _unusable(
                _("wanted one line '{key}=...', found {found}").format(
                    key=key, found=printable(str(found), 80)
                )
            )
        return found[0]

    if one("format", ".*") != str(FORMAT):
        raise _unusable(
            _("wanted format '{wanted}', found '{found}'").format(
                wanted=FORMAT, found=printable(values["format"][0])
            )
        )
    conf = BundleConf(
        device_name=one("device_name", r".+"),
        device_uuid=one("device_uuid", UUID_PATTERN),
        device_address=one("device_address", r".*"),
        created=_parse_time(one("created", r"[0-9TZ:-]{20}")),
        builder_version=one("builder_version", r"[0-9A-Za-z.+-]+"),
        trios=tuple(_parse_trios(values)),
        bundle_id=one("bundle_id", r"[0-9a-f]{16}"),
    )
    known = {line.partition(b"=")[0] for line in conf.render().splitlines()}
    said = [line for line in data.splitlines(keepends=True) if line.partition(b"=")[0] in known]
    if b"".join(said) != conf.render():
        raise _unusable(_("its lines are not in the order or form of the format"))
    return conf


def _parse_trios(values: Mapping[str, list[str]]) -> list[FmcTrio]:
    """Return the FMCs and their files, every FMC with a whole trio."""
    files = [_FILE.fullmatch(value) for value in values.get("file", [])]
    sha256 = {found[1]: found[3] for found in files if found}
    trios: list[FmcTrio] = []
    for value in values.get("fmc", []):
        found = _FMC.fullmatch(value)
        if not found:
            raise _unusable(_("unusable line 'fmc={value}'").format(value=printable(value, 80)))
        if any(trio.fmc_uuid == found[1] for trio in trios):
            raise _unusable(_("it names FMC '{uuid}' twice").format(uuid=found[1]))
        prefix = f"payload/{found[1]}"
        hashes = {n: sha256[f"{prefix}/{n}"] for n in TRIO_NAMES if f"{prefix}/{n}" in sha256}
        if len(hashes) != len(TRIO_NAMES):
            raise _unusable(_("it has no whole trio for FMC '{uuid}'").format(uuid=found[1]))
        trios.append(FmcTrio(found[1], int(found[2]), hashes))
    if not trios:
        raise _unusable(_("it names no FMC"))
    return trios


def _parse_time(text: str) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise _unusable(_("'created={text}' is no time").format(text=text)) from None


def _unusable(why: str) -> BundlerError:
    return BundlerError(
        _("bundle.conf is not usable: {why}").format(why=why),
        _("use the release of sftunnel-bundler that made the bundle, or build it again"),
        ExitCode.UNTRUSTED,
    )
