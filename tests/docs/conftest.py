"""What the tests of the docs share: one run of every scenario that the docs show."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from docs.samples import SECRET, help_texts, run_samples
from docs.workplace import Site
from rehearsal import need


@pytest.fixture(scope="session")
def samples(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, str], set[str]]:
    """The outputs of all scenarios, by name, and what was typed in them."""
    need("setsid", shutil.which("setsid"))
    return run_samples(tmp_path_factory.mktemp("docs") / "site")


@pytest.fixture(scope="session")
def texts(
    samples: tuple[dict[str, str], set[str]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Every output that a page may paste, by name."""
    return {**help_texts(tmp_path_factory.mktemp("docs-help")), **samples[0]}


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """An FMC that has run generate_certs.pl, its firewalls, and nothing built yet."""
    need("setsid", shutil.which("setsid"))
    site = Site.create(tmp_path_factory.mktemp("docs-site") / "site")
    yield site
    site.close()


@pytest.fixture(scope="session")
def unpacked(site: Site) -> Path:
    """The unpacked bundle of the site's first device."""
    make_kit(site)
    return site.unpack(site.devices[0])


@pytest.fixture(scope="module")
def own_site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A site with a kit whose devices nobody else acts on."""
    need("setsid", shutil.which("setsid"))
    site = Site.create(tmp_path_factory.mktemp("docs-own") / "site")
    make_kit(site)
    yield site
    site.close()


def make_kit(site: Site) -> None:
    """Build a kit there, with a new signer."""
    (site.place / "phrase").write_text(f"{SECRET}\n")
    for command in (
        "sftunnel-bundler keygen --out other-key.pem --passphrase-file phrase",
        "sftunnel-bundler build --out kit --signing-key other-key.pem "
        "--signing-passphrase-file phrase",
    ):
        done = site.fmc_run(command)
        assert done.code == 0, done.text
