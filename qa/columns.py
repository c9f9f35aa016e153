"""Tables of values as the reader sees them: each cell behind the name of its column.

A model that was trained on sentences makes little of ``Okafor,C07,555-0199``. It reads "name: Okafor | room:
C07 | phone: 555-0199" in its place, and what it marks there is found in the stored row again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

from index.cells import bare, cell_spans, delimiter_of, row_spans
from index.chunk import column_names
from index.types import Passage, Span
from qa.read import AnswerSpan, Reader, Reading

if TYPE_CHECKING:
    from index.types import Hit

_SUFFIXES = (".csv", ".tsv", ".tab")  # of files that are tables of values as they stand
_LETTER = re.compile(r"[^\W\d_]")
_SPARE = 3  # spans more than are wanted: some mark a name alone, some the same cell


@dataclass(frozen=True, slots=True)
class View:
    """What is read in place of a passage. ``cells`` are pairs of a range here and the same words there."""

    text: str
    cells: tuple[tuple[Span, Span], ...]

    def stored(self, span: Span) -> Span | None:
        """The words of the passage under a span; of several cells the one it covers most, None of names."""
        parts = [
            Span(there.start + max(span.start, here.start) - here.start, there.start + end - here.start)
            for here, there in self.cells
            if (end := min(span.end, here.end)) > max(span.start, here.start)
        ]
        return max(parts, key=len, default=None)


def read_hits(reader: Reader, question: str, hits: Sequence[Hit], *, top_k: int) -> Reading:
    """What the reader finds in the passages of the hits, in characters of these: ``Reader.read``."""
    views = [view(hit.passage) for hit in hits]
    texts = [seen.text for seen in views]
    reading = reader.read(question, texts, top_k=top_k + _SPARE, relevance=[hit.score for hit in hits])
    spans: list[AnswerSpan] = []
    for found in reading.spans:
        span = views[found.passage].stored(Span(found.start, found.end))
        beside = [Span(other.start, other.end) for other in spans if other.passage == found.passage]
        if span is None or any(map(span.overlaps, beside)):
            continue
        words = hits[found.passage].passage.text[span.start : span.end]
        spans.append(replace(found, start=span.start, end=span.end, text=words))
    return replace(reading, spans=tuple(spans[:top_k]))


def view(passage: Passage) -> View:
    """The passage with its columns named, where it is a table whose columns have names; else as it is.

    A row that has more or fewer cells than there are names, as half of a long one has, is not named.
    """
    delimiter, names = _names(passage)
    rows = list(_rows(passage.text, delimiter)) if names else []
    if not rows or (not _is_values(passage) and any(len(row) != len(names) for row in rows)):
        whole = Span(0, len(passage.text))
        return View(passage.text, ((whole, whole),))
    written: list[str] = []
    cells: list[tuple[Span, Span]] = []
    length = 0
    for number, row in enumerate(rows):
        known = names if len(row) == len(names) and (number or passage.heading) else [""] * len(row)
        in_front = "\n" if number else ""
        for name, cell in zip(known, row, strict=True):
            if len(cell):
                written += [in_front, f"{name}: " if name else "", passage.text[cell.start : cell.end]]
                length += sum(map(len, written[-3:]))
                cells.append((Span(length - len(cell), length), cell))
                in_front = " | "
    return View("".join(written), tuple(cells))


def _is_values(passage: Passage) -> bool:
    return PurePath(passage.source).suffix.lower() in _SUFFIXES


def _names(passage: Passage) -> tuple[str, list[str]]:
    """The delimiter of a table and the names of its columns; no names where no row gives them.

    The row of names begins the first passage of a file of values, and is the heading of the others. Where a
    table goes on in a further passage of any document, it ends the heading, its cells between bars.
    """
    if not _is_values(passage):
        row = passage.heading.rpartition(" > ")[2]
        row = row if " | " in row else ""
    elif passage.heading or passage.span.start:
        row = passage.heading
    else:
        row = column_names(re.split(r"[\r\n]", passage.text, maxsplit=1)[0])
    delimiter = delimiter_of(row)
    if delimiter not in row:
        return delimiter, []
    cells = next(_rows(row, delimiter), [])
    names = [" ".join(re.split(r"[_\s]+", row[cell.start : cell.end])) for cell in cells]
    if not all(_LETTER.search(name) for name in names if name):  # a cell without a letter is a value
        return delimiter, []
    return ("\t" if "\t" in passage.text and delimiter == "|" else delimiter), names


def _rows(text: str, delimiter: str) -> Iterator[list[Span]]:
    """The cells of each row that is not blank, trimmed, without their quotation marks."""
    for span in row_spans(text, Span(0, len(text))):
        row = [bare(text, cell) for cell in cell_spans(text, span, delimiter)]
        if delimiter == "|" and len(row) > 2 and not len(row[0]) and not len(row[-1]):
            row = row[1:-1]  # bars at both ends of the line
        if any(map(len, row)):
            yield row
