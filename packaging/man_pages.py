"""The manual pages of the commands, from what the commands say of themselves.

Verbs, options and arguments come from the command line itself, the words of sftunnel-installer from
its --help, exit codes and files from the tables in README.md and docs/operations.md.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from roff import bold, entry, example, filled, italic, marked, paragraphs, plain, section, title
from sftunnel_builder import __version__
from sftunnel_builder.cli.commands import Command, with_verbs
from sftunnel_builder.errors import ExitCode
from sftunnel_installer.options import help_text

ROOT = Path(__file__).resolve().parents[1]
INSTALLER = "sftunnel-installer"
MAX_NAME = 80
DOCS = "README.md and docs/ of the sources have the whole story: docs/operations.md first of all."

EXAMPLES = {
    "expiry": "sftunnel-bundler expiry\nsftunnel-bundler expiry --warn-days 180 /srv/copies",
    "keygen": "sftunnel-bundler keygen\nsftunnel-bundler keygen --out new-key.pem",
    "build": (
        "sftunnel-bundler build --out kit\n"
        "sftunnel-bundler build --fmc-tree fmc.tar.gz --out kit\n"
        "sftunnel-bundler build --fmc-tree first.tar.gz --fmc-tree second.tar.gz --only fw-1"
    ),
    "sign": "sftunnel-bundler sign plant-kit",
    "inspect": "sftunnel-bundler inspect kit/bundles/BUNDLE.tar.gz",
    "verify": "sftunnel-bundler verify --signer FINGERPRINT kit/bundles/*.tar.gz",
    "usb": (
        "sftunnel-bundler usb --signer FINGERPRINT kit /media/usb\n"
        "sftunnel-bundler usb kit --image stick.img"
    ),
    "receipts": (
        "sftunnel-bundler receipts kit /media/usb\n"
        "sftunnel-bundler receipts kit --code k7mqx2hf9tpa"
    ),
    "diff": (
        "sftunnel-bundler diff / kit/bundles/BUNDLE.tar.gz\n"
        "sftunnel-bundler diff --json OLD.tar.gz NEW.tar.gz"
    ),
    "diagnose": (
        "sftunnel-bundler diagnose /var/log\n"
        "sftunnel-bundler diagnose messages messages.1 messages.2.gz"
    ),
    "demo": "sftunnel-bundler demo --keep",
    "console send": (
        "sftunnel-bundler console send BUNDLE.tar.gz --signer FINGERPRINT "
        "--port /dev/ttyUSB0 --walk"
    ),
}
"""Beside those that the help of a verb has."""

_BUILDING, _CARRYING = ("build", "sign"), ("usb", "receipts", INSTALLER)
FILES_OF = {
    "signing-key.pem": ("keygen", *_BUILDING),
    "kit/bundles/": (*_BUILDING, "inspect", "verify", "usb"),
    "kit/index.html": _BUILDING,
    "kit.receipts/": ("receipts",),
    "start.sh": _CARRYING,
    "kit-passphrases.txt": _BUILDING,
    "/var/sf/peers": ("expiry", "diff", INSTALLER),
    "/var/sf/sftunnel-bundler/": ("diff", INSTALLER),
}
"""Who uses a file of the README's table, by a part of its name; the page of the program has all."""


def pages(top: Command, date: str) -> dict[str, str]:
    """Return every page by its file name; date is YYYY-MM-DD."""
    written = {f"{each.page}.1": _page(each, date) for each in with_verbs(top)}
    return {**written, f"{INSTALLER}.1": _installer_page(top.page, date)}


def table(text: str, head: str) -> list[list[str]]:
    """Return the cells of the rows of the Markdown table that begins with this head."""
    rows = text.partition(f"{head}\n")[2].partition("\n\n")[0].splitlines()[1:]
    if not rows:
        raise ValueError(f"no table begins with '{head}'")
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in rows]


def _page(each: Command, date: str) -> str:
    """Return the page of the program or of a verb."""
    pieces = each.command.collect_usage_pieces(each.context)
    words = [_values(piece.replace("OPTIONS", "options").strip("{}")) for piece in pieces]
    examples = [example(text) for text in filter(None, [EXAMPLES.get(each.verb)])]
    return "".join(
        [
            title(each.page, date, f"{each.words[0]} {__version__}"),
            section("NAME", _name(each.page, each.summary)),
            section("SYNOPSIS", filled(" ".join([bold(" ".join(each.words)), *words]))),
            section("DESCRIPTION", paragraphs(each.about)),
            section("VERBS", *(_verb_entry(verb) for verb in each.verbs())),
            section("ARGUMENTS", *_parameters(each, "argument")),
            section("OPTIONS", *_parameters(each, "option")),
            section("EXIT STATUS", *exit_status(each.verb)),
            section("FILES", *_files(each.verb)),
            section("EXAMPLES", *examples),
            _see_also(each),
        ]
    )


def _name(page: str, about: str) -> str:
    """Return the line by which `apropos` finds a page: short, whatever the help begins with."""
    about = about.rstrip(".")
    short = about if len(about) <= MAX_NAME else about.partition(": ")[0]
    return filled(f"{plain(page)} \\- {plain(short[:1].lower() + short[1:])}")


def _verb_entry(verb: Command) -> str:
    return entry(bold(verb.words[-1]), f"{plain(verb.summary)} See {bold(verb.page)}(1).")


def _parameters(each: Command, kind: str) -> Iterator[str]:
    """Yield an entry for each argument or option, worded as its help is."""
    for parameter in each.parameters(kind):
        term, text = parameter.get_help_record(each.context)
        yield entry(_term(term), plain(" ".join(text.split())))


def _term(term: str) -> str:
    """Return `--out <path>`, say: the option as it is typed, its value set off."""
    option = re.match(r"(?:-[\w-]+(?:, )?)*", term)
    typed = option[0] if option else ""
    return (bold(typed) if typed else "") + _values(term.removeprefix(typed))


def _values(text: str) -> str:
    """Return what stands for values: the words set off, brackets and dots as they are."""
    pieces = re.split(r"([A-Za-z][\w ]*\w)", re.sub("[<>]", "", text))
    return "".join(italic(piece) if piece[:1].isalpha() else plain(piece) for piece in pieces)


def exit_status(verb: str) -> Iterator[str]:
    """Yield what a page says of exit codes."""
    if verb == "expiry":
        rows = table((ROOT / "docs/operations.md").read_text(), "| exit | first word | meaning |")
        for code, word, meaning in rows:
            yield entry(bold(code), marked(f"{word} {meaning}"))
        return
    rows = table((ROOT / "README.md").read_text(), "| exit | meaning | what has changed |")
    builder = {str(int(code)) for code in ExitCode} | {"128+n"}
    everything = verb in ("", "console", "console send", INSTALLER)
    for code, meaning, changed in rows:
        if everything or code in builder:
            yield entry(bold(code), marked(f"{_begun(meaning)}. Changed: {changed}."))
    if not verb:
        yield f".PP\nThe verb {bold('expiry')} has codes of its own: see its page.\n"


def _files(verb: str) -> Iterator[str]:
    """Yield the files that a verb has to do with."""
    for place, what in table((ROOT / "README.md").read_text(), "| where | what |"):
        users = [users for part, users in FILES_OF.items() if f"`{part}" in place or part in place]
        if not users:
            raise ValueError(f"who uses {place} is not said in FILES_OF")
        if not verb or verb in users[0]:
            yield entry(marked(place), marked(f"{_begun(what)}."))


def _begun(text: str) -> str:
    """Return a text that begins as a sentence does."""
    return text[:1].upper() + text[1:]


def _see_also(each: Command) -> str:
    """Return where else to look: the page above, those below, the other program, the docs."""
    names = ["-".join(each.words[:-1]), *(verb.page for verb in each.verbs()), INSTALLER]
    listed = [f".BR {plain(name)} (1)" for name in dict.fromkeys(names) if name]
    return section("SEE ALSO", ",\n".join(listed) + "\n", ".PP\n", filled(plain(DOCS)))


def _installer_page(bundler: str, date: str) -> str:
    """Return the page of sftunnel-installer, from its --help."""
    usage, _, rest = help_text().partition("\n\n")
    words, _, examples = rest.partition("For example:\n\n")
    about, verbs, options = re.split(r"\n\n(?=  check  |  --signer )", words.rstrip("\n"))
    synopsis = f"{bold(INSTALLER)} {_values(usage.removeprefix(f'usage: {INSTALLER} '))}"
    more = (
        "Verbs and options are those of install.sh, which is in every bundle and does the same "
        "where the device has a usable openssl: sh install.sh --help."
    )
    examples = "\n".join(line.strip() for line in examples.strip("\n").splitlines())
    return "".join(
        [
            title(INSTALLER, date, f"{bundler} {__version__}"),
            section("NAME", _name(INSTALLER, "install this device's bundle, or undo that")),
            section("SYNOPSIS", filled(synopsis)),
            section("DESCRIPTION", paragraphs(about), ".PP\n", paragraphs(more)),
            section("VERBS", *_printed(verbs)),
            section("OPTIONS", *_printed(options)),
            section("EXIT STATUS", *exit_status(INSTALLER)),
            section("FILES", *_files(INSTALLER)),
            section("EXAMPLES", example(examples)),
            section("SEE ALSO", f".BR {plain(bundler)} (1)\n.PP\n", filled(plain(DOCS))),
        ]
    )


def _printed(text: str) -> Iterator[str]:
    """Yield an entry for each line of a printed list, with the lines that go on with it."""
    for term, what in re.findall(r"(?m)^  (\S.*?)  +(\S.*(?:\n {10,}\S.*)*)", text):
        yield entry(_term(term) if term[0] == "-" else bold(term), plain(" ".join(what.split())))
