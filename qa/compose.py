"""From what the reader found to what the user sees: the answer in its sentence, then further evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from index.chunk import sentences
from index.errors import DocumentMissing
from index.types import Document, Hit, Span
from qa.answer import Citation
from qa.cite import cite, collapse, escape
from qa.read import AnswerSpan

if TYPE_CHECKING:
    from index.index import Index

_SUPPORT = 0.8  # another span is evidence when it is at least this share as probable as the answer


@dataclass(frozen=True, slots=True)
class Finding:
    """An answer span where it stands now: ``sentence`` covers ``span``, both in ``document.text``."""

    document: Document
    span: Span
    sentence: Span
    probability: float

    @property
    def words(self) -> str:
        """The span as one line."""
        return collapse(self.document.text[self.span.start : self.span.end])

    @property
    def sentence_words(self) -> str:
        """The sentence as one line."""
        return collapse(self.document.text[self.sentence.start : self.sentence.end])


def locate(index: Index, hits: Sequence[Hit], spans: Iterable[AnswerSpan]) -> Iterator[Finding]:
    """Yield the spans whose passage still stands where it was found, in the order given.

    A document that was changed or removed since the search drops out here, so that nothing is ever cited from
    another version than the one that was read.
    """
    for answer in spans:
        passage = hits[answer.passage].passage
        try:
            document = index.document(passage.source)
        except DocumentMissing:
            continue
        if document.text[passage.span.start : passage.span.end] != passage.text:
            continue
        span = _trim(passage.text, Span(answer.start, answer.end))
        if not collapse(passage.text[span.start : span.end]):
            continue
        parts = [part for part in sentences(passage.text) if part.overlaps(span)]
        sentence = Span(min(span.start, parts[0].start), max(span.end, parts[-1].end)) if parts else span
        shift = passage.span.start
        yield Finding(document, _moved(span, shift), _moved(sentence, shift), answer.probability)


def write(findings: Sequence[Finding], *, further: int) -> Iterator[tuple[str, Citation]]:
    """Yield the paragraphs of an answer, each with the citation that its marker stands for.

    The first is the sentence of the best finding with the answer in bold, and its citation is **the answer's
    exact words**: who follows [1] lands on them, and what eval compares with the gold span is the answer,
    not its sentence. Up to ``further`` paragraphs follow, each a whole sentence that supports the answer,
    cited whole.
    """
    best, *others = findings
    text, span, sentence = best.document.text, best.span, best.sentence
    # The "x" keeps the blank between the answer and its neighbours; elsewhere white space is trimmed.
    before = escape(collapse(text[sentence.start : span.start] + "x")[:-1])
    after = escape(collapse("x" + text[span.end : sentence.end])[1:])
    yield f"{before}**{escape(best.words)}**{after} [1]", cite(best.document, span.start, span.end, 1)
    for marker, finding in enumerate(_supporting(best, others)[:further], start=2):
        citation = cite(finding.document, finding.sentence.start, finding.sentence.end, marker)
        yield f"\n\n{escape(finding.sentence_words)} [{marker}]", citation


def _supporting(best: Finding, others: Sequence[Finding]) -> list[Finding]:
    """The findings in other sentences that give the same answer as ``best``, or one nearly as probable."""
    shown = [best]
    for finding in others:
        backed = _agree(best, finding) or finding.probability >= _SUPPORT * best.probability
        if backed and not any(_repeats(finding, other) for other in shown):
            shown.append(finding)
    return shown[1:]


def _agree(one: Finding, other: Finding) -> bool:
    """Whether two answers share all words of the shorter one: "308" and "308 points"."""
    first, second = _word_set(one.words), _word_set(other.words)
    return bool(first and second) and (first <= second or second <= first)


def _repeats(finding: Finding, other: Finding) -> bool:
    """Whether the two say the same: sentences that overlap, or are copies."""
    if finding.document.source == other.document.source and finding.sentence.overlaps(other.sentence):
        return True
    return finding.sentence_words.casefold() == other.sentence_words.casefold()


def _word_set(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold()))


def _trim(text: str, span: Span) -> Span:
    """The span without white space at its edges; empty where there is nothing else."""
    words = text[span.start : span.end]
    start = span.start + len(words) - len(words.lstrip())
    return Span(start, max(start, span.start + len(words.rstrip())))


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
