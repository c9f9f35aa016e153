"""Where in its file something stands, in the words that people of that format use."""

from __future__ import annotations

from bisect import bisect_right

from index.types import Document

_LINES = ("code", "python", "jsonl", "json")


def place(document: Document, offset: int) -> str:
    """Such as "p. 12", "slide 4", "Sheet1 row 88", "line 7", or the nearest heading; "" where there is none.

    Pages, slides, rows and lines count from 1. Rows are those of the sheet; of a table of values (csv) each
    line is one.
    """
    page = document.page_at(offset)
    if document.format == "pdf" and page is not None:
        return f"p. {page}"
    if document.format == "pptx" and page is not None:
        return f"slide {page}"
    if document.format == "xlsx" and page is not None:
        return " ".join(filter(None, (_sheet(document, page, offset), _row(document, offset))))
    if document.format in ("csv", "tsv"):
        return f"row {_line(document.text, offset)}"
    if document.format in _LINES:
        return f"line {_line(document.text, offset)}"
    return document.heading_path(offset).rpartition(" > ")[2]


def _sheet(document: Document, page: int, offset: int) -> str:
    """The name of the sheet, which stands as a heading at its start."""
    start = document.pages[page - 1].start
    names = [heading.title for heading in document.headings if start <= heading.span.start <= offset]
    return names[0] if names else f"sheet {page}"


def _row(document: Document, offset: int) -> str:
    at = bisect_right(document.rows, offset, key=lambda row: row[0]) - 1
    if at < 0 or document.rows[at][0] < document.pages[(document.page_at(offset) or 1) - 1].start:
        return ""
    start, number = document.rows[at]
    return f"row {number + document.text.count(chr(10), start, offset)}"


def _line(text: str, offset: int) -> int:
    """Number of the line, however the file ends its lines."""
    feeds = text.count("\n", 0, offset)
    return 1 + (feeds or text.count("\r", 0, offset))
