"""One process that reads files for us: started, asked, watched and ended. Its own side is parser_process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from time import monotonic
from typing import Any, Generic, TypeVar

from index.errors import LoadError
from index.limits import Limits
from index.parser_process import read_frame, write_frame

_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from index.parser_process import main; main(sys.argv[2])"
)
_DYING_S = 1.0  # from the end of its output to that of a process
_STARTING_S = 60.0  # what a new process may take on top before its first sign of life: no file is to blame
_FACTS_BYTES = 2_000_000_000  # of structure: far more than any document has
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Task(Generic[T]):
    """What a process is asked about a file, in the words of ``index.parser_process``, and what it replies.

    ``understood`` makes the result of the facts and the bytes that come with them; it raises ValueError,
    TypeError or KeyError where they are no reply.
    """

    path: Path
    source: str  # what the file is called in messages
    words: Mapping[str, Any]
    understood: Callable[[dict[str, Any], bytes], T]


@dataclass(frozen=True, slots=True)
class Death:
    """How a process ended while it read a file: late by ``seconds``, or by itself with ``code``."""

    seconds: float
    code: int

    @property
    def spelled(self) -> str:
        """The end in a word or two: "SIGSEGV", "exit code 3"."""
        try:
            return signal.Signals(-self.code).name if self.code < 0 else f"exit code {self.code}"
        except ValueError:
            return f"signal {-self.code}"


class ParserProcess:
    """One child process. Only ``kill`` may be called by another thread than the one that uses it."""

    def __init__(self, limits: Limits, load: str) -> None:
        ours = str(Path(__file__).parent.parent)
        path = [os.path.abspath(folder) for folder in sys.path] + [ours]
        arguments = json.dumps({"limits": asdict(limits), "load": load})
        self.files = 0  # that it has read
        self._limits = limits
        self._timer: threading.Timer | None = None
        self._child = subprocess.Popen(
            [sys.executable, "-I", "-c", _BOOT, json.dumps(path), arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is ours to handle, and what it starts ends with it
        )
        self._deadline = 0.0

    def do(self, task: Task[T], seconds: float) -> T | LoadError | MemoryError | Death:
        """What came of a task, with at most ``seconds`` between two signs of life; a start does not count."""
        assert self._child.stdin is not None and self._child.stdout is not None
        self._deadline = monotonic() + seconds + (_STARTING_S if self.files == 0 else 0)
        done = threading.Event()
        threading.Thread(target=self._watch, args=(done,), daemon=True).start()
        request = {"path": os.fspath(task.path), "source": task.source, "seconds": seconds, **task.words}
        try:
            write_frame(self._child.stdin, json.dumps(request).encode())
            while (reply := read_frame(self._child.stdout, most=_FACTS_BYTES)) == b"":
                self._deadline = monotonic() + seconds
            facts = json.loads(reply or b"{}")
            if "error" in facts:
                self.files += 1
                return LoadError(facts["error"])
            if "memory" in facts:
                return MemoryError()
            if reply:
                data = read_frame(self._child.stdout, most=self._limits.text_bytes) or b""
                result = task.understood(facts, data)
                self.files += 1
                return result
        except (OSError, ValueError, TypeError, KeyError):  # it died, or wrote what is no reply
            pass
        finally:
            done.set()
        late = monotonic() >= self._deadline
        try:
            code = self._child.wait(_DYING_S)
        except subprocess.TimeoutExpired:
            self.kill()
            code = self._child.wait()
        return Death(seconds if late else 0.0, code)

    def _watch(self, done: threading.Event) -> None:
        while not done.wait(max(0.01, self._deadline - monotonic())):
            if monotonic() >= self._deadline:
                self.kill()
                return

    def sleep(self, seconds: float, retire: Callable[[], None]) -> None:
        """Call ``retire`` unless a file comes within so many seconds."""
        self._timer = threading.Timer(seconds, retire)
        self._timer.daemon = True
        self._timer.start()

    def wake(self) -> bool:
        """Whether it is still there to read a file."""
        if self._timer is not None:
            self._timer.cancel()
        return self._child.poll() is None

    def kill(self) -> None:
        """End it, and what it started, at once."""
        if self._child.poll() is not None:
            return
        if sys.platform == "win32":
            self._child.kill()
            return
        with suppress(ProcessLookupError, PermissionError):  # it has just ended by itself
            os.killpg(self._child.pid, signal.SIGKILL)

    def end(self) -> None:
        """End it and let go of it."""
        if self._timer is not None:
            self._timer.cancel()
        self.kill()
        self._child.wait()
        for stream in (self._child.stdin, self._child.stdout):
            with suppress(OSError):  # what could not be written any more
                assert stream is not None
                stream.close()
