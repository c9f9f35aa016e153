"""Tables: the rows and cells of CSV text and of sheets, drawn as such, with every character in its place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index.cells import cell_spans, delimiter_of, row_spans
from index.types import Document, Span
from page.marks import Look, mark, marked, pieces

_SHEET_DELIMITER = " | "
_HIDDEN = "cs-syn"
MAX_COLUMNS = 60


@dataclass(frozen=True, slots=True)
class Row:
    """A row: its cells are ranges of the text in order, and ``span`` is the line without its break."""

    span: Span
    cells: tuple[Span, ...]


def table_html(
    document: Document, window: Span, strong: Span | None, also: Sequence[tuple[Span, str]]
) -> str | None:
    """The rows in the window as a table, or None where the text is no table or the mark would cut a cell.

    The mark may lie in one cell, be some whole cells of a row, or some whole rows.
    """
    text, sheet = document.text, document.format == "xlsx"
    rows = sheet_rows(text, window) if sheet else csv_rows(text, window)
    if sum(len(row.cells) > 1 for row in rows) < 2 or max(len(row.cells) for row in rows) > MAX_COLUMNS:
        return None
    if strong is not None and not strong.overlaps(window):
        strong = None
    drawn: list[tuple[Span, str]] = []
    head: list[str] = []
    for number, row in enumerate(rows):
        words = [text[cell.start : cell.end] for cell in row.cells]
        named = any(word.startswith(f"{name}: ") for word in words for name in head) if sheet else True
        is_head = len(words) > 1 and (not named if sheet else number == 0 and window.start == 0)
        if sheet and not named:
            head = words
        hidden, columns = _column_names(row, words, head) if sheet and named else _quotes(row, words)
        here = tuple(pair for pair in also if pair[0].overlaps(row.span))
        inside = strong if strong is not None and _holds(row.span, strong) and row.span != strong else None
        cells = _cells(text, row, columns, inside, Look((*here, *hidden)))
        if cells is None:
            return None
        kind = "cs-row-head" if is_head else "cs-row-title" if len(words) == 1 else ""
        drawn.append((row.span, f'<span class="cs-row {kind}">{cells}</span>'))
    if strong is None or any(_holds(row.span, strong) and row.span != strong for row in rows):
        return _joined(text, window, drawn)
    return _around(text, window, drawn, strong)


def _holds(outer: Span, inner: Span) -> bool:
    return outer.start <= inner.start and inner.end <= outer.end


def _cells(text: str, row: Row, columns: Sequence[int], strong: Span | None, look: Look) -> str | None:
    """The cells of a row as HTML, with the mark in one of them or around some; None where it would cut one.

    ``columns`` are their places; where some are passed over, empty cells stand.
    """
    drawn: list[tuple[Span, str]] = []
    column = 0
    inside = strong is not None and any(_holds(cell, strong) for cell in row.cells)
    for cell, place in zip(row.cells, columns, strict=True):
        mine = strong if strong is not None and inside and _holds(cell, strong) else None
        kind = "cs-cell cs-right" if _is_number(text[cell.start : cell.end]) else "cs-cell"
        empty = '<span class="cs-cell"></span>' * max(0, place - column)
        drawn.append((cell, f'{empty}<span class="{kind}">{marked(text, cell, mine, look)}</span>'))
        column = place + 1
    if strong is None or inside:
        return _joined(text, row.span, drawn)
    return _around(text, row.span, drawn, strong)


def _around(text: str, span: Span, drawn: Sequence[tuple[Span, str]], strong: Span) -> str | None:
    """The parts, with the mark around those that it covers; None where it begins or ends within one."""
    starts, ends = {part.start for part, _ in drawn}, {part.end for part, _ in drawn}
    if strong.start not in starts or strong.end not in ends:
        return None
    before = [pair for pair in drawn if pair[0].end <= strong.start and pair[0].start < strong.start]
    covered = [pair for pair in drawn if _holds(strong, pair[0])]
    behind = [pair for pair in drawn if pair[0].start >= strong.end and pair not in covered]
    if len(before) + len(covered) + len(behind) != len(drawn):
        return None
    return (
        _joined(text, Span(span.start, strong.start), before)
        + mark(_joined(text, strong, covered))
        + _joined(text, Span(strong.end, span.end), behind)
    )


def _joined(text: str, span: Span, drawn: Sequence[tuple[Span, str]]) -> str:
    """The parts, with the text between them, which is there but not shown."""
    out, at = [], span.start
    for part, html in drawn:
        out += [_unseen(text, Span(at, part.start)), html]
        at = part.end
    return "".join([*out, _unseen(text, Span(at, span.end))])


def _unseen(text: str, span: Span) -> str:
    return pieces(text, span, Look(((span, _HIDDEN),))) if len(span) else ""


def csv_rows(text: str, window: Span) -> list[Row]:
    """The rows of CSV text, by the delimiter that its first line has most of."""
    delimiter = delimiter_of(text)
    return [Row(span, cell_spans(text, span, delimiter)) for span in row_spans(text, window)]


def sheet_rows(text: str, window: Span) -> list[Row]:
    """The rows of a sheet, as they are stored: "Name: value | Name: value" under a line of names."""
    rows = []
    for line in re.compile(r"[^\r\n]+").finditer(text, window.start, window.end):
        edges = [line.start()]
        for found in re.compile(re.escape(_SHEET_DELIMITER)).finditer(text, line.start(), line.end()):
            edges += [found.start(), found.end()]
        edges.append(line.end())
        cells = tuple(Span(left, right) for left, right in zip(edges[::2], edges[1::2], strict=True))
        rows.append(Row(Span(line.start(), line.end()), cells))
    return rows


def _column_names(
    row: Row, words: Sequence[str], head: Sequence[str]
) -> tuple[list[tuple[Span, str]], list[int]]:
    """The names of their columns that the cells of a sheet begin with, to be hidden; and these columns."""
    hidden: list[tuple[Span, str]] = []
    columns: list[int] = []
    for cell, word in zip(row.cells, words, strict=True):
        column = columns[-1] + 1 if columns else 0
        for place in range(column, len(head)):
            if word.startswith(f"{head[place]}: "):
                hidden.append((Span(cell.start, cell.start + len(head[place]) + 2), _HIDDEN))
                column = place
                break
        columns.append(column)
    return hidden, columns


def _quotes(row: Row, words: Sequence[str]) -> tuple[list[tuple[Span, str]], list[int]]:
    """The quotes around the cells of CSV text, to be hidden; and the columns, which are all there."""
    hidden = []
    for cell, word in zip(row.cells, words, strict=True):
        if len(word) > 1 and word[0] == word[-1] == '"':
            hidden += [(Span(cell.start, cell.start + 1), _HIDDEN), (Span(cell.end - 1, cell.end), _HIDDEN)]
    return hidden, list(range(len(words)))


def _is_number(word: str) -> bool:
    return re.fullmatch(r"(?:[^:|]*: )?-?[\d.,  ]*\d ?%?", word) is not None
