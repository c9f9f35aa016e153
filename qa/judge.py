"""Judging one answer of a test set: is it right, is its evidence in the gold place, is it verbatim?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from index.errors import DocumentMissing
from index.types import Document, Hit, Span
from qa.answer import Answer, Citation
from qa.cite import without_markup
from qa.metrics import exact_match, f1, first_hit, is_right, overlapping
from qa.oracle import Corpus, gold_places
from qa.testset import Question

_CONTEXT_CHARS = 160  # on either side of a quote


@dataclass(frozen=True, slots=True)
class Quote:
    """A citation between the words around it, as the report shows it."""

    source: str
    page: int | None
    before: str
    quote: str
    after: str


@dataclass(frozen=True, slots=True)
class Result:
    """How one question went. The counts hold ``supporting <= citations`` and ``verbatim <= citations``."""

    question: Question
    text: str  # the whole answer, without markup
    prediction: str  # what is compared with the gold answers; "" for a refusal
    refused: bool
    confidence: float
    exact_match: float  # 0 or 1
    f1: float  # 0..1
    right: bool  # as metrics.is_right has it
    located: bool  # it is known where the documents hold the answer
    rank: (
        int | None
    )  # from 1, of the first passage in the ranking that overlaps a gold place; None: there is none
    citations: int
    supporting: int  # citations that overlap a gold place
    verbatim: int  # citations whose quote is the document's text at their offsets
    quotes: tuple[Quote, ...]
    latency_ms: float

    @property
    def verdict(self) -> str:
        """One word: right, partly, wrong, invented; of refusals refused (rightly) or missed."""
        if self.refused:
            return "missed" if self.question.answerable else "refused"
        if not self.question.answerable:
            return "invented"
        return "right" if self.right else "partly" if self.f1 > 0 else "wrong"


def judge(
    question: Question, answer: Answer, ranking: Sequence[Hit], corpus: Corpus, latency_ms: float
) -> Result:
    """Return how a question went, given its answer and the passages that the search ranks best.

    The prediction is the quote of the first citation, which a reader makes the exact answer; the whole text
    where nothing is cited; "" for a refusal.
    """
    predicted = prediction(answer)
    golds = _gold_spans(question, corpus)
    located = golds is not None
    golds = golds or ()
    in_source = [c for c in answer.citations if c.source == question.source]
    texts = {citation.source: _text(corpus, citation.source) for citation in answer.citations}
    held = _text(corpus, question.source) if question.source is not None else ""
    words = [held[gold.start : gold.end] for gold in golds]
    return Result(
        question=question,
        text=without_markup(answer.text),
        prediction=predicted,
        refused=answer.refused,
        confidence=answer.confidence,
        exact_match=exact_match(predicted, question.answers),
        f1=f1(predicted, question.answers),
        right=not answer.refused and is_right(predicted, question.answers),
        located=located,
        rank=first_hit([_holds(hit, question, golds, words) for hit in ranking]),
        citations=len(answer.citations),
        supporting=overlapping([Span(c.start, c.end) for c in in_source], golds),
        verbatim=sum(texts[c.source][c.start : c.end] == c.quote for c in answer.citations),
        quotes=tuple(_quote(citation, texts[citation.source]) for citation in answer.citations),
        latency_ms=latency_ms,
    )


def prediction(answer: Answer) -> str:
    """Return the words of an answer that exact match and F1 compare with the gold answers."""
    if answer.refused:
        return ""
    return answer.citations[0].quote if answer.citations else without_markup(answer.text)


def _gold_spans(question: Question, corpus: Corpus) -> tuple[Span, ...] | None:
    """Return where the question's source holds the answer; None where nobody knows.

    A source that the corpus does not hold counts as known, with no place that a passage could overlap: every
    search misses it.
    """
    if not question.answerable or question.source is None:
        return None
    try:
        document: Document = corpus.document(question.source)
    except DocumentMissing:
        return ()
    return gold_places(question, document) or None


def _holds(hit: Hit, question: Question, golds: Sequence[Span], words: Sequence[str]) -> bool:
    """Whether the hit overlaps a gold place, or stands for a copy of its passage and has the gold words."""
    passage = hit.passage
    if passage.source == question.source:
        return any(passage.span.overlaps(gold) for gold in golds)
    return question.source in hit.also and any(gold in passage.text for gold in words)


def _text(corpus: Corpus, source: str) -> str:
    try:
        return corpus.document(source).text
    except DocumentMissing:
        return ""


def _quote(citation: Citation, text: str) -> Quote:
    return Quote(
        source=citation.source,
        page=citation.page,
        before=text[max(0, citation.start - _CONTEXT_CHARS) : citation.start],
        quote=citation.quote,
        after=text[citation.end : citation.end + _CONTEXT_CHARS],
    )
