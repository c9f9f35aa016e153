"""The oracle: a corpus that holds nothing but the own context of one question."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Protocol

from index.errors import DocumentMissing
from index.squad import fingerprint
from index.types import Document, DocumentInfo, Hit, Passage, Span
from qa.testset import Question


class Corpus(Protocol):
    """What answering needs of an index. ``index.Index`` is one, and so is ``GoldCorpus``."""

    def search(
        self, question: str, *, top_k: int = 10, sources: Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        """The best passages for a question."""

    def document(self, source: str) -> Document:
        """The document of that name. Raises DocumentMissing."""

    def documents(self) -> tuple[DocumentInfo, ...]:
        """All documents."""

    def note(self, key: str) -> str:
        """What is kept with the documents under ``key``."""


class GoldCorpus:
    """One document, and the passages of it that every search finds, in their order in the text."""

    def __init__(self, document: Document, passages: Sequence[Passage]) -> None:
        """``passages`` are pieces of ``document``."""
        self._document = document
        self._passages = tuple(sorted(passages, key=lambda passage: passage.span.start))

    def search(
        self, question: str, *, top_k: int = 10, sources: Collection[str] | None = None
    ) -> tuple[Hit, ...]:
        """All passages, whatever is asked for."""
        return tuple(Hit(passage, 1.0, "oracle") for passage in self._passages)

    def document(self, source: str) -> Document:
        """The document. Raises DocumentMissing where it has another name."""
        if source != self._document.source:
            raise DocumentMissing(f"{source} is not the context of this question.")
        return self._document

    def documents(self) -> tuple[DocumentInfo, ...]:
        """The one document."""
        it = self._document
        return (DocumentInfo(it.source, it.sha256, len(it.text), len(self._passages), len(it.pages)),)

    def note(self, key: str) -> str:
        """Nothing: the oracle shows the reader as it is."""
        return ""


def own_context(question: Question, index: Corpus | None) -> Corpus | None:
    """Return the corpus of a question's own context, or ``index`` where it is not known.

    The context is the paragraph that came with the question, as one passage; else those passages of the gold
    source that overlap a gold place.
    """
    if question.context is not None:
        source, text = question.source or "context", question.context
        whole = Passage(0, source, Span(0, len(text)), text, "", None)
        return GoldCorpus(Document(source, fingerprint(text), text, "squad", ""), [whole])
    if index is None or question.source is None:
        return index
    try:
        document = index.document(question.source)
    except DocumentMissing:
        return index
    golds = gold_places(question, document)
    found = index.search(question.question, top_k=_passages_of(index, document), sources=[document.source])
    passages = [hit.passage for hit in found if any(hit.passage.span.overlaps(gold) for gold in golds)]
    return GoldCorpus(document, passages) if passages else index


def gold_places(question: Question, document: Document) -> tuple[Span, ...]:
    """Return where a document, the question's source, holds the answer; empty where that is not known.

    These are the spans of the question, or, without spans, all places that hold one of its answers, in any
    case.
    """
    if question.spans or not question.answers:
        return question.spans
    pattern = "|".join(
        re.escape(answer.strip()) for answer in sorted(question.answers, key=len, reverse=True)
    )
    return tuple(Span(*match.span()) for match in re.finditer(pattern, document.text, re.IGNORECASE))


def _passages_of(index: Corpus, document: Document) -> int:
    return next((info.passages for info in index.documents() if info.source == document.source), 1)
