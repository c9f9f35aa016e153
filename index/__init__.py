"""Documents in, passages out: load, chunk, encode, store, search.

``from index import Index`` is all that most programs need.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from index.index import Index

__all__ = ["Index"]


def __getattr__(name: str) -> Any:
    """Import ``Index`` when it is first asked for: FAISS takes its time."""
    if name == "Index":
        from index.index import Index

        return Index
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
