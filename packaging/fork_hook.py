"""Keep the launcher's pipe to this process alone; runs before the program does.

launcher.sh removes the unpacked program when nobody holds the pipe's other end, descriptor 9, any
more. Workers and programs that are started may outlive this process when it is killed.
"""

import os

LIFELINE = 9

if os.path.basename(os.path.realpath(f"/proc/self/fd/{LIFELINE}")) == "alive":
    os.set_inheritable(LIFELINE, False)
    os.register_at_fork(after_in_child=lambda: os.close(LIFELINE))
