"""From FMC trees to a kit, by the command that an operator types."""

from __future__ import annotations

import json
import os
import re
import stat
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rehearsal import Made
from sftunnel_builder.build import BuildRequest, build_kit
from sftunnel_builder.choose import Wanted
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.lab.certificates import key_pem, new_key
from sftunnel_builder.lab.device import LabDevice
from sftunnel_builder.lab.fmc import LabFmc
from sftunnel_builder.signer import load_signer

DATA = Path(__file__).parent / "data"
BSNS = "c8d5d5c6-87c9-11ef-a993-b9831565bc4e"
EMEA = "6bf1143a-8a2e-11ef-92d8-fd927e807d77"
FMC = "cdb123c8-4347-11ef-aca1-f3aa241412a1"


@dataclass
class Site:
    """An FMC with three devices, a signer, and a place for kits."""

    place: Path
    fmc: LabFmc
    devices: list[LabDevice]

    @property
    def out(self) -> Path:
        return self.place / "kit"

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run sftunnel-bundler in the site's place."""
        return subprocess.run(
            [sys.executable, "-W", "error", "-m", "sftunnel_builder", *arguments],
            cwd=self.place,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self, *more: str) -> subprocess.CompletedProcess[str]:
        """Run build on this site's tree."""
        options = ["--fmc-tree", str(self.fmc.root), "--out", "kit", "--signing-key", "key.pem"]
        return self.run("build", *options, *more)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, made: Made) -> Site:
    place = tmp_path_factory.mktemp("site")
    now = datetime.now(UTC)
    fmc = LabFmc.create(place / "fmc", uuid=FMC, now=now)
    names = (("BSNS-1120-1", BSNS, "10.48.67.54"), ("EMEA-FPR3110-08", EMEA, "10.48.189.37"))
    devices = [
        LabDevice.create(place / uuid, uuid=uuid, name=name, address=address)
        for name, uuid, address in names
    ]
    for device in devices:
        fmc.register(device)
    fmc.generate_certs(now=now)
    (place / "key.pem").write_bytes(made.signing_key.read_bytes())
    (place / "key.pem").chmod(0o600)
    return Site(place, fmc, devices)


@pytest.fixture
def site(template: Site, tmp_path: Path) -> Site:
    """Give a site of its own to change."""
    subprocess.run(["cp", "-a", f"{template.place}/.", str(tmp_path)], check=True)
    fmc = template.fmc
    copy = LabFmc(tmp_path / "fmc", fmc.uuid, fmc.name, fmc.address, fmc.version, fmc.model)
    return Site(tmp_path, copy, template.devices)


def _files(root: Path) -> dict[str, tuple[int, int]]:
    found = {str(p.relative_to(root)): p.lstat() for p in root.rglob("*")}
    assert found
    return {name: (facts.st_mode, facts.st_mtime_ns) for name, facts in found.items()}


def test_every_device_of_failed_push_gets_a_bundle(site: Site) -> None:
    before = _files(site.fmc.root)
    done = site.build("--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [(d["name"], d["uuid"], d["address"]) for d in said["built"]] == [
        ("BSNS-1120-1", BSNS, "10.48.67.54"),
        ("EMEA-FPR3110-08", EMEA, "10.48.189.37"),
    ]
    assert said["refused"] == []
    assert _files(site.fmc.root) == before, "the FMC tree was written to"
    kit = Path(said["kit"])
    assert sorted(str(p.relative_to(kit)) for p in kit.rglob("*") if p.is_file()) == sorted(
        [
            "SHA256SUMS",
            "SHA256SUMS.sig",
            "codes",
            "index.html",
            "signer.pem",
            "start.sh",
            *(f"bundles/sftunnel-BSNS-1120-1-c8d5d5c6.tar.gz{end}" for end in ("", ".sha256")),
            *(f"bundles/sftunnel-EMEA-FPR3110-08-6bf1143a.tar.gz{end}" for end in ("", ".sha256")),
            *(f"runbooks/sftunnel-BSNS-1120-1-c8d5d5c6.{end}" for end in ("html", "txt")),
            *(f"runbooks/sftunnel-EMEA-FPR3110-08-6bf1143a.{end}" for end in ("html", "txt")),
        ]
    )
    for path in [kit, *kit.rglob("*"), Path(said["passphrases"])]:
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600), path
    subprocess.run(["sha256sum", "-c", "SHA256SUMS"], cwd=kit, check=True, capture_output=True)
    for sums in kit.glob("bundles/*.sha256"):
        subprocess.run(["sha256sum", "-c", sums.name], cwd=kit / "bundles", check=True)
    subprocess.run(
        [
            "openssl",
            "dgst",
            "-sha256",
            "-verify",
            "signer.pem",
            "-signature",
            "SHA256SUMS.sig",
            "SHA256SUMS",
        ],
        cwd=kit,
        check=True,
        capture_output=True,
    )
    listed = {line.split("  ")[1] for line in (kit / "SHA256SUMS").read_text().splitlines()}
    assert listed == {
        str(p.relative_to(kit)) for p in kit.rglob("*") if p.is_file() and p.name[:9] != "SHA256SUM"
    }


def test_nothing_but_results_is_on_standard_output(site: Site) -> None:
    done = site.build()
    assert done.returncode == 0
    assert [line.split()[0] for line in done.stdout.splitlines() if line] == [
        *("built", "built", "kit", "signer", "passphrases")
    ]
    assert "\x1b" not in done.stdout + done.stderr


def test_the_same_inputs_give_the_same_bytes(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", str(int(datetime.now(UTC).timestamp())))
    kits = []
    for jobs in ("1", "2", "2"):
        assert site.build("--plain-keys", "--jobs", jobs, "--replace").returncode == 0
        kits.append({p.name: p.read_bytes() for p in site.out.rglob("*") if p.is_file()})
    assert kits[0] == kits[1] == kits[2]


def test_two_processes_give_what_one_gives(made: Made, tmp_path: Path) -> None:
    fmc = LabFmc.create(tmp_path / "fmc", now=datetime.now(UTC))
    now = datetime.now(UTC)
    device = LabDevice.create(tmp_path / "device")
    fmc.register(device)
    fmc.generate_certs(now=now)
    signer = load_signer(made.signing_key, None)
    (source,) = (fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH")
    reports = []
    for jobs in (1, 3):
        # The one good device among many that are refused.
        many = source.read_text() + "".join(
            source.read_text().replace(device.uuid[:8], f"{n:08x}") for n in range(40)
        )
        source_copy = tmp_path / "FAILED_PUSH"
        source_copy.write_text(many)
        request = BuildRequest(
            Wanted((fmc.root,), source_copy),
            tmp_path / f"kit{jobs}",
            signer,
            now.replace(microsecond=0),
            plain_keys=True,
            jobs=jobs,
        )
        reports.append(build_kit(request, lambda items, _total: items))
    assert len(reports[0].refused) == 40
    assert reports[0].built == reports[1].built
    assert reports[0].refused == reports[1].refused


def test_the_tech_notes_listing_end_to_end(site: Site) -> None:
    listing = str(DATA / "tech-note-FAILED_PUSH.txt")
    done = site.build("--failed-push", listing, "--json")
    assert done.returncode == 9, done.stderr
    said = json.loads(done.stdout)
    assert [d["name"] for d in said["built"]] == ["BSNS-1120-1"]
    (refused,) = said["refused"]
    assert refused["name"] == "EMEA-FPR3110-08"
    assert refused["error"].endswith("line 12: the record is cut off; missing: sftunnel-cert.pem")
    text = site.build("--failed-push", listing, "--replace")
    assert text.returncode == 9
    assert re.search(r"^refused +EMEA-FPR3110-08 .*missing: sftunnel-cert.pem$", text.stdout, re.M)


@pytest.mark.parametrize("name", ["cacert.pem", "sftunnel-cert.pem", "sftunnel-key.pem"])
def test_the_tech_notes_damaged_pem_stops_its_device(site: Site, name: str) -> None:
    damaged = (DATA / f"tech-note-{name}").read_bytes()
    pushed = site.fmc.peer_dir(BSNS) / "certs_pushed"
    target = site.fmc.root / "etc/sf/ca_root" if name == "cacert.pem" else pushed
    (target / name).write_bytes(damaged)
    done = site.build()
    said = done.stdout + done.stderr
    assert done.returncode == (3 if name == "cacert.pem" else 9)
    assert f"{target / name}'" in said
    assert re.search(r"line \d+ has \d+ characters|found none|was damaged", said)


def test_one_bad_device_stops_only_itself(site: Site) -> None:
    (site.fmc.peer_dir(BSNS) / "certs_pushed/sftunnel-key.pem").write_bytes(key_pem(new_key()))
    done = site.build("--json")
    assert done.returncode == 9
    said = json.loads(done.stdout)
    assert [d["name"] for d in said["built"]] == ["EMEA-FPR3110-08"]
    assert "is not that of" in said["refused"][0]["error"]


def test_when_all_are_bad_no_kit_is_written(site: Site) -> None:
    for uuid in (BSNS, EMEA):
        (site.fmc.peer_dir(uuid) / "certs_pushed/sftunnel-cert.pem").unlink()
    before = sorted(path.name for path in site.place.iterdir())
    done = site.build()
    assert done.returncode == 3
    assert "nothing was built" in done.stdout
    assert sorted(path.name for path in site.place.iterdir()) == before


@pytest.mark.parametrize("wanted", ["BSNS-1120-1", BSNS, BSNS.upper(), "10.48.67.54"])
def test_only_one_device(site: Site, wanted: str) -> None:
    done = site.build("--only", wanted, "--json")
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert [d["name"] for d in said["built"]] == ["BSNS-1120-1"]
    assert [(d["name"], d["why"]) for d in said["left_out"]] == [
        ("EMEA-FPR3110-08", "not named with --only")
    ]


def test_all_devices_with_new_files(site: Site) -> None:
    for path in (site.fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH"):
        path.unlink()
    assert "there is no FAILED_PUSH in" in site.build().stderr
    done = site.build("--all-devices", "--json")
    assert done.returncode == 0, done.stderr
    assert {d["uuid"] for d in json.loads(done.stdout)["built"]} == {BSNS, EMEA}


def test_a_failed_push_of_an_older_run_is_refused(site: Site) -> None:
    (newest,) = (site.fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH")
    older = newest.parent.parent / "1000000000"
    older.mkdir()
    (older / "FAILED_PUSH").write_bytes(newest.read_bytes())
    done = site.build("--failed-push", str(older / "FAILED_PUSH"))
    assert done.returncode == 3
    assert "FAILED_PUSH is of run '1000000000'" in done.stderr
    assert not site.out.exists()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        pytest.param(FMC, EMEA, "wanted FMC", id="another FMC's peer directory"),
        pytest.param("/etc/sf/ca_root/", "/etc/../etc/sf/ca_root/", "wanted source", id="a detour"),
        pytest.param("/etc/sf/ca_root/", "/root/", "wanted source", id="another source"),
        pytest.param(
            f"/var/sf/peers/{BSNS}/certs",
            f"/var/sf/peers/{EMEA}/certs",
            "wanted source",
            id="swapped",
        ),
        pytest.param(
            "/var/sf/peers/cdb", "/etc/cdb", "is not a file of a trio", id="another target"
        ),
    ],
)
def test_records_that_lead_elsewhere_are_refused(
    site: Site, old: str, new: str, message: str
) -> None:
    (path,) = (site.fmc.root / "var/tmp/certs").glob("*/FAILED_PUSH")
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    done = site.build()
    assert done.returncode in (3, 9)
    assert message in done.stdout


def test_a_link_in_the_tree_means_the_tree(site: Site, tmp_path: Path) -> None:
    ca_root = site.fmc.root / "etc/sf/ca_root"
    ca_root.rename(site.fmc.root / "moved")
    ca_root.symlink_to("/moved")
    assert site.build().returncode == 0


def test_an_existing_kit_is_not_overwritten(site: Site) -> None:
    assert site.build().returncode == 0
    before = _files(site.out)
    done = site.build()
    assert done.returncode == 2
    assert "exists already" in done.stderr
    assert _files(site.out) == before
    assert site.build("--replace").returncode == 0
    assert _files(site.out) != before
    assert not [path.name for path in site.place.iterdir() if path.name.startswith(".")]


def test_replace_leaves_alone_what_is_no_kit(site: Site) -> None:
    assert site.build().returncode == 0
    (site.out / "thesis.txt").write_text("years of work")
    done = site.build("--replace")
    assert done.returncode == 2
    assert "is not a kit" in done.stderr
    assert (site.out / "thesis.txt").exists()


def test_a_passphrase_too_long_for_openssl_is_refused(site: Site) -> None:
    (site.place / "pass").write_text("a" * 513 + "\n")
    done = site.build("--key-passphrase-file", "pass")
    assert done.returncode == 3
    assert "has over 512 bytes" in done.stderr
    assert "aaa" not in done.stderr


def test_a_ca_older_than_its_run_is_warned_of(site: Site) -> None:
    (newest,) = (site.fmc.root / "var/tmp/certs").glob("*")
    newest.rename(newest.with_name("4000000000"))
    done = site.build()
    assert done.returncode == 0
    assert "is older than run '4000000000'" in done.stderr


def test_a_full_disk_leaves_nothing_behind(
    site: Site, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = load_signer(made.signing_key, None)
    request = BuildRequest(
        Wanted((site.fmc.root,)), site.out, signer, datetime.now(UTC).replace(microsecond=0)
    )
    before = sorted(path.name for path in site.place.iterdir())
    count = 0

    def full(descriptor: int) -> None:
        nonlocal count
        count += 1
        if count == 4:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(BundlerError, match="no space left on device"):
        build_kit(request, lambda items, _total: items)
    assert sorted(path.name for path in site.place.iterdir()) == before


def test_secrets_go_to_the_passphrase_file_only(site: Site) -> None:
    done = site.build("--json")
    secret_file = Path(json.loads(done.stdout)["passphrases"])
    assert secret_file.parent == site.place
    words = re.findall(r"^\S{36}  (\S+)  ", secret_file.read_text(), re.M)
    assert len(words) == len(set(words)) == 2
    keys = [
        (site.fmc.peer_dir(uuid) / "certs_pushed/sftunnel-key.pem").read_text().splitlines()[3]
        for uuid in (BSNS, EMEA)
    ]
    everything = done.stdout + done.stderr
    for path in site.out.rglob("*"):
        if path.is_file():
            everything += path.read_bytes().decode("latin-1")
    for secret in words + keys:
        assert secret not in everything


def test_one_passphrase_for_the_whole_kit(site: Site) -> None:
    (site.place / "pass").write_text("correct horse\n")
    done = site.build("--key-passphrase-file", "pass", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["passphrases"] is None
    bundles = [str(path) for path in site.out.glob("bundles/*.gz")]
    done = site.run("verify", *bundles, "--passphrase-file", "pass")
    assert done.returncode == 0
    assert "not opened" not in done.stderr
    assert "not opened" in site.run("verify", *bundles).stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--frobnicate"], "no such option"),
        (["--plain-keys", "--key-passphrase-file", "x"], "contradict each other"),
        (["--all-devices", "--failed-push", "x"], "contradict each other"),
        (["--only", "nobody"], "fits no device"),
        (["--out", "nowhere/kit"], "there is no directory"),
        (["--failed-push", "nothing"], "cannot read 'nothing': no such file or directory"),
        (["--signing-key", "nothing"], "cannot read the signing key 'nothing'"),
        (["--fmc-tree", "nothing"], "there is no directory or snapshot"),
        (["--jobs", "0"], "--jobs"),
    ],
)
def test_a_wrong_command_line_is_told_in_two_lines(
    site: Site, arguments: Sequence[str], message: str
) -> None:
    done = site.build(*arguments)
    assert done.returncode in (2, 3)
    error, hint = done.stderr.splitlines()
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert message in error.lower()
    assert done.stdout == ""
    assert not site.out.exists()


def test_a_signing_key_that_others_can_read_is_refused(site: Site) -> None:
    (site.place / "key.pem").chmod(0o644)
    done = site.build()
    assert done.returncode == 3
    assert "is open to others: wanted mode 0600, found 0644" in done.stderr


def test_keygen_makes_a_private_key_once(site: Site) -> None:
    (site.place / "pass").write_text("a passphrase\n")
    done = site.run("keygen", "--out", "new/signer.pem", "--passphrase-file", "pass")
    assert done.returncode == 0, done.stderr
    key = site.place / "new/signer.pem"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert "ENCRYPTED" in key.read_text()
    fingerprint = re.search(r"^fingerprint +([0-9a-f]{64})$", done.stdout, re.M)
    assert fingerprint
    again = site.run("keygen", "--out", "new/signer.pem", "--no-passphrase")
    assert again.returncode == 2
    assert "exists already" in again.stderr
    locked = site.build("--signing-key", "new/signer.pem")
    assert locked.returncode == 2
    assert "a passphrase is needed" in locked.stderr
    options = ["--signing-key", "new/signer.pem", "--signing-passphrase-file", "pass", "--json"]
    built = site.build(*options)
    assert built.returncode == 0, built.stderr
    assert json.loads(built.stdout)["signer"] == fingerprint[1]
    der = subprocess.run(
        ["openssl", "pkey", "-pubin", "-in", "kit/signer.pem", "-outform", "DER"],
        cwd=site.place,
        capture_output=True,
        check=True,
    ).stdout
    digest = subprocess.run(["sha256sum"], input=der, capture_output=True, check=True).stdout
    assert digest.decode()[:64] == fingerprint[1]


def test_verify_and_inspect(site: Site) -> None:
    fingerprint = json.loads(site.build("--json").stdout)["signer"]
    good, other = sorted(site.out.glob("bundles/*.gz"))
    done = site.run("verify", str(good), str(other), "--signer", fingerprint)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("good  ") == 2
    assert site.run("verify", str(good), "--signer", "0" * 64).returncode == 4
    damaged = site.place / "damaged.tar.gz"
    damaged.write_bytes(good.read_bytes()[:-1] + b"x")
    done = site.run("verify", str(damaged), str(other))
    assert done.returncode == 4
    assert done.stdout.startswith("bad   ")
    assert "good  " in done.stdout
    assert site.run("inspect", str(damaged)).returncode == 4
    said = json.loads(site.run("inspect", str(good), "--json").stdout)
    assert said["device_uuid"] == BSNS
    assert said["key_encrypted"] is True
    assert said["fmcs"][0]["uuid"] == FMC
    text = site.run("inspect", str(good))
    assert text.returncode == 0
    assert f"device uuid     {BSNS}" in text.stdout
    assert "title=InternalCA" in text.stdout


def test_runbooks_fit_on_paper_and_name_the_bundles_checksum(site: Site) -> None:
    said = json.loads(site.build("--json").stdout)
    runbooks = sorted(site.out.glob("runbooks/*.txt"))
    assert len(runbooks) == 2
    for path, built in zip(runbooks, said["built"], strict=True):
        text = path.read_text()
        assert max(map(len, text.splitlines())) <= 78
        assert built["sha256"] in text
        assert said["signer"] in text
        assert f"sh install.sh --signer \\\n     {said['signer']}\n" in text
