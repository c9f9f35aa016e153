"""A running page, as `python app.py` starts it, in a process and on a port of its own."""

from __future__ import annotations

import os
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gradio_client import Client

PROJECT = Path(__file__).parent.parent
TIMEOUT_S = 90  # of a request: a busy machine is no fault of the page


def program(url: str, **options: Any) -> Client:
    """A program that asks the page, and waits for it longer than five seconds where the machine is busy."""
    return Client(url, verbose=False, httpx_kwargs={"timeout": TIMEOUT_S}, **options)


def free_port() -> int:
    """A port that no connection takes by chance before the server does: those the system gives are higher."""
    for port in random.sample(range(20_000, 30_000), 100):
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise AssertionError("no port is free")


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
            server.wait(60)


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
    end = time.monotonic() + 300
    while not answers(address):
        if server.poll() is not None or time.monotonic() > end:
            raise AssertionError(f"the page did not start: {log.read_text()[-2000:]}")
        time.sleep(0.1)
    return address


def answers(address: str) -> bool:
    """Whether anything answers there, be it a login page."""
    try:
        urllib.request.urlopen(address, timeout=10)
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False
    return True
