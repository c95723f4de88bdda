"""Signers for tests: key pairs on disk, and programs that sign in place of a key at hand."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sftunnel_builder.signer import KeySigner, generate_signer, save_signer


@dataclass(frozen=True)
class KeyPair:
    """A signer, its private key and its public key in files."""

    signer: KeySigner
    private: Path
    public: Path

    @property
    def fingerprint(self) -> str:
        """The signer's fingerprint."""
        return self.signer.fingerprint()


def key_pair(place: Path, name: str) -> KeyPair:
    """Make a signer in a directory."""
    signer = generate_signer()
    private, public = place / f"{name}.pem", place / f"{name}.pub"
    save_signer(signer, private, None)
    public.write_bytes(signer.public_pem())
    return KeyPair(signer, private, public)


def program(place: Path, script: str) -> str:
    """Write a shell script; return its path."""
    path = place / "hsm.sh"
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return str(path)


def stand_in_hsm(pair: KeyPair) -> str:
    """Return the path of a program that signs one question at a time, and counts them.

    It wants the PIN 4711 as its argument. The count is in the file `count` beside the key.
    """
    script = (
        f"cd {shlex.quote(str(pair.private.parent))} || exit 1\n"
        "mkdir busy || exit 9\n"
        '[ "$1" = --pin=4711 ] || { echo "wrong PIN" >&2; rmdir busy; exit 3; }\n'
        "echo >>count\n"
        f"openssl dgst -sha256 -sign {shlex.quote(pair.private.name)}\n"
        "status=$?\nrmdir busy\nexit $status"
    )
    return program(pair.private.parent, script)


def bundler(
    place: Path, *arguments: str | Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run sftunnel-bundler in a directory, with no terminal."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "sftunnel_builder", *map(str, arguments)],
        cwd=place,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "COLUMNS": "80", **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def files(place: Path) -> dict[str, bytes]:
    """Return all files below a directory, by path."""
    return {str(p.relative_to(place)): p.read_bytes() for p in place.rglob("*") if p.is_file()}
