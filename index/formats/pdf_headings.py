"""Headings of a PDF: from its outline, otherwise from lines that are set larger than the text around them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from index.formats.parsed import one_line
from index.types import Heading, Span

_NUMBER = re.compile(r"^(?:[\dIVXivx]+(?:\.\d+)*|[A-Z])[.):]?\s+")
_DIGITS = re.compile(r"\d+")
_LARGER = 1.12  # a heading is at least this much higher than the body
_LONGEST = 120  # characters of a heading
_LEVELS = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A line: its span within the page, its words, height and foot of its first character."""

    span: Span
    text: str
    height: float
    foot: float


def from_outline(
    outline: Sequence[tuple[int, str, int]], text: str, pages: Sequence[Span]
) -> tuple[Heading, ...]:
    """The entries of the outline (level, title, page index) that stand on the page they point to, in text
    order.

    Empty where most of the entries are not found: then the outline speaks of something else than the text.
    """
    found: list[Heading] = []
    position = 0
    for level, title, page in outline:
        if not title or not 0 <= page < len(pages):
            continue
        span = _locate(title, text, Span(max(pages[page].start, position), max(pages[page].end, position)))
        if span is None:
            continue
        found.append(Heading(span, level, one_line(text[span.start : span.end])))
        position = span.end
    return tuple(found) if 2 * len(found) >= len(outline) else ()


def _locate(title: str, text: str, within: Span) -> Span | None:
    """Where the title stands, whatever the blanks in it; preferably at the start of a line."""
    for words in (title, _NUMBER.sub("", title)):
        pattern = r"\s+".join(re.escape(word) for word in words.split())
        for anchored in (r"(?:(?<=\n)|(?<![\s\S]))[ \d.]*(" + pattern + ")", "(" + pattern + ")"):
            match = re.compile(anchored, re.IGNORECASE).search(text, within.start, within.end)
            if match:
                return Span(*match.span(1))
    return None


def from_sizes(pages: Sequence[Sequence[Line]], text: str, spans: Sequence[Span]) -> tuple[Heading, ...]:
    """Short lines that are higher than the body; consecutive ones of one height are one heading.

    Lines that come back on many pages are running heads and left out. Where every fifth line would be a
    heading, the heights say nothing, and there are none.
    """
    lines = [(page, line) for page, page_lines in enumerate(pages) for line in page_lines]
    body = _body_height([line for _, line in lines])
    repeated = _repeated(pages)
    candidates = [
        (page, line)
        for page, line in lines
        if line.height >= _LARGER * body and _may_be_heading(line, repeated)
    ]
    if not body or len(candidates) * 5 > len(lines) + 10:
        return ()
    heights = sorted({round(line.height / body, 1) for _, line in candidates}, reverse=True)
    found: list[Heading] = []
    previous: tuple[int, Line] | None = None
    for page, line in candidates:
        level = min(_LEVELS, heights.index(round(line.height / body, 1)) + 1)
        start, end = spans[page].start + line.span.start, spans[page].start + line.span.end
        if (
            previous
            and previous[0] == page
            and _continues(found[-1], level, text[found[-1].span.end : start])
        ):
            start = found.pop().span.start
        found.append(Heading(Span(start, end), level, one_line(text[start:end])))
        previous = page, line
    return tuple(found)


def _continues(heading: Heading, level: int, between: str) -> bool:
    """Whether a line is the second one of a heading that was broken."""
    return level == heading.level and not between.strip() and len(heading.title) < _LONGEST


def _body_height(lines: Sequence[Line]) -> float:
    """The height in which half of the characters are set at most; 0 for no lines."""
    half = sum(len(line.text) for line in lines) / 2
    for line in sorted(lines, key=lambda line: line.height):
        half -= len(line.text)
        if half <= 0:
            return line.height
    return 0.0


def _repeated(pages: Sequence[Sequence[Line]]) -> frozenset[str]:
    """Lines, numbers aside, that stand on three pages or more: running heads, footers, page numbers."""
    counts = Counter(key for lines in pages for key in {_DIGITS.sub("#", line.text) for line in lines})
    return frozenset(key for key, count in counts.items() if count >= 3)


def _may_be_heading(line: Line, repeated: frozenset[str]) -> bool:
    letters = sum(character.isalpha() for character in line.text)
    return (
        letters >= 2
        and letters * 2 >= len(line.text.replace(" ", ""))
        and len(line.text) <= _LONGEST
        and line.text[-1] not in ".,;"
        and _DIGITS.sub("#", line.text) not in repeated
    )
