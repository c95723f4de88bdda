"""The command line, turned into values: the words of install.sh, and where the bundle is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.errors import BundlerError, ExitCode, printable
from sftunnel_builder.resources import installer_script

VERBS = ("check", "status", "install", "activate", "rollback", "recover")
NEED_A_BUNDLE = ("check", "install")
"""The others act on what is on the device already."""
WRITE_NOTHING = ("check", "status")
FLAGS = ("--yes", "--no-restart", "--stage-only", "--allow-older")
WITH_VALUE = (
    "--signer",
    "--digest",
    "--root",
    "--passphrase-file",
    "--backup",
    "--wait",
    "--receipt-dir",
    "--keep",
    "--export-backup",
    "--forget-signer",
)
_OWN = ("--signer", "--digest", "--receipt-dir")
"""What install.sh is told by us, as we know more."""

_HELP = """\
usage: sftunnel-installer [{verbs}] [PLACE] [options]

Finds this device's bundle, verifies it by its own cryptography, and lets the install.sh in it do
the rest; the device needs no openssl for that. It must run as root.

PLACE is a bundle (a .tar.gz, or the directory that it was unpacked to), a kit, the directory where
a stick is mounted, or a directory of bundles. Without it, the directory in which this program
stands is looked through, then the current one. activate, rollback, recover and status need none.

{verb_lines}

{option_lines}
  --json                 print one JSON object at the end, and all else to standard error
  --version              print the version

{examples}
"""
_EXAMPLES = """\
For example:

  sh /mnt/usb/sftunnel-installer check --signer FPR
  sftunnel-installer /var/tmp/sftunnel-fw1-c8d5d5c6.tar.gz --signer FPR
  sftunnel-installer rollback"""


@dataclass(frozen=True)
class Options:
    """What was asked."""

    verb: str
    place: Path | None
    """Where the bundle is; None: not said."""
    root: str
    """The device's `/`: empty for the real one, or that of a rehearsal."""
    signers: tuple[str, ...]
    """Fingerprints, 64 hex digits each."""
    digest: str | None
    """The SHA-256 that SHA256SUMS must have, 64 hex digits."""
    receipt_dir: str | None
    yes: bool
    as_json: bool
    passed_on: tuple[str, ...]
    """What install.sh is given as it was typed."""


_HINT = "--help lists the verbs and options"


def help_text() -> str:
    """Return what --help prints; verbs and options are worded as install.sh words them."""
    usage = installer_script().decode()
    verbs, options = re.findall(r"(?s)\n\n(  check  .*?)\n\n(  --signer FPR.*?)\n  --json ", usage)[
        0
    ]
    return _HELP.format(
        verbs="|".join(VERBS), verb_lines=verbs, option_lines=options, examples=_EXAMPLES
    )


def parse_options(arguments: Sequence[str]) -> Options:
    """Read the command line, that of --help and --version aside; raises BundlerError (USAGE)."""
    values: dict[str, list[str]] = {option: [] for option in WITH_VALUE}
    flags, words = set(), []
    left = list(reversed(arguments))
    while left:
        word = left.pop()
        option, mark, value = word.partition("=")
        if word in (*FLAGS, "--json"):
            flags.add(word)
        elif option in values:
            value = value if mark else left.pop() if left else ""
            if not value:
                raise BundlerError(f"option '{option}' needs a value", _HINT, ExitCode.USAGE)
            values[option].append(value)
        elif not word or word.startswith("-"):
            raise BundlerError(f"unknown word '{printable(word)}'", _HINT, ExitCode.USAGE)
        else:
            words.append(word)
    verb, place = _verb_and_place(words)
    passed_on = [flag for flag in FLAGS if flag in flags]
    for option in WITH_VALUE:
        if option not in _OWN:
            passed_on += [word for value in values[option] for word in (option, value)]
    return Options(
        verb=verb,
        place=place,
        root=_last(values["--root"]) or "",
        signers=tuple(_digits("--signer", value) for value in values["--signer"]),
        digest=_digits("--digest", digest) if (digest := _last(values["--digest"])) else None,
        receipt_dir=_last(values["--receipt-dir"]),
        yes="--yes" in flags,
        as_json="--json" in flags,
        passed_on=tuple(passed_on),
    )


def _last(values: Sequence[str]) -> str | None:
    return values[-1] if values else None


def _verb_and_place(words: Sequence[str]) -> tuple[str, Path | None]:
    verbs = [word for word in words if word in VERBS]
    places = [word for word in words if word not in VERBS]
    if len(verbs) > 1:
        raise BundlerError(f"two verbs: '{verbs[0]}' and '{verbs[1]}'", _HINT, ExitCode.USAGE)
    if len(places) > 1:
        found = " and ".join(f"'{printable(place)}'" for place in places[:2])
        raise BundlerError(f"two places to look for the bundle: {found}", _HINT, ExitCode.USAGE)
    return verbs[0] if verbs else "install", Path(places[0]) if places else None


def _digits(option: str, value: str) -> str:
    """Return 64 hex digits; case, blanks and colons do not count."""
    digits = re.sub(r"[ \t\r:]", "", value).lower()
    if not re.fullmatch("[0-9a-f]{64}", digits):
        raise BundlerError(
            f"{option} wants 64 hex digits, found '{printable(value)}'",
            "copy them from the printed runbook",
            ExitCode.USAGE,
        )
    return digits
