"""A reader that does what the first word of a file tells it: what parsers do at their worst."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from index.load import load
from index.types import Document


def load_hostile(path: Path, source: str, *, on_step: Callable[[], None] = lambda: None) -> Document:
    """As ``index.load.load``, unless the file begins with one of the words."""
    words = path.read_bytes()[:200].decode("utf-8", "replace").split() if path.is_file() else []
    match words[:1]:
        case ["HANG"]:
            for begun in words[1:2]:
                Path(begun).touch()
            ctypes.PyDLL(None).sleep(600)  # holds the interpreter's lock, as a loop in C does
        case ["HANG-WITH-CHILD"]:
            child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            Path(words[1]).write_text(str(child.pid))
            time.sleep(600)
        case ["MEET"]:  # of two readers at once, each waits until the other one is here
            Path(words[1]).touch()
            for _ in range(600):
                if Path(words[2]).exists():
                    break
                time.sleep(0.1)
                on_step()
            else:
                raise AssertionError("nobody came")
        case ["STEPS"]:
            for _ in range(int(words[1])):
                time.sleep(0.2)
                on_step()
        case ["CRASH"]:
            ctypes.string_at(0)
        case ["CRASH-LATER"]:  # harms the process that reads it, and only the next file notices
            os.environ["HARMED"] = "1"
        case ["EXIT"]:
            os._exit(3)
        case ["BOMB"]:
            hoard = [bytearray(50_000_000) for _ in range(10_000)]
            raise AssertionError(len(hoard))
        case ["FLOOD"]:
            return Document(source, "0" * 64, "ä" * 2_000_000, "text", "")
        case ["PRINT"]:
            print("a library talks", flush=True)  # noqa: T201
            os.write(1, b"\xff" * 1000)
        case ["RECURSE"]:
            raise RecursionError("maximum recursion depth exceeded")
        case ["FINE"] if "HARMED" in os.environ:
            os.abort()
    return load(path, source, on_step=on_step)
