"""A headless Chromium, told what to do over a pipe in its own protocol, no library between.

The protocol is that of DevTools. What a page says and asks for is noted.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal import need

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--disable-dev-shm-usage", "--hide-scrollbars", "--remote-debugging-pipe"),
)
A4, LETTER = (8.268, 11.693), (8.5, 11.0)
"""Width and height of paper in inches."""


@dataclass
class Page:
    """A tab, and what happened in it since it was opened."""

    _pipes: tuple[int, int]
    _session: str = ""
    _count: int = 0
    _left: bytes = b""
    said: list[str] = field(default_factory=list)
    """What the console, the log and uncaught exceptions said."""
    asked: list[str] = field(default_factory=list)
    """The addresses of all requests."""
    _loads: int = 0

    def call(self, method: str, **parameters: object) -> dict[str, Any]:
        """Send a command, and return its result."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._pipes[1], json.dumps(message).encode() + b"\0")
        while (answer := self._read()).get("id") != self._count:
            self._note(answer)
        assert "error" not in answer, (method, answer)
        result: dict[str, Any] = answer["result"]
        return result

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            piece = os.read(self._pipes[0], 1 << 20)
            assert piece, "the browser has ended"
            self._left += piece
        message, _, self._left = self._left.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def _note(self, event: Mapping[str, Any]) -> None:
        parameters = event.get("params", {})
        match event.get("method"):
            case "Runtime.consoleAPICalled" | "Runtime.exceptionThrown" | "Log.entryAdded":
                self.said.append(json.dumps(parameters))
            case "Network.requestWillBeSent":
                self.asked.append(parameters["request"]["url"])
            case "Page.loadEventFired":
                self._loads += 1

    def attach(self) -> None:
        """Open the tab."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = session
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def open(self, path: Path) -> None:
        """Open a file, and wait until it is loaded; what happened before is forgotten."""
        self.said.clear()
        self.asked.clear()
        self._await_load("Page.navigate", url=path.as_uri())

    def reload(self) -> None:
        """Load the same again."""
        self._await_load("Page.reload")

    def _await_load(self, method: str, **parameters: object) -> None:
        before = self._loads
        self.call(method, **parameters)
        while self._loads == before:
            self._note(self._read())

    def run(self, script: str) -> Any:
        """Return the value of an expression, awaited if it is a promise."""
        answer = self.call(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def key(self, key: str) -> None:
        """Press a key, such as Tab, and let it go."""
        codes = {"Tab": 9, "Enter": 13, " ": 32}
        for kind in ("keyDown", "keyUp"):
            self.call(
                "Input.dispatchKeyEvent", type=kind, key=key, windowsVirtualKeyCode=codes[key]
            )

    def look(self, width: int, height: int, theme: str = "light") -> None:
        """Set the size of the screen in CSS pixels, and the theme that the system has."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": theme}]
        self.call("Emulation.setEmulatedMedia", features=features)

    def use_script(self, is_on: bool) -> None:
        """Let pages run their scripts, or not; heeded when the next one is opened."""
        self.call("Emulation.setScriptExecutionDisabled", value=not is_on)

    def screenshot(self) -> bytes:
        """Return all of the page as PNG, on a screen that is high enough for it."""
        size = self.call("Page.getLayoutMetrics")["cssLayoutViewport"]
        width = size["clientWidth"]
        is_dark = self.run("matchMedia('(prefers-color-scheme: dark)').matches")
        for _ in range(2):  # What was out of sight may have another height once it is laid out.
            height = self.run("document.documentElement.scrollHeight")
            self.look(width, height, "dark" if is_dark else "light")
            self.run("new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
        answer = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        return base64.b64decode(answer["data"])

    def pdf(self, paper: tuple[float, float]) -> bytes:
        """Return the page printed on paper of a size, which the page's own margins apply to."""
        width, height = paper
        answer = self.call(
            "Page.printToPDF", paperWidth=width, paperHeight=height, printBackground=False
        )
        return base64.b64decode(answer["data"])


@contextmanager
def browse(profile: Path) -> Iterator[Page]:
    """Start a browser with an empty profile, and give its one tab; skip where there is none."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    need("chromium", program)
    assert program is not None
    (their_in, our_out), (our_in, their_out) = os.pipe(), os.pipe()
    # Chromium reads commands at descriptor 3 and answers at 4.
    shell = f'exec "$0" "$@" 3</dev/fd/{their_in} 4>/dev/fd/{their_out}'
    process = subprocess.Popen(
        ["sh", "-c", shell, program, *_FLAGS, f"--user-data-dir={profile}", "about:blank"],
        pass_fds=(their_in, their_out),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(their_in)
    os.close(their_out)
    page = Page((our_in, our_out))
    try:
        page.attach()
        yield page
        page._session = ""
        page.call("Browser.close")
        process.wait(30)
    finally:
        process.kill()
        process.wait()
        os.close(our_in)
        os.close(our_out)
