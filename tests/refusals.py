"""What every refusal of install.sh has in common; and bundles signed again after a change."""

from __future__ import annotations

from pathlib import Path

from rehearsal import Firewall, snapshot
from sftunnel_builder.bundle import checksum_list
from sftunnel_builder.signer import Signer, generate_signer


def _all_of(firewall: Firewall) -> dict[str, tuple[int, int, bytes]]:
    """Return all on the device and in the bundle; the state directory may have come and gone."""
    device = snapshot(firewall.root)
    device.pop("ngfw/var/sf")
    return device | snapshot(firewall.bundle.parent)


def assert_refused(
    firewall: Firewall, code: int, message: str, *arguments: str, verb: str = "install"
) -> None:
    """Run a verb; state the code, the form of the message, and that nothing was changed."""
    before = _all_of(firewall)
    done = firewall.run(verb, *arguments)
    assert done.returncode == code, (done.stdout, done.stderr)
    error, hint = [line for line in done.stderr.splitlines() if not line.startswith("warning: ")]
    assert error.startswith("error: ")
    assert hint.startswith("hint: ")
    assert not error.endswith(".")
    assert not hint.endswith(".")
    assert message in error + "\n" + hint
    assert _all_of(firewall) == before


def sign_again(bundle: Path, signer: Signer) -> None:
    """Make SHA256SUMS, its signature and signer.pem anew for what lies in a bundle."""
    (bundle / "signer.pem").write_bytes(signer.public_pem())
    names = [line.split("  ")[1] for line in (bundle / "SHA256SUMS").read_text().splitlines()]
    sums = checksum_list({name: (bundle / name).read_bytes() for name in names})
    (bundle / "SHA256SUMS").write_bytes(sums)
    (bundle / "SHA256SUMS.sig").write_bytes(signer.sign(sums))


def sign_anew(firewall: Firewall) -> None:
    """Sign what lies in a firewall's bundle with a new key, and let that key be the trusted one."""
    signer = generate_signer()
    sign_again(firewall.bundle, signer)
    firewall.signer = signer.fingerprint()
