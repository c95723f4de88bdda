"""What install.sh refuses: with which exit code, in which words, and with nothing changed."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from rehearsal import AS_ROOT, Firewall, need
from sftunnel_builder.bundle import checksum_list
from sftunnel_builder.bundle_conf import BundleConf, FmcTrio
from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf, new_key
from sftunnel_builder.signer import Signer, generate_signer
from sftunnel_builder.trio import TRIO_NAMES

TREE_EXCEPT = ("var/run", "var/log")


def _snapshot(root: Path) -> dict[str, tuple[int, int, bytes]]:
    seen = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if name.startswith(TREE_EXCEPT) or name in ("ngfw/var/sf", "var/sf"):
            continue
        facts = path.lstat()
        plain = path.is_file() and not path.is_symlink()
        seen[name] = (facts.st_mode, facts.st_mtime_ns, path.read_bytes() if plain else b"")
    assert seen
    return seen


def _assert_refused(
    firewall: Firewall, code: int, message: str, *arguments: str, verb: str = "install"
) -> None:
    """Run a verb; state the code, the form of the message, and that nothing was changed."""
    before = _snapshot(firewall.root), _snapshot(firewall.bundle)
    done = firewall.run(verb, *arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    error, hint = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert not error.endswith(".")
    assert not hint.endswith(".")
    assert message in error + "\n" + hint
    assert (_snapshot(firewall.root), _snapshot(firewall.bundle)) == before


def _sign_again(bundle: Path, signer: Signer) -> None:
    """Make SHA256SUMS, its signature and signer.pem anew for what lies in a bundle."""
    (bundle / "signer.pem").write_bytes(signer.public_pem())
    names = [line.split("  ")[1] for line in (bundle / "SHA256SUMS").read_text().splitlines()]
    sums = checksum_list({name: (bundle / name).read_bytes() for name in names})
    (bundle / "SHA256SUMS").write_bytes(sums)
    (bundle / "SHA256SUMS.sig").write_bytes(signer.sign(sums))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        pytest.param(["--frobnicate"], "unknown word '--frobnicate'", id="an unknown option"),
        pytest.param(["now"], "unknown word 'now'", id="an unknown verb"),
        pytest.param(["check"], "two verbs: 'install' and 'check'", id="two verbs"),
        pytest.param(["--signer", "abc"], "64 hex digits of a fingerprint", id="a short signer"),
        pytest.param(["--signer", "z" * 64], "found 'zzz", id="a signer that is not hex"),
        pytest.param(["--signer"], "option '--signer' needs a value", id="an option cut off"),
        pytest.param(
            ["--wait", "soon"], "--wait wants whole seconds, found 'soon'", id="no number"
        ),
        pytest.param(["--root", "/nonexistent"], "is not a directory", id="a root that is none"),
    ],
)
def test_a_wrong_command_line(firewall: Firewall, arguments: list[str], message: str) -> None:
    _assert_refused(firewall, 2, message, *arguments)


def test_staging_is_only_for_install(firewall: Firewall) -> None:
    options = firewall.options("--stage-only")
    _assert_refused(
        firewall, 2, "--stage-only does not go with 'rollback'", *options, verb="rollback"
    )


def _remove(name: str) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).unlink()


def _append(name: str, more: bytes) -> Callable[[Path], None]:
    return lambda bundle: (bundle / name).write_bytes((bundle / name).read_bytes() + more) and None


def _to_crlf(bundle: Path) -> None:
    sums = bundle / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes().replace(b"\n", b"\r\n"))


def _double_line(bundle: Path) -> None:
    sums = bundle / "SHA256SUMS"
    sums.write_bytes(sums.read_bytes() + sums.read_bytes().splitlines(keepends=True)[-1])


def _link(bundle: Path) -> None:
    (bundle / "RUNBOOK.txt").rename(bundle.parent / "elsewhere")
    (bundle / "RUNBOOK.txt").symlink_to("../elsewhere")


def _flip(name: str) -> Callable[[Path], None]:
    def flip(bundle: Path) -> None:
        content = bytearray((bundle / name).read_bytes())
        content[len(content) // 2] ^= 1
        (bundle / name).write_bytes(content)

    return flip


BAD_BUNDLES = [
    pytest.param(_remove("SHA256SUMS.sig"), "is not a whole bundle", id="no signature"),
    pytest.param(
        _remove("RUNBOOK.txt"), "lacks what SHA256SUMS lists: 'RUNBOOK.txt'", id="a file gone"
    ),
    pytest.param(
        lambda bundle: (bundle / "._install.sh").touch(),
        "holds what SHA256SUMS does not list: '._install.sh'",
        id="a file that a Mac left on the stick",
    ),
    pytest.param(_link, "not a plain file: './RUNBOOK.txt'", id="a link"),
    pytest.param(_to_crlf, "were line ends changed on the way", id="line ends changed"),
    pytest.param(_double_line, "SHA256SUMS lists a file twice", id="a file listed twice"),
    pytest.param(
        _append("SHA256SUMS", b"hello\n"), "is not a list of checksums", id="a garbled list"
    ),
    pytest.param(
        lambda bundle: (bundle / "SHA256SUMS").write_bytes(b""),
        "is not a list of checksums",
        id="an empty list",
    ),
    pytest.param(_flip("SHA256SUMS.sig"), "the signature does not fit", id="a damaged signature"),
    pytest.param(_flip("signer.pem"), "the signature does not fit", id="a damaged signer"),
    pytest.param(
        _flip("RUNBOOK.txt"), "checksum is not the signed one: 'RUNBOOK.txt'", id="a flip"
    ),
    pytest.param(_append("bundle.conf", b"a=b\n"), "signed one: 'bundle.conf'", id="a longer file"),
]


@pytest.mark.parametrize(("damage", "message"), BAD_BUNDLES)
@pytest.mark.parametrize("verb", ["install", "check"])
def test_a_damaged_bundle(
    firewall: Firewall, damage: Callable[[Path], None], message: str, verb: str
) -> None:
    damage(firewall.bundle)
    _assert_refused(firewall, 4, message, *firewall.options(), verb=verb)


def test_a_bundle_signed_again_by_a_stranger(firewall: Firewall) -> None:
    _sign_again(firewall.bundle, generate_signer())
    _assert_refused(firewall, 4, "signed by another key: wanted '", *firewall.options())


def test_a_signer_that_nothing_vouches_for(firewall: Firewall) -> None:
    options = firewall.options()
    at = options.index("--signer")
    message = f"nothing says that the signer '{firewall.signer}' is to be trusted"
    _assert_refused(firewall, 4, message, *options[:at], *options[at + 2 :])


def test_another_fingerprint_than_the_bundles(firewall: Firewall) -> None:
    firewall.signer = "0" * 64
    _assert_refused(firewall, 4, f"wanted '{'0' * 64}', found '", *firewall.options())


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(("/var/sf/peers/", "/var/sf/peers/../peers/"), id="a way round"),
        pytest.param(("644 root:root", "4755 root:root"), id="another mode"),
        pytest.param(("sftunnel-key.pem 644", "sftunnel-key.pem; reboot 644"), id="a command"),
        pytest.param(("/cacert.pem ", "/LL-caCert.pem "), id="another file"),
        pytest.param(("format=1", "format=2"), id="a later format"),
        pytest.param(("fmc=", "boss="), id="no FMC"),
    ],
)
def test_a_trusted_bundle_with_an_unusable_plan(firewall: Firewall, line: tuple[str, str]) -> None:
    conf = firewall.bundle / "bundle.conf"
    text = conf.read_text()
    changed = text.replace(*line)
    if changed == text:
        changed = text.replace(" 644 root:root", "; reboot 644 root:root", 1)
    conf.write_text(changed)
    signer = generate_signer()
    _sign_again(firewall.bundle, signer)
    firewall.signer = signer.fingerprint()
    _assert_refused(firewall, 4, "bundle.conf is not usable: ", *firewall.options())


def test_a_wrong_passphrase(firewall: Firewall) -> None:
    firewall.passphrase_file.write_text("open sesame\n")
    _assert_refused(firewall, 3, "wrong passphrase, or a damaged key", *firewall.options())


def test_a_passphrase_with_a_carriage_return_is_the_same_passphrase(firewall: Firewall) -> None:
    firewall.passphrase_file.write_text(firewall.passphrase_file.read_text().strip() + "\r\n")
    assert firewall.run("check", *firewall.options()).returncode == 0


def test_no_passphrase(firewall: Firewall) -> None:
    options = firewall.options()
    at = options.index("--passphrase-file")
    message = "the key is encrypted, and there is nobody to ask"
    _assert_refused(firewall, 3, message, *options[:at], *options[at + 2 :])


def test_a_passphrase_file_that_is_not_there(firewall: Firewall) -> None:
    firewall.passphrase_file.unlink()
    _assert_refused(firewall, 3, "no passphrase can be read from '", *firewall.options())


def _bad_trio(
    firewall: Firewall, *, valid_from: timedelta, days: int, swap: str = ""
) -> dict[str, bytes]:
    """Make a trio for this firewall with a fault; swap: another CA's, or another key."""
    now = datetime.now(UTC)
    times = now + valid_from, now + valid_from + timedelta(days=days)
    ca_key, leaf_key = new_key(), new_key()
    cacert = make_ca(firewall.fmc_uuid, ca_key, *times)
    cert = make_leaf(cacert, ca_key, firewall.device.uuid, leaf_key, *times)
    if swap == "ca":
        cacert = make_ca(firewall.fmc_uuid, new_key(), *times)
    key = new_key() if swap == "key" else leaf_key
    return dict(zip(TRIO_NAMES, (cacert, cert, key_pem(key)), strict=True))


def _put_into_bundle(firewall: Firewall, trio: dict[str, bytes]) -> None:
    """Replace what the bundle brings, plan and signature included: as a bad builder would."""
    sha256 = {name: hashlib.sha256(content).hexdigest() for name, content in trio.items()}
    conf = BundleConf(
        firewall.device.name,
        firewall.device.uuid,
        "",
        datetime.now(UTC).replace(microsecond=0),
        "0.1.0",
        (FmcTrio(firewall.fmc_uuid, 1, sha256),),
    ).with_id()
    (firewall.bundle / "bundle.conf").write_bytes(conf.render())
    for name, content in trio.items():
        (firewall.bundle / "payload" / firewall.fmc_uuid / name).write_bytes(content)
    signer = generate_signer()
    _sign_again(firewall.bundle, signer)
    firewall.signer = signer.fingerprint()


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        pytest.param({"valid_from": timedelta(days=-9), "days": 8}, "has expired", id="expired"),
        pytest.param(
            {"valid_from": timedelta(days=2), "days": 9}, "is not valid yet", id="not valid yet"
        ),
        pytest.param(
            {"valid_from": timedelta(0), "days": 9, "swap": "ca"},
            "not issued by the CA",
            id="a CA's",
        ),
        pytest.param(
            {"valid_from": timedelta(0), "days": 9, "swap": "key"},
            "is not the certificate's",
            id="another key",
        ),
    ],
)
def test_a_trio_that_does_not_hang_together(
    firewall: Firewall, fault: dict[str, object], message: str
) -> None:
    _put_into_bundle(firewall, _bad_trio(firewall, **fault))  # type: ignore[arg-type]
    _assert_refused(firewall, 3, message, *firewall.options())


def test_the_bundle_of_another_device(firewall: Firewall) -> None:
    ims_conf = firewall.root / "etc/sf/ims.conf"
    other = "11111111-2222-3333-4444-555555555555"
    ims_conf.write_text(f"APPLIANCE_UUID={other}\nMODEL='Cisco Firepower 1120 Threat Defense'\n")
    message = f"'; this is '{other}', Cisco Firepower 1120 Threat Defense"
    _assert_refused(firewall, 5, message, *firewall.options())


def test_the_identity_of_the_peer_does_not_count(firewall: Firewall) -> None:
    (firewall.peer_dir / "ims.conf").write_text(f"APPLIANCE_UUID={firewall.device.uuid}\n")
    (firewall.root / "etc/sf/ims.conf").unlink()
    _assert_refused(firewall, 5, "cannot read '", *firewall.options())


def test_no_peer_directory(firewall: Firewall) -> None:
    firewall.peer_dir.rename(firewall.peer_dir.with_name("99999999-8888-7777-6666-555555555555"))
    _assert_refused(firewall, 5, "there is no peer directory '", *firewall.options())


def test_no_pmtool(firewall: Firewall) -> None:
    pmtool = firewall.root / "usr/local/sf/bin/pmtool"
    pmtool.chmod(0o644)
    _assert_refused(firewall, 5, "pmtool was not found", *firewall.options())


@pytest.mark.parametrize("what", ["directory", "link"])
def test_a_target_that_is_no_plain_file(firewall: Firewall, what: str) -> None:
    target = firewall.peer_dir / "cacert.pem"
    target.rename(target.with_name("moved"))
    target.mkdir() if what == "directory" else target.symlink_to("moved")
    _assert_refused(firewall, 5, "cacert.pem' is not a plain file", *firewall.options())


def test_a_tree_whose_links_lead_out_of_it(firewall: Firewall, tmp_path: Path) -> None:
    (tmp_path / "outside").mkdir()
    (firewall.root / "var/sf").unlink()
    (firewall.root / "var/sf").symlink_to("../../outside")
    _assert_refused(firewall, 5, "leads out of --root", *firewall.options())


def test_a_user_who_is_not_root(firewall: Firewall) -> None:
    need("setpriv", subprocess.run(["which", "setpriv"], capture_output=True, check=False).stdout)
    nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if not AS_ROOT else []
    done = subprocess.run(
        [*nobody, "sh", "-s", "--", "check", *firewall.options()],
        input=(firewall.bundle / "install.sh").read_text(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 5
    assert "error: this must run as root" in done.stderr


def test_an_older_run_than_the_device_has_had(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (firewall.state / "runs").write_text(f"{firewall.fmc_uuid} 4000000000\n")
    assert firewall.rollback("--no-restart").returncode == 0
    done = firewall.install("--no-restart")
    assert done.returncode == 3
    assert "this device has had run '4000000000'" in done.stderr
    firewall.assert_trio(firewall.old_trio)
    done = firewall.install("--no-restart", "--allow-older")
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
    assert (firewall.state / "runs").read_text() == f"{firewall.fmc_uuid} 4000000000\n"


def test_a_rollback_with_nothing_to_roll_back_to(firewall: Firewall) -> None:
    message = "there is no backup in '"
    _assert_refused(firewall, 5, message, "--root", str(firewall.root), verb="rollback")


def test_a_backup_that_is_not_there(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    for name in ("0099-nothing", "../../../peers"):
        done = firewall.rollback("--backup", name)
        assert done.returncode == 2
        assert f"'{name}'" in done.stderr


def test_a_damaged_backup(firewall: Firewall) -> None:
    assert firewall.install("--no-restart").returncode == 0
    (backup,) = firewall.backups()
    saved = firewall.state / "backups" / backup / firewall.fmc_uuid / "sftunnel-key.pem"
    saved.write_bytes(saved.read_bytes()[:-1])
    done = firewall.rollback()
    assert done.returncode == 3
    assert f"backup '{backup}' is damaged" in done.stderr
    firewall.assert_trio(firewall.new_trio)


def test_a_clock_that_is_behind_is_named(firewall: Firewall) -> None:
    conf = firewall.bundle / "bundle.conf"
    lines = conf.read_text().splitlines()
    later = (datetime.now(UTC) + timedelta(days=400)).strftime("created=%Y-%m-%dT%H:%M:%SZ")
    conf.write_text("\n".join(later if x.startswith("created=") else x for x in lines) + "\n")
    signer = generate_signer()
    _sign_again(firewall.bundle, signer)
    firewall = replace(firewall, signer=signer.fingerprint())
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 0, done.stderr
    assert "warning: this device's clock is wrong" in done.stderr
