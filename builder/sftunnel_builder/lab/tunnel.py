"""Serve the FMC's end of sftunnel over loopback: mutual TLS 1.2 with the FMC tree's own files.

The files are those that the tree's `etc/sf/sftunnel.conf` names, read when the server starts, as
on an FMC: new certificates count from the next restart on. The real port is 8305; here the kernel
chooses one, so that many labs run beside each other.
"""

import contextlib
import re
import select
import socket
import ssl
import threading
import time
from pathlib import Path
from typing import cast

HANDSHAKE_TIMEOUT_S = 10.0


def read_proxy_settings(conf: str) -> dict[str, str]:
    """Read the `proxy_* value;` lines of an sftunnel.conf, whatever notes stand behind them."""
    return dict(re.findall(r"^\s*(proxy_\w+)\s+([^;\s]+)\s*;", conf, re.MULTILINE))


class TunnelServer:
    """The FMC's sftunnel: accepts devices that its CA vouches for, and keeps them connected."""

    def __init__(self, root: Path, name: str) -> None:
        """Make a server, not yet started, for the FMC tree `root`; clients are told `name`."""
        self._root = root
        self._name = name
        self._lock = threading.Lock()
        self._connections: dict[ssl.SSLSocket, str | None] = {}
        self._threads: set[threading.Thread] = set()
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._listener: socket.socket | None = None
        self._wake: tuple[socket.socket, socket.socket] | None = None
        self._acceptor: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port that the kernel chose; RuntimeError while the server is not running."""
        if self._listener is None:
            raise RuntimeError("the tunnel server is not running")
        return int(self._listener.getsockname()[1])

    def start(self, host: str = "127.0.0.1", port: int = 0) -> int:
        """Read the files, listen on a loopback address, and return the port."""
        if self._listener is not None:
            raise RuntimeError("the tunnel server is running already")
        self._context = self._read_files()
        self._listener = socket.create_server((host, port), backlog=64)
        self._wake = socket.socketpair()
        self._acceptor = threading.Thread(
            target=self._accept, args=(self._listener, self._wake[0]), name="lab-tunnel"
        )
        self._acceptor.daemon = True
        self._acceptor.start()
        return self.port

    def restart(self) -> None:
        """Read the files again and drop every connection, as a restarted daemon; keep the port."""
        self._context = self._read_files()
        self._drop_connections()

    def stop(self) -> None:
        """End every connection and thread; nothing is left open. Stopping twice does no harm."""
        if self._listener is None or self._wake is None or self._acceptor is None:
            return
        self._wake[1].close()
        self._acceptor.join()
        self._listener.close()
        self._wake[0].close()
        self._drop_connections()
        self._listener = None

    def connected_uuids(self) -> frozenset[str]:
        """Return the UUIDs (title of the certificate) of the appliances connected now."""
        with self._lock:
            return frozenset(uuid for uuid in self._connections.values() if uuid is not None)

    def _read_files(self) -> ssl.SSLContext:
        settings = read_proxy_settings((self._root / "etc/sf/sftunnel.conf").read_text())
        paths = {
            name: self._root / settings[name].lstrip("/")
            for name in ("proxy_cert", "proxy_key", "proxy_cacert")
        }
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_2
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cafile=paths["proxy_cacert"])
        context.load_cert_chain(paths["proxy_cert"], paths["proxy_key"])
        return context

    def _drop_connections(self) -> None:
        with self._lock:
            threads = list(self._threads)
            for connection in self._connections:
                # The plain shutdown wakes the thread that reads; SSLSocket's own would take the
                # TLS state away beneath it. An error means that the connection has ended.
                with contextlib.suppress(OSError):
                    socket.socket.shutdown(connection, socket.SHUT_RDWR)
        for thread in threads:
            thread.join()

    def _accept(self, listener: socket.socket, wake: socket.socket) -> None:
        while True:
            readable, _, _ = select.select([listener, wake], [], [])
            if wake in readable:
                return
            try:
                plain, _address = listener.accept()
            except OSError:
                continue  # The client was gone before it was accepted.
            plain.settimeout(HANDSHAKE_TIMEOUT_S)
            try:
                connection = self._context.wrap_socket(
                    plain, server_side=True, do_handshake_on_connect=False
                )
            except OSError:
                plain.close()
                continue
            thread = threading.Thread(
                target=self._serve, args=(connection,), name="lab-tunnel-peer", daemon=True
            )
            with self._lock:
                self._connections[connection] = None
                self._threads.add(thread)
            thread.start()

    def _serve(self, connection: ssl.SSLSocket) -> None:
        """Shake hands, greet, and hold the connection until either side ends it."""
        try:
            connection.do_handshake()
            connection.settimeout(None)
            uuid = _title(connection)
            with self._lock:
                self._connections[connection] = uuid
            connection.sendall(f"sftunnel {self._name}\n".encode())
            while connection.recv(4096):
                pass
        except ssl.SSLError as error:
            self._log_refusal(error)
        except OSError:
            pass  # The client was killed or the network broke: no TLS story to tell.
        finally:
            with self._lock:
                del self._connections[connection]
                self._threads.discard(threading.current_thread())
            connection.close()

    def _log_refusal(self, error: ssl.SSLError) -> None:
        """Append to the FMC's log what tech note 222464 shows for a peer that is not let in."""
        reason = getattr(error, "verify_message", "") or (error.reason or "").replace("_", " ")
        thread = threading.get_native_id()
        head = f"{time.strftime('%b %e %H:%M:%S')} {self._name} SF-IMS[{thread}]: [{thread}]"
        texts = (
            f"[ERROR] SSL_renegotiate error: 1: error:SSL routines::{reason.lower()}",
            f"[WARN] establishConnectionUtil: SSL Verification status: {reason.lower()}",
            "[ERROR] establishSSLConnection: Failed to connect",
        )
        lines = "".join(f"{head} sftunneld:sf_ssl {text}\n" for text in texts)
        with self._lock, (self._root / "var/log/messages").open("a") as log:
            log.write(lines)


def _title(connection: ssl.SSLSocket) -> str | None:
    """Return the title attribute of the client's certificate, which is its UUID."""
    certificate = connection.getpeercert() or {}
    # The type that typeshed gives is wider than what the module's documentation promises.
    subject = cast(tuple[tuple[tuple[str, str], ...], ...], certificate.get("subject", ()))
    return next((value for rdn in subject for name, value in rdn if name == "title"), None)
