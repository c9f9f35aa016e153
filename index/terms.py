"""The tantivy index: lexical search by BM25 (Robertson and Zaragoza, 2009), derived from the stored texts."""

from __future__ import annotations

import contextlib
import re
import shutil
import threading
import time
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.errors import IndexBusy, IndexNotWritable
from index.panic import without_panic
from index.store import Store
from index.types import Passage

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ACCENT = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic; marks of other scripts are letters
# Scripts that write words without blanks between them: their text is indexed by pairs of characters.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_MAX_QUERY_TERMS = 256
_MAX_TERM_CHARS = 64
_AT_ONCE = 1000  # passages held in memory while all are written
_MANY = 100_000  # passages; in fewer, every word of a question is looked up
_COMMON = 0.25  # of many passages: a word in more of them costs most of the time and hardly moves the ranking
_HEADING_BOOST = 0.4  # measured on development questions; headings repeat over many passages
_STAMP = "generation"  # name of the file that says up to which one the words are in
_LOCKED_S = 20.0  # how long the lock of tantivy may outlive the process that took it
_FORMAT = "1"  # a new way of making terms gets a new number, and the index is rebuilt


def terms(text: str) -> list[str]:
    """The words of a text as they are indexed: folded (NFKC, case, accents), unspaced scripts in character
    pairs.

    Queries and passages go through the same function, so they always meet.
    """
    folded = unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", text).casefold())
    folded = unicodedata.normalize("NFC", _ACCENT.sub("", folded))
    found: list[str] = []
    for word in _WORD.findall(folded):
        at = 0
        for run in _UNSPACED.finditer(word):
            found.extend(_letters(word[at : run.start()]))
            found.extend(_pairs(run[0]))
            at = run.end()
        found.extend(_letters(word[at:]))
    return found


def _letters(word: str) -> list[str]:
    plain = re.split(r"['’]", word)[0]  # "harbour's" is found by "harbour"
    return [plain[:_MAX_TERM_CHARS]] if plain else []


def _pairs(run: str) -> list[str]:
    return [run] if len(run) == 1 else [run[i : i + 2] for i in range(len(run) - 1)]


class Terms:
    """BM25 over passage texts and headings.

    ``generation`` is the store's generation up to which all texts are in; it is written after each commit, so
    a crash between the two only means that some passages are written again.
    """

    def __init__(self, index: tantivy.Index, folder: Path | None, generation: int) -> None:
        """Use ``open``, ``create`` or ``in_memory``; ``folder`` is None in memory."""
        self._index = index
        self._analyzer = _analyzer()
        self._index.register_tokenizer("words", self._analyzer)
        # Every search reloads. The default watches the files from a thread of its own, where one that is cut
        # short would end the whole process.
        self._index.config_reader("manual")
        self._folder = folder
        self._lock = threading.Lock()  # readers without files of their own catch up as well
        self.generation = generation

    @classmethod
    def open(cls, folder: Path) -> Terms:
        """The index in ``folder``. Raises ValueError or OSError where there is none that can be read."""
        made, _, seen = (folder / _STAMP).read_text().partition(" ")
        if made != _FORMAT:
            raise ValueError(f"the words were made in format {made!r}, not {_FORMAT!r}")
        with without_panic("tantivy"):
            return cls(tantivy.Index.open(str(folder)), folder, int(seen))

    @classmethod
    def create(cls, folder: Path) -> Terms:
        """An empty index in ``folder``, in place of what is there. Needs the write lock."""
        if folder.is_dir():
            shutil.rmtree(folder)
        else:
            folder.unlink(missing_ok=True)
        folder.mkdir(parents=True)
        words = cls(tantivy.Index(_schema(), path=str(folder)), folder, 0)
        words._stamp(0)
        return words

    @classmethod
    def in_memory(cls) -> Terms:
        """An empty index that is never written: for who may only read, and finds none that can be read."""
        return cls(tantivy.Index(_schema()), None, 0)

    @property
    def on_disk(self) -> bool:
        """Whether what is caught up stays."""
        return self._folder is not None

    @without_panic("tantivy")
    def ids(self) -> NDArray[np.int64]:
        """Ids of all passages whose words are in, in no order."""
        self._index.reload()
        searcher = self._index.searcher()
        every = searcher.search(tantivy.Query.all_query(), max(1, searcher.num_docs), count=False).hits
        values = searcher.fast_field_values("id", [address for _, address in every])
        return np.array(values, dtype=np.int64)

    def _stamp(self, generation: int) -> None:
        if self._folder is not None:
            with _translated(self._folder):
                draft = self._folder / f"{_STAMP}.draft"
                draft.write_text(f"{_FORMAT} {generation}")
                draft.replace(self._folder / _STAMP)
        self.generation = generation

    def catch_up(self, store: Store) -> None:
        """Take over what was stored or deleted since ``generation``, and commit. Needs the write lock, except
        in memory.
        """
        with self._lock:
            self._catch_up(store)

    def _catch_up(self, store: Store) -> None:
        now = store.generation()
        if now == self.generation:
            return
        if now < self.generation:  # another database was put in the place of ours
            with self._writer() as writer:
                writer.delete_all_documents()
            self._stamp(0)
        passages = store.stored_after(self.generation)
        gone = store.deleted_after(self.generation).tolist()
        if passages or gone:
            with self._writer() as writer:
                self._write(writer, passages, gone)
        self._stamp(now)

    def rewrite(self, store: Store) -> None:
        """Write all words anew in one commit, so that none of a deleted passage is left in any file.

        Deleting alone only marks passages in files that stay. Who reads meanwhile sees the old words or the
        new ones. Needs the write lock.
        """
        with self._lock:
            self._rewrite(store)

    def _rewrite(self, store: Store) -> None:
        now = store.generation()
        with self._writer() as writer:
            writer.delete_all_documents()
            after = 0
            while passages := store.passages_after(after, _AT_ONCE):
                self._add(writer, passages)
                after = passages[-1].id
        with self._writer() as writer:  # a new one sees that nobody needs the old files any more
            writer.garbage_collect_files()
        self._stamp(now)

    def _write(self, writer: tantivy.IndexWriter, passages: Sequence[Passage], gone: list[int]) -> None:
        # Passages to add may be in already, since a crash before the stamp.
        outdated = [*gone, *(passage.id for passage in passages)]
        writer.delete_documents_by_query(tantivy.Query.term_set_query(_schema(), "id", outdated))
        self._add(writer, passages)

    def _add(self, writer: tantivy.IndexWriter, passages: Sequence[Passage]) -> None:
        for passage in passages:
            entry = tantivy.Document()
            entry.add_unsigned("id", passage.id)
            entry.add_text("body", " ".join(terms(passage.text)))
            entry.add_text("heading", " ".join(terms(f"{passage.source} {passage.heading}")))
            writer.add_document(entry)

    @contextlib.contextmanager
    def _writer(self) -> Iterator[tantivy.IndexWriter]:
        with _translated(self._folder):
            writer = self._new_writer()
            try:
                yield writer
                writer.commit()
            except BaseException:
                with contextlib.suppress(ValueError), without_panic("tantivy"):  # impossible on a full disk
                    writer.rollback()
                with contextlib.suppress(ValueError), without_panic("tantivy"):  # lets go of tantivy's lock
                    writer.wait_merging_threads()
                raise
            writer.wait_merging_threads()
            self._index.reload()

    def _new_writer(self) -> tantivy.IndexWriter:
        """A writer, as soon as the lock of tantivy is free. Raises IndexBusy.

        Who needs one has the write lock, so nobody else writes. But the kernel frees the locks of a killed
        process one after the other, and a process that is just being started holds for a moment what the one
        that starts it has open.
        """
        patience = time.monotonic() + _LOCKED_S
        while True:
            try:
                return self._index.writer(heap_size=64_000_000, num_threads=1)
            except ValueError as exc:
                if "LockBusy" not in str(exc):
                    raise
                if time.monotonic() > patience:
                    raise IndexBusy(
                        f"Another program is writing to the index of words in {self._folder}. "
                        "Run the command again when it has ended."
                    ) from exc
            time.sleep(0.01)

    @without_panic("tantivy")
    def search(
        self, question: str, top_k: int, *, only: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Up to ``top_k`` pairs (passage id, BM25 score), best first; ``only`` restricts the search to these
        ids.

        A passage that shares no word with the question is not found at all. Ties go to the lower id.
        """
        words = list(dict.fromkeys(terms(question)))[:_MAX_QUERY_TERMS]
        if not words:
            return []
        self._index.reload()
        searcher = self._index.searcher()
        told = " ".join(self._telling(words, searcher))
        boosts = {"body": 1.0, "heading": _HEADING_BOOST}
        query = self._index.parse_query(told, ["body", "heading"], field_boosts=boosts)
        if only is not None:
            allowed = tantivy.Query.term_set_query(self._index.schema, "id", only.tolist())
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, allowed)])
        hits = searcher.search(query, top_k, count=False).hits
        ids = searcher.fast_field_values("id", [address for _, address in hits])
        found = [(int(i or 0), float(score)) for i, (score, _) in zip(ids, hits, strict=True)]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def _telling(self, words: list[str], searcher: tantivy.Searcher) -> list[str]:
        """The words without those that stand in a large share of many passages; all where these are all."""
        if searcher.num_docs <= _MANY:
            return words
        most = _COMMON * searcher.num_docs
        stems = {word: self._analyzer.analyze(word) for word in words}
        rare = [w for w in words if all(searcher.doc_freq("body", stem) <= most for stem in stems[w])]
        return rare or words


@contextlib.contextmanager
def _translated(folder: Path | None) -> Iterator[None]:
    """What keeps words from being written, as a sentence; tantivy reports a full disk as ValueError."""
    try:
        with without_panic("tantivy"):
            yield
    except (ValueError, OSError) as exc:
        raise IndexNotWritable(
            f"The index of words could not be written to {folder} ({exc}). The documents are safe: free some "
            f"space and run the command again; where there is space, run `qa doctor`."
        ) from exc


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_unsigned_field("id", stored=True, indexed=True, fast=True)
    builder.add_text_field("body", tokenizer_name="words", index_option="freq")
    builder.add_text_field("heading", tokenizer_name="words", index_option="freq")
    return builder.build()


def _analyzer() -> tantivy.TextAnalyzer:
    """Words come ready from ``terms``; only English endings are cut (Porter 2)."""
    words = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace())
    return words.filter(tantivy.Filter.stemmer("english")).build()
