"""Plain text, Markdown, tables of values and source code: the stored text is the file itself."""

from __future__ import annotations

import re

from index.formats.encoding import decode
from index.formats.parsed import Parsed
from index.types import Heading, Span

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_ATX = re.compile(r" {0,3}(#{1,6})[ \t]+(?P<title>[^\r\n]*?)(?:[ \t]+#+)?[ \t]*\r?$")
_UNDERLINE = re.compile(r" {0,3}(=+|-{2,})[ \t]*\r?$")
_MARKDOWN_LINE = re.compile(r"^ {0,3}(?:`{3,}|~{3,}|#{1,6}[ \t]|=+[ \t]*\r?$|-{2,}[ \t]*\r?$)", re.MULTILINE)
_NOT_A_PARAGRAPH = re.compile(r"[ \t]*(?:$|[>#|]|[-*+][ \t]|\d+[.)][ \t]|(?:\t| {4}))|[^\n]*\|")
_FRONT_MATTER = re.compile(r"---[ \t]*\r?\n(?:.*?\n)??(?:---|\.\.\.)[ \t]*\r?(?:\n|\Z)", re.DOTALL)
_FRONT_TITLE = re.compile(r"^title:[ \t]*[\"']?(.*?)[\"']?[ \t]*\r?$", re.MULTILINE)
_RST_TITLE = re.compile(
    r"^(?P<title>\S[^\r\n]*?)[ \t]*\r?\n(?P<line>([=\-~^\"'`#*+.:_<>])\3{2,})[ \t]*\r?$", re.MULTILINE
)
_DEFINITION = re.compile(
    r"^(?P<indent>[ \t]*)(?P<title>(?:async[ \t]+)?(?:def|class)[ \t]+\w+)", re.MULTILINE
)


def read(data: bytes, name: str, format: str) -> Parsed:
    """The decoded file, character for character, with the headings that its format marks."""
    text = decode(data, name)
    if format == "markdown":
        front = _FRONT_MATTER.match(text)
        headings = markdown_headings(text, front.end() if front else 0)
        title = _FRONT_TITLE.search(front[0]) if front else None
        return Parsed(text, title[1] if title else _title(headings), headings=headings)
    if format == "rst":
        headings = _rst_headings(text)
        return Parsed(text, _title(headings), headings=headings)
    if format == "python":
        return Parsed(text, headings=_definitions(text))
    return Parsed(text)


def _title(headings: tuple[Heading, ...]) -> str:
    return headings[0].title if headings and headings[0].level == 1 else ""


def markdown_headings(text: str, start: int = 0) -> tuple[Heading, ...]:
    """ATX (``# Title``) and Setext (underlined) headings outside of fenced code."""
    found: list[Heading] = []
    fence = ""
    for match in _MARKDOWN_LINE.finditer(text, start):
        end = text.find("\n", match.start())
        line = text[match.start() : len(text) if end < 0 else end]
        mark = _FENCE.match(line)
        if fence:
            if mark and mark[1].startswith(fence) and not line[mark.end() :].strip():
                fence = ""
        elif mark:
            fence = mark[1] if mark[1][0] == "~" or "`" not in line[mark.end() :] else ""
        elif atx := _ATX.match(line):
            _add(
                found, text, match.start() + atx.start("title"), match.start() + atx.end("title"), len(atx[1])
            )
        elif under := _UNDERLINE.match(line):
            before = text.rfind("\n", start, max(start, match.start() - 1)) + 1 or start
            above = text[before : max(before, match.start() - 1)]
            if above.strip() and not _NOT_A_PARAGRAPH.match(above):
                _add(found, text, before, before + len(above), 1 if under[1][0] == "=" else 2)
    return tuple(found)


def _rst_headings(text: str) -> tuple[Heading, ...]:
    """Underlined titles; the underline that comes first is the highest level."""
    found: list[Heading] = []
    levels: dict[str, int] = {}
    for match in _RST_TITLE.finditer(text):
        if len(match["line"]) >= len(match["title"]) and any(
            character.isalnum() for character in match["title"]
        ):
            level = levels.setdefault(match["line"][0], len(levels) + 1)
            _add(found, text, *match.span("title"), level)
    return tuple(found)


def _definitions(text: str) -> tuple[Heading, ...]:
    """Classes and functions of Python source, nested as they are indented."""
    found: list[Heading] = []
    indents: list[int] = []
    for match in _DEFINITION.finditer(text):
        indent = len(match["indent"].expandtabs())
        while indents and indents[-1] >= indent:
            indents.pop()
        indents.append(indent)
        _add(found, text, *match.span("title"), len(indents))
    return tuple(found)


def _add(found: list[Heading], text: str, start: int, end: int, level: int) -> None:
    title = text[start:end].strip()
    if title:
        start = text.index(title, start)
        found.append(Heading(Span(start, start + len(title)), level, title))
