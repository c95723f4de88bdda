"""Every block of code in the docs, and why one is neither run nor compared."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from markdown_it import MarkdownIt

from docs.samples import pages

MARK = re.compile(r"<!-- (output|run): ([^\n]+?) -->")

NOT_RUN = {
    ("README.md", "make demo"): "other tests run both: test_demo.py; and this is one",
    ("README.md", "python3 -m venv"): "test_packaging.py installs a wheel, without an index",
    ("README.md", " FMC                        FMC or jump host"): "a picture",
    (
        "README.md",
        "sftunnel-bundler console send BUNDLE.tar.gz",
    ): "a port; samples send over a model",
    ("bundle-format.md", "format=1"): "a grammar; test_bundle_format.py compares its keys",
    ("bundle-format.md", "kit/\n  bundles/"): "a picture of a directory",
    ("bundle-format.md", "start.sh             finds"): "a picture of a directory",
    ("bundle-format.md", "kit/\n  unsigned/"): "a picture of a directory",
    ("bundle-format.md", "-----BEGIN SFTUNNEL RECEIPT-----"): "a receipt, cut short",
    (
        "bundle-format.md",
        "def apply(",
    ): "vectors/test_vectors.py takes it from the page and uses it",
    ("console.md", ":\numask 77"): "the form of a text that test_paste_shells.py pastes",
    ("development.md", "make demo"): "test_pages.py compares the targets with the Makefile",
    ("development.md", "builder/sftunnel_builder/"): "a picture of the folders",
    ("freezing.md", "make dist"): "half an hour; .ci/run does it",
    ("freezing.md", "./sftunnel-bundler --version"): "tests/frozen/ runs what was built",
    ("operations.md", "command[check_sftunnel]="): "a line of a monitoring system's settings",
    ("operations.md", "sftunnel-bundler console send kit/"): "a port; samples send over a model",
    ("operations.md", "rm -rf /var/sf/"): "never here: it would be this machine's",
    ("operations.md", "pip uninstall"): "pip's own command",
    ("operations.md", "sftunnel-bundler --install-completion"): "test_completion.py, in each shell",
    ("operations.md", "tar -xzf sftunnel-bundler-share"): "make dist writes that archive",
    ("security.md", " FMC              │"): "a picture",
    ("security.md", "--sign-command 'openssl"): "parts of a command line",
}
"""Page and how a block begins; why it is not run here."""


@dataclass(frozen=True)
class Block:
    """A block of code."""

    page: str
    line: int
    kind: str
    """`output` or `run`, as its mark says; else empty."""
    text: str

    def commands(self) -> list[str]:
        """Return its lines without comments, those that go on put together."""
        whole = self.text.replace("\\\n", "")
        lines = (re.sub(r"(^|\s+)# .*", "", line).strip() for line in whole.splitlines())
        return [line for line in lines if line]

    def why_not_run(self) -> str:
        """Return the reason, empty if there is none."""
        for (page, begin), reason in NOT_RUN.items():
            if page == self.page and self.text.startswith(begin):
                return reason
        return ""


@cache
def blocks() -> tuple[Block, ...]:
    """Return all blocks of all pages, in order."""
    return tuple(block for page in pages() for block in _of(page))


def _of(page: Path) -> list[Block]:
    found, mark = [], None
    for token in MarkdownIt("commonmark").parse(page.read_text()):
        if token.type in ("fence", "code_block") and token.map:
            kind = mark[1] if mark else ""
            found.append(Block(page.name, token.map[0] + 1, kind, token.content))
        mark = MARK.match(token.content) if token.type == "html_block" else None
    return found


def shown_commands() -> list[str]:
    """Return every command of this product that a block without an output shows, once."""
    lines = [line for block in blocks() if block.kind != "output" for line in block.commands()]
    return list(dict.fromkeys(line for line in lines if OURS.search(line)))


OURS = re.compile(
    r"(?:^|[ (/=])"
    r"(sftunnel-bundler|sh \S*(?:install|start)\.sh|sh \S*sftunnel-installer)(?=\s|$)(.*)"
)
