"""What is carried that is not Python: templates, catalogues, install.sh's fragments, start.sh.

They stand in `share/` in an installed package or a frozen program, and at the top of a checkout;
here is the one place that knows.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import jinja2

INSTALLER_FRAGMENTS = (
    "settings.sh",
    "say.sh",
    "text.sh",
    "options.sh",
    "places.sh",
    "sums.sh",
    "dates.sh",
    "plan.sh",
    "lock.sh",
    "bundle.sh",
    "device.sh",
    "trio.sh",
    "preflight.sh",
    "backup.sh",
    "transaction.sh",
    "tunnel.sh",
    "receipt.sh",
    "status.sh",
    "main.sh",
)
"""In the order in which they are joined. `main "$@"` is the last line of the last one, so that a
file that was cut short runs nothing."""

DOMAIN = "sftunnel-bundler"
"""The name of the catalogues."""
_FOR_SHELLCHECK = re.compile(r"^ *# shellcheck .*\n", re.MULTILINE)
"""What tells shellcheck something, which is asked of the fragments."""
_INDENT = re.compile(r"^(?: {4})+(?! )", re.MULTILINE)
"""The text of --help is indented otherwise."""


def _folder(name: str) -> Path:
    """Return the folder `templates` or `installer`."""
    package = Path(__file__).parent
    shared = package / "share" / name
    return shared if shared.is_dir() else package.parents[1] / name


@cache
def installer_script() -> bytes:
    """Return install.sh: the fragments, joined. The same bytes in every bundle of a release.

    Without what only shellcheck reads, and with a tab for four blanks: a bundle is 400 bytes
    smaller, which a console takes half a second for.
    """
    fragments = [_folder("installer").joinpath(n).read_text("utf-8") for n in INSTALLER_FRAGMENTS]
    joined = "\n".join(_FOR_SHELLCHECK.sub("", text) for text in fragments)
    return _INDENT.sub(lambda found: "\t" * (len(found[0]) // 4), joined).encode()


@cache
def start_script() -> bytes:
    """Return start.sh. The same bytes in every kit of a release."""
    return _folder("installer").joinpath("start/start.sh").read_bytes()


def catalogues() -> Path:
    """Return the folder that holds `<language>/LC_MESSAGES/sftunnel-bundler.mo`."""
    return _folder("templates") / "locale"


@cache
def template_text(name: str) -> str:
    """Return a file of the templates that is taken as it is, such as page.css."""
    return _folder("templates").joinpath(name).read_text("utf-8")


@cache
def template(name: str) -> jinja2.Template:
    """Return a Jinja2 template, such as RUNBOOK.txt.j2. An undefined name in it raises."""
    return _environment().get_template(name)


@cache
def _environment() -> jinja2.Environment:
    """Return what all templates have in common; they speak the language chosen in `words`."""
    import jinja2

    from sftunnel_builder import words

    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_folder("templates")),
        undefined=jinja2.StrictUndefined,
        autoescape=jinja2.select_autoescape(["html", "html.j2"]),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.policies["ext.i18n.trimmed"] = True
    environment.install_gettext_callables(  # type: ignore[attr-defined]
        words.gettext, words.ngettext, newstyle=True, pgettext=words.pgettext
    )
    return environment
