"""Every text for people is marked for translation: what the sources say to a person, found in them.

A text is marked when it stands in a call of `words`: `_("... {x}").format(x=...)`. Two things are
looked for outside of such calls: words in what is told to a person, and prose anywhere else.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "builder" / "sftunnel_builder"
MARKS = {"_", "N_", "gettext", "ngettext", "pgettext"}
TOLD = {
    "BundlerError",
    "OutputError",
    "PushProblem",
    "Refusal",
    "SessionLostError",
    "ask_passphrase",
    "byte_progress",
    "hint",
    "note",
    "progress",
    "progress_beside",
    "remark",
    "result",
    "row",
    "say",
    "warn",
    "notes.append",
    "warnings.append",
}
"""Functions and methods whose texts people read, by the end of their names."""
WORD = re.compile(r"(?<![\w./%-])(?=[^\W\d_]*[a-z])[^\W\d_]{2,}(?![\w/]|[.]\w|-\w)")
PROSE = re.compile(r"[^\W\d_]{2,}[,;:]? (\S+ )?[^\W\d_]{2,}")
CODE = {"compile", "fullmatch", "match", "search", "sub", "TypeVar", "cast", "run", "Template"}
"""Functions whose texts a program reads."""
EXCEPTIONS = (
    # What a program, an appliance or OpenSSL prints or reads, which speak English.
    ("causes.py", "certificate expired|unknown ca"),
    ("delivery.py", ".*[$].*"),
    ("demo.py", "\\s*(sftunnel-bundler|openssl|tar) .*"),
    ("demo.py", "\n   fmc # generate_certs.pl\n…|certificate has expired"),
    ("forecast.py", "symbolic link"),
    ("log_lines.py", ".*"),
    ("private_key.py", "(ENCRYPTED |RSA )?PRIVATE KEY"),
    ("runbook_ending.py", "sh .*|confirmation code: ...|(\\s|[.])*connected to(\\s|[.])*"),
    ("runbook_outputs.py", ".*"),
    ("runbook_steps.py", "(sh|sftunnel-bundler|>) .*"),
    ("tree.py", "too many levels of symbolic links"),
    ("verify_errors.py", ".*"),
    ("walk.py", "connect .*|sudo su"),
    ("cli/completion.py", "fpath.*"),
    ("cli/usb.py", "sh …/… --signer [.]+"),
    # Keys: of JSON, of tables that have the marked text, of a CSV's head, of models' names.
    ("comparison_text.py", "(its|another|no) certificate|not opened"),
    ("expiring.py", "(defense|management) center|threat defense"),
    ("fleet_text.py", "known by|valid until|is expiring"),
    ("holding.py", "(its|another|no) certificate|not opened|RSA … bits"),
    # The form of a file.
    ("codes.py", "sftunnel-bundler code 1 …\n"),
    ("page.py", "(@page|default-src|font:) .*"),
    ("passphrases.py", "# Passphrases .*"),
    ("qr.py", "<svg .*"),
    # A name.
    ("demo.py", "Plant 4 edge"),
)
"""Texts that are not marked, by module and form; and why."""


def modules() -> list[Path]:
    """Return every module that speaks to people; lab/ plays appliances, which speak English."""
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent.name != "lab"]


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def is_told(call: ast.Call) -> bool:
    name = name_of(call)
    return any(name == told or name.endswith(f".{told}") for told in TOLD)


def text_of(node: ast.AST) -> str | None:
    """Return a constant text, with … for what an f-string fills in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "…" for part in node.values)
    return None


def unmarked(node: ast.AST, *, told: bool = False) -> Iterator[str]:
    """Yield every text below a node that should be marked and is not."""
    text = text_of(node)
    if text is not None:
        if (WORD if told else PROSE).search(text):
            yield text
        if isinstance(node, ast.JoinedStr):
            for part in node.values:
                if isinstance(part, ast.FormattedValue):
                    yield from unmarked(part.value, told=told)
        return
    if isinstance(node, ast.Call):
        name = name_of(node)
        if name in MARKS:
            for argument in node.args:
                if isinstance(argument, ast.JoinedStr):
                    yield f"an f-string in {name}: {ast.unparse(argument)}"
            return
        if name.rpartition(".")[2] in CODE:
            return
        told = is_told(node) or (told and name.endswith((".format", ".join")))
    elif isinstance(node, ast.Subscript | ast.Compare | ast.AnnAssign):
        told = False
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Expr) and text_of(child.value) is not None:
            continue  # a docstring
        if isinstance(child, ast.keyword) and child.arg == "help":
            yield from unmarked(child.value, told=True)
        else:
            yield from unmarked(child, told=told)


@pytest.mark.parametrize("path", modules(), ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_what_people_read_is_marked(path: Path) -> None:
    name = path.relative_to(PACKAGE).as_posix()
    forms = [form for module, form in EXCEPTIONS if module == name]
    found = [
        text
        for text in unmarked(ast.parse(path.read_text()))
        if not any(re.fullmatch(form, text, re.DOTALL) for form in forms)
    ]
    assert not found, f"mark these with _() or N_(), see docs/development.md: {found}"


@pytest.mark.parametrize(("module", "form"), EXCEPTIONS)
def test_no_exception_is_out_of_date(module: str, form: str) -> None:
    texts = unmarked(ast.parse((PACKAGE / module).read_text()))
    assert any(re.fullmatch(form, text, re.DOTALL) for text in texts)


@pytest.mark.parametrize(
    "source",
    [
        'raise BundlerError("damaged", _("get it again"))',
        'raise BundlerError(_("it is damaged"), "again")',
        'raise BundlerError(f"damaged: {why}", _("get it again"))',
        'raise damaged("it is over 64 MiB")',
        'raise BundlerError(_("damaged"), "fetch" if is_far else _("get it again"))',
        'raise BundlerError(_("bad: {why}").format(why="damaged"), _("get it again"))',
        'warnings.append(f"{place} old")',
        'screen.result("done")',
        'screen.note(screen.row("kit", str(kit)))',
        'typer.Option("--all", help="All.")',
        'WORDS = {State.OLD: "it is old"}',
        '_(f"{place} is old")',
        'text = f"{n} lines are old"',
    ],
)
def test_a_text_that_is_not_marked_is_found(source: str) -> None:
    assert list(unmarked(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        'raise BundlerError(_("{x} is old").format(x=facts["name"]), _("get it again"))',
        'screen.result(ngettext("{n} line", "{n} lines", n).format(n=n))',
        'screen.result(f"FMC {name}: {text}")',
        'screen.note(screen.row("SHA256SUMS", sha256))',
        'screen.result(f"{day:%Y-%m-%dT%H:%M:%SZ}  start.sh --signer {signer}")',
        'def f():\n    """Say what is done."""\n    return re.compile("is (not )?old")',
        'typer.Option("--all", help=N_("All."))',
    ],
)
def test_what_is_marked_or_no_text_is_left_alone(source: str) -> None:
    assert not list(unmarked(ast.parse(source)))
