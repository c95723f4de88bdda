"""Where the command `sftunnel-installer` starts, and `python -m sftunnel_installer`."""

from __future__ import annotations

import sys
from typing import NoReturn

from sftunnel_installer.engine import CALLBACK


def main() -> NoReturn:
    """Run the command line, or answer install.sh, which calls this program in place of openssl."""
    if sys.argv[1:2] == [CALLBACK]:
        from sftunnel_installer.openssl import answer

        raise SystemExit(answer(sys.argv[2:]))
    from sftunnel_installer.command import run

    raise SystemExit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
