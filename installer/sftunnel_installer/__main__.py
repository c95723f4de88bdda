"""Where the command `sftunnel-installer` starts, and `python -m sftunnel_installer`."""

from __future__ import annotations

import os
import sys
from typing import NoReturn

from sftunnel_installer.engine import CALLBACK

_STEERS_OPENSSL = ("OPENSSL_CONF", "OPENSSL_ENGINES", "OPENSSL_MODULES")
"""By these the device's settings, and its modules, would get into the library in cryptography."""


def main() -> NoReturn:
    """Run the command line, or answer install.sh, which calls this program in place of openssl."""
    for name in _STEERS_OPENSSL:
        os.environ.pop(name, None)
    if sys.argv[1:2] == [CALLBACK]:
        from sftunnel_installer.openssl import answer

        raise SystemExit(answer(sys.argv[2:]))
    from sftunnel_installer.command import run

    raise SystemExit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
