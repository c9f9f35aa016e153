"""Markdown as it is meant to look, not a character of it changed: classes for what is bold, hidden, code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from markdown_it import MarkdownIt

from index.types import Span
from page.marks import line_starts

_PARSER = MarkdownIt("commonmark").enable("table")
_HIDDEN = "cs-syn"  # syntax: in the text and in the mark, but not shown

_FRONT = re.compile(r"---[ \t]*\r?\n(?s:.*?)^(?:---|\.\.\.)[ \t]*(?:\r?\n|\Z)", re.MULTILINE)
_HEADING = re.compile(r"[ ]{0,3}#{1,6}[ \t]+")
_BULLET = re.compile(r"[ \t]*(?P<sign>[-*+])[ \t]+")
_QUOTE = re.compile(r"[ \t]*(?:>[ \t]?)+")
_INLINE = re.compile(
    r"""
    (?P<tick>`+) (?P<code>[^`\n]+) (?P=tick)
  | !?\[ (?P<label>[^\]\n]*) \]\( [^)\n]* \)
  | (?P<bold>\*\*|__) (?=\S) (?P<strong>[^\n]+?) (?<=\S) (?P=bold)
  | (?<![\w*]) (?P<thin>[*_]) (?=\S) (?P<slanted>[^*_\n]+?) (?<=\S) (?P=thin) (?!\w)
  | \\ (?P<literal>[!-/:-@\[-`{-~])
    """,
    re.VERBOSE,
)
_CLASSES = {
    "code": "cs-tt",
    "label": "cs-link",
    "strong": "cs-strong",
    "slanted": "cs-slanted",
    "literal": "",
}


def markdown(text: str, window: Span) -> list[tuple[Span, str]]:
    """The decorations of the Markdown in the window; offsets are those of ``text``."""
    front = _FRONT.match(text, window.start, window.end) if window.start == 0 else None
    found: list[tuple[Span, str]] = []
    if front is not None:  # what YAML says about the document is no heading
        found.append((Span(0, front.end()), "cs-block"))
        window = Span(front.end(), window.end)
    starts = line_starts(text, window)
    edges = [*starts, window.end]

    def lines(block: tuple[int, int]) -> Span:
        return Span(edges[min(block[0], len(starts))], edges[min(block[1], len(starts))])

    shown = text[window.start : window.end].replace("\r\n", " \n").replace("\r", " ")
    for token in _PARSER.parse(shown):
        if token.map is None:
            continue
        span = lines((token.map[0], token.map[1]))
        if token.type == "fence":
            found.append((span, "cs-block"))
            found += [(fence, _HIDDEN) for fence in _fences(text, span)]
        elif token.type in ("code_block", "table_open"):
            found.append((span, "cs-block"))
        elif token.type == "hr":
            found.append((_trimmed(text, span), "cs-hr"))
        elif token.type == "heading_open":
            found.append((_trimmed(text, span), f"cs-h cs-{token.tag}"))
            if token.markup in ("=", "-"):  # underlined
                found.append((_trimmed(text, Span(line_starts(text, span)[-1], span.end)), _HIDDEN))
            found += _prefix(text, span, _HEADING)
        elif token.type == "list_item_open":
            bullet = _BULLET.match(text, span.start, span.end)
            if bullet is not None:
                found.append((Span(bullet.start("sign"), bullet.end("sign")), "cs-bullet"))
        elif token.type == "blockquote_open":
            found.append((span, "cs-said"))
            for start in line_starts(text, span):
                found += _prefix(text, Span(start, span.end), _QUOTE)
        elif token.type == "inline" and not text.startswith("|", span.start):
            found += inline(text, span)
    return found


def inline(text: str, span: Span) -> Iterator[tuple[Span, str]]:
    """Yield what is bold, slanted, code or a link within a block, and the signs that make it so."""
    for match in _INLINE.finditer(text, span.start, span.end):
        name = next(name for name in _CLASSES if match[name] is not None)
        inside = Span(match.start(name), match.end(name))
        if _CLASSES[name] and len(inside):
            yield inside, _CLASSES[name]
        if not len(inside):
            continue  # a picture without a description stays as it is written
        yield Span(match.start(), inside.start), _HIDDEN
        if match.end() > inside.end:
            yield Span(inside.end, match.end()), _HIDDEN
        if name in ("strong", "label"):
            yield from inline(text, inside)


def _prefix(text: str, line: Span, pattern: re.Pattern[str]) -> list[tuple[Span, str]]:
    found = pattern.match(text, line.start, line.end)
    return (
        [(Span(found.start(), found.end()), _HIDDEN)]
        if found is not None and found.end() > found.start()
        else []
    )


def _fences(text: str, block: Span) -> list[Span]:
    """The first and the last line of a fenced block, where they are its fences."""
    starts = line_starts(text, block)
    first = Span(block.start, starts[1] if len(starts) > 1 else block.end)
    last = Span(starts[-1], block.end)
    closed = len(starts) > 1 and text[last.start : last.end].strip()[:3] in ("```", "~~~")
    return [first, last] if closed else [first]


def _trimmed(text: str, span: Span) -> Span:
    """The span without the line break at its end."""
    return Span(span.start, span.start + len(text[span.start : span.end].rstrip("\r\n")))
