"""Let a Ctrl-C end the process at once and in silence until the program takes over.

Runs before the program does: Python would show where its start was interrupted, and exit with 1.
"""

import signal

if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
    signal.signal(signal.SIGINT, signal.SIG_DFL)
