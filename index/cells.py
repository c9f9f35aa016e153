"""Text of values (CSV, RFC 4180, and its relatives): its rows and their cells, as ranges of the text."""

from __future__ import annotations

import re
from collections.abc import Iterator

from index.sentences import trim
from index.types import Span

_DELIMITERS = ",;\t|"
_LINE = re.compile(r"([^\r\n]*)(?:\r\n|\r|\n)|[^\r\n]+")
_MAX_ROW_LINES = 50  # a quoted cell may hold line ends; more than this is a quote that was never closed


def delimiter_of(text: str) -> str:
    """The delimiter that the first line has most of; the comma where it has none."""
    first = _LINE.match(text)
    return max(_DELIMITERS, key=first[0].count) if first else _DELIMITERS[0]


def row_spans(text: str, window: Span, *, quoted: bool = True) -> Iterator[Span]:
    """The rows in the window, without the line ends behind them; empty ones are left out.

    With `quoted`, a line end within quotation marks belongs to its cell.
    """
    held: list[Span] = []
    quotes = 0
    for match in _LINE.finditer(text, window.start, window.end):
        held.append(Span(*match.span(1 if match[1] is not None else 0)))
        quotes += match[0].count('"')
        if not quoted or quotes % 2 == 0:
            held = [Span(held[0].start, held[-1].end)]
        elif len(held) < _MAX_ROW_LINES:
            continue
        yield from filter(len, held)
        held, quotes = [], 0
    yield from filter(len, held)


def cell_spans(text: str, row: Span, delimiter: str) -> tuple[Span, ...]:
    """The cells of a row as they stand, with their quotation marks; what is quoted may hold the delimiter."""
    blank = rf"[^\S{re.escape(delimiter)}]*"
    plain = rf"[^{re.escape(delimiter)}]*"
    cell = re.compile(rf'(?:{blank}"(?:[^"]|"")*"{plain}|{plain})(?:{re.escape(delimiter)}|\Z)')
    cells: list[Span] = []
    at = row.start
    while match := cell.match(text, at, row.end):
        at = match.end()
        ended = match[0].endswith(delimiter)
        cells.append(Span(match.start(), at - ended))
        if not ended:
            break
    return tuple(cells)


def bare(text: str, cell: Span) -> Span:
    """The cell without the white space and the quotation marks around its words."""
    words = trim(text, cell.start, cell.end)
    if words and len(words) > 1 and text[words.start] == text[words.end - 1] == '"':
        words = trim(text, words.start + 1, words.end - 1)
    return words or Span(cell.start, cell.start)
