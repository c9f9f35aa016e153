"""How the words of a document are laid out in an answer: within a paragraph, each item of a list on its line.

Only what is shown is laid out; a citation is always a slice of the document.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import pairwise

from index.lines import BLANK_LINE
from index.sentences import trim
from index.types import Document, Span
from qa.cite import collapse, escape

_NEAR_CHARS = 2000  # on either side of a number that may count the items of a list
_AS_WRITTEN = ("code", "python", "json", "jsonl")  # formats in which a dash or a star is no item of a list
_VALUES = ("csv", "tsv")  # formats in which each line is a row
_LINE = re.compile("\r\n?[^\\S\r\n]*[\r\n]|\n[^\\S\n]*\n|[\f\x1c-\x1e\u2029]")
_LINE = re.compile(r"[^\r\n]+")
_ITEM = re.compile(r"[^\S\r\n]*(?:[-*+•‣▪◦●–]|\(?(?P<number>\d{1,2})[.)])[^\S\r\n]+(?=\S)")
_LETTERED = re.compile(r"[^\S\r\n]*\(?[a-z]\)\s")
_ROW = re.compile(r"\s*\||.*(?:\t| \| )")


def paragraph(text: str, span: Span) -> Span:
    """The part of a span, trimmed, that no blank line and no page break crosses; of several the longest.

    Of equals it is the first; a span that no part of holds a visible character comes back as it is.
    """
    edges = [span.start]
    for gap in BLANK_LINE.finditer(text, span.start, span.end):
        edges += [gap.start(), gap.end()]
    edges.append(span.end)
    parts = [part for at in range(0, len(edges), 2) if (part := trim(text, edges[at], edges[at + 1]))]
    return max(parts, key=len, default=span)


def around(text: str, span: Span, within: Span) -> Span:
    """``span`` with what stands beside it ``within`` a range, up to the nearest blank lines."""
    gaps = [Span(*gap.span()) for gap in BLANK_LINE.finditer(text, within.start, within.end)]
    start = max((gap.end for gap in gaps if gap.end <= span.start), default=within.start)
    end = min((gap.start for gap in gaps if gap.start >= span.end), default=within.end)
    return trim(text, min(start, span.start), max(end, span.end)) or span


def lay_out(document: Document, shown: Span, bold: Mapping[Span, int], *, listed: bool = False) -> str:
    """The words of ``shown`` as Markdown: the ``bold`` spans in it in bold, each followed by its marker.

    A marker 0 is none. Items of a list lose their own signs; where there are several, or where they are
    ``listed``, each is a line with a dash.
    """
    text = document.text
    lines = _lines(document, shown)
    if not all(any(_overlap(text, span, line) for line in lines) for span in bold):
        lines = [shown]
    ends = {span: [line for line in lines if _overlap(text, span, line)][-1:] for span in bold}
    dash = "- " if listed or len(lines) > 1 else ""
    return "\n".join(
        dash
        + _in_bold(
            text,
            line,
            {
                part: number if ends[span] == [line] else 0
                for span, number in bold.items()
                if (part := _overlap(text, span, line))
            },
        )
        for line in lines
    )


def is_numbering(document: Document, span: Span) -> bool:
    """Whether a span is the sign or number that stands before a line: "*", "(a)", "1." or "4.2"."""
    text = document.text
    words = text[span.start : span.end]
    if not re.search(r"\w", words) or re.fullmatch(r"\([a-z\d]{1,3}\)|[a-z]\)", words):
        return True
    alone = _begins_line(text, span.start) and text[span.end : span.end + 1] in (" ", "\t")
    return alone and re.fullmatch(r"\d{1,2}(?:\.\d{1,2})*[.)]?", words) is not None


def _in_bold(text: str, line: Span, bold: Mapping[Span, int]) -> str:
    """A range as one line with the spans in bold, each followed by its marker."""
    written, at = "", line.start
    for span, number in sorted(bold.items(), key=lambda item: item[0].start):
        # The "x" keeps the blank between an answer and its neighbours; elsewhere white space is trimmed.
        head = "x" if written else ""
        between = escape(collapse(f"{head}{text[at : span.start]}x")[len(head) : -1])
        answer = f"**{escape(collapse(text[span.start : span.end]))}**"
        written = _joined(written, between) + answer + (f" [{number}]" if number else "")
        at = span.end
    head = "x" if written else ""
    return _joined(written, escape(collapse(f"{head}{text[at : line.end]}")[len(head) :]))


def _joined(written: str, words: str) -> str:
    """Both one after the other; a blank parts a marker from a bracket, for "[1](" would be a link."""
    return written + (" " if written.endswith("]") and words.startswith("(") else "") + words


def _overlap(text: str, span: Span, line: Span) -> Span | None:
    """What both share, trimmed; None where that shows nothing."""
    part = trim(text, max(span.start, line.start), min(span.end, line.end)) if span.overlaps(line) else None
    return part if part and collapse(text[part.start : part.end]) else None


def _lines(document: Document, shown: Span) -> list[Span]:
    """The range in one part, or one for each item of a list or row of a table, without the signs of items."""
    text = document.text
    starts = [match.start() for match in _LINE.finditer(text, shown.start, shown.end) if match[0].strip()]
    rows = [_is_row(document, start) for start in starts]
    opening = [
        number == 0 or rows[number] or rows[number - 1] or _begins_item(document, start)
        for number, start in enumerate(starts)
    ]
    begins = [start for start, opens in zip(starts, opening, strict=True) if opens]
    found = []
    for start, end in pairwise([*begins, shown.end]):
        after = _sign(document, start) if _begins_line(text, start) else None
        line = trim(text, start if after is None else after, end)
        if line is not None and re.search(r"\w", text[line.start : line.end]):
            found.append(line)
    return found or [shown]


def _is_row(document: Document, start: int) -> bool:
    line = _LINE.match(document.text, start)
    return line is not None and (document.format in _VALUES or _ROW.match(line[0]) is not None)


def _begins_item(document: Document, start: int) -> bool:
    return _sign(document, start) is not None or _LETTERED.match(document.text, start) is not None


def _begins_line(text: str, start: int) -> bool:
    return text[max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1 : start].strip() == ""


def _sign(document: Document, start: int) -> int | None:
    """Where the sign of an item of a list that begins at ``start`` ends; None where there is none.

    A number is one only where the number before or after it begins a line near by: "3. Oktober" is a date.
    """
    match = None if document.format in _AS_WRITTEN else _ITEM.match(document.text, start)
    if match is None:
        return None
    if match["number"]:
        number = int(match["number"])
        near = document.text[max(0, start - _NEAR_CHARS) : start + _NEAR_CHARS]
        if not re.search(rf"^[^\S\r\n]*\(?(?:{number - 1}|{number + 1})[.)]\s", near, re.MULTILINE):
            return None
    return match.end()
