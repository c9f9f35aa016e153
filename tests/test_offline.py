"""The guard that keeps every test on this machine does its work."""

import socket
import subprocess
import sys

import pytest

AWAY = ("203.0.113.7", 80)  # an address that is kept for documentation


def test_no_connection_leaves_the_machine():
    with socket.socket() as away, pytest.raises(AssertionError, match="tried to reach"):
        away.connect(AWAY)
    with socket.socket() as away, pytest.raises(AssertionError, match="tried to reach"):
        away.connect_ex(AWAY)
    with socket.socket(type=socket.SOCK_DGRAM) as away, pytest.raises(AssertionError, match="tried to reach"):
        away.sendto(b"x", AWAY)
    with pytest.raises(AssertionError, match="asked who"):
        socket.getaddrinfo("example.org", 80)


def test_no_child_process_leaves_the_machine():
    code = f"import socket; socket.create_connection({AWAY!r}, 1)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "tried to reach" in done.stderr or "asked who" in done.stderr
