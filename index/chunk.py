"""Documents to passages: whole sentences, packed up to a size, never across a page, under their headings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, pairwise
from math import ceil

from index.cells import row_spans
from index.formats.parsed import one_line
from index.sentences import cut, iterate_sentences, sentences, trim
from index.types import Document, Span

__all__ = ["CHUNK_CHARS", "Chunk", "chunk", "sentences"]

CHUNK_CHARS = 1000
_SMALL = 0.2  # a piece under this share of the size is put together with its neighbour
_TINY_CHARS = 40  # a page number or a bare title: joins any neighbour on its page
_TITLE_CHARS = 80
_NO_TITLE_END = ".!?。！？,;，；\"”'’"
_SECTION_CHARS = 100_000  # longer sections are worked on in parts, to bound memory and time
_MAX_HEADER_CHARS = 300
_CHARS_OF_ROW = 2000  # that are looked at
_BLANK_LINE = re.compile(r"(?:\r\n|\r(?!\n)|\n)[^\S\r\n]*[\r\n]")
_LINE_END = re.compile(r"[\r\n]")


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage to be: a range of the text, the headings over it (or the header row), its page from 1."""

    span: Span
    heading: str
    page: int | None


@dataclass(frozen=True, slots=True)
class _Piece:
    """A range, with its page and the number of its top heading, 0 where there is none."""

    span: Span
    page: int
    top: int


def chunk(document: Document, *, chunk_chars: int = CHUNK_CHARS) -> tuple[Chunk, ...]:
    """The passages of a document in order, disjoint, none over ``chunk_chars`` characters, none blank.

    Together they hold every character that is not white space. A passage begins at a heading where there is
    one, ends at the end of a paragraph or at least of a sentence, and lies on one page. Tables of values are
    cut between rows, and their passages carry the header row as heading.
    """
    if chunk_chars < 50:
        raise ValueError(f"chunk_chars must be at least 50, not {chunk_chars}")
    if document.format in ("csv", "tsv", "jsonl"):
        return tuple(_table_chunks(document, chunk_chars))
    pieces = [
        _Piece(span, page, top)
        for section, page, top in _sections(document)
        for span in _split(document.text, section, chunk_chars)
    ]
    return _under_headings(document, _merge(pieces, chunk_chars))


def _sections(document: Document) -> Iterator[tuple[Span, int, int]]:
    """The stretches from heading to heading on each page, with the numbers of page and top heading."""
    text = document.text
    tops = {0: 0}  # start of section -> number of its top heading
    top_level = min((heading.level for heading in document.headings), default=1)
    top = 0
    for heading in document.headings:
        top += heading.level == top_level
        tops[_line_start(text, heading.span.start)] = top
    edges = {0, len(text), *tops}
    page_starts = {page.start for page in document.pages}
    edges |= page_starts
    page = top = 0
    ordered = sorted(edges)
    for start, end in pairwise(ordered):
        page += start in page_starts
        top = tops.get(start, top)
        for part in _parts(text, start, end):
            yield part, page, top


def _parts(text: str, start: int, end: int) -> Iterator[Span]:
    """The range in parts of bounded length, cut at blank lines, else at line ends, else anywhere."""
    while end - start > _SECTION_CHARS:
        middle, last = start + _SECTION_CHARS // 2, start + _SECTION_CHARS
        at = next(
            (
                places[-1]
                for pattern in (_BLANK_LINE, _LINE_END)
                if (places := [match.end() for match in pattern.finditer(text, middle, last)])
            ),
            last,
        )
        yield Span(start, at)
        start = at
    yield Span(start, end)


def _split(text: str, section: Span, limit: int) -> Iterator[Span]:
    """The section as trimmed ranges of whole sentences, about equally long, ``limit`` characters at most."""
    whole = trim(text, section.start, section.end)
    if whole is None:
        return
    if len(whole) <= limit:
        yield whole
        return
    units = [
        piece
        for sentence in iterate_sentences(text, whole.start, whole.end)
        for piece in cut(text, sentence, limit)
    ]
    first = 0
    while first < len(units):
        last = _pack(text, units, first, limit)
        yield Span(units[first].start, units[last].end)
        first = last + 1


def _pack(text: str, units: list[Span], first: int, limit: int) -> int:
    """Index of the last unit of the piece that begins with ``units[first]``.

    What is left is meant to become pieces of equal length; among the places near that length the end of a
    paragraph is preferred to that of a line, and that to the end of a sentence; a title stays with what
    follows it.
    """
    start = units[first].start
    left = units[-1].end - start
    if left <= limit:
        return len(units) - 1
    aim = left / ceil(left / limit)
    best, best_rank = first, (-9, 0.0)
    for i in range(first, len(units)):
        length = units[i].end - start
        if length > limit:
            break
        if length < 0.6 * aim:
            best = i
            continue
        rank = _cut_rank(text, units, i), -abs(length - aim)
        if rank > best_rank:
            best, best_rank = i, rank
    return best


def _cut_rank(text: str, units: list[Span], i: int) -> int:
    """How good a place to cut is after ``units[i]``, from -1 (after a title) to 3 (before one)."""
    if i + 1 == len(units):
        return 2
    gap = text[units[i].end : units[i + 1].start]
    if not _LINE_END.search(gap):
        return 0
    if _is_title(text, units, i):
        return -1
    if _is_title(text, units, i + 1):
        return 3
    return 2 if _BLANK_LINE.search(gap) else 1


def _is_title(text: str, units: list[Span], i: int) -> bool:
    """Whether a unit is a short line by itself, after a blank line, that no punctuation ends."""
    before = text[units[i - 1].end : units[i].start] if i else "\n\n"
    after = text[units[i].end : units[i + 1].start] if i + 1 < len(units) else ""
    words = text[units[i].start : units[i].end]
    alone = _BLANK_LINE.search(before) is not None and _LINE_END.search(after) is not None
    return alone and len(words) <= _TITLE_CHARS and words[-1] not in _NO_TITLE_END and words[0] not in "-*•|"


def _merge(pieces: list[_Piece], limit: int) -> list[Span]:
    """The pieces, the small ones merged with their neighbour in the same group where both fit into one.

    A small piece joins the one after it, so that a heading stays with its text; only if that one is full, the
    one before.
    """
    small = _SMALL * limit
    forward: list[_Piece] = []
    for piece in pieces:
        before = forward[-1] if forward else None
        if before and len(before.span) < small and _fits(before, piece, limit):
            forward[-1] = _Piece(Span(before.span.start, piece.span.end), piece.page, piece.top)
        else:
            forward.append(piece)
    merged: list[_Piece] = []
    for piece in forward:
        before = merged[-1] if merged else None
        if before and len(piece.span) < small and _fits(before, piece, limit):
            merged[-1] = _Piece(Span(before.span.start, piece.span.end), piece.page, piece.top)
        else:
            merged.append(piece)
    return [piece.span for piece in merged]


def _fits(before: _Piece, after: _Piece, limit: int) -> bool:
    tiny = min(len(before.span), len(after.span)) < _TINY_CHARS
    related = before.page == after.page and (tiny or before.top == after.top)
    return related and after.span.end - before.span.start <= limit


def _under_headings(document: Document, spans: list[Span]) -> tuple[Chunk, ...]:
    """The spans as chunks, with the path of the headings that stand over or at the start of each."""
    chunks: list[Chunk] = []
    path: list[tuple[int, str]] = []
    headings = iter(document.headings)
    heading = next(headings, None)
    for span in spans:
        while heading is not None and _line_start(document.text, heading.span.start) <= span.start:
            while path and path[-1][0] >= heading.level:
                path.pop()
            path.append((heading.level, one_line(heading.title)))
            heading = next(headings, None)
        titles = [title for _, title in path]
        if header := _columns(document, span.start):
            titles.append(header)
        chunks.append(Chunk(span, " > ".join(titles), document.page_at(span.start)))
    return tuple(chunks)


def _columns(document: Document, start: int) -> str:
    """The first row of the table in which ``start`` lies, if it names columns; "" elsewhere.

    A table is a block of lines whose cells stand between bars. Sheets name the column in every cell.
    """
    if document.format == "xlsx":
        return ""
    text = document.text
    least = max(0, start - _SECTION_CHARS)
    gap = text.rfind("\n\n", least, start)
    top = least if gap < 0 else gap + 2
    first, line = _line_at(text, top), _line_at(text, start)
    if top >= start or "|" not in first or "|" not in line or len(first) > _MAX_HEADER_CHARS:
        return ""
    cells = [cell.strip() for cell in first.strip().strip("|").split("|")]
    return "" if any(_is_number(cell) for cell in cells) else one_line(" | ".join(cells))


def _line_at(text: str, start: int) -> str:
    """The line from ``start`` on, or the beginning of a very long one."""
    window = text[start : start + _CHARS_OF_ROW]
    return window.partition("\n")[0]


def _is_number(cell: str) -> bool:
    return cell.strip(' "').replace(".", "").isdigit()


def _line_start(text: str, offset: int) -> int:
    """Where the line of a heading begins; in a line far longer than headings are, ``offset`` itself."""
    window = max(0, offset - 400)
    start = max(text.rfind("\n", window, offset), text.rfind("\r", window, offset)) + 1
    return start if start or not window else offset


def _table_chunks(document: Document, limit: int) -> Iterator[Chunk]:
    """Whole rows packed up to the size. All passages after the one that holds it carry the header row."""
    text = document.text
    lines = row_spans(text, Span(0, len(text)), quoted=document.format == "csv")
    rows = (row for line in lines if (row := trim(text, line.start, line.end)))
    first = next(rows, None)
    if first is None:
        return
    header = "" if document.format == "jsonl" else column_names(text[first.start : first.end])
    for span in _packed(text, chain([first], rows), limit):
        yield Chunk(span, header if span.start > first.start else "", None)


def _packed(text: str, rows: Iterable[Span], limit: int) -> Iterator[Span]:
    """Neighbouring rows together up to the limit; a row that is longer is cut."""
    packed: Span | None = None
    for row in rows:
        if packed and row.end - packed.start <= limit:
            packed = Span(packed.start, row.end)
        elif packed:
            yield from cut(text, packed, limit)
            packed = row
        else:
            packed = row
    if packed:
        yield from cut(text, packed, limit)


def column_names(row: str) -> str:
    """The first row in one line, bars for tabs, if it names columns: it then holds no numbers."""
    cells = re.split(r"[,;\t]", row)
    if any(_is_number(cell) for cell in cells):
        return ""
    return one_line(row.replace("\t", " | "))[:_MAX_HEADER_CHARS]
