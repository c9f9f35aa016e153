"""Verifying: do the words that a saved answer cites still stand in the files, and where?"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import nsmallest
from typing import TYPE_CHECKING, Any, Literal

from rapidfuzz import fuzz

from index.errors import AnswerFileError, DocumentMissing, LoadError
from index.load import load
from index.types import Span
from qa.cite import collapse, pieces

if TYPE_CHECKING:
    from index.index import Index

_ALIKE = 80.0  # per cent: words less alike than this are other words
_NEAR_CHARS = 5000  # on either side of the old place: looked at before the rest of the document
_COMPARED = 500  # occurrences whose surroundings are looked at: the nearest
_SHORT_CHARS = 24  # a shorter quote may recur by chance: only its surroundings say which occurrence is meant
_SAME_CONTEXT = 60.0  # per cent: surroundings less alike than this are other surroundings


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one citation. ``[start, end)`` is where its words stand now; of ``gone``: stood."""

    marker: int
    status: Literal["ok", "moved", "changed", "gone"]
    start: int
    end: int


def verify(answer: Mapping[str, Any], index: Index) -> tuple[Checked, ...]:
    """What became of each citation of an answer that was saved as the JSON of ``qa ask --json``.

    It is checked against the file as it is now, also where the index does not know of the change yet. A
    paragraph of a SQuAD file is checked against the stored text, as long as that file is there.

    ok       the same words stand at the same place
    moved    the same words stand elsewhere: where their surroundings are most alike, the nearest of equals
    changed  words at least 80 % alike stand there instead, first sought near the old place; or a quote of
             less than 24 characters is found in new surroundings alone (another sentence with that number)
    gone     the file, the document or the words cannot be found or read any more

    Surroundings are known where the answer's text shows the quote within its sentence. Raises
    AnswerFileError where the answer is not of that form.
    """
    citations = _citations(answer)
    contexts = _contexts(str(answer.get("text", "")))
    texts: dict[str, str | None] = {}
    checked = []
    for marker, source, start, quote in citations:
        if source not in texts:
            texts[source] = _current_text(index, source)
        context = contexts.get(marker, "")
        context = context if collapse(quote) in context else ""
        status, now = _find(texts[source] or "", quote, start, context)
        checked.append(Checked(marker, status, now.start, now.end))
    return tuple(checked)


def _current_text(index: Index, source: str) -> str | None:
    """The text of a document as its file has it now; None where there is none to be had."""
    try:
        document = index.document(source)
        path = index.location(source)
        if document.format == "squad":
            return document.text if any(os.path.isfile(above) for above in path.parents) else None
        return document.text if index.original(source) is not None else load(path, source).text
    except (DocumentMissing, LoadError):
        return None


def _find(
    text: str, quote: str, start: int, context: str
) -> tuple[Literal["ok", "moved", "changed", "gone"], Span]:
    """Where the quote stands in the text now, by the rules of ``verify``."""
    old = Span(start, start + len(quote))
    if text[old.start : old.end] == quote:
        return "ok", old
    nearest = nsmallest(_COMPARED, _occurrences(text, quote), key=lambda at: abs(at - start))
    found = [Span(at, at + len(quote)) for at in nearest]
    if found:
        alike = {span: _context_alike(text, span, context) for span in found}
        best = min(found, key=lambda span: (-alike[span], abs(span.start - start)))
        other = bool(context) and len(quote) < _SHORT_CHARS and alike[best] < _SAME_CONTEXT
        return ("changed" if other else "moved"), best
    near = max(0, min(start, len(text)) - _NEAR_CHARS)
    for part in (Span(near, min(len(text), near + 2 * _NEAR_CHARS + len(quote))), Span(0, len(text))):
        alignment = fuzz.partial_ratio_alignment(quote, text[part.start : part.end], score_cutoff=_ALIKE)
        if alignment is not None and alignment.dest_end > alignment.dest_start:
            words = Span(part.start + alignment.dest_start, part.start + alignment.dest_end)
            return "changed", _whole_words(text, words)
    return "gone", old


def _occurrences(text: str, quote: str) -> Iterator[int]:
    at = text.find(quote)
    while at >= 0:
        yield at
        at = text.find(quote, at + 1)


def _context_alike(text: str, span: Span, context: str) -> float:
    """How alike, in per cent, the words around a span are to those that stood around the quote."""
    if not context:
        return 100.0
    reach = len(context)
    around = collapse(text[max(0, span.start - reach) : span.end + reach])
    return fuzz.partial_ratio(context, around)


def _whole_words(text: str, span: Span) -> Span:
    """The span, grown so that it cuts no word in two and trimmed of white space."""
    start, end = span.start, span.end
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end - 1].isalnum() and text[end].isalnum():
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def _contexts(text: str) -> dict[int, str]:
    """The words of the paragraph that each marker of an answer's text ends."""
    contexts: dict[int, str] = {}
    words = ""
    for piece in pieces(text):
        if piece.kind == "marker":
            contexts.setdefault(int(piece.text), collapse(words))
        else:
            words = piece.text if "\n\n" in piece.text else words + piece.text
    return contexts


def _citations(answer: Mapping[str, Any]) -> list[tuple[int, str, int, str]]:
    """Marker, source, start and quote of each citation. Raises AnswerFileError where one lacks."""
    form = "This is not an answer saved with `qa ask --json`"
    citations = answer.get("citations")
    if not isinstance(citations, list):
        raise AnswerFileError(f"{form}: it has no list of citations.")
    found = []
    for number, citation in enumerate(citations, start=1):
        match citation:
            case {
                "marker": int(marker),
                "source": str(source),
                "start": int(start),
                "end": int(end),
                "quote": str(quote),
            }:
                if quote and start >= 0 and end == start + len(quote):
                    found.append((marker, source, start, quote))
                    continue
        raise AnswerFileError(
            f"{form}: its citation {number} lacks a marker, source, start, end or quote that fits."
        )
    return found
