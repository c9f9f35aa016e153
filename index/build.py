"""The one write path: files found, read, cut, stored, encoded.

Each document is one transaction: text, passages and words can be searched as soon as it commits, vectors fill
in behind, in a thread of its own. A file that cannot be read is reported and its earlier version stays.
Whatever is interrupted goes on with the next run, because the store knows which passages still wait for a
vector: it is the queue between the two, and no text waits in memory.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from urllib.parse import quote

from index.behind import WordsBehind
from index.chunk import Chunk, chunk
from index.encode import Encoder, embedded_text
from index.errors import LoadError
from index.files import (
    File,
    Original,
    find_files,
    free_name,
    hash_file,
    is_gone,
    moves,
    name_sources,
    vanished,
)
from index.parsing import Parsers, shared_parsers
from index.squad import fingerprint, match_moved, paragraphs
from index.store import Store
from index.terms import Terms
from index.types import Document, Failure, Passage, Progress, Report
from index.vectors import Vectors

_ENCODE_AT_ONCE = 256  # passages: enough to sort by length, little enough to lose
OnProgress = Callable[[Progress], None]


@dataclass(slots=True)
class _Tally:
    added: int = 0
    updated: int = 0
    unchanged: int = 0
    removed: int = 0
    moved: int = 0
    failed: list[Failure] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Stale:
    """A file that must be read; ``sha256`` is that of its stored version, "" where there is none."""

    source: str
    original: Original
    sha256: str


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
        parsers: Parsers | None = None,
    ) -> None:
        """``skip`` are folders whose content is never indexed: those of the index."""
        self._parsers = parsers or shared_parsers()
        self._store = store
        self._words = words
        self._vectors = vectors
        self._encoder = encoder
        self._skip = skip
        self._on_progress = on_progress
        self._behind = WordsBehind(words, store)
        self._fresh = _ENCODE_AT_ONCE  # passages stored since the thread last began; the first begins it
        self._stop = Event()
        self._job: Future[None] = Future()
        self._job.set_result(None)

    def add(self, paths: Sequence[Path], *, as_squad: bool = False) -> Report:
        """Index files and folders; see ``Index.add``."""
        started = time.monotonic()
        tally = _Tally()
        with self._encoding_behind(), self._behind:
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
            tally.updated + tally.moved,
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
        self._vectors.catch_up()
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
        gone = vanished(where, files, [path for path in paths if path.is_dir()])
        lost = {source: known.pop(source) for source in gone}
        for source in lost:
            del where[source]
        named = name_sources(files.values(), where)
        self._follow(lost, named, known, tally)
        in_part = self._store.read_in_part()
        stale: list[_Stale] = []
        for source, file in named.items():
            try:
                original = self._changed(source, file.path, known.get(source), again=source in in_part)
            except OSError as exc:
                reason = f"{source} cannot be read: {exc.strerror or exc}."
                tally.failed.append(Failure(source, reason))
                continue
            if original is None:
                self._on_progress(Progress(source, "read", tally.unchanged, len(named)))
                tally.unchanged += 1
            else:
                stale.append(_Stale(source, original, known[source][0] if source in known else ""))
        if stale:
            self._read(stale, tally, len(named))
        if named:
            self._on_progress(Progress("", "read", len(named), len(named)))
        for source in lost:
            self._store.remove(source)
            tally.removed += 1

    def _follow(
        self,
        lost: dict[str, tuple[str, Original]],
        named: Mapping[str, File],
        known: dict[str, tuple[str, Original]],
        tally: _Tally,
    ) -> None:
        """Rename the documents whose file was moved within what is indexed: they are ``lost`` no more."""
        for source, file in named.items():
            if not lost:
                return
            if source in known:
                continue
            with suppress(OSError):
                original = Original.of(file.path)
                alike = [name for name, (_, before) in lost.items() if before.size == original.size]
                digest = hash_file(file.path) if alike else ""
                if before := next((name for name in alike if lost[name][0] == digest), ""):
                    self._store.rename(before, source, original)
                    known[source] = digest, original
                    del lost[before]
                    tally.moved += 1

    def _changed(
        self, source: str, path: Path, known: tuple[str, Original] | None, *, again: bool
    ) -> Original | None:
        """The present state of a file that must be read; None for one that is as it was. Raises OSError."""
        original = Original.of(path)
        if known is None or again:
            return original
        if known[1] == original:
            return None
        if known[0] != hash_file(path):
            return original
        self._store.touch(source, original)
        return None

    def _read(self, stale: Sequence[_Stale], tally: _Tally, total: int) -> None:
        """Read files, several at a time, and store them in their order."""
        files = [(file.original.path, file.source) for file in stale]
        with closing(self._parsers.read_all(files)) as documents:
            for done, file in enumerate(stale, total - len(stale)):
                self._on_progress(Progress(file.source, "read", done, total))
                read = next(documents)
                if isinstance(read, LoadError):
                    tally.failed.append(Failure(file.source, str(read)))
                    continue
                document = read.document
                if document.unread:
                    tally.failed.append(Failure(file.source, document.unread))
                if file.sha256 == document.sha256 and self._store.document(file.source) == document:
                    tally.unchanged += 1
                    continue
                self._put(document, read.chunks, file.original, tally, new=not file.sha256)

    def _add_squad(self, path: Path, tally: _Tally) -> None:
        """Store the paragraphs of a SQuAD file, each as the document of its place ``path/quoted name``."""
        try:
            documents = {path / quote(source, safe=""): (source, text) for source, text in paragraphs(path)}
            file = Original.of(path)
        except (LoadError, OSError) as exc:
            tally.failed.append(Failure(str(path), str(exc)))
            return
        known = self._store.originals()
        moved = self._follow_paragraphs(documents, file, known)
        tally.moved += len(moved)
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
                tally.unchanged += source not in moved
                continue
            original = Original(within, file.size, file.mtime_ns, file.ctime_ns)
            self._put(document, chunk(document), original, tally, new=source not in known)

    def _follow_paragraphs(
        self, names: Mapping[Path, tuple[str, str]], file: Original, known: dict[str, tuple[str, Original]]
    ) -> frozenset[str]:
        """Rename the documents that are paragraphs of ``file``, which was moved; return their new sources."""
        source_of = {original.path: source for source, (_, original) in known.items()}
        new = {at: fingerprint(text) for at, (_, text) in names.items() if at not in source_of}
        texts = frozenset(new.values())
        gone = {o.path: text for text, o in known.values() if text in texts and is_gone(o.path)}
        lost = {at: gone[at] for at in gone if self._store.document(source_of[at]).format == "squad"}
        moved: set[str] = set()
        for before, at in match_moved(lost, new).items():
            del known[source_of[before]]
            source = free_name(names[at][0], file.path, known)
            known[source] = new[at], Original(at, file.size, file.mtime_ns, file.ctime_ns)
            self._store.rename(source_of[before], source, known[source][1])
            moved.add(source)
        return frozenset(moved)

    def _put(
        self,
        document: Document,
        chunks: Sequence[Chunk],
        original: Original,
        tally: _Tally,
        *,
        new: bool,
    ) -> None:
        self._store.put(document, chunks, original)
        if new:
            tally.added += 1
        else:
            tally.updated += 1
        self._fresh += len(chunks)
        self._behind.stored()
        if self._fresh >= _ENCODE_AT_ONCE and self._job.done():
            self._job.result()  # raises what went wrong in the thread
            self._job = self._thread.submit(self._encode_behind)
            self._fresh = 0

    @contextmanager
    def _encoding_behind(self) -> Iterator[None]:
        """While this lasts, full batches are encoded beside the reading; at its end, or when it is broken
        off, the batch under way is still stored.
        """
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="encode") as self._thread:
            try:
                yield
            finally:
                self._stop.set()
        self._job.result()

    def _encode_behind(self) -> None:
        self._encoder.encode([])  # loads the model, however few passages there are as yet
        while not self._stop.is_set() and self._store.count_waiting() >= _ENCODE_AT_ONCE:
            self._encode(self._store.waiting(_ENCODE_AT_ONCE))

    def _encode_waiting(self) -> None:
        total = self._store.count_waiting()
        done = 0
        while passages := self._store.waiting(_ENCODE_AT_ONCE):
            self._on_progress(Progress(passages[0].source, "encode", done, total))
            self._encode(passages)
            done += len(passages)

    def _encode(self, passages: Sequence[Passage]) -> None:
        vectors = self._encoder.encode([embedded_text(passage) for passage in passages])
        self._store.set_vectors([passage.id for passage in passages], vectors)
        self._vectors.catch_up()
        if self._vectors.crowded:
            self._vectors.save()


def squad_document(source: str, text: str) -> Document:
    """A paragraph of a SQuAD file as a document of its own."""
    title = source.rpartition("/")[0].replace("_", " ")
    return Document(source=source, sha256=fingerprint(text), text=text, format="squad", title=title)
