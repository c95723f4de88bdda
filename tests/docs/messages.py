"""Every message that the sources can print, read out of the sources.

The docs quote each of them; `python tests/docs/messages.py` prints the table rows that
docs/troubleshooting.md still lacks. What a message fills in is shown as an ellipsis.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from string import Formatter

from sftunnel_builder.errors import ExitCode

ROOT = Path(__file__).resolve().parents[2]
GAP = "…"
WARNING = "-"
"""In place of an exit code: the run goes on."""
ERRORS = ("BundlerError", "OutputError", "SessionLostError")


@dataclass(frozen=True)
class Message:
    """A message, where it stands, and the exit code that it comes with."""

    side: str
    """`device`, `program` (sftunnel-installer) or `builder`."""
    text: str
    """With GAP for what is filled in."""
    code: str
    place: str


def tidy(text: str) -> str:
    """Return a text with neighbouring gaps as one, and fit for code in a table cell."""
    return re.sub(rf"{GAP}+", GAP, " ".join(text.replace("`", "'").split()))


# --- install.sh ------------------------------------------------------------------------------


def device_messages() -> list[Message]:
    """Return what install.sh and start.sh say with `die` and `warn`, and why they say it."""
    found = []
    for path in sorted((ROOT / "installer").rglob("*.sh")):
        text = re.sub(r"\\\n\s*", " ", path.read_text())
        text = re.sub(r"(?m)^\s*#.*$", "", text)
        for match in re.finditer(r"(?<![\w'\"$./-])(die|warn) (?=['\"\w$])", text):
            words = list(_shell_words(text, match.end(), 3 if match[1] == "die" else 1))
            code, message = (words[0], words[1]) if match[1] == "die" else (WARNING, words[0])
            # The one code in a variable is that of a restart that failed.
            code = code.replace(GAP, "8")
            found.append(Message("device", tidy(message), code, path.name))
        # Said before there is any function to say it.
        for match in re.finditer(r"printf ['\"]error: (.*?)\\nhint: .*?exit (\d)", text):
            found.append(Message("device", tidy(match[1]), match[2], path.name))
        for match in re.finditer(r"(?<![\w$])(?:why|failure)=(?=['\"])", text):
            (reason,) = _shell_words(text, match.end(), 1)
            if reason.replace(GAP, "").strip(" ':/"):
                found.append(Message("reason", tidy(reason), WARNING, path.name))
    return found


def _shell_words(text: str, at: int, count: int) -> Iterator[str]:
    """Yield the next words of a shell command, unquoted, with GAP for every expansion."""
    for _ in range(count):
        while text[at] in " \n":
            at += 1
        word = ""
        while at < len(text) and text[at] not in " \n;|&)}":
            if text[at] == "'":
                end = text.index("'", at + 1)
                word, at = word + text[at + 1 : end], end + 1
            elif text[at] == '"':
                part, at = _double_quoted(text, at + 1)
                word += part
            elif text[at] == "$":
                word, at = word + GAP, _after_expansion(text, at)
            else:
                word, at = word + text[at], at + 1
        yield word


def _double_quoted(text: str, at: int) -> tuple[str, int]:
    """Return what stands between double quotes, and where it ends."""
    word = ""
    while text[at] != '"':
        if text[at] == "\\":
            word, at = word + text[at + 1], at + 2
        elif text[at] == "$":
            word, at = word + GAP, _after_expansion(text, at)
        else:
            word, at = word + text[at], at + 1
    return word, at + 1


def _after_expansion(text: str, at: int) -> int:
    """Return where `$name`, `${...}` or `$(...)` ends."""
    if text[at + 1] not in "{(":
        name = re.compile(r"\w+|[?#$*@!]").match(text, at + 1)
        assert name, text[at : at + 20]
        return name.end()
    depth, at = 1, at + 2
    while depth:
        if text[at] == "'" and text[at - 1] != '"':
            at = text.index("'", at + 1)
        elif text[at] in "{(":
            depth += 1
        elif text[at] in "})":
            depth -= 1
        at += 1
    return at


# --- sftunnel_builder ------------------------------------------------------------------------


def builder_messages() -> list[Message]:
    """Return what the Python package says with BundlerError and its kind, refusals and warnings."""
    return _package_messages(ROOT / "builder" / "sftunnel_builder", "builder")


def program_messages() -> list[Message]:
    """Return what sftunnel-installer says with BundlerError and install.sh does not say, too."""
    known = {message.text for message in device_messages()}
    found = _package_messages(ROOT / "installer" / "sftunnel_installer", "program")
    return [message for message in found if message.text not in known]


def _package_messages(package: Path, side: str) -> list[Message]:
    found = []
    for path in sorted(package.rglob("*.py")):
        if path.parent.name != "lab":
            name = path.relative_to(package).as_posix()
            found += Module(name, ast.parse(path.read_text()), side).messages()
    return found


class Module:
    """One module: its calls, and its functions that word an error for others."""

    def __init__(self, name: str, tree: ast.Module, side: str) -> None:
        self.name = name
        self.side = side
        self.functions = [n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]
        self.wrappers = dict(filter(None, map(self._wrapper, self.functions)))

    def messages(self) -> list[Message]:
        """Return the messages in the order of the file."""
        found = []
        for function in self.functions:
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    found += list(self._of_call(node, function))
                elif isinstance(node, ast.Return) and isinstance(node.value, ast.List):
                    for element in node.value.elts:
                        if isinstance(element, ast.JoinedStr) or _filled_in(element):
                            found.append(self._message(self._text(element), WARNING))
        return [m for m in found if m.text.replace(GAP, "").strip(" ;:'")]

    def _of_call(self, call: ast.Call, function: ast.FunctionDef) -> Iterator[Message]:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        if isinstance(call.func, ast.Attribute) and ast.unparse(call.func) == "warnings.append":
            yield self._message(self._text(call.args[0]), WARNING)
        elif name in ERRORS and function.name not in self.wrappers:
            yield self._message(self._text(call.args[0]), _code(call))
        elif name in self.wrappers:
            template, code = self.wrappers[name]
            for text in self._texts(call.args[0], function):
                yield self._message(template.replace("\0", text), code)
        elif name in ("Refusal", "PushProblem"):
            for text in self._texts(call.args[2 if name == "Refusal" else 1], function):
                yield self._message(text, "3, 9")

    def _message(self, text: str, code: str) -> Message:
        return Message(self.side, tidy(text), code, self.name)

    def _wrapper(self, function: ast.FunctionDef) -> tuple[str, tuple[str, str]] | None:
        """Return name, template and code of a function that only words a BundlerError."""
        if len(function.body) > 2 or not isinstance(function.body[-1], ast.Return):
            return None
        call = function.body[-1].value
        if not isinstance(call, ast.Call) or ast.unparse(call.func) != "BundlerError":
            return None
        argument = function.args.args[0].arg
        return function.name, (self._text(call.args[0], argument), _code(call))

    def _texts(self, node: ast.expr, function: ast.FunctionDef) -> list[str]:
        """Return every text that an argument may be, as far as this file says."""
        if isinstance(node, ast.Name):
            values = [
                n.value
                for n in ast.walk(function)
                if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == node.id
            ]
            return [self._text(value) for value in values] or [GAP]
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for other in self.functions:
                if other.name == node.func.id:
                    returns = [n.value for n in ast.walk(other) if isinstance(n, ast.Return)]
                    return [self._text(value) for value in returns if value]
        return [self._text(node)]

    def _text(self, node: ast.expr, argument: str = "") -> str:
        """Return the constant parts of a text; argument, if it is filled in, becomes NUL."""
        text = _worded(node)
        if text is not None:
            return text
        if isinstance(node, ast.JoinedStr):
            return "".join(
                _gap(part.value, argument) if isinstance(part, ast.FormattedValue) else _const(part)
                for part in node.values
            )
        template, values = _filled_in(node) or (GAP, {})
        return "".join(
            constant + ("" if name is None else _gap(values.get(name), argument))
            for constant, name, _spec, _conversion in Formatter().parse(template)
        )


WORDED_AT = {"_": 0, "gettext": 0, "N_": 0, "pgettext": 1, "ngettext": 1}
"""Which argument is the text, of the functions of `words`; of two forms that of many."""


def _worded(node: ast.expr | None) -> str | None:
    """Return a constant text, for translation or not; None if it is none."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        at = WORDED_AT.get(node.func.id)
        node = None if at is None else node.args[at]
    return _const(node) if isinstance(node, ast.Constant) else None


def _filled_in(node: ast.expr) -> tuple[str, dict[str, ast.expr]] | None:
    """Return text and values of `_("... {x}").format(x=...)`; None if it is something else."""
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return None
    text = _worded(node.func.value)
    if node.func.attr != "format" or text is None:
        return None
    return text, {keyword.arg or "": keyword.value for keyword in node.keywords}


def _const(node: ast.expr) -> str:
    assert isinstance(node, ast.Constant), ast.unparse(node)
    return str(node.value)


def _gap(value: ast.expr | None, argument: str) -> str:
    """Return what stands for a value that is filled in."""
    return "\0" if value and argument and ast.unparse(value) == argument else GAP


def _code(call: ast.Call) -> str:
    """Return the exit code of a BundlerError."""
    given = [*call.args[2:], *(k.value for k in call.keywords if k.arg == "code")]
    if not given:
        return str(int(ExitCode.REFUSED))
    name = ast.unparse(given[0]).removeprefix("ExitCode.")
    return str(int(ExitCode[name]))


# --- the page --------------------------------------------------------------------------------

PAGE = ROOT / "docs" / "troubleshooting.md"
_ROW = re.compile(r"^\| `([^`]+)` \| ([^|]*) \| ([^|]+) \| ([^|]+) \|$")
_SIDES = {
    "On the device: errors of sftunnel-installer": "program",
    "On the device": "device",
    "Reasons": "reason",
    "On the FMC": "builder",
}


def page_rows() -> dict[tuple[str, str], str]:
    """Return the exit codes in the page's tables, by side and message."""
    rows: dict[tuple[str, str], str] = {}
    side = ""
    for line in PAGE.read_text().splitlines() if PAGE.exists() else []:
        if line.startswith("## "):
            side = next((s for title, s in _SIDES.items() if line[3:].startswith(title)), "")
        row = _ROW.match(line)
        if row and side:
            assert (side, row[1]) not in rows, f"listed twice: {row[1]}"
            rows[side, row[1]] = row[2].strip()
    return rows


def source_rows() -> dict[tuple[str, str], tuple[str, str]]:
    """Return exit codes and places of every message in the sources, by side and message."""
    rows: dict[tuple[str, str], tuple[str, str]] = {}
    for message in [*device_messages(), *program_messages(), *builder_messages()]:
        code, place = rows.get((message.side, message.text), ("", message.place))
        codes = {*filter(None, code.split(", ")), *message.code.split(", ")}
        rows[message.side, message.text] = (", ".join(sorted(codes)), place)
    return rows


if __name__ == "__main__":
    known = page_rows()
    for (side, text), (code, place) in source_rows().items():
        if (side, text) not in known:
            print(f"{side:8} {place:20} | `{text}` | {code} |  |  |")
