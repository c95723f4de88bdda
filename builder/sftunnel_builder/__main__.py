"""Where the command `sftunnel-bundler` starts, and `python -m sftunnel_builder`."""

from __future__ import annotations

import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; a Ctrl-C is heeded while its modules are still being loaded, too."""
    try:
        from sftunnel_builder.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
