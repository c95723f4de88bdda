"""--digest: the SHA-256 of SHA256SUMS, read from the kit's runbook, in place of a signature."""

from __future__ import annotations

import hashlib
import re
import shutil
from pathlib import Path

import pytest

from refusals import assert_refused, sign_anew
from rehearsal import Firewall, Made, put_before_path


def _digest(firewall: Firewall) -> str:
    return hashlib.sha256((firewall.bundle / "SHA256SUMS").read_bytes()).hexdigest()


def _without_signer(firewall: Firewall, *more: str) -> list[str]:
    options = firewall.options(*more)
    at = options.index("--signer")
    return [*options[:at], *options[at + 2 :]]


@pytest.fixture
def old_openssl(firewall: Firewall, tmp_path: Path) -> Firewall:
    """A firewall whose openssl knows no elliptic curves."""
    script = (
        'case " $* " in *" -verify "* | *" -pubin "*) exit 1 ;; esac\n'
        f'exec {shutil.which("openssl")} "$@"'
    )
    put_before_path(firewall, tmp_path / "old", openssl=script)
    return firewall


def test_a_device_whose_openssl_verifies_no_signature_is_served(old_openssl: Firewall) -> None:
    refused = old_openssl.install("--no-restart")
    assert refused.returncode == 4
    assert "the signature does not fit" in refused.stderr
    words = _without_signer(old_openssl, "--no-restart", "--digest", _digest(old_openssl))
    done = old_openssl.run("install", *words)
    assert done.returncode == 0, done.stderr
    assert "SHA256SUMS has the SHA-256 given with --digest" in done.stdout
    old_openssl.assert_trio(old_openssl.new_trio)


def test_it_pins_nobody(firewall: Firewall) -> None:
    words = _without_signer(firewall, "--no-restart", "--digest", _digest(firewall))
    assert firewall.run("install", *words).returncode == 0
    assert not (firewall.state / "signers").exists()
    assert (firewall.state / "runs").exists()


def test_case_blanks_and_colons_do_not_count(firewall: Firewall) -> None:
    digits = _digest(firewall).upper()
    groups = ": ".join(digits[at : at + 4] for at in range(0, 64, 4))
    done = firewall.run("check", *_without_signer(firewall, f"--digest={groups}"))
    assert done.returncode == 0, done.stderr


def test_another_digest_is_refused(firewall: Firewall) -> None:
    words = _without_signer(firewall, "--digest", "0" * 64)
    message = f"SHA256SUMS is another one: wanted SHA-256 '{'0' * 64}', found '{_digest(firewall)}'"
    assert_refused(firewall, 4, message, *words)


def test_a_changed_file_is_refused_all_the_same(firewall: Firewall) -> None:
    (firewall.bundle / "RUNBOOK.txt").write_text("Do as you like.\n")
    words = _without_signer(firewall, "--digest", _digest(firewall))
    assert_refused(firewall, 4, "its checksum is not the signed one: 'RUNBOOK.txt'", *words)


def test_with_a_signer_both_must_hold(firewall: Firewall) -> None:
    done = firewall.install("--no-restart", "--digest", _digest(firewall))
    assert done.returncode == 0, done.stderr
    assert "given with --digest" in done.stdout
    assert "as given with --signer" in done.stdout
    assert (firewall.state / "signers" / firewall.signer).exists()


def test_another_signer_is_refused_though_the_digest_is_right(firewall: Firewall) -> None:
    trusted = firewall.signer
    sign_anew(firewall)
    firewall.signer = trusted
    words = firewall.options("--digest", _digest(firewall))
    assert_refused(firewall, 4, "the bundle is signed by another key", *words)


def test_what_was_staged_by_digest_is_activated_and_is_nobodys(firewall: Firewall) -> None:
    words = _without_signer(firewall, "--stage-only", "--digest", _digest(firewall))
    assert firewall.run("install", *words).returncode == 0
    refused = firewall.run("activate", *firewall.options("--no-restart"))
    assert refused.returncode == 4
    assert "signed by another key" in refused.stderr
    done = firewall.run("activate", *_without_signer(firewall, "--no-restart"))
    assert done.returncode == 0, done.stderr
    assert not (firewall.state / "signers").exists()
    firewall.assert_trio(firewall.new_trio)


@pytest.mark.parametrize("verb", ["status", "activate", "rollback", "recover"])
def test_it_goes_with_what_verifies_a_bundle(firewall: Firewall, verb: str) -> None:
    words = ["--root", str(firewall.root), "--digest", "0" * 64]
    assert_refused(firewall, 2, f"--digest does not go with '{verb}'", *words, verb=verb)


def test_the_runbook_of_the_kit_prints_it_and_not_the_one_inside(
    firewall: Firewall, made: Made
) -> None:
    runbook = made.kit / "runbooks" / f"{firewall.bundle.name}.txt"
    printed = re.sub(r"\s", "", runbook.read_text())
    assert _digest(firewall) in printed
    assert "--digest" in printed
    assert _digest(firewall) in re.sub(r"\s|<[^>]*>", "", runbook.with_suffix(".html").read_text())
    assert "--digest" not in (firewall.bundle / "RUNBOOK.txt").read_text()
