"""An index folder: what `qa index` writes and every question reads."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from types import TracebackType

import numpy as np
from filelock import FileLock, Timeout
from numpy.typing import NDArray

from index.build import Builder
from index.encode import DEFAULT_ENCODER, Encoder, load_encoder
from index.errors import IndexBusy, IndexMismatch, IndexMissing, IndexNotWritable
from index.files import hash_file
from index.load import read_boxes
from index.retrieve import fuse
from index.store import Store
from index.terms import Terms
from index.types import Box, Document, DocumentInfo, Hit, Progress, Report, Span
from index.vectors import Vectors

DATABASE = "citespan.db"
_WORDS = "terms"  # folder of the word index
_LOCK_TIMEOUT_S = 60.0
_POOL = 100  # passages that each retriever puts up for fusion, at least


class Index:
    """Documents that can be searched; open it with ``Index.open``, close it or use it in a ``with``
    statement.

    Any number of readers and one writer may be at work at a time, in this process and in others. A reader
    sees a document from the moment its transaction commits.
    """

    def __init__(self, path: Path, store: Store, encoder: Encoder) -> None:
        """Use ``Index.open``."""
        self.path = path
        self.encoder = encoder
        self._store = store
        self._words = self._open_words()

    @classmethod
    def open(cls, path: str | Path, *, encoder: Encoder | None = None, create: bool = False) -> Index:
        """The index in the folder ``path``; ``create`` makes a new one where there is none.

        Without ``encoder`` it is the one that the index was built with. Raises IndexMissing, IndexMismatch
        (built with another encoder, or by a newer version), IndexDamaged, IndexBusy.
        """
        path = Path(os.path.abspath(path))
        if not (path / DATABASE).is_file():
            if not create:
                raise IndexMissing(
                    f"There is no index in {path}. Make one with: qa index FOLDER --index {path}"
                )
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise IndexNotWritable(f"The folder {path} cannot be made: {exc.strerror}.") from exc
            with _write_lock(path, _LOCK_TIMEOUT_S):  # others wait until the database is whole
                Store(path / DATABASE).close()
        store = Store(path / DATABASE)
        built_with = store.get_meta("encoder")
        encoder = encoder or load_encoder(built_with or DEFAULT_ENCODER)
        if not built_with:
            store.set_meta("encoder", encoder.name)
        elif built_with != encoder.name:
            store.close()
            raise IndexMismatch(
                f"The index in {path} was built with the encoder {built_with}; asked for {encoder.name}. "
                f"Index into another folder with --index, or leave the encoder away."
            )
        return cls(path, store, encoder)

    def _open_words(self) -> Terms:
        """The words of the store: from disk, mended or made anew if need be, else made in memory.

        They lag behind when an indexer was killed, or while another one is at work, who then catches up.
        """
        words = self._words_on_disk()
        if words is not None and words.generation == self._store.generation():
            return words
        try:
            with self._writing(timeout_s=0):
                words = self._words_on_disk() or Terms.create(self.path / _WORDS)
                words.catch_up(self._store)
        except IndexBusy:
            pass
        except IndexNotWritable:
            words = None
        if words is None:
            words = Terms.in_memory()
            words.catch_up(self._store)
        return words

    def _words_on_disk(self) -> Terms | None:
        try:
            return Terms.open(self.path / _WORDS)
        except (ValueError, OSError):
            return None

    def close(self) -> None:
        """Let go of the files."""
        self._store.close()

    def __enter__(self) -> Index:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- writing ---------------------------------------------------------------------------------------------

    def add(
        self,
        paths: Sequence[str | Path],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        as_squad: bool = False,
    ) -> Report:
        """Index files and folders: new files are added, changed ones replaced, unchanged ones left alone.

        Documents whose file has vanished from a given folder are removed. A file that cannot be read is
        listed in the report, and its earlier version stays. With ``as_squad`` each path is a SQuAD file and
        each of its paragraphs a document. Raises IndexBusy, IndexNotWritable, ModelError.
        """
        with self._writing():
            builder = Builder(
                self._store,
                self._own_words(),
                self._vectors,
                self.encoder,
                skip=(self.path, self.path / _WORDS),
                on_progress=on_progress or (lambda _: None),
            )
            report = builder.add([Path(os.path.abspath(path)) for path in paths], as_squad=as_squad)
            self._store.checkpoint()
        return report

    def remove(self, source: str) -> None:
        """Forget a document: text, words, vectors, and the copy of its file that the index keeps, if it keeps
        one.

        Raises DocumentMissing, IndexBusy.
        """
        with self._writing():
            _, path = self._store.original(source)
            self._store.remove(source)
            self._own_words().catch_up(self._store)
            self._vectors.catch_up(self._store)
            self._vectors.save()
            self._store.checkpoint()
            if self.path in path.parents:
                path.unlink(missing_ok=True)

    @contextmanager
    def _writing(self, timeout_s: float = _LOCK_TIMEOUT_S) -> Iterator[None]:
        with _write_lock(self.path, timeout_s):
            yield

    def _own_words(self) -> Terms:
        """The words on disk, under the write lock: who read from memory until now takes them up."""
        if not self._words.on_disk:
            self._words = self._words_on_disk() or Terms.create(self.path / _WORDS)
        return self._words

    # -- reading ---------------------------------------------------------------------------------------------

    @cached_property
    def _vectors(self) -> Vectors:
        return Vectors(self.path, self.encoder.dim)

    def search(
        self, question: str, *, top_k: int = 10, sources: Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        """Up to ``top_k`` passages, best first: dense and lexical search, fused by score.

        ``sources`` restricts the search to these documents. A passage whose vector is still being made is
        found by its words. Nothing is written.
        """
        if top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {top_k}")
        if not question.strip():
            return ()
        only: NDArray[np.int64] | None = None
        if sources is not None:
            only = self._store.ids_of(sources)
            if not len(only):
                return ()
        pool = max(_POOL, top_k)
        self._vectors.catch_up(self._store)
        lexical = dict(self._search_words(question, pool, only))
        dense: dict[int, float] = {}
        if len(self._vectors):
            vector = self.encoder.encode([question])[0]
            dense = dict(self._vectors.search(vector, pool, only=only))
            dense |= self._vectors.cosines(vector, [i for i in lexical if i not in dense])
        ranking = fuse(dense, lexical)[:pool]
        passages = self._store.passages([passage for passage, _ in ranking])
        found = [Hit(passages[i], score, "hybrid") for i, score in ranking if i in passages]
        return tuple(found[:top_k])

    def _search_words(
        self, question: str, top_k: int, only: NDArray[np.int64] | None
    ) -> list[tuple[int, float]]:
        if not self._words.on_disk:
            self._words.catch_up(self._store)
        try:
            return self._words.search(question, top_k, only=only)
        except ValueError:  # a file of theirs is damaged: they are derived, so make them anew
            self._words = Terms.in_memory()
            self._words.catch_up(self._store)
            return self._words.search(question, top_k, only=only)

    def document(self, source: str) -> Document:
        """The stored document, whose text all offsets count in. Raises DocumentMissing."""
        return self._store.document(source)

    def documents(self) -> tuple[DocumentInfo, ...]:
        """All documents, in the order of their sources."""
        return self._store.documents()

    def note(self, key: str) -> str:
        """What a program keeps with the index under ``key``; "" where it keeps nothing."""
        return self._store.get_meta(f"note:{key}")

    def set_note(self, key: str, value: str) -> None:
        """Keep ``value`` with the index under ``key``. Raises IndexBusy, IndexNotWritable."""
        with self._writing(), self._store.write():
            self._store.set_meta(f"note:{key}", value)

    def location(self, source: str) -> Path:
        """Where a document's file was when it was read, whether or not it is still there; of a SQuAD
        paragraph a path below its file. Raises DocumentMissing.
        """
        return self._store.original(source)[1]

    def original(self, source: str) -> Path | None:
        """A document's file, if it still holds the bytes that were indexed. Raises DocumentMissing."""
        sha256, path = self._store.original(source)
        try:
            return path if path.is_file() and hash_file(path) == sha256 else None
        except OSError:
            return None

    def boxes(self, source: str, span: Span) -> tuple[Box, ...]:
        """Where characters stand on the pages of a PDF, one box a line; () for other or lost files."""
        document = self.document(source)
        path = self.original(source) if document.format == "pdf" else None
        return () if path is None else read_boxes(path, document, span)


@contextmanager
def _write_lock(path: Path, timeout_s: float) -> Iterator[None]:
    """The right to write to the index in ``path``, which one process has at a time."""
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
