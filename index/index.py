"""An index folder: what `qa index` writes and every question reads."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType

from index.characters import storable
from index.database import DAMAGED
from index.encode import DEFAULT_ENCODER, Encoder, load_encoder
from index.errors import IndexBusy, IndexMismatch, IndexMissing, IndexNotWritable, LoadError
from index.files import forget_copies, hash_file, real_path
from index.lock import LOCK_TIMEOUT_S, write_lock
from index.retrieve import Ids, Retriever
from index.store import Store
from index.terms import Terms
from index.types import Box, Document, DocumentInfo, Hit, Progress, Report, Span
from index.vectors import Vectors

DATABASE = "citespan.db"
UPLOADS = "uploads"  # folder of the files that the index keeps itself
WORDS = "terms"  # folder of the word index
_SCRUBBED_AT_ONCE = 5_000  # passages: about a second; larger ones are scrubbed by `remove` and the doctor


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
    def open(cls, path: str | Path, *, encoder: Encoder | None = None, create: bool = True) -> Index:
        """The index in the folder ``path``; a new one where there is none, unless ``create`` is False.

        Without ``encoder`` it is the one that the index was built with. Raises IndexMissing, IndexMismatch
        (built with another encoder, or by a newer version), IndexDamaged, IndexBusy.
        """
        path = real_path(path)
        if not (path / DATABASE).is_file():
            if not create:
                raise IndexMissing(
                    f"There is no index in {path}. Make one with: qa index FOLDER --index {path}"
                )
            try:
                path.mkdir(parents=True, exist_ok=True)
            except OSError as exc:
                raise IndexNotWritable(f"The folder {path} cannot be made: {exc.strerror}.") from exc
            with write_lock(path):  # others wait until the database is whole
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

        They lag behind when an indexer was killed, or for a moment while another one is at work, who then
        catches up: nobody waits for that.
        """
        words = self._words_on_disk()
        if words is not None and words.generation == self._store.generation():
            return words
        try:
            with self._writing(timeout_s=0):
                words = self._words_on_disk() or Terms.create(self.path / WORDS)
                words.catch_up(self._store)
        except IndexBusy:
            words = self._words_on_disk()
        except IndexNotWritable:
            words = None
        if words is None:
            words = Terms.in_memory()
            words.catch_up(self._store)
        return words

    def _words_on_disk(self) -> Terms | None:
        try:
            return Terms.open(self.path / WORDS)
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
        paths: str | Path | Sequence[str | Path],
        *,
        on_progress: Callable[[Progress], None] | None = None,
        as_squad: bool = False,
    ) -> Report:
        """Index files and folders: new files are added, changed ones replaced, unchanged ones left alone.

        One path may stand by itself. Documents whose file has vanished from a given folder are removed. A
        file that cannot be read is listed in the report, and its earlier version stays. With ``as_squad``
        each path is a SQuAD file and each of its paragraphs a document. Raises IndexBusy, IndexNotWritable,
        ModelError.
        """
        from index.build import Builder  # the parsers of all formats take their time

        with self._writing():
            builder = Builder(
                self._store,
                self._own_words(),
                self._vectors,
                self.encoder,
                skip=(self.path, self.path / WORDS),
                on_progress=on_progress or (lambda _: None),
            )
            given = [paths] if isinstance(paths, (str, Path)) else paths
            report = builder.add([real_path(path) for path in given], as_squad=as_squad)
            self._store.checkpoint()
            if (report.updated or report.removed) and self._is_small():
                with suppress(IndexBusy, IndexNotWritable):  # the store remembers that it is still to do
                    self._scrub()
        return report

    def remove(self, *sources: str) -> None:
        """Forget documents: text, words, vectors, and the copies of their files that the index keeps.

        When it returns, no byte of them is left in the folder of the index, neither in free pages nor in
        logs. Raises DocumentMissing, where nothing is removed, IndexBusy, IndexNotWritable.
        """
        if not sources:
            return
        with self._writing():
            paths = [self._store.original(source)[1] for source in sources]
            self._store.remove(*sources)
            for path in paths:
                if self.path in path.parents:
                    forget_copies(path, self.path)
            self._scrub()

    @property
    def unscrubbed(self) -> bool:
        """Whether bytes of deleted documents may still lie in the folder (old versions, in a large index)."""
        return self._store.unscrubbed

    def scrub(self) -> None:
        """Overwrite what is left of deleted documents. Raises IndexBusy, IndexNotWritable."""
        with self._writing():
            self._scrub()

    def _is_small(self) -> bool:
        """Whether it is rewritten in so little time that an update of a file may wait for it."""
        return self._store.counts()[1] <= _SCRUBBED_AT_ONCE

    def _scrub(self) -> None:
        """Write all files of the index anew, without what was deleted. Needs the write lock."""
        for rescued in self.path.glob(f"{DATABASE}{DAMAGED}*"):
            rescued.unlink(missing_ok=True)
        self._own_words().rewrite(self._store)
        self._vectors.catch_up()
        self._vectors.rewrite()
        if not self._store.scrub():
            raise IndexBusy(
                f"The documents are removed, but another process keeps their bytes in {self.path} from being "
                f"overwritten. Run `qa doctor` when it has finished."
            )
        self._store.scrubbed()

    @contextmanager
    def _writing(self, timeout_s: float = LOCK_TIMEOUT_S) -> Iterator[None]:
        with write_lock(self.path, timeout_s):
            yield

    def _own_words(self) -> Terms:
        """The words on disk, under the write lock: who read from memory until now takes them up."""
        if not self._words.on_disk:
            self._words = self._words_on_disk() or Terms.create(self.path / WORDS)
        return self._words

    # -- reading ---------------------------------------------------------------------------------------------

    @cached_property
    def _vectors(self) -> Vectors:
        return Vectors(self.path, self.encoder.dim, self._store)

    def search(
        self, question: str, *, top_k: int = 10, sources: str | Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        """Up to ``top_k`` passages, best first: dense and lexical search, fused by score.

        ``sources`` restricts the search to these documents, or to one. A passage that repeats a better one is
        left out and named there (``index.duplicates`` has the rule). A passage whose vector is still being
        made is found by its words. Nothing is written.
        """
        if top_k < 1:
            raise ValueError(f"top_k must be at least 1, not {top_k}")
        if not question.strip():
            return ()
        question = storable(question)
        only: Ids | None = None
        if sources is not None:
            only = self._store.ids_of([sources] if isinstance(sources, str) else sources)
            if not len(only):
                return ()
        self._vectors.catch_up()
        retriever = Retriever(self._store, self._vectors, self.encoder, self._search_words)
        return retriever.search(question, top_k, only)

    def _search_words(self, question: str, top_k: int, only: Ids | None) -> list[tuple[int, float]]:
        words = self._words  # another thread may put others in their place
        if not words.on_disk:
            words.catch_up(self._store)
        try:
            return words.search(question, top_k, only=only)
        except ValueError:  # a file of theirs is damaged: they are derived, so make them anew
            self._words = words = Terms.in_memory()
            words.catch_up(self._store)
            return words.search(question, top_k, only=only)

    def document(self, source: str) -> Document:
        """The stored document, whose text all offsets count in. Raises DocumentMissing."""
        return self._store.document(source)

    def documents(self) -> tuple[DocumentInfo, ...]:
        """All documents, in the order of their sources."""
        return self._store.documents()

    def place(self, source: str, offset: int) -> str:
        """Where in its file a character stands, such as "p. 12" or "Sheet1 row 88"; "" where there is nothing
        to say. Raises DocumentMissing.
        """
        from index.place import place

        return place(self.document(source), offset)

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
        """Where characters stand on the pages of a PDF, one box a line.

        () for other files, and where the file is lost or cannot be looked into within limits.
        """
        from index.picture import page_boxes

        document = self.document(source)
        path = self.original(source) if document.format == "pdf" else None
        if path is None:
            return ()
        try:
            return page_boxes(path, document, span)
        except LoadError:
            return ()
