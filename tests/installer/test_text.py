"""What install.sh works out of texts without another program, under every shell."""

from __future__ import annotations

import base64
import random
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from rehearsal import need
from sftunnel_builder.resources import installer_script

SHELLS = ["dash", "bash", "bash --posix", "mksh", "yash -o posix", "busybox ash"]
SIZES = [*range(1, 8), 32, 256, 384, 512]
"""In bytes: a SHA-256, and signatures of RSA keys among them."""


@pytest.mark.parametrize("shell", SHELLS)
def test_hex_in_base64(tmp_path: Path, shell: str) -> None:
    need(shell, shutil.which(shell.split()[0]))
    script = installer_script().decode()
    names = ("to_base64", "read_text")
    functions = [re.findall(rf"(?ms)^{name}\(\) \{{$.*?^\}}$", script)[0] for name in names]
    chance = random.Random(1)
    texts = [b"\0\0\0", b"\xff\xff\xff", *(chance.randbytes(size) for size in SIZES)]
    calls = [f"to_base64 {text.hex()} 65; printf '%s\\n' \"$text\"" for text in texts]
    lines = ["set -eu", "nl='", "'", *functions, *calls]
    done = subprocess.run(
        shell.split(),
        input="\n".join(lines) + "\n",
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines() == [base64.b64encode(text).decode() for text in texts]
