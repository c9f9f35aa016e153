"""From what the reader found to what the user sees: the answer in its sentence, then further evidence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from index.chunk import sentences
from index.errors import DocumentMissing
from index.types import Document, Hit, Span
from qa.answer import Citation
from qa.cite import cite, collapse
from qa.layout import around, is_numbering, lay_out, paragraph
from qa.overlap import EMPTY, NUMBER, words_of
from qa.read import AnswerSpan

if TYPE_CHECKING:
    from index.index import Index

_SUPPORT = 0.8  # another span is evidence when it is at least this share as probable as the answer
_LEAST = 0.4  # ... and at least this probable: near a bad guess there are many more
_AGREES = 0.3  # ... or this share, where it gives the same answer
_BESIDE = 0.6  # an item of a list is at least this share as probable as the best of them
_SMALL_DIGITS = 2  # a number of no more digits stands in many sentences
_LONG_WORD = 5  # characters of a stem that hardly stands in two answers by chance
_GAP_CHARS = 8  # between words of one line
_NAMED_TOO = frozenset({"may", "will"})  # function words that are a month and a name as well
_SAYS_NOTHING = EMPTY - _NAMED_TOO | frozenset(
    words_of("between during after before within since while about per each every must bis seit während")
)


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
    another version than the one that was read. Each document is read once.
    """
    documents: dict[str, Document | None] = {}
    for answer in spans:
        passage = hits[answer.passage].passage
        if passage.source not in documents:
            documents[passage.source] = _document(index, passage.source)
        document = documents[passage.source]
        if document is None:
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


def write(
    findings: Sequence[Finding], *, further: int, several: bool = False, question: str = ""
) -> Iterator[tuple[str, Citation]]:
    """Yield the parts of an answer, each with the citation of a marker that it, or one before, shows.

    The first is the sentence of the best finding with the answer in bold, and its citation is **the answer's
    exact words**: who follows [1] lands on them, and what eval compares with the gold span is the answer,
    not its sentence. Where the question wants ``several`` answers, the findings that are nearly as probable
    and stand in the same document are listed beside it, each with its own words cited; words of the
    ``question`` are none. Of several answers in a sentence each has its marker behind it. Up to ``further``
    paragraphs follow, each a whole sentence that supports the answer, cited whole. Of a finding that a blank
    line crosses, the longer part is shown and cited.
    """
    best, *others = map(_in_paragraph, findings)
    answers = [best, *(_further_answers(best, others, question) if several else ())]
    marker = 0
    for number, group in enumerate(by_sentence(answers)):
        ranked = sorted(group, key=lambda finding: finding.span != best.span)
        markers = {finding.span: marker + rank for rank, finding in enumerate(ranked, 1)}
        text = "\n" * bool(number) + _paragraph(group, markers, listed=len(answers) > len(group))
        for finding in ranked:
            marker += 1
            yield text, cite(finding.document, finding.span.start, finding.span.end, marker)
            text = ""
    for finding in _supporting(answers, others)[:further]:
        marker += 1
        citation = cite(finding.document, finding.sentence.start, finding.sentence.end, marker)
        yield f"\n\n{lay_out(finding.document, finding.sentence, {})} [{marker}]", citation


def _paragraph(group: Sequence[Finding], markers: Mapping[Span, int], *, listed: bool) -> str:
    """The sentence that findings share, with each in bold. One marker ends it, several follow their words."""
    document, sentence = group[0].document, group[0].sentence
    if len(group) > 1:
        return lay_out(document, sentence, markers, listed=listed)
    (marker,) = markers.values()
    return f"{lay_out(document, sentence, dict.fromkeys(markers, 0), listed=listed)} [{marker}]"


def by_sentence(answers: Sequence[Finding]) -> list[list[Finding]]:
    """The findings in groups of one sentence each, in the order of the text; that of the first in front.

    Sentences that overlap count as one.
    """
    groups: list[list[Finding]] = []
    for finding in sorted(answers, key=lambda answer: answer.span.start):
        last = groups[-1][-1] if groups else None
        if last and last.sentence.overlaps(finding.sentence):
            whole = Span(last.sentence.start, max(last.sentence.end, finding.sentence.end))
            groups[-1] = [replace(member, sentence=whole) for member in (*groups[-1], finding)]
        else:
            groups.append([finding])
    first = answers[0].span
    return sorted(groups, key=lambda group: all(member.span != first for member in group))


def _further_answers(best: Finding, others: Sequence[Finding], question: str) -> list[Finding]:
    """The findings that answer beside ``best``: in its document, in other words, nearly as probable."""
    asked = frozenset(words_of(question))
    answers = [best]
    for finding in others:
        if (
            finding.document.source != best.document.source
            or finding.probability < _BESIDE * best.probability
            or _says_nothing(finding, asked)
        ):
            continue
        if not any(_same_words(finding, answer) or _touch(finding, answer) for answer in answers):
            answers.append(finding)
    return answers[1:]


def _says_nothing(finding: Finding, asked: Set[str]) -> bool:
    """Whether an item of a list is none: its sign or number, function words, or words of the question."""
    words = set(words_of(finding.words))
    empty = words <= _SAYS_NOTHING | asked or finding.words in _NAMED_TOO
    return empty or is_numbering(finding.document, finding.span)


def _touch(one: Finding, other: Finding) -> bool:
    """Whether two spans of a document overlap, or nothing but white space parts them."""
    first, second = sorted((one.span, other.span), key=lambda span: span.start)
    gap = one.document.text[first.end : second.start]
    return first.overlaps(second) or (len(gap) < _GAP_CHARS and "\n" not in gap and not gap.strip())


def _supporting(answers: Sequence[Finding], others: Sequence[Finding]) -> list[Finding]:
    """The findings in other sentences that give the same answer as the best, or one nearly as probable."""
    best, shown = answers[0], list(answers)
    for finding in others:
        least = (
            _AGREES * best.probability if _agree(best, finding) else max(_LEAST, _SUPPORT * best.probability)
        )
        backed = finding.probability >= least
        if backed and not any(_repeats(finding, other) for other in shown):
            shown.append(finding)
    return shown[len(answers) :]


def _agree(one: Finding, other: Finding) -> bool:
    """Whether two answers share all words of the shorter one: "308" and "308 points".

    One short word or small number is too little to share: it may coincide. A word that is a whole answer
    by itself in both is enough.
    """
    first, second = _words(one), _words(other)
    shared = first & second
    if not shared or (shared != first and shared != second):
        return False
    if len(shared) > 1:
        return True
    (word,) = shared
    if NUMBER.match(word):
        return len(re.findall(r"\d", word)) > _SMALL_DIGITS
    return first == second or len(word) >= _LONG_WORD


def _same_words(one: Finding, other: Finding) -> bool:
    """Whether all words of one stand in the other."""
    first, second = _words(one), _words(other)
    return bool(first and second) and (first <= second or second <= first)


def _repeats(finding: Finding, other: Finding) -> bool:
    """Whether the two say the same: sentences that overlap, or are copies."""
    if finding.document.source == other.document.source and finding.sentence.overlaps(other.sentence):
        return True
    return finding.sentence_words.casefold() == other.sentence_words.casefold()


def _words(finding: Finding) -> frozenset[str]:
    """The words of a finding that say something, numbers whole: "4.5%" is 4.5, not 4 and 5."""
    return frozenset(words_of(finding.words)) - _SAYS_NOTHING


def _in_paragraph(finding: Finding) -> Finding:
    """The finding itself, or of one that a blank line crosses the part of it that is longest."""
    text = finding.document.text
    span = paragraph(text, finding.span)
    if span == finding.span:
        return finding
    return replace(finding, span=span, sentence=around(text, span, finding.sentence))


def _document(index: Index, source: str) -> Document | None:
    """The document as it is now; None where it was removed."""
    try:
        return index.document(source)
    except DocumentMissing:
        return None


def _trim(text: str, span: Span) -> Span:
    """The span without white space at its edges; empty where there is nothing else."""
    words = text[span.start : span.end]
    start = span.start + len(words) - len(words.lstrip())
    return Span(start, max(start, span.start + len(words.rstrip())))


def _moved(span: Span, by: int) -> Span:
    return Span(span.start + by, span.end + by)
