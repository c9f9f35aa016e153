"""What every format module hands back, and the writer that puts text together and records its structure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

from index.types import Heading, Span

BLANK_LINE = "\n\n"  # stands between two blocks, and between two pages
# Controls except tab and line feed, lone surrogates, noncharacters, soft hyphens and other marks without a
# width that split words; the joiners U+200C and U+200D stay, Persian and emoji need them.
_UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u200b\u2060\ud800-\udfff\ufffe\uffff\ufeff]")


@dataclass(frozen=True, slots=True)
class Parsed:
    """The text of one file and the structure that was found in it; the fields are those of ``Document``."""

    text: str
    title: str = ""
    pages: tuple[Span, ...] = ()
    headings: tuple[Heading, ...] = ()
    rows: tuple[tuple[int, int], ...] = ()
    unread: str = ""


def one_line(text: str) -> str:
    """The text in one line: unprintable characters dropped, runs of white space made one blank."""
    return " ".join(printable(text).split())


def printable(text: str) -> str:
    """The text with line feeds as its only line ends and without unprintable characters."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\x0b", "\n").replace("\x0c", "\n")
    return _UNPRINTABLE.sub("", text)


class Writer:
    """Puts a text together from blocks, and notes where its headings and pages lie.

    Blocks are separated by a blank line, lines of one block by a line feed. Nothing that was written moves
    later, so every span stays exact.
    """

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._length = 0
        self._headings: list[Heading] = []
        self._rows: list[tuple[int, int]] = []
        self._next_row = 0
        self._page_starts: list[int] = []

    def block(self, text: str, *, gap: str = BLANK_LINE) -> None:
        """Append a paragraph; ``gap`` stands between it and what was written before."""
        text = printable(text).strip("\n").rstrip()
        if text.strip():
            self._append(text, gap)

    def line(self, text: str) -> None:
        """Append a line to the block before, such as a row of a table or an item of a list."""
        self.block(text, gap="\n")

    def heading(self, text: str, level: int) -> None:
        """Append a heading as a block of its own; level 1 is the highest."""
        title = one_line(text)
        if title:
            start = self._append(title, BLANK_LINE)
            self._headings.append(Heading(Span(start, self._length), max(1, level), title))

    def row(self, text: str, number: int, *, gap: str) -> None:
        """Append a row of a sheet, in one line; ``number`` is what the sheet calls it, from 1."""
        line = one_line(text)
        if line:
            start = self._append(line, gap)
            if number != self._next_row or gap != "\n":
                self._rows.append((start, number))
            self._next_row = number + 1

    def page(self) -> None:
        """Begin a page: what is written from here on belongs to it."""
        self._page_starts.append(self._length + (len(BLANK_LINE) if self._parts else 0))

    def finish(self, title: str = "") -> Parsed:
        """The text with all that was recorded. A page without text becomes an empty span."""
        text = "".join(self._parts)
        starts = [min(start, len(text)) for start in self._page_starts]
        ends = [max(start, after - len(BLANK_LINE)) for start, after in pairwise(starts)]
        pages = (
            tuple(Span(start, end) for start, end in zip(starts, [*ends, len(text)], strict=True))
            if starts
            else ()
        )
        return Parsed(text, one_line(title), pages, tuple(self._headings), tuple(self._rows))

    def _append(self, text: str, gap: str) -> int:
        if self._page_starts and self._page_starts[-1] >= self._length:
            gap = BLANK_LINE  # so that the page begins where it was announced
        if self._parts:
            self._parts.append(gap)
            self._length += len(gap)
        start = self._length
        self._parts.append(text)
        self._length += len(text)
        return start
