"""A line is opened, paced, stopped by the device, and lost: each error says what to do."""

from __future__ import annotations

import errno
import os
import pty
import socket
import threading
import time
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from sftunnel_builder import port as port_module
from sftunnel_builder.errors import BundlerError, ExitCode
from sftunnel_builder.port import Flow, Port, PortSettings, open_port


@pytest.fixture
def server() -> Iterator[tuple[str, Callable[[], socket.socket]]]:
    """Give a raw TCP port, and a function that takes the call."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10)
        calls: list[socket.socket] = []

        def accept() -> socket.socket:
            calls.append(listener.accept()[0])
            return calls[-1]

        yield f"socket://127.0.0.1:{listener.getsockname()[1]}", accept
        for call in calls:
            call.close()


def _receive(call: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        got += call.recv(4096)
    return got


def test_a_socket_carries_bytes_both_ways_at_the_line_s_pace(
    server: tuple[str, Callable[[], socket.socket]],
) -> None:
    name, accept = server
    line = open_port(PortSettings(name, 9600 * 10))
    call = accept()
    began = time.monotonic()
    assert line.write(bytes(range(256)) * 8)
    assert time.monotonic() - began > 0.9 * line.settings.seconds(2048)
    assert _receive(call, 2048) == bytes(range(256)) * 8
    call.sendall(b"answer")
    assert line.read(5) == b"answer"
    assert line.read(0.01) == b""
    line.close()


def test_a_serial_port_is_set_and_used(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    tty.setraw(slave)
    line = open_port(PortSettings(os.ttyname(slave), 115200, Flow.XONXOFF))
    line.write(b"hello")
    assert os.read(master, 100) == b"hello"
    os.write(master, b"you")
    assert line.read(5) == b"you"
    with pytest.raises(BundlerError, match="it is in use"):
        open_port(PortSettings(os.ttyname(slave)))
    line.close()
    os.close(master)
    os.close(slave)


def test_xoff_stops_a_socket_and_xon_lets_it_go_on(
    server: tuple[str, Callable[[], socket.socket]],
) -> None:
    name, accept = server
    line = open_port(PortSettings(name, 115200, Flow.XONXOFF))
    call = accept()
    call.sendall(b"a\x13b")
    time.sleep(0.1)
    sending = threading.Thread(target=lambda: line.write(b"x" * 100))
    sending.start()
    call.settimeout(0.3)
    with pytest.raises(TimeoutError):
        call.recv(100)
    call.sendall(b"\x11")
    call.settimeout(10)
    assert _receive(call, 100) == b"x" * 100
    sending.join()
    assert line.read(1) == b"ab"
    line.close()


def test_a_device_that_never_says_go_on_is_told(
    server: tuple[str, Callable[[], socket.socket]], monkeypatch: pytest.MonkeyPatch
) -> None:
    name, accept = server
    monkeypatch.setattr(port_module, "_STUCK_S", 0.2)
    line = open_port(PortSettings(name, flow=Flow.XONXOFF))
    accept().sendall(b"\x13")
    time.sleep(0.1)
    with pytest.raises(BundlerError, match="takes nothing any more") as caught:
        line.write(b"x")
    assert "--flow" in caught.value.hint
    line.close()


def test_writing_stops_when_it_is_told_to(
    server: tuple[str, Callable[[], socket.socket]],
) -> None:
    name, accept = server
    line = open_port(PortSettings(name, 9600))
    call = accept()
    asked = iter([False, False, True])
    assert not line.write(b"x" * 1000, should_stop=lambda: next(asked))
    line.close()
    assert len(_receive(call, 1)) < 100


def test_a_line_that_closes_is_an_error_with_what_to_do(
    server: tuple[str, Callable[[], socket.socket]],
) -> None:
    name, accept = server
    line = open_port(PortSettings(name))
    accept().close()
    with pytest.raises(BundlerError, match=r"broke: .*disconnected") as caught:
        line.read(5)
    assert "the same command again" in caught.value.hint
    assert caught.value.code is ExitCode.UNSUITABLE
    line.close()


@pytest.mark.parametrize(
    "name",
    [
        "spy:///dev/ttyUSB0",
        "socket://host",
        "socket://host:23?logging=debug",
        "telnet://h:1",
        "alt://x:1",
        "socket://:1",
    ],
)
def test_other_urls_are_refused(name: str) -> None:
    with pytest.raises(BundlerError, match="--port wants a device or") as caught:
        open_port(PortSettings(name))
    assert caught.value.code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("error", "why", "hint"),
    [
        (serial.SerialException(errno.ENOENT, "x"), "there is no such port", "ls /dev/ttyUSB"),
        (serial.SerialException(errno.EACCES, "x"), "permission denied", "dialout"),
        (serial.SerialException(errno.EBUSY, "x"), "it is in use", "fuser"),
        (serial.SerialException("odd\x1b"), r"odd\?", "check the name"),
        (ValueError("Not a valid baudrate: 7"), "Not a valid baudrate", "check the name"),
    ],
)
def test_why_a_port_cannot_be_opened_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception, why: str, hint: str
) -> None:
    def refuse(*_: object, **__: object) -> Port:
        raise error

    monkeypatch.setattr(serial, "Serial", refuse)
    with pytest.raises(BundlerError, match=f"cannot open port '/dev/ttyS9': {why}") as caught:
        open_port(PortSettings("/dev/ttyS9"))
    assert hint in caught.value.hint


def test_what_is_no_port_is_refused_for_real(tmp_path: Path) -> None:
    with pytest.raises(BundlerError, match="there is no such port"):
        open_port(PortSettings(str(tmp_path / "ttyUSB9")))
    (tmp_path / "file").write_text("x")
    with pytest.raises(BundlerError, match="cannot open port"):
        open_port(PortSettings(str(tmp_path / "file")))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        number = listener.getsockname()[1]
    with pytest.raises(BundlerError, match="refused"):
        open_port(PortSettings(f"socket://127.0.0.1:{number}"))
