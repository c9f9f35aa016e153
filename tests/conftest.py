"""No test reaches beyond this machine: a connection to any other address fails it."""

import socket

import pytest


@pytest.fixture(autouse=True, scope="session")
def only_this_machine():
    """Refuse every connection that does not stay on the loopback interface."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> None:
        host = address[0] if isinstance(address, tuple) else "local"
        if host not in ("127.0.0.1", "::1", "localhost", "local"):
            raise AssertionError(f"a test tried to reach {address!r}")
        connect(self, address)

    socket.socket.connect = guarded
    yield
    socket.socket.connect = connect
