"""A running page, as `python app.py` starts it, in a process and on a port of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PROJECT = Path(__file__).parent.parent


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def running_page(index: Path, *options: str, **environment: str) -> Iterator[str]:
    """The address of a page over the index, until the end of the block; it answers, however unsure it is."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "log")
        server = start_page(index, port, log, *options, **environment)
        try:
            yield wait_for(server, port, log)
        finally:
            server.terminate()
            server.wait(20)


def start_page(index: Path, port: int, log: Path, *options: str, **environment: str) -> subprocess.Popen:
    """The process that serves the page; what it says is added to ``log``."""
    command = [sys.executable, "app.py", "--index", str(index), "--port", str(port), *options]
    with log.open("a", encoding="utf-8") as out:
        return subprocess.Popen(
            command,
            cwd=PROJECT,
            stdout=out,
            stderr=out,
            env=os.environ | {"QA_MIN_CONFIDENCE": "0"} | environment,
        )


def wait_for(server: subprocess.Popen, port: int, log: Path) -> str:
    """The address of the page that a process serves, as soon as it answers."""
    address = f"http://127.0.0.1:{port}/"
    end = time.monotonic() + 180
    while not answers(address):
        if server.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"the page did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)
    return address


def answers(address: str) -> bool:
    """Whether anything answers there, be it a login page."""
    try:
        urllib.request.urlopen(address, timeout=2)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
