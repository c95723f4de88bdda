"""A made-up firewall to install on, and the properties of a good end, stated once."""

from __future__ import annotations

import hashlib
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import pytest

from sftunnel_builder.build import BuildReport, BuildRequest, build_kit
from sftunnel_builder.choose import Wanted
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.signer import generate_signer, save_signer
from sftunnel_builder.trio import TRIO_NAMES

IS_CI = os.environ.get("CI") == "true"
IS_LONG = os.environ.get("SFTUNNEL_TEST_LONG") == "1"
"""Whether tests marked `sampled` try all that they can, as in `make test-long`, or a sample."""
AS_ROOT = [] if os.getuid() == 0 else ["unshare", "-r"]
"""What to put before a command that must be root, in a user namespace if need be."""

VERIFY_WITH_OPENSSL = [
    *("openssl", "dgst", "-sha256", "-verify", "signer.pem"),
    *("-signature", "SHA256SUMS.sig", "SHA256SUMS"),
]


def need(what: str, is_there: object) -> None:
    """Skip where something is missing on a laptop; fail where it is missing in CI."""
    if is_there:
        return
    if IS_CI:
        pytest.fail(f"{what} is missing, and CI must have it")
    pytest.skip(f"{what} is missing")


def snapshot(root: Path) -> dict[str, tuple[int, int, bytes]]:
    """Return mode, mtime and content of all below a directory but run files and logs."""
    seen = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith(("var/run", "var/log")):
            continue
        facts = path.lstat()
        plain = path.is_file() and not path.is_symlink()
        content = path.read_bytes() if plain else b""
        seen[name] = (facts.st_mode, facts.st_mtime_ns, content)
    assert len(seen) > len(TRIO_NAMES)
    return seen


NEW_RECEIPT = ("receipt.new", "before.new", "after.new", "coded.new")
"""In the state directory: of a receipt that is being made; swept in the end, or by the next run."""

MV_ONE_BY_ONE = """\
for to; do :; done
if [ "$1" = -f ] && [ -d "$to" ]; then
    status=0
    while shift; [ $# -gt 1 ]; do "$0" -f "$1" "$to/${1##*/}" || status=1; done
    exit "$status"
fi
"""
"""The beginning of a script that stands in for mv: it renames one file after the other, as mv does,
but each by a run of the script, which can do something in between."""


def put_before_path(firewall: Firewall, place: Path, **commands: str) -> None:
    """Let shell scripts stand in for commands, in a new directory that comes first on PATH."""
    place.mkdir()
    if "mv" in commands:
        commands["mv"] = MV_ONE_BY_ONE + commands["mv"]
    for name, script in commands.items():
        (place / name).write_text(f"#!/bin/sh\n{script}\n")
        (place / name).chmod(0o755)
    firewall.environment["PATH"] = f"{place}:{firewall.environment['PATH']}"


def mount_read_only(firewall: Firewall, place: Path, *options: str) -> None:
    """Let the installer see a directory mounted read-only, in a mount namespace of its own.

    options are more of mount's, such as noexec.
    """
    remount = ",".join(("remount,ro,bind", *options))
    script = f'mount --bind "$0" "$0" && mount -o {remount} "$0" && exec "$@"'
    shell = ["unshare", "-m", "sh", "-c", script, str(place)]
    probe = subprocess.run([*AS_ROOT, *shell, "true"], capture_output=True, check=False)
    need("a mount namespace", probe.returncode == 0)
    firewall.shell = [*shell, *firewall.shell]


@contextmanager
def instead_of_pmtool(firewall: Firewall, behaviour: str) -> Iterator[None]:
    """Put another command in the place of pmtool for a while, which stays there as pmtool.real."""
    pmtool = firewall.root / "usr/local/sf/bin/pmtool"
    real = pmtool.rename(pmtool.with_name("pmtool.real"))
    pmtool.write_text(f"#!/bin/sh\n{behaviour}\n")
    pmtool.chmod(0o755)
    yield
    real.rename(pmtool)


@dataclass
class Made:
    """A made-up FMC that has run generate_certs.pl, its firewalls, and the kit built from it."""

    fmc: LabFmc
    devices: list[LabDevice]
    signing_key: Path
    report: BuildReport
    new_trios: dict[str, dict[str, bytes]]
    """What must land from the first FMC, by device UUID and name."""

    @property
    def kit(self) -> Path:
        """The kit's directory."""
        assert self.report.kit is not None
        return self.report.kit

    def bundle(self, device: LabDevice) -> Path:
        """The device's bundle in the kit."""
        (built,) = [b for b in self.report.built if b.uuid == device.uuid]
        return self.kit / built.bundle

    def passphrase(self, device: LabDevice) -> str:
        """The passphrase of the device's key, from the file beside the kit; else empty."""
        if self.report.passphrases is None:
            return ""
        rows = [line.split("  ") for line in self.report.passphrases.read_text().splitlines()]
        (passphrase,) = [row[1] for row in rows if row[0] == device.uuid]
        return passphrase


def make_kit(
    place: Path,
    fmcs: Sequence[LabFmc],
    devices: list[LabDevice],
    now: datetime,
    *,
    plain_keys: bool = False,
) -> Made:
    """Build a kit in a directory from FMCs that have run generate_certs.pl, with a new signer."""
    signer = generate_signer()
    signing_key = place / "signing-key.pem"
    save_signer(signer, signing_key, None)
    request = BuildRequest(
        Wanted(tuple(fmc.root for fmc in fmcs)),
        place / "kit",
        signer,
        now.replace(microsecond=0),
        plain_keys=plain_keys,
    )
    report = build_kit(request, lambda items, _total: items)
    new_trios = {}
    for device in devices:
        pushed = fmcs[0].peer_dir(device.uuid) / "certs_pushed"
        new_trios[device.uuid] = {
            "cacert.pem": fmcs[0].ca_pem,
            "sftunnel-cert.pem": (pushed / "sftunnel-cert.pem").read_bytes(),
            "sftunnel-key.pem": (pushed / "sftunnel-key.pem").read_bytes(),
        }
    return Made(fmcs[0], devices, signing_key, report, new_trios)


@dataclass
class Firewall:
    """A copy of a made-up firewall, and its bundle unpacked beside it."""

    device: LabDevice
    fmc_uuid: str
    bundle: Path
    """The unpacked bundle."""
    signer: str
    passphrase_file: Path
    old_trio: dict[str, bytes]
    new_trio: dict[str, bytes]
    shell: Sequence[str] = ("sh",)
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))

    @property
    def root(self) -> Path:
        """The firewall's `/`."""
        return self.device.root

    @property
    def peer_dir(self) -> Path:
        """Where the trio lives."""
        return self.device.peer_dir(self.fmc_uuid)

    @property
    def state(self) -> Path:
        """The installer's state directory."""
        return self.root / "ngfw/var/sf/sftunnel-bundler"

    def run(
        self, *arguments: str, script: Path | None = None, stdin: str = "", timeout_s: float = 60
    ) -> subprocess.CompletedProcess[str]:
        """Run install.sh, or another script, on this firewall with exactly these arguments."""
        return subprocess.run(
            [*AS_ROOT, *self.shell, str(script or self.bundle / "install.sh"), *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            env=self.environment,
            timeout=timeout_s,
            # A process group of its own, so that a test can signal it as a terminal would.
            start_new_session=True,
            check=False,
        )

    def options(self, *more: str) -> list[str]:
        """Return the options of an unattended run: root, signer, passphrase, no wait."""
        return [
            *("--root", str(self.root), "--yes", "--wait", "0"),
            *("--signer", self.signer, "--passphrase-file", str(self.passphrase_file)),
            *more,
        ]

    def install(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run an unattended install."""
        return self.run("install", *self.options(*more))

    def rollback(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run an unattended rollback."""
        return self.run("rollback", "--root", str(self.root), "--yes", *more)

    def backups(self) -> list[str]:
        """Return the ids of the backups, oldest first."""
        folder = self.state / "backups"
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def assert_trio(self, trio: dict[str, bytes]) -> None:
        """State every property of a good end: this trio, 644 root:root, nothing else changed."""
        for name in TRIO_NAMES:
            path = self.peer_dir / name
            assert path.read_bytes() == trio[name], f"{name} is not as it should be"
            facts = path.lstat()
            assert facts.st_mode & 0o7777 == 0o644, f"{name} has mode {facts.st_mode & 0o7777:o}"
            assert (facts.st_uid, facts.st_gid) == (os.getuid(), os.getgid())
        self.assert_nothing_left()

    def trio_facts(self) -> dict[str, tuple[int, int, int, int]]:
        """Return mode, owner, group and mtime of each file; busybox keeps whole seconds only."""
        facts = {name: (self.peer_dir / name).lstat() for name in TRIO_NAMES}
        return {n: (f.st_mode, f.st_uid, f.st_gid, int(f.st_mtime)) for n, f in facts.items()}

    def which_trio(self) -> str:
        """Return which whole trio the device has, `old` or `new`; fail if it is a mix."""
        trio = self.device.trio(self.fmc_uuid)
        for name, wanted in (("old", self.old_trio), ("new", self.new_trio)):
            if trio == wanted:
                return name
        raise AssertionError("the device has a mix of old and new files")

    def assert_nothing_left(self) -> None:
        """State that no work file, lock or journal is left, and no key where none may be."""
        changed = set(self.others().items()) ^ set(self._others_before.items())
        assert not changed, f"beside the trio changed: {sorted({name for name, _ in changed})}"
        for name in ("work", "lock*", "journal", "*.new"):
            assert not list(self.state.glob(name)), f"'{name}' is left behind"
        allowed = [self.peer_dir, self.state / "backups", self.state / "staged"]
        key = self.new_trio["sftunnel-key.pem"].splitlines()[2]
        for path in self.root.rglob("*"):
            if path.is_symlink() or not path.is_file() or key not in path.read_bytes():
                continue
            real = path.resolve()
            assert any(real.is_relative_to(p.resolve()) for p in allowed), f"a key is in '{path}'"

    def others(self) -> dict[str, tuple[int, int, str]]:
        """Return mode, mtime and content hash of all on the device but trio, state and logs."""
        seen = {}
        for path in sorted(self.root.rglob("*")):
            name = str(path.relative_to(self.root))
            ours = "sftunnel-bundler" in name or name.startswith(
                ("var/run", "var/log", "etc/sf/lab-")
            )
            if ours or (path.parent == self.peer_dir.resolve() and path.name in TRIO_NAMES):
                continue
            facts = path.lstat()
            content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
            mtime = 0 if path.is_dir() else facts.st_mtime_ns
            seen[name] = (facts.st_mode, mtime, hashlib.sha256(content).hexdigest())
        return seen

    def remember_others(self) -> None:
        """Take all beside the trio, as it is now, for what must not change."""
        self._others_before = self.others()

    def __post_init__(self) -> None:
        self.remember_others()
        self.old_facts = self.trio_facts()


def make_firewall(made: Made, place: Path, index: int = 0) -> Firewall:
    """Copy a made-up firewall and unpack its bundle, both below place."""
    original = made.devices[index]
    root = place / "device root"
    subprocess.run(["cp", "-a", str(original.root), str(root)], check=True)
    device = LabDevice(
        root, original.uuid, original.name, original.address, original.version, original.model
    )
    media = place / "stick"
    media.mkdir()
    subprocess.run(["tar", "-xzf", str(made.bundle(original)), "-C", str(media)], check=True)
    (bundle,) = media.iterdir()
    passphrase_file = place / "passphrase.txt"
    passphrase_file.write_text(f"{made.passphrase(original)}\n")
    return Firewall(
        device,
        made.fmc.uuid,
        bundle,
        made.report.signer,
        passphrase_file,
        device.trio(made.fmc.uuid),
        made.new_trios[original.uuid],
    )
