"""An appliance's console, made up: FXOS, CLISH, expert mode, and a real shell as root behind them.

usage: console_appliance.py STATE PASSWORD COMMAND...

STATE is where it begins: login, fxos, module, clish, expert or root. COMMAND is the root shell.
SIGUSR1 ends the session, as a time-out does: the shell is killed and `login:` is shown. What is
printed is that of the tech note and the field, with the escape sequence and the bytes seen there.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import termios
import time
from types import FrameType

NEXT = {
    ("fxos", "connect ftd"): "clish",
    ("fxos", "connect module 1 console"): "module",
    ("module", "connect ftd"): "clish",
    ("clish", "expert"): "expert",
    ("clish", "exit"): "fxos",
    ("expert", "exit"): "clish",
}
PROMPTS = {
    "fxos": "firepower# ",
    "module": "Firepower-module1>",
    "clish": "> ",
    "expert": "admin@BSNS-1120-1:~$ ",
}
BANNER = b"\x1b[18t\r\nCopyright 2004-2026, Cisco\xae and/or its affiliates.\a\r\n"
TERMINAL = 0
DELAY_S = 0.5
"""Before a wrong password is told, as PAM does it; longer than the tests' consoles are silent."""


class SessionEndedError(Exception):
    """The session was ended from outside."""


class Appliance:
    """The listeners on a console, one after the other."""

    def __init__(self, password: str, command: list[str]) -> None:
        self.password = password
        self.command = command
        self.shell: subprocess.Popen[bytes] | None = None
        self.is_over = self.is_reading = False
        self.plain = termios.tcgetattr(TERMINAL)

    def interrupt(self, _number: int, _frame: FrameType | None) -> None:
        # Anywhere else there is nothing that Ctrl-C could break off.
        if self.is_reading:
            raise InterruptedError

    def end_session(self, _number: int, _frame: FrameType | None) -> None:
        if not self.shell:
            raise SessionEndedError
        # Who waits for the shell says the rest.
        self.is_over = True
        self.shell.kill()

    def run(self, state: str) -> None:
        while True:
            try:
                state = self.step(state)
            except SessionEndedError:
                state = "login"
            except InterruptedError:
                self.say("^C\r\n")

    def step(self, state: str) -> str:
        if state == "root":
            self.become_root()
            return "expert"
        if state == "login":
            return self.log_in()
        line = self.ask(PROMPTS[state])
        if state == "expert":
            if line == "sudo su":
                return self.ask_for_root()
            if echoed := re.fullmatch(r"echo s\$\(\((\d+)\+(\d+)\)\)\.\$\(id -u\)\.e", line):
                self.say(f"s{int(echoed[1]) + int(echoed[2])}.100.e\r\n")
                return state
        if line and (state, line) not in NEXT:
            self.say(f"Syntax error: {line}\r\n")
        return NEXT.get((state, line), state)

    def log_in(self) -> str:
        name = self.ask("\r\n\r\nfirepower login: ")
        if not name:
            return "login"
        password = self.ask("Password: ", has_echo=False)
        if (name, password) != ("admin", self.password):
            time.sleep(DELAY_S)
            self.say("Login incorrect\r\n")
            return "login"
        os.write(TERMINAL, BANNER)
        return "fxos"

    def ask_for_root(self) -> str:
        self.say("We trust you have received the usual lecture\r\n\r\n")
        for _ in range(3):
            if self.ask("Password: ", has_echo=False) == self.password:
                return "root"
            time.sleep(DELAY_S)
            self.say("Sorry, try again.\r\n")
        self.say("sudo: 3 incorrect password attempts\r\n")
        return "expert"

    def become_root(self) -> None:
        self.shell = subprocess.Popen(self.command)
        self.shell.wait()
        self.shell = None
        # A job control shell leaves the terminal to a group that is gone.
        os.tcsetpgrp(TERMINAL, os.getpgrp())
        self.set_echo(True)
        if self.is_over:
            self.is_over = False
            raise SessionEndedError

    def ask(self, prompt: str, *, has_echo: bool = True) -> str:
        self.set_echo(has_echo)
        self.say(prompt)
        line = b""
        self.is_reading = True
        try:
            # A Ctrl-D reads as nothing.
            while not line.endswith(b"\n"):
                line += self.read_byte()
        finally:
            self.is_reading = False
        if not has_echo:
            self.set_echo(True)
            self.say("\r\n")
        return line.decode(errors="replace").strip()

    def read_byte(self) -> bytes:
        try:
            return os.read(TERMINAL, 1)
        except OSError:
            # A job that outlived its shell took the terminal. If that is gone, this fails, too.
            os.tcsetpgrp(TERMINAL, os.getpgrp())
            return b""

    def set_echo(self, wanted: bool) -> None:
        modes = [*self.plain]
        modes[3] = self.plain[3] | termios.ECHO if wanted else self.plain[3] & ~termios.ECHO
        termios.tcsetattr(TERMINAL, termios.TCSAFLUSH if not wanted else termios.TCSADRAIN, modes)

    def say(self, text: str) -> None:
        os.write(TERMINAL, text.encode())


def main() -> None:
    state, password, *command = sys.argv[1:]
    appliance = Appliance(password, command)
    signal.signal(signal.SIGINT, appliance.interrupt)
    signal.signal(signal.SIGUSR1, appliance.end_session)
    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
    appliance.run(state)


main()
