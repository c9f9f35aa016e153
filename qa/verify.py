"""Verifying: do the words that a saved answer cites still stand in the files, and where?"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from heapq import nsmallest
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import unquote

from rapidfuzz import fuzz

from index.errors import AnswerFileError, DocumentMissing, LoadError
from index.parsing import shared_parsers
from index.squad import paragraphs
from index.types import Span
from qa.cite import collapse, pieces
from qa.quotes import extends, is_unspaced

if TYPE_CHECKING:
    from index.index import Index

_ALIKE = 80.0  # per cent: words less alike than this are other words
_NEAR_CHARS = 5000  # on either side of the old place: looked at before the rest of the document
_COMPARED = 500  # occurrences whose surroundings are looked at: the nearest
_SHORT_CHARS = 24  # a shorter quote may recur by chance: only its surroundings say which occurrence is meant
_JOINTS = ".,'’"  # between two digits they belong to the number
_SAME_CONTEXT = 60.0  # per cent: surroundings less alike than this are other surroundings


Status: TypeAlias = Literal["ok", "moved", "changed", "gone"]


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one citation. ``[start, end)`` is where its words stand now; of ``gone``: stood."""

    marker: int
    status: Status
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class _Cited:
    """A citation as it was saved; ``sha256`` is that of its document, "" where it was not saved."""

    marker: int
    source: str
    sha256: str
    start: int
    quote: str

    @property
    def span(self) -> Span:
        return Span(self.start, self.start + len(self.quote))


def verify(
    answer: Mapping[str, Any], index: Index, *, text_of: Callable[[str], str | None] | None = None
) -> tuple[Checked, ...]:
    """What became of each citation of an answer that was saved as the JSON of ``qa ask --json``.

    It is checked against the file as it is now, also where the index does not know of the change yet.
    ``text_of`` gives the text of a source to check against instead, None where it has none.

    ok       the same words stand at the same place
    moved    the same words stand elsewhere: where their surroundings are most alike, the nearest of equals
    changed  words at least 80 % alike stand there instead, first sought near the old place; or the quote is
             only a part of other words or numbers now, as 12 is of 112, and these are the place; or a quote
             of less than 24 characters is found in new surroundings alone (another sentence with that number)
    gone     the file, the document or the words cannot be found or read any more

    The words stand where they begin and end on the edges of words and numbers. Digits that a point, comma or
    apostrophe joins are one number; scripts without blanks have no edges; and an edge that the quote did not
    keep in the sentence of the answer either, or in the very version that was cited, is not asked for.
    Surroundings are known where the answer's text shows the quote within its sentence. Raises AnswerFileError
    where the answer is not of that form.
    """
    contexts = _contexts(str(answer.get("text", "")))
    squad = cache(read_squad)
    texts: dict[str, str | None] = {}
    checked = []
    for cited in _citations(answer):
        source = cited.source
        if source not in texts:
            texts[source] = current_text(index, source, squad=squad) if text_of is None else text_of(source)
        text = texts[source] or ""
        context = contexts.get(cited.marker, "")
        status, now = _find(text, cited, context if collapse(cited.quote) in context else "")
        if status != "ok" and text.startswith(cited.quote, cited.start) and _is_version(index, cited, text):
            status, now = "ok", cited.span
        checked.append(Checked(cited.marker, status, now.start, now.end))
    return tuple(checked)


def read_squad(path: Path) -> dict[str, str]:
    """The texts of the paragraphs that a SQuAD file has now, by name; none where it cannot be read."""
    try:
        return dict(paragraphs(path))
    except LoadError:
        return {}


def stored_text(index: Index, source: str) -> str | None:
    """The text of a document as the index holds it; None where it holds none."""
    try:
        return index.document(source).text
    except DocumentMissing:
        return None


def current_text(
    index: Index, source: str, *, squad: Callable[[Path], Mapping[str, str]] = read_squad
) -> str | None:
    """The text of a document as its file has it now; None where there is none to be had.

    ``squad`` reads SQuAD files; who asks for several of their paragraphs gives one that remembers them.
    """
    try:
        document = index.document(source)
        path = index.location(source)
        if document.format == "squad":
            return squad(path.parent).get(unquote(path.name))
        if index.original(source) is not None:
            return document.text
        return shared_parsers().read(path, source).document.text
    except (DocumentMissing, LoadError):
        return None


def _find(text: str, cited: _Cited, context: str) -> tuple[Status, Span]:
    """Where the quote stands in the text now, by the rules of ``verify``."""
    quote, old = cited.quote, cited.span
    keeps = _edges(context, collapse(quote)) if context else _Edges(True, True)
    if text.startswith(quote, old.start) and keeps.allow(text, old.start, old.end):
        return "ok", old
    if found := _likeliest(text, cited, context, keeps):
        place, alike = found
        other = bool(context) and len(quote) < _SHORT_CHARS and alike < _SAME_CONTEXT
        return ("changed" if other else "moved"), place
    if found := _likeliest(text, cited, context, _Edges(False, False)):
        return "changed", _whole_words(text, found[0])
    near = max(0, min(old.start, len(text)) - _NEAR_CHARS)
    for part in (Span(near, min(len(text), near + 2 * _NEAR_CHARS + len(quote))), Span(0, len(text))):
        alignment = fuzz.partial_ratio_alignment(quote, text[part.start : part.end], score_cutoff=_ALIKE)
        if alignment is not None and alignment.dest_end > alignment.dest_start:
            words = Span(part.start + alignment.dest_start, part.start + alignment.dest_end)
            return "changed", _whole_words(text, words)
    return "gone", old


def _likeliest(text: str, cited: _Cited, context: str, keeps: _Edges) -> tuple[Span, float] | None:
    """The occurrence that is meant, and how alike its surroundings are, in per cent; None: there is none."""
    length = len(cited.quote)
    standing = (at for at in _occurrences(text, cited.quote) if keeps.allow(text, at, at + length))
    nearest = nsmallest(_COMPARED, standing, key=lambda at: abs(at - cited.start))
    alike = {at: _context_alike(text, Span(at, at + length), context) for at in nearest}
    best = min(nearest, key=lambda at: (-alike[at], abs(at - cited.start)), default=None)
    return None if best is None else (Span(best, best + length), alike[best])


@dataclass(frozen=True, slots=True)
class _Edges:
    """Which ends of a quote must stand on the edge of a word or number."""

    left: bool
    right: bool

    def allow(self, text: str, start: int, end: int) -> bool:
        """Whether the quote may stand there."""
        return not (self.left and _cuts(text, start)) and not (self.right and _cuts(text, end))


def _edges(context: str, quote: str) -> _Edges:
    """The edges that the quote keeps somewhere in the context, which holds it."""
    places = list(_occurrences(context, quote))
    return _Edges(
        any(not _cuts(context, at) for at in places),
        any(not _cuts(context, at + len(quote)) for at in places),
    )


def _cuts(text: str, at: int) -> bool:
    """Whether a cut at ``at`` goes through a word, a number, or a letter and its marks."""
    if not 0 < at < len(text):
        return False
    before, after = text[at - 1], text[at]
    if extends(after):
        return not before.isspace()
    if after in _JOINTS:
        return before.isdigit() and text[at + 1 : at + 2].isdigit()
    if before in _JOINTS:
        return after.isdigit() and text[max(0, at - 2) : at - 1].isdigit()
    return _is_of_word(before) and after.isalnum() and not is_unspaced(after)


def _is_of_word(char: str) -> bool:
    """Whether a character is a letter or digit, or a mark on one, in a script with blanks between words."""
    mark = unicodedata.category(char) in ("Mn", "Mc") and not "\ufe00" <= char <= "\ufe0f"  # emoji have those
    return (char.isalnum() or mark) and not is_unspaced(char)


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
    """The span, grown so that it cuts no word or number in two, and trimmed of white space."""
    start, end = span.start, span.end
    while _cuts(text, start):
        start -= 1
    while _cuts(text, end):
        end += 1
    while start < end and text[start].isspace():
        start += 1
    while end > start and text[end - 1].isspace():
        end -= 1
    return Span(start, end)


def _contexts(text: str) -> dict[int, str]:
    """The words of the paragraph that each marker of an answer's text stands in."""
    contexts: dict[int, str] = {}
    words, markers = "", list[int]()
    for piece in (*pieces(text), None):
        if piece is not None and piece.kind == "marker":
            markers.append(int(piece.text))
            continue
        first, *further = piece.text.split("\n\n") if piece is not None else ("", "")
        words += first
        for part in further:
            for marker in markers:
                contexts.setdefault(marker, collapse(words))
            words, markers = part, []
    return contexts


def _is_version(index: Index, cited: _Cited, text: str) -> bool:
    """Whether the text is that of the document in the version that was cited."""
    try:
        document = index.document(cited.source)
    except DocumentMissing:
        return False
    return document.sha256 == cited.sha256 and document.text == text


def _citations(answer: Mapping[str, Any]) -> list[_Cited]:
    """The citations of an answer. Raises AnswerFileError where something of one lacks."""
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
                    sha256 = str(citation.get("sha256", ""))
                    found.append(_Cited(marker, source, sha256, start, quote))
                    continue
        raise AnswerFileError(
            f"{form}: its citation {number} lacks a marker, source, start, end or quote that fits."
        )
    return found
