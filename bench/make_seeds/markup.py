"""The small Markdown dialect of the source texts, parsed into blocks that every writer understands.

``# Heading``, ``- item``, ``1. item``, ``| cell |`` rows with a ``Table: caption`` line before them, and
paragraphs with ``*italic*`` inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading of level 1 (chapter) to 3."""

    level: int
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    """Running text on one line, inline marks included."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """A bulleted or numbered list."""

    ordered: bool
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Table:
    """A table whose first row is its head; every row has the same number of cells."""

    caption: str
    rows: tuple[tuple[str, ...], ...]


Block = Heading | Paragraph | Items | Table

_HEADING = re.compile(r"(#{1,3}) (.+)")
_ITEM = re.compile(r"(?:-|(\d+)\.) (.+)")
_RULE = re.compile(r"\|[-| :]+\|")


def parse(text: str) -> list[Block]:
    """Return the blocks of a source text, in order; blocks are separated by blank lines.

    Raises ValueError when the rows of a table differ in length.
    """
    return [block for chunk in re.split(r"\n\s*\n", text.strip()) for block in _chunk(chunk.splitlines())]


def _chunk(lines: list[str]) -> Iterator[Block]:
    caption = ""
    while lines:
        line = lines[0].strip()
        if heading := _HEADING.fullmatch(line):
            yield Heading(len(heading[1]), heading[2])
            lines = lines[1:]
        elif line.startswith("Table:"):
            caption, lines = line.removeprefix("Table:").strip(), lines[1:]
            if not lines:
                yield Table(caption, ())
        elif line.startswith("|"):
            yield _table(caption, lines)
            return
        elif _ITEM.fullmatch(line):
            matches = [_ITEM.fullmatch(item.strip()) for item in lines]
            yield Items(
                ordered=matches[0] is not None and matches[0][1] is not None,
                texts=tuple(match[2] for match in matches if match),
            )
            return
        else:
            yield Paragraph(" ".join(part.strip() for part in lines))
            return


def _table(caption: str, lines: list[str]) -> Table:
    rows = tuple(
        tuple(cell.strip() for cell in line.strip().strip("|").split("|")) if line.strip() != "|" else ("",)
        for line in lines
        if not _RULE.fullmatch(line.strip())
    )
    if len({len(row) for row in rows}) != 1:
        raise ValueError(f"the rows of the table {caption!r} differ in length: {[len(row) for row in rows]}")
    return Table(caption, rows)


def merge_captions(blocks: list[Block]) -> list[Block]:
    """Return the blocks with each lone caption joined to the table that follows it."""
    merged: list[Block] = []
    for block in blocks:
        last = merged[-1] if merged else None
        if isinstance(block, Table) and isinstance(last, Table) and not last.rows:
            merged[-1] = Table(last.caption, block.rows)
        else:
            merged.append(block)
    return merged


def runs(text: str) -> list[tuple[str, bool]]:
    """Return the pieces of a paragraph as (text, italic)."""
    pieces = re.split(r"\*([^*]+)\*", text)
    return [(piece, index % 2 == 1) for index, piece in enumerate(pieces) if piece]
