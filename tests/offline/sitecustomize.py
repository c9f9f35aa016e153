"""Python imports this at its start where it is found: no process of a test reaches beyond this machine.

An audit hook sees every connection that Python code opens, in whatever way, and cannot be taken back.
"""

import socket
import sys

_HERE = {"", "localhost", "127.0.0.1", "::1", "0.0.0.0", "::", socket.gethostname()}


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    return name is None or (isinstance(name, str) and (name in _HERE or name.startswith("127.")))


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in ("socket.connect", "socket.sendto", "socket.sendmsg"):
        address = arguments[1]
        if isinstance(address, tuple) and not _is_here(address[0]):
            raise AssertionError(f"a test tried to reach {address!r}")
    elif event in ("socket.getaddrinfo", "socket.gethostbyname") and not _is_here(arguments[0]):
        raise AssertionError(f"a test asked who {arguments[0]!r} is")


sys.addaudithook(_refuse)
