"""Panics of libraries in Rust: they are no ``Exception``, and would end the program that calls."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def without_panic(library: str) -> Iterator[None]:
    """A panic of the library comes out as ValueError."""
    try:
        yield
    except BaseException as exc:
        if type(exc).__name__ != "PanicException":
            raise
        raise ValueError(f"{library}: {exc}") from exc
