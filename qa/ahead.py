"""Models loaded ahead, while the index is still being opened."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from threading import Thread

from index.encode import DEFAULT_ENCODER, MiniLM, load_minilm
from index.errors import QAError
from qa.span_reader import SpanReader


def load_ahead(index: Path) -> None:
    """Begin to load the default encoder and the reader, each in a thread of its own, if there is an index.

    Whoever needs them waits until they are there. What fails here fails again there, and is said there.
    """
    from qa.read import load_reader

    if not (index / "citespan.db").is_file():
        return
    models: list[MiniLM | SpanReader] = [load_minilm(DEFAULT_ENCODER)]
    reader = load_reader()
    if isinstance(reader, SpanReader):
        models.append(reader)
    for model in models:
        # All that imports in circles (numpy, pydantic) is imported by now: two threads that do so at a time
        # may see half a module.
        Thread(target=_load, args=(model,), name=f"load {model.name}").start()


def _load(model: MiniLM | SpanReader) -> None:
    with suppress(QAError):
        model.load()
