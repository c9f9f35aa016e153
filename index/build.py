"""The one write path: files found, read, cut, stored, encoded.

Each document is one transaction: text, passages and words can be searched as soon as it commits, vectors fill
in behind. A file that cannot be read is reported and its earlier version stays. Whatever is interrupted goes
on with the next run, because the store knows which passages still wait for a vector.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from index.chunk import chunk
from index.encode import Encoder
from index.errors import LoadError
from index.files import File, Original, find_files, free_name, hash_file, moves, name_sources, vanished
from index.load import load
from index.squad import paragraphs
from index.store import Store
from index.terms import Terms
from index.types import Document, Failure, Passage, Progress, Report
from index.vectors import Vectors

_ENCODE_AT_ONCE = 128  # passages: enough to sort by length, little enough to lose
_COMMIT_EVERY_S = 1.0  # words become searchable at least this often
OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class _Tally:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    failed: list[Failure] = field(default_factory=list)


class Builder:
    """Brings store, words and vectors in line with files. The caller holds the write lock."""

    def __init__(
        self,
        store: Store,
        words: Terms,
        vectors: Vectors,
        encoder: Encoder,
        *,
        skip: Collection[Path],
        on_progress: OnProgress,
    ) -> None:
        """``skip`` are folders whose content is never indexed: those of the index."""
        self._store = store
        self._words = words
        self._vectors = vectors
        self._encoder = encoder
        self._skip = skip
        self._on_progress = on_progress
        self._committed = time.monotonic()
        self._fresh = 0  # passages stored since the last encoding

    def add(self, paths: Sequence[Path], *, as_squad: bool = False) -> Report:
        """Index files and folders; see ``Index.add``."""
        started = time.monotonic()
        tally = _Tally()
        if as_squad:
            for path in paths:
                self._add_squad(path, tally)
        else:
            self._add_files(paths, tally)
        self._encode_waiting()
        self.settle()
        documents, passages = self._store.counts()
        seconds = round(time.monotonic() - started, 3)
        return Report(
            tally.added,
            tally.updated,
            tally.unchanged,
            tally.removed,
            tuple(tally.failed),
            documents,
            passages,
            seconds,
        )

    def settle(self) -> None:
        """Bring the derived indexes up to the store, in memory and on disk."""
        self._words.catch_up(self._store)
        self._vectors.catch_up(self._store)
        self._vectors.save()

    def _add_files(self, paths: Sequence[Path], tally: _Tally) -> None:
        files: dict[Path, File] = {}
        for path in paths:
            found = find_files(path, skip=self._skip)
            files |= {file.path: file for file in found.files if file.path not in files}
            tally.failed += found.failed
        known = self._store.originals()
        where = {source: original.path for source, (_, original) in known.items()}
        moved = moves(files, where, lambda source, path: known[source][0] == hash_file(path))
        where |= moved
        for source in vanished(where, files, [path for path in paths if path.is_dir()]):
            self._store.remove(source)
            del known[source], where[source]
            tally.removed += 1
        named = name_sources(files.values(), where)
        for done, (source, file) in enumerate(named.items()):
            self._on_progress(Progress(source, "read", done, len(named)))
            try:
                self._add_file(source, file.path, known.get(source), tally)
            except LoadError as exc:
                tally.failed.append(Failure(source, str(exc)))
        if named:
            self._on_progress(Progress("", "read", len(named), len(named)))

    def _add_file(self, source: str, path: Path, known: tuple[str, Original] | None, tally: _Tally) -> None:
        try:
            original = Original.of(path)
            if known is not None and known[1] == original:
                tally.unchanged += 1
                return
            if known is not None and known[0] == hash_file(path):
                self._store.touch(source, original)
                tally.unchanged += 1
                return
        except OSError as exc:
            raise LoadError(f"{source} cannot be read: {exc.strerror or exc}.") from exc
        self._put(load(path, source), original, tally, new=known is None)

    def _add_squad(self, path: Path, tally: _Tally) -> None:
        try:
            documents = {path / quote(source, safe=""): (source, text) for source, text in paragraphs(path)}
            file = Original.of(path)
        except (LoadError, OSError) as exc:
            tally.failed.append(Failure(str(path), str(exc)))
            return
        known = self._store.originals()
        source_of = {original.path: source for source, (_, original) in known.items()}
        for within, source in source_of.items():
            if path in within.parents and within not in documents:
                self._store.remove(source)
                del known[source]
                tally.removed += 1
        for done, (within, (name, text)) in enumerate(documents.items()):
            source = source_of.get(within) or free_name(name, path, known)
            self._on_progress(Progress(source, "read", done, len(documents)))
            document = squad_document(source, text)
            if source in known and known[source][0] == document.sha256:
                tally.unchanged += 1
                continue
            original = Original(within, file.size, file.mtime_ns, file.ctime_ns)
            self._put(document, original, tally, new=source not in known)

    def _put(self, document: Document, original: Original, tally: _Tally, *, new: bool) -> None:
        chunks = chunk(document)
        self._store.put(document, chunks, original)
        if new:
            tally.added += 1
        else:
            tally.updated += 1
        self._fresh += len(chunks)
        if time.monotonic() - self._committed > _COMMIT_EVERY_S:
            self._words.catch_up(self._store)
            self._committed = time.monotonic()
        if self._fresh >= _ENCODE_AT_ONCE:
            self._encode_waiting()

    def _encode_waiting(self) -> None:
        total = self._store.count_waiting()
        done = 0
        while passages := self._store.waiting(_ENCODE_AT_ONCE):
            self._on_progress(Progress(passages[0].source, "encode", done, total))
            vectors = self._encoder.encode([embedded_text(passage) for passage in passages])
            self._store.set_vectors([passage.id for passage in passages], vectors)
            done += len(passages)
        self._fresh = 0


def embedded_text(passage: Passage) -> str:
    """What the encoder reads: the passage under its headings, which say what it takes for granted."""
    return f"{passage.heading}\n{passage.text}" if passage.heading else passage.text


def squad_document(source: str, text: str) -> Document:
    """A paragraph of a SQuAD file as a document of its own."""
    title = source.rpartition("/")[0].replace("_", " ")
    return Document(
        source=source, sha256=sha256(text.encode()).hexdigest(), text=text, format="squad", title=title
    )
