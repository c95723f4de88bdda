"""The verbs of install.sh on a made-up firewall, from the outside."""

from __future__ import annotations

from rehearsal import Firewall


def test_an_install_lands_the_new_trio_and_nothing_else(firewall: Firewall) -> None:
    done = firewall.install()
    assert done.returncode == 0, done.stderr
    firewall.assert_trio(firewall.new_trio)
