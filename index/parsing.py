"""Files read in processes of their own, several at a time, each within limits.

A parser that crashes, hangs or eats memory takes its process with it, and nothing else: the file fails with a
sentence, and the next one gets a new process. The processes are plain programs (no fork of ours, no pickle),
so that scripts need no ``if __name__ == "__main__"``; they are kept for the next file and end when idle.
"""

from __future__ import annotations

import atexit
import os
import threading
from collections import deque
from collections.abc import Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import Generic

from index.child import Death, ParserProcess, T, Task
from index.errors import LoadError
from index.formats.parsed import one_line
from index.limits import Limits, memory_share
from index.parser_process import Loaded, loaded_from

_FILES_EACH = 1000  # then a new process takes over: libraries leak
_AHEAD = 16  # files that are read before the first of them is taken
_HELD_CHARS = 64_000_000  # no further file is begun while more text than this waits to be taken
_MAX_WORKERS = 4
_IDLE_S = 20.0  # a process that waits longer for a file is ended: it holds memory


class Parsers:
    """Up to ``workers`` processes that read files; any number of threads may use them."""

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        workers: int | None = None,
        load: str = "index.load:load",
        idle_s: float = _IDLE_S,
    ) -> None:
        """``load`` names the function that reads a file, as ``module:function``."""
        self._workers = workers or min(_MAX_WORKERS, os.cpu_count() or 1)
        self._limits = limits or Limits(memory_bytes=memory_share(self._workers))
        self._load = load
        self._idle_s = idle_s
        self._lock = threading.Lock()
        self._idle: list[ParserProcess] = []
        self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="parse")

    def __enter__(self) -> Parsers:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all processes that wait for a file."""
        with self._lock:
            idle, self._idle = self._idle, []
        for process in idle:
            process.end()

    def read(self, path: Path, source: str) -> Loaded:
        """The document in a file and its passages. Raises LoadError as ``index.load.load`` does, and where
        reading crashes, takes too long or needs too much memory.
        """
        (read,) = self.read_all([(path, source)])
        if isinstance(read, LoadError):
            raise read
        return read

    def do(self, task: Task[T]) -> T:
        """The result of any task, when its turn has come. Raises LoadError as ``read`` does."""
        result = self._threads.submit(_Job(task, self).run).result()
        if isinstance(result, LoadError):
            raise result
        return result

    def read_all(self, files: Iterable[tuple[Path, str]]) -> Generator[Loaded | LoadError, None, None]:
        """For each (path, source), in their order, what was read or why it could not be.

        The next files are read while one is taken. Who stops before the end, by Ctrl-C too, ends the
        processes that are at work for him.
        """
        todo = iter(files)
        jobs: deque[_Reading] = deque()
        try:
            while True:
                while len(jobs) < _AHEAD and sum(job.chars() for job in jobs) <= _HELD_CHARS:
                    file = next(todo, None)
                    if file is None:
                        break
                    jobs.append(_Reading(*file, self))
                    jobs[-1].future = self._threads.submit(jobs[-1].run)
                if not jobs:
                    return
                read = jobs[0].future.result()
                jobs.popleft()
                yield read
        finally:
            for job in jobs:
                job.abandon()

    # -- for _Job --------------------------------------------------------------------------------------------

    @property
    def limits(self) -> Limits:
        """What reading one file may take."""
        return self._limits

    def take(self, *, new: bool) -> ParserProcess:
        """A process that nobody else uses; a ``new`` one has read nothing yet."""
        with self._lock:
            while self._idle and not new:
                process = self._idle.pop()
                if process.wake():
                    return process
        return ParserProcess(self._limits, self._load)

    def give_back(self, process: ParserProcess) -> None:
        """Keep a process for the next file."""
        with self._lock:
            if len(self._idle) < self._workers and process.files < _FILES_EACH:
                self._idle.append(process)
                process.sleep(self._idle_s, lambda: self._retire(process))
                return
        process.end()

    def _retire(self, process: ParserProcess) -> None:
        with self._lock:
            if process not in self._idle:
                return
            self._idle.remove(process)
        process.end()


@lru_cache(maxsize=1)
def shared_parsers() -> Parsers:
    """The parsers of this program: each time the same, ended with it."""
    parsers = Parsers()
    atexit.register(parsers.close)
    return parsers


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=shared_parsers.cache_clear)  # two must not talk to one process


class _Job(Generic[T]):
    """One task on its way: done in a thread, which waits for a process."""

    future: Future[T | LoadError]

    def __init__(self, task: Task[T], parsers: Parsers) -> None:
        self._task = task
        self._name = one_line(task.source)
        self._parsers = parsers
        self._process: ParserProcess | None = None
        self._abandoned = False
        self._lock = threading.Lock()

    def abandon(self) -> None:
        """Nobody wants it any more."""
        self.future.cancel()
        with self._lock:
            self._abandoned = True
            if self._process is not None:
                self._process.kill()

    def run(self) -> T | LoadError:
        """The result, or why there is none.

        A file is blamed for a crash only in a process that has read nothing before it.
        """
        for new in (False, True):
            process = self._parsers.take(new=new)
            with self._lock:
                self._process = process
                if self._abandoned:
                    process.kill()
            fresh = process.files == 0
            outcome = process.do(self._task, self._seconds())
            with self._lock:
                self._process = None
            if not isinstance(outcome, MemoryError | Death):
                self._parsers.give_back(process)
                return outcome
            process.end()
            late = isinstance(outcome, Death) and outcome.seconds > 0
            if fresh or late or new or self._abandoned:
                return self._blame(outcome)
        raise AssertionError("a new process is the last")

    def _seconds(self) -> float:
        try:
            size = self._task.path.stat().st_size
        except (OSError, ValueError):
            size = 0  # the process says what is wrong with it
        return self._parsers.limits.seconds_for(size)

    def _blame(self, outcome: Death | MemoryError) -> LoadError:
        if isinstance(outcome, MemoryError):
            return LoadError(
                f"{self._name} needs more than {self._parsers.limits.memory_bytes / (1 << 30):.1f} GiB of "
                f"memory to be read. Split it into parts, or save it as plain text."
            )
        if outcome.seconds:
            return LoadError(
                f"{self._name} was given up after {outcome.seconds:.0f} seconds: it is damaged, or too "
                f"complex to be read. Save it again, in parts or as plain text."
            )
        return LoadError(
            f"{self._name} crashed the program that reads such files ({outcome.spelled}): it is "
            f"damaged, or too large for this machine's memory. Open it in its own program and save it again."
        )


class _Reading(_Job[Loaded]):
    """One file on its way."""

    def __init__(self, path: Path, source: str, parsers: Parsers) -> None:
        task = Task(path, source, {}, lambda facts, text: loaded_from(facts, text.decode()))
        super().__init__(task, parsers)

    def chars(self) -> int:
        """Length of the text that was read and waits to be taken."""
        if not self.future.done() or self.future.cancelled() or self.future.exception():
            return 0
        read = self.future.result()
        return len(read.document.text) if isinstance(read, Loaded) else 0

    def run(self) -> Loaded | LoadError:
        """What was read, or why it could not be."""
        plain = _read_plain(self._task.path, self._task.source)
        return super().run() if plain is None else plain


def _read_plain(path: Path, source: str) -> Loaded | LoadError | None:
    """What is in a file that is safe to read here; None for one that needs a parser."""
    from index.chunk import chunk
    from index.load import load_plain

    try:
        document = load_plain(path, source)
        return None if document is None else Loaded(document, chunk(document))
    except LoadError as exc:
        return exc
    except Exception:  # a mistake of ours, or of a library: it must not cost more than this file
        return None
