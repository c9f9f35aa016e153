"""The tantivy index: lexical search by BM25 (Robertson and Zaragoza, 2009), derived from the stored texts."""

from __future__ import annotations

import contextlib
import re
import shutil
import unicodedata
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import tantivy
from numpy.typing import NDArray

from index.store import Store
from index.types import Passage

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_ACCENT = re.compile("[\u0300-\u036f]")  # of Latin, Greek and Cyrillic; marks of other scripts are letters
# Scripts that write words without blanks between them: their text is indexed by pairs of characters.
_UNSPACED = re.compile(r"[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]+")
_MAX_QUERY_TERMS = 256
_MAX_TERM_CHARS = 64
_HEADING_BOOST = 0.4  # measured on development questions; headings repeat over many passages
_STAMP = "generation"  # name of the file that says up to which one the words are in
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
        self._index.register_tokenizer("words", _analyzer())
        self._folder = folder
        self.generation = generation

    @classmethod
    def open(cls, folder: Path) -> Terms:
        """The index in ``folder``. Raises ValueError or OSError where there is none that can be read."""
        made, _, seen = (folder / _STAMP).read_text().partition(" ")
        if made != _FORMAT:
            raise ValueError(f"the words were made in format {made!r}, not {_FORMAT!r}")
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

    def _stamp(self, generation: int) -> None:
        if self._folder is not None:
            draft = self._folder / f"{_STAMP}.draft"
            draft.write_text(f"{_FORMAT} {generation}")
            draft.replace(self._folder / _STAMP)
        self.generation = generation

    def catch_up(self, store: Store) -> None:
        """Take over what was stored or deleted since ``generation``, and commit. Needs the write lock."""
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

    def _write(self, writer: tantivy.IndexWriter, passages: Sequence[Passage], gone: list[int]) -> None:
        # Passages to add may be in already, since a crash before the stamp.
        outdated = [*gone, *(passage.id for passage in passages)]
        writer.delete_documents_by_query(tantivy.Query.term_set_query(_schema(), "id", outdated))
        for passage in passages:
            entry = tantivy.Document()
            entry.add_unsigned("id", passage.id)
            entry.add_text("body", " ".join(terms(passage.text)))
            entry.add_text("heading", " ".join(terms(f"{passage.source} {passage.heading}")))
            writer.add_document(entry)

    @contextlib.contextmanager
    def _writer(self) -> Iterator[tantivy.IndexWriter]:
        writer = self._index.writer(heap_size=64_000_000, num_threads=1)
        try:
            yield writer
            writer.commit()
        except BaseException:
            writer.rollback()
            raise
        writer.wait_merging_threads()
        self._index.reload()

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
        boosts = {"body": 1.0, "heading": _HEADING_BOOST}
        query = self._index.parse_query(" ".join(words), ["body", "heading"], field_boosts=boosts)
        if only is not None:
            allowed = tantivy.Query.term_set_query(self._index.schema, "id", only.tolist())
            query = tantivy.Query.boolean_query([(tantivy.Occur.Must, query), (tantivy.Occur.Must, allowed)])
        searcher = self._index.searcher()
        hits = searcher.search(query, top_k, count=False).hits
        found = [(int(searcher.doc(address)["id"][0]), float(score)) for score, address in hits]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))


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
