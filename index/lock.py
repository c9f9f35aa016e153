"""The right to write to an index, which one process has at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from index.errors import IndexBusy, IndexNotWritable

LOCK_TIMEOUT_S = 60.0


@contextmanager
def write_lock(path: Path, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
    """The right to write to the index in ``path``; the kernel takes it back from a process that dies.

    Raises IndexBusy where another one still has it after ``timeout_s``, IndexNotWritable where the folder
    takes no file.
    """
    lock = FileLock(path / "write.lock")
    try:
        lock.acquire(timeout=timeout_s)
    except Timeout as exc:
        raise IndexBusy(
            f"Another process is writing to the index in {path}. Try again when it has finished."
        ) from exc
    except OSError as exc:
        raise IndexNotWritable(f"The index in {path} cannot be written: {exc.strerror}.") from exc
    try:
        yield
    finally:
        lock.release()
