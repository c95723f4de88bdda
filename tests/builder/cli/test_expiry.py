"""What `sftunnel-bundler expiry` tells a person, a program and a monitoring system."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from rehearsal import Made, need
from sftunnel_builder.expiry import DO_NOT_RESTART
from sftunnel_builder.lab.certificates import make_ca, make_leaf, new_key
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc

FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"
DEVICE = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"


@dataclass
class Said:
    code: int
    out: str
    err: str

    @property
    def first(self) -> str:
        """What a monitoring system shows."""
        return self.out.partition("\n")[0]


def _expiry(*words: str | Path, columns: int = 80, unprivileged: bool = False) -> Said:
    drop = "-dac_override,-dac_read_search"
    is_root = os.getuid() == 0
    if unprivileged and is_root:
        need("setpriv", shutil.which("setpriv"))
    setpriv = ["setpriv", "--inh-caps", drop, "--bounding-set", drop]
    done = subprocess.run(
        [
            *(setpriv if unprivileged and is_root else []),
            sys.executable,
            "-m",
            "sftunnel_builder",
            "expiry",
            *map(str, words),
        ],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": str(columns)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Said(done.returncode, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def key() -> rsa.RSAPrivateKey:
    return new_key()


@pytest.fixture
def chain(key: rsa.RSAPrivateKey, tmp_path: Path) -> Callable[..., Path]:
    """Give a function that writes a CA and a certificate that end so many days from now."""

    def write(*, ca: float = 3649.5, cert: float = 3649.5, begin: float = -1) -> Path:
        now = datetime.now(UTC).replace(microsecond=0)
        start = now + timedelta(days=begin)
        pem = make_ca(FMC, key, start, now + timedelta(days=ca))
        leaf = make_leaf(pem, key, DEVICE, key, start, now + timedelta(days=cert))
        path = tmp_path / "chain.pem"
        path.write_bytes(leaf + pem)
        return path

    return write


@pytest.mark.parametrize(
    ("days", "words", "code", "first"),
    [
        pytest.param({}, (), 0, f"OK: the certificate of {DEVICE} is valid for 3649", id="fine"),
        pytest.param(
            *({"ca": 59.5}, (), 1, f"WARNING: the CA of {FMC} is ONLY valid for 59 more days"),
            id="the CA ends soon",
        ),
        pytest.param(
            *({"ca": 59.5}, ("--warn-days", "59"), 0, f"OK: the CA of {FMC} is valid for 59 more"),
            id="and that is soon enough",
        ),
        pytest.param(
            *({"cert": -0.5}, (), 2, f"EXPIRED: the certificate of {DEVICE} expired less than a"),
            id="the certificate has ended",
        ),
        pytest.param(
            *({"ca": -3, "cert": 59}, (), 2, f"EXPIRED: the CA of {FMC} expired 3 days ago, at "),
            id="the CA has ended, and the certificate will soon",
        ),
        pytest.param(
            *({"begin": 1}, (), 1, f"WARNING: the certificate of {DEVICE} is not valid before "),
            id="a clock is wrong",
        ),
        pytest.param({"ca": 99999}, (), 0, "OK: ", id="a CA that ends in another century"),
    ],
)
def test_the_soonest_of_a_chain_decides(
    chain: Callable[..., Path],
    days: dict[str, float],
    words: tuple[str, ...],
    code: int,
    first: str,
) -> None:
    path = chain(**days)
    said = _expiry(path, *words)
    assert said.code == code
    assert said.first.startswith(first)
    assert said.out.splitlines()[1].startswith("2 certificates: ")
    assert (DO_NOT_RESTART in said.err) is (code == 2)


@pytest.mark.parametrize(
    ("words", "first"),
    [
        pytest.param(["/nonexistent"], "UNKNOWN: there is no '/nonexistent'", id="nothing there"),
        pytest.param(
            ["--warn-days", "x"], "UNKNOWN: invalid value for '--warn-days'", id="no number"
        ),
        pytest.param(["--warn-days", "-1"], "UNKNOWN: invalid value", id="a negative one"),
        pytest.param(["--warn-days"], "UNKNOWN: option '--warn-days' requires", id="no value"),
        pytest.param(["--frobnicate"], "UNKNOWN: no such option", id="an unknown option"),
        pytest.param(["a", "b"], "UNKNOWN: got unexpected extra argument", id="two paths"),
    ],
)
def test_what_goes_wrong_is_never_taken_for_a_warning_or_an_alarm(
    words: list[str], first: str
) -> None:
    said = _expiry(*words)
    assert said.code == 3
    assert said.first.startswith(first)
    assert (said.out.count("\n"), said.err.count("\n")) == (1, 1)
    assert said.err.startswith("hint: ")
    told = json.loads(_expiry("--json", *words).out)
    assert told["state"] == "unknown"
    assert said.first == f"UNKNOWN: {told['error']}"


def test_a_bug_is_no_warning_either() -> None:
    code = (
        "import sys; sys.argv[1:] = ['expiry']\n"
        "from sftunnel_builder import cli, expiring\n"
        "def broken(path): raise ValueError('secret')\n"
        "expiring.find_expiring = broken\n"
        "cli.main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert done.stdout.startswith("UNKNOWN: this is a bug: ValueError at ")
    assert "secret" not in done.stdout + done.stderr


def test_an_output_that_cannot_be_written_is_no_good_news(chain: Callable[..., Path]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "sftunnel_builder", "expiry", chain()],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode > 2
    assert done.stderr.startswith("error: ")


def test_what_must_not_be_read_is_unknown(fleet: Path, tmp_path: Path) -> None:
    shutil.copytree(fleet, tmp_path / "copies", symlinks=True)
    hidden = (tmp_path / "copies/plant", tmp_path / "copies/fmc-lab/etc/sf/ca_root/cacert.pem")
    for path in hidden:
        path.chmod(0)
    said = _expiry(tmp_path / "copies", unprivileged=True)
    alone = _expiry(hidden[1], unprivileged=True)
    for path in hidden:
        path.chmod(0o700)
    assert said.code == 3
    assert said.out.splitlines()[1] == "5 certificates: 2 unknown, 3 warning"
    assert said.out.count("permission denied") == 3
    assert (alone.code, alone.first) == (
        3,
        f"UNKNOWN: cannot read '{hidden[1]}': permission denied",
    )


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with the copies of an FMC and two devices, nothing renewed yet."""
    place = tmp_path_factory.mktemp("fleet") / "copies"
    fmc = LabFmc.create(place / "fmc-lab", uuid=FMC, now=datetime.now(UTC), expired=False)
    for name in ("BSNS-1120-1", "plant"):
        fmc.register(LabDevice.create(place / name, name=name))
    for socket in place.rglob("*.sock"):
        socket.unlink()
    return place


def test_a_fleet_is_a_table_with_the_damaged_one_before_those_that_only_warn(
    fleet: Path, tmp_path: Path
) -> None:
    copies = tmp_path / "copies"
    shutil.copytree(fleet, copies, symlinks=True)
    (cert,) = copies.glob("plant/ngfw/var/sf/peers/*/sftunnel-cert.pem")
    cert.write_bytes(b"")
    said = _expiry(copies)
    assert said.code == 3
    assert said.first.endswith(f"/plant/var/sf/peers/{FMC}/sftunnel-cert.pem' is empty")
    lines = said.out.splitlines()
    assert lines[1] == "6 certificates: 1 unknown, 5 warning"
    assert lines[2] == "FMC fmc-lab: Cisco Secure Firewall Management Center for VMware 7.2.5"
    assert lines[3] == "  hotfix FZ, 7.2.9.99-4, brings generate_certs.pl for 7.2.5"
    table = lines[5:]
    assert table[0] == "days  not after (UTC)      what         whose"
    assert [line.split()[0] for line in table[0::2]] == ["days", "?", *["59"] * 5]
    assert table[2] == "   ?  cannot tell          certificate  plant"
    assert table[4].endswith("  CA           BSNS-1120-1")
    assert max(map(len, table[0::2])) <= 80
    assert said.err.startswith("hint: plant: copy '")
    wide = _expiry(copies, columns=400).out.splitlines()[5:]
    assert [len(table), len(wide)] == [14, 7]
    assert wide[2].split() == [*table[4].split(), table[5].strip()]


def test_one_that_has_expired_outweighs_one_that_nobody_can_tell(
    fleet: Path, tmp_path: Path, chain: Callable[..., Path]
) -> None:
    shutil.copytree(fleet / "plant/ngfw/var/sf/peers", tmp_path / "a/var/sf/peers")
    (tmp_path / "a/etc/sf").mkdir(parents=True)
    shutil.copy(fleet / "plant/etc/sf/ims.conf", tmp_path / "a/etc/sf/ims.conf")
    (tmp_path / "half-copied").mkdir()
    said = _expiry(tmp_path)
    assert (said.code, said.out.splitlines()[1]) == (3, "3 certificates: 1 unknown, 2 warning")
    (cert,) = tmp_path.glob("a/var/sf/peers/*/cacert.pem")
    shutil.copy(chain(ca=-9, cert=-9), cert)
    said = _expiry(tmp_path)
    assert (said.code, said.first[:9]) == (2, "EXPIRED: ")


def test_a_program_is_told_the_same(fleet: Path) -> None:
    said = _expiry(fleet / "fmc-lab", "--json")
    assert (said.code, said.err) == (1, "")
    told = json.loads(said.out)
    assert (told["state"], told["days_left"], told["warn_days"]) == ("warning", 59, 90)
    assert (told["kind"], told["uuid"], told["name"]) == ("CA", FMC, FMC)
    assert told["path"] == f"{fleet}/fmc-lab/etc/sf/ca_root/cacert.pem"
    left = datetime.fromisoformat(told["not_after"]) - datetime.fromisoformat(told["now"])
    assert left.days == 59
    assert told["restart_is_dangerous"] is False
    (fmc,) = told["fmcs"]
    assert fmc["hotfix"] == {"name": "FZ", "version": "7.2.9.99-4"}
    assert (fmc["version"], fmc["run_id"]) == ("7.2.5", None)
    assert [each["kind"] for each in told["certificates"]] == ["CA", "certificate"]
    assert {**told["certificates"][0]}.items() <= told.items()


def test_after_a_run_the_kit_is_what_comes_next(made: Made) -> None:
    said = _expiry(made.fmc.root)
    assert said.code == 0
    assert "has made this CA: `sftunnel-bundler build` packs what it did not push" in said.out
    assert "hotfix" not in said.out
    kit = _expiry(made.kit)
    assert (kit.code, kit.err) == (0, "")
    assert kit.first.startswith(f"OK: the CA of {made.devices[0].name} is valid for 36")
    assert _expiry(made.bundle(made.devices[0])).code == 0


def test_a_kit_that_nobody_has_signed_yet_ends_like_any_other(made: Made, tmp_path: Path) -> None:
    words = ["build", "--unsigned", "--fmc-tree", made.fmc.root, "--out", tmp_path / "kit"]
    command = [sys.executable, "-m", "sftunnel_builder", *map(str, words)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run(command, env=environment, check=True, capture_output=True)
    said = _expiry(tmp_path / "kit")
    assert (said.code, said.out.splitlines()[1]) == (0, "4 certificates: 4 ok")
