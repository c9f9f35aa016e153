"""Office documents."""

from __future__ import annotations
from collections.abc import Callable
from index.errors import LoadError
from index.formats.parsed import Parsed


def recognise_zip(data: bytes, name: str) -> str:
    raise LoadError(f"{name} is an office document")


def about_ole(data: bytes, name: str) -> str:
    return f"{name} is an old office document"


READERS: dict[str, Callable[[bytes, str], Parsed]] = {}
