"""The rehearsal that docs/operations.md tells a newcomer to walk comes out as told."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

from docs.samples import SECRET, YES
from docs.test_commands import commands
from docs.workplace import Typed, at_terminal, program
from rehearsal import AS_ROOT, need

PENDING = 9
"""How `receipts` ends while it lacks some devices."""


class Newcomer:
    """Types the lines one after the other, and fills in what was printed before."""

    def __init__(self, home: Path) -> None:
        """Give a shell with the program in its PATH and a directory of its own to work in."""
        self.home = self.cwd = home
        self.printed: dict[str, str] = {}
        (home / "bin").mkdir()
        ours = home / "bin/sftunnel-bundler"
        ours.write_text(f'#!/bin/sh\nexec {shlex.join(program())} "$@"\n')
        ours.chmod(0o755)

    def type(self, line: str) -> Typed:
        """Type a line, answering what it asks."""
        for word, value in self.printed.items():
            line = re.sub(rf"\b{word}\b", lambda _found, value=value: value, line)
        if line.startswith("cd "):
            self.cwd = Path(line.split()[1])
            return Typed("", 0)
        words = [*AS_ROOT, "env", f"TMPDIR={self.home}", "sh", "-c", line]
        return at_terminal(words, cwd=self.cwd, home=self.home, answers=self._answers(line))

    def note(self, word: str, pattern: str, text: str) -> None:
        """Keep what a pattern finds on the screen, for a word of the lines to come."""
        (self.printed[word],) = re.findall(pattern, text, re.MULTILINE)

    def _answers(self, line: str) -> list[tuple[str, str]]:
        key = ("(not shown)", self.printed.get("passphrase", ""))
        if "keygen" in line:
            return [("new signing key", SECRET), ("same again", SECRET)]
        if " build " in line:
            return [("signing key", SECRET)]
        if line.startswith("more "):
            return [("--More--", "q")]
        if "start.sh check" in line:
            return [key]
        if "start.sh --root" in line:
            return [key, YES]
        return [YES] if "rollback.sh" in line else []


EXPECTED = {
    "sftunnel-bundler demo": (0, "The FMC sees 3 of 3 firewalls"),
    "sftunnel-bundler keygen": (0, "signing key   my-key.pem"),
    "sftunnel-bundler build": (0, "passphrases "),
    "sftunnel-bundler verify": (0, "good  my-kit/bundles/sftunnel-BSNS-1120-1-"),
    "more": (0, "RUNBOOK: new sftunnel certificates for BSNS-1120-1"),
    "cp": (0, ""),
    "rm -rf copy": (0, ""),
    "sftunnel-bundler diff": (0, "install.sh would put 3 files in place as one"),
    "mkdir": (0, ""),
    "sftunnel-bundler usb": (0, "3 bundles"),
    "grep": (0, "BSNS-1120-1"),
    "sh stick/start.sh check": (0, "ready to install on BSNS-1120-1: nothing was changed"),
    "sh stick/start.sh --root": (0, "Install on BSNS-1120-1 now? [yes/no]"),
    "sh stick/start.sh status": (0, "made by install"),
    "sftunnel-bundler receipts my-kit stick": (PENDING, "1 done, 2 pending"),
    "sftunnel-bundler receipts my-kit --code": (PENDING, "1 done, 2 pending"),
    "UNDO": (0, "done: rollback on BSNS-1120-1"),
    "sftunnel-bundler receipts my-kit copy": (PENDING, "2 pending, 1 rolled back"),
    "rm -rf PLACE": (0, ""),
}
"""How a line begins; how it ends, and what the screen then has."""

FOUND = {
    "sftunnel-bundler demo": [("PLACE", r"the kit are in (\S+)$")],
    "sftunnel-bundler keygen": [("FINGERPRINT", r"^fingerprint +(\S+)$")],
    "grep": [("passphrase", r"^\S+  (\S+)  BSNS-1120-1$")],
    "sh stick/start.sh --root": [
        ("CODE", r"^confirmation code: (\S+)$"),
        ("UNDO", r"; to undo: (.*)$"),
    ],
}
"""What a reader takes from the screen, after which line."""


def test_the_rehearsal(tmp_path: Path) -> None:
    need("setsid", shutil.which("setsid"))
    need("more", shutil.which("more"))
    newcomer = Newcomer(tmp_path)
    left = dict(EXPECTED)
    trios: list[dict[str, bytes]] = []
    for line in commands("docs/operations.md", "rehearsal"):
        if line.startswith("cd "):
            newcomer.type(line)
            continue
        (begin,) = [each for each in left if line.startswith(each)]
        code, shown = left.pop(begin)
        done = newcomer.type(line.partition(" #")[0].rstrip())
        assert (done.code, shown in done.text) == (code, True), f"{line}\n{done.text}"
        for word, pattern in FOUND.get(begin, []):
            newcomer.note(word, pattern, done.text)
        if begin in ("cp", "sh stick/start.sh --root", "UNDO"):
            trios.append(_trio(newcomer.cwd / "copy"))
    assert not left, f"not in the page: {left}"
    old, new, again = trios
    assert old == again
    assert not old.items() & new.items()
    assert not Path(newcomer.printed["PLACE"]).exists()


def _trio(root: Path) -> dict[str, bytes]:
    """Return the contents of the three files of the one peer directory."""
    names = ("cacert.pem", "sftunnel-cert.pem", "sftunnel-key.pem")
    (peer,) = (root / "ngfw/var/sf/peers").iterdir()
    return {name: (peer / name).read_bytes() for name in names}
