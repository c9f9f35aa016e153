"""Stores and indexes for tests, made from plain strings."""

from pathlib import Path

from index.chunk import chunk
from index.files import Original
from index.index import DATABASE
from index.store import Store
from index.types import Document

SEEDS = Path(__file__).parent.parent / "seeds"


def fill(folder: Path, texts: dict[str, str]) -> Store:
    """A store in ``folder`` with one text document for each item of ``texts``, without vectors."""
    folder.mkdir(parents=True, exist_ok=True)
    store = Store(folder / DATABASE)
    for source, text in texts.items():
        document = Document(source=source, sha256=f"{hash(text):x}", text=text, format="text", title="")
        store.put(document, chunk(document), Original(folder / source, len(text), 0, 0))
    return store


def write(folder: Path, texts: dict[str, str]) -> Path:
    """The folder, with one UTF-8 file for each item of ``texts``."""
    for name, text in texts.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())
    return folder
