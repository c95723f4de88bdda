"""Where the command `sftunnel-bundler` starts, and `python -m sftunnel_builder`."""

from __future__ import annotations

import signal
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run the command line; a Ctrl-C is heeded while its modules are still being loaded, too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
        # As the executable is started, so that one that comes too soon for this ends it, too.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        from sftunnel_builder.cli import main as run
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        raise SystemExit(130) from None
    run()


if __name__ == "__main__":
    main()
