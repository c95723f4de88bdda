"""What is read of a bundle and of a device, and that both say the same of the same files."""

from __future__ import annotations

from dataclasses import replace

import pytest
from cryptography.hazmat.primitives import serialization as s

from rehearsal import Firewall, Made
from sftunnel_builder.bundle import open_bundle
from sftunnel_builder.certificates import load_certificate
from sftunnel_builder.device_tree import STATE_PATH, open_device_tree
from sftunnel_builder.errors import BundlerError
from sftunnel_builder.holding import KeyFacts, hold_bundle, hold_device
from sftunnel_builder.lab.certificates import make_ca, new_key
from sftunnel_builder.private_key import load_private_key
from sftunnel_builder.trio import TRIO_NAMES

CACERT, CERT, KEY = TRIO_NAMES


def test_a_device_with_the_new_trio_holds_what_the_bundle_brings(
    made: Made, firewall: Firewall
) -> None:
    for name, content in firewall.new_trio.items():
        (firewall.peer_dir / name).write_bytes(content)
    device = hold_device(open_device_tree(firewall.root), "/").trios[made.fmc.uuid].files
    opened = open_bundle(made.bundle(firewall.device).read_bytes())
    passphrase = made.passphrase(firewall.device)
    brings = hold_bundle(opened, "x", ["wrong", passphrase]).trios[made.fmc.uuid].files
    for name in TRIO_NAMES:
        assert device[name].sha256 == brings[name].sha256
        assert device[name].problem is None
    key = brings[KEY].contents
    assert isinstance(key, KeyFacts)
    assert key.belongs_to == "its certificate"
    assert device[KEY].contents == replace(key, protection=None)
    assert device[CERT].contents == brings[CERT].contents


def test_no_passphrase_opens_nothing_and_a_wrong_one_is_refused(made: Made) -> None:
    opened = open_bundle(made.bundle(made.devices[0]).read_bytes())
    key = hold_bundle(opened, "x", []).trios[made.fmc.uuid].files[KEY].contents
    assert isinstance(key, KeyFacts)
    assert (key.belongs_to, key.public_key, key.protection) == ("not opened", None, "encrypted")
    with pytest.raises(BundlerError, match="does not open"):
        hold_bundle(opened, "x", ["wrong", "wrong, too"])


def test_the_same_key_in_another_pem_form_is_known(made: Made, firewall: Firewall) -> None:
    key = load_private_key(firewall.new_trio[KEY], KEY)
    pkcs1 = key.private_bytes(s.Encoding.PEM, s.PrivateFormat.TraditionalOpenSSL, s.NoEncryption())
    (firewall.peer_dir / KEY).write_bytes(pkcs1)
    device = hold_device(open_device_tree(firewall.root), "/").trios[made.fmc.uuid].files[KEY]
    opened = open_bundle(made.bundle(firewall.device).read_bytes())
    brings = hold_bundle(opened, "x", []).trios[made.fmc.uuid].files[KEY]
    assert isinstance(device.contents, KeyFacts)
    assert isinstance(brings.contents, KeyFacts)
    assert device.contents.canonical == brings.contents.canonical
    assert device.contents.belongs_to == "another certificate"


def test_what_install_sh_remembers(made: Made, firewall: Firewall) -> None:
    assert hold_device(open_device_tree(firewall.root), "/").pinned_signers == frozenset()
    assert firewall.install("--no-restart").returncode == 0
    found = hold_device(open_device_tree(firewall.root), "/")
    assert found.pinned_signers == {made.report.signer}
    opened = open_bundle(made.bundle(firewall.device).read_bytes())
    (trio,) = opened.conf.trios
    assert found.trios[made.fmc.uuid].newest_run == trio.run_id
    state = firewall.root / STATE_PATH[1:]
    (state / "runs").write_bytes(b"\xff\n" + made.fmc.uuid.encode() + b" 1\n")
    (state / "journal").write_text("")
    found = hold_device(open_device_tree(firewall.root), "/")
    assert found.trios[made.fmc.uuid].newest_run is None
    assert found.is_interrupted


@pytest.mark.parametrize(
    ("number", "wanted"), [(0, "00"), (13, "0D"), (128, "80"), (2**159, "80" + "00" * 19)]
)
def test_a_serial_number_is_written_as_openssl_does(made: Made, number: int, wanted: str) -> None:
    old = load_certificate(made.fmc.ca_pem, "ca")
    ca = make_ca("x", new_key(1024), old.not_before_utc, old.not_after_utc, serial=number)
    assert load_certificate(ca, "ca").serial() == wanted
