"""The script that makes a snapshot on an FMC, with the places that a build reads."""

from __future__ import annotations

from sftunnel_builder import __version__
from sftunnel_builder.fmc_tree import CA_PATH, LOG_PATH, PEERS_PATH, RUNS_PATH, SFTUNNEL_CONF_PATH
from sftunnel_builder.ims_conf import IMS_CONF_PATH
from sftunnel_builder.resources import template


def render_collect_script() -> str:
    """Return the POSIX script; it works below `/`, or below what its --root names."""
    ca, peers, runs, conf, ims, log = (
        path.removeprefix("/")
        for path in (CA_PATH, PEERS_PATH, RUNS_PATH, SFTUNNEL_CONF_PATH, IMS_CONF_PATH, LOG_PATH)
    )
    return template("collect.sh.j2").render(
        version=__version__, ca=ca, peers=peers, runs=runs, conf=conf, single=(ims, conf, log)
    )
