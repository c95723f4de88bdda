"""Every trap that openssl and shells set, and that its handling is not taken out unnoticed.

Each trap is a test of its own, run twice: against install.sh as it is, where it must pass, and
against one from which the handling was taken out, where it must fail.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from refusals import sign_anew
from rehearsal import Firewall, need, put_before_path
from sftunnel_builder.lab.certificates import key_pem, make_ca, make_leaf, new_key
from sftunnel_builder.resources import installer_script
from sftunnel_builder.trio import TRIO_NAMES
from toolsets import Toolset
from trios import make_trio, put_into_bundle


def _refused(firewall: Firewall, message: str) -> None:
    """State that check refuses the trio, and why."""
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 3, (done.stdout, done.stderr)
    assert message in done.stderr


def _like_1_0_2(firewall: Firewall, place: Path) -> None:
    toolset = Toolset("sh", ["sh"], openssl="like 1.0.2")
    firewall.shell, firewall.environment = toolset.environment(place)


def _says_all_is_well(firewall: Firewall, place: Path) -> None:
    """Let `openssl verify` overlook dates, as that of 1.1.1h does for a root."""
    script = f'[ $1 != verify ] || {{ for n; do :; done; echo "$n: OK"; exit 0; }}\n{_REAL} "$@"'
    put_before_path(firewall, place / "instead", openssl=script)


_REAL = f"exec {shutil.which('openssl')}"


def verify_exits_0_for_a_certificate_of_nobodys(firewall: Firewall, place: Path) -> None:
    """Self-signed, and not in the CA file: version 1.0.2 says so, then `OK`."""
    _like_1_0_2(firewall, place)
    now = datetime.now(UTC)
    dates = now - timedelta(days=1), now + timedelta(days=9)
    own_key, leaf_key = new_key(), new_key()
    own = make_ca(firewall.fmc_uuid, own_key, *dates)
    leaf = make_ca("99999999-8888-7777-6666-555555555555", leaf_key, *dates)
    put_into_bundle(firewall, dict(zip(TRIO_NAMES, (own, leaf, key_pem(leaf_key)), strict=True)))
    _refused(firewall, "was not issued by the CA beside it")


def verify_overlooks_an_expired_ca(firewall: Firewall, place: Path) -> None:
    _says_all_is_well(firewall, place)
    put_into_bundle(firewall, make_trio(firewall, ca_days=(-9, -1)))
    _refused(firewall, "has expired")


def verify_overlooks_an_expired_certificate(firewall: Firewall, place: Path) -> None:
    _says_all_is_well(firewall, place)
    put_into_bundle(firewall, make_trio(firewall, days=(-9, -1)))
    _refused(firewall, "has expired")


def verify_trusts_the_systems_store(firewall: Firewall, place: Path) -> None:
    now = datetime.now(UTC)
    dates = now - timedelta(days=1), now + timedelta(days=9)
    uuid = "99999999-8888-7777-6666-555555555555"
    other_key, own_key, leaf_key = new_key(), new_key(), new_key()
    stranger = make_ca(uuid, other_key, *dates)
    leaf = make_leaf(stranger, other_key, firewall.device.uuid, leaf_key, *dates)
    own = make_ca(firewall.fmc_uuid, own_key, *dates)
    put_into_bundle(firewall, dict(zip(TRIO_NAMES, (own, leaf, key_pem(leaf_key)), strict=True)))
    store = place / "store"
    store.mkdir()
    (store / "ca.pem").write_bytes(stranger)
    subprocess.run(["openssl", "rehash", str(store)], check=True)
    firewall.environment.update(SSL_CERT_DIR=str(store), SSL_CERT_FILE=str(store / "ca.pem"))
    _refused(firewall, "was not issued by the CA beside it")


def rsa_check_exits_0_for_a_damaged_key(firewall: Firewall, place: Path) -> None:
    trio = make_trio(firewall)
    key = load_pem_private_key(trio["sftunnel-key.pem"], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    n = key.private_numbers()
    numbers = rsa.RSAPrivateNumbers(n.p, n.q, n.d ^ 2, n.dmp1, n.dmq1, n.iqmp, n.public_numbers)
    damaged = numbers.private_key(unsafe_skip_rsa_key_validation=True)
    trio["sftunnel-key.pem"] = key_pem(damaged)
    put_into_bundle(firewall, trio)
    _refused(firewall, "is damaged")


def a_carriage_return_makes_the_passphrase_wrong(firewall: Firewall, place: Path) -> None:
    secret = firewall.passphrase_file.read_bytes().strip()
    firewall.passphrase_file.write_bytes(secret + b"\r\n")
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 0, done.stderr


def _commands_of_an_install(firewall: Firewall, place: Path) -> str:
    """Return every command line and environment of an install."""
    need("strace", shutil.which("strace"))
    calls = ["-f", "-v", "-s", "4096", "-e", "trace=execve", "-o", str(place / "trace")]
    firewall.shell = ["strace", *calls, "sh"]
    assert firewall.install("--no-restart").returncode == 0
    text = (place / "trace").read_text()
    assert text.count("execve(") > 20
    return text


def a_passphrase_on_a_command_line_is_seen_by_all(firewall: Firewall, place: Path) -> None:
    secret = firewall.passphrase_file.read_text().strip()
    assert secret not in _commands_of_an_install(firewall, place)


def a_variable_that_was_exported_hands_the_passphrase_on(firewall: Firewall, place: Path) -> None:
    firewall.environment["passphrase"] = "something else"
    secret = firewall.passphrase_file.read_text().strip()
    assert secret not in _commands_of_an_install(firewall, place)


def a_traced_shell_shows_the_passphrase(firewall: Firewall, place: Path) -> None:
    firewall.shell = ["sh", "-x"]
    done = firewall.run("check", *firewall.options())
    assert done.returncode == 0, done.stderr
    assert firewall.passphrase_file.read_text().strip() not in done.stderr


def a_signal_ends_dash_without_its_exit_trap(firewall: Firewall, place: Path) -> None:
    need("dash", shutil.which("dash"))
    firewall.shell = ["dash"]
    cp = f'[ "$1" != -R ] || kill -TERM "$(ps -o sid= $$ | tr -d " ")"; {shutil.which("cp")} "$@"'
    put_before_path(firewall, place / "instead", cp=cp)
    firewall.shell = ["setsid", "--wait", *firewall.shell]
    firewall.install("--no-restart")
    assert not firewall.state.exists(), "work files are left behind"


def the_callers_umask_lets_others_read_a_key(firewall: Firewall, place: Path) -> None:
    firewall.shell = ["sh", "-c", 'umask 022; exec sh "$0" "$@"']
    done = firewall.install("--no-restart", "--export-backup", str(place))
    assert done.returncode == 0, done.stderr
    (archive,) = place.glob("sftunnel-backup-*")
    assert archive.stat().st_mode & 0o077 == 0


def a_command_that_hangs_heeds_no_polite_signal(firewall: Firewall, place: Path) -> None:
    timeout = shutil.which("timeout")
    signal = '[ "$1" != -s ] || { signal=$2; shift 2; }'
    script = f'signal=TERM; {signal}; shift; exec {timeout} -s $signal 0.2 "$@"'
    put_before_path(firewall, place / "quick", timeout=script)
    pmtool = firewall.root / "usr/local/sf/bin/pmtool"
    loop = "while [ $n -lt 5 ]; do sleep 1; n=$((n + 1)); done"
    pmtool.write_text(f'#!/bin/sh\ntrap "" TERM\nn=0\n{loop}\n')
    began = datetime.now(UTC)
    assert firewall.install().returncode == 8
    assert datetime.now(UTC) - began < timedelta(seconds=8)


@dataclass(frozen=True)
class Trap:
    """A trap: what happens, and how install.sh without its handling would read."""

    happens: Callable[[Firewall, Path], None]
    handling: str
    without: str


TRAPS = [
    Trap(verify_exits_0_for_a_certificate_of_nobodys, "'sftunnel-cert.pem: OK') ;;", "*OK) ;;"),
    Trap(
        verify_overlooks_an_expired_ca,
        "openssl x509 -checkend 0 -noout -startdate",
        "openssl x509 -noout -startdate",
    ),
    Trap(
        verify_overlooks_an_expired_certificate,
        "openssl x509 -checkend 0 -noout -enddate",
        "openssl x509 -noout -enddate",
    ),
    Trap(
        verify_trusts_the_systems_store,
        "export SSL_CERT_DIR=/nonexistent SSL_CERT_FILE=/nonexistent",
        ":",
    ),
    Trap(
        rsa_check_exits_0_for_a_damaged_key,
        """verdict=$(exec 2>/dev/null <"$key"; openssl rsa -check -pubout) || :""",
        """verdict="RSA key ok$nl$(openssl rsa -pubout <"$key" 2>/dev/null)\"""",
    ),
    Trap(
        a_carriage_return_makes_the_passphrase_wrong,
        """passphrase=${passphrase%"$(printf '\\r')"}""",
        ":",
    ),
    Trap(
        a_passphrase_on_a_command_line_is_seen_by_all,
        '-in "$key" -passin stdin',
        '-in "$key" -passin "pass:$passphrase"',
    ),
    Trap(
        a_variable_that_was_exported_hands_the_passphrase_on,
        "unset CDPATH passphrase answer",
        "unset CDPATH",
    ),
    Trap(a_traced_shell_shows_the_passphrase, "set +aCfx\n", ""),
    Trap(
        a_signal_ends_dash_without_its_exit_trap,
        "\ttrap 'clean_up 143' TERM\n",
        "",
    ),
    Trap(the_callers_umask_lets_others_read_a_key, "umask 077\n", ""),
    Trap(a_command_that_hangs_heeds_no_polite_signal, "timeout -s KILL", "timeout"),
]


@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.happens.__name__)
def test_a_trap_is_handled(firewall: Firewall, tmp_path: Path, trap: Trap) -> None:
    trap.happens(firewall, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("trap", TRAPS, ids=lambda trap: trap.happens.__name__)
def test_without_its_handling_the_test_of_a_trap_fails(
    firewall: Firewall, tmp_path: Path, trap: Trap
) -> None:
    script = firewall.bundle / "install.sh"
    text = script.read_text()
    assert trap.handling in text
    script.write_text(text.replace(trap.handling, trap.without))
    sign_anew(firewall)
    with pytest.raises(AssertionError):
        trap.happens(firewall, tmp_path)


# --- what is never to be used ----------------------------------------------------------------

CODE = re.sub(r"(?m)^\s*#.*$", "", installer_script().decode())
COMMANDS = re.findall(r"\bopenssl (\w+)([^|;&\n)]*)", CODE)


def test_only_commands_that_openssl_1_0_2_has_are_used() -> None:
    """It exits 0 for one that it does not have, so that nothing could be probed."""
    commands = {name for name, _ in COMMANDS if name != "is"}
    assert commands == {"dgst", "pkey", "rsa", "verify", "x509"}


@pytest.mark.parametrize(
    ("pattern", "why"),
    [
        ("-out ", "the file is emptied before anything is decrypted"),
        ("-x509_strict", "the FMC's CA is X.509 v1: it is always refused"),
        ("pass:", "a command line is seen by all"),
        ("-passin env:", "an environment is seen by the same user's processes"),
        ("-checkend [1-9$]", "1.0.2 is wrong from 2050 on"),
        ("-(ext|dateopt|rawin|pbkdf2|no_check_time|no-CApath|no-CAfile)\\b", "1.0.2 has it not"),
        ("pkey .*-check\\b", "1.0.2 has it not"),
    ],
)
def test_options_that_are_traps_are_not_used(pattern: str, why: str) -> None:
    used = [f"openssl {name}{rest}" for name, rest in COMMANDS]
    assert len(used) > 10
    assert [line for line in used if re.search(pattern, line)] == [], why
