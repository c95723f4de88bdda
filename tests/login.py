"""Run a command as a login shell does: in the foreground, in a process group of its own.

usage: login.py TERMINAL STATUS LEASH COMMAND...    (three open file descriptors, then the command)

The session outlives the command. Were the command itself the session's leader, the kernel would
reset the terminal at its end, and nobody could see that it left echo switched off.

To STATUS goes a line with the command's PID and, when it has ended, one with its exit status, or
minus the number of the signal that killed it. The ended process is kept, so that its PID stays its
own, until standard input closes. LEASH is held open by the command and its children only.
"""

import fcntl
import os
import signal
import sys
import termios


def main() -> None:
    terminal, status, leash = (int(word) for word in sys.argv[1:4])
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    # Closed by the command's start, when it has its group and the terminal.
    started, starting = os.pipe()
    command = os.fork()
    if command == 0:
        os.setpgid(0, 0)
        os.tcsetpgrp(terminal, os.getpid())
        # Whatever the caller ignores (a test run in the background ignores Ctrl-C) is heeded here.
        for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
            signal.signal(number, signal.SIG_DFL)
        for standard in range(3):
            os.dup2(terminal, standard)
        os.close(terminal)
        os.close(status)
        os.execvp(sys.argv[4], sys.argv[4:])  # noqa: S606
    # A console that is lost is told to the login shell, which tells its jobs.
    signal.signal(signal.SIGHUP, lambda *_: os.killpg(command, signal.SIGHUP))
    os.close(leash)
    os.close(starting)
    os.read(started, 1)
    os.write(status, b"%d\n" % command)
    ended = os.waitid(os.P_PID, command, os.WEXITED | os.WNOWAIT)
    assert ended is not None
    sign = 1 if ended.si_code == os.CLD_EXITED else -1
    os.write(status, b"%d\n" % (sign * ended.si_status))
    sys.stdin.read()
    os.waitpid(command, 0)


main()
