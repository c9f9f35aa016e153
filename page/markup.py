"""Untrusted text as HTML: escaping, file names, places.

Documents, file names and model outputs are untrusted, so ``escape`` stands between them and every page.
"""

from __future__ import annotations

import html
import re

from page.words import Words

_SHEETS = {"pptx": "slide", "pptm": "slide", "xlsx": "sheet", "xlsm": "sheet", "epub": "chapter"}

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # HTML or UTF-8 cannot carry them
_REORDER = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")  # marks of bidirectional text
BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")


def printable(text: str) -> str:
    """The text with U+FFFD for each control character and lone surrogate; its length and line breaks stay."""
    return _UNPRINTABLE.sub("\ufffd", text)


def escape(text: str) -> str:
    """The text as HTML that shows it literally, in elements and in quoted attributes."""
    return html.escape(printable(text), quote=True)


def spelled(text: str) -> str:
    """A file name on one line that reads as it is: marks that would reorder it are spelled out (\\u202e)."""
    return _REORDER.sub(lambda mark: f"\\u{ord(mark[0]):04x}", BREAK.sub(" ", text))


def name(text: str) -> str:
    """A file name or label as escaped text on one line, kept from reordering what stands around it."""
    return f"<bdi>{escape(spelled(text))}</bdi>"


def one_line(text: str) -> str:
    """The escaped text with ``<br>`` for its line breaks, so that no Markdown block can begin in it."""
    return BREAK.sub("<br>", escape(text))


def shorten(text: str, chars: int) -> str:
    """The text on one line, cut at a word to at most ``chars`` characters, with "…" for what was left out."""
    text = " ".join(text.split())
    if len(text) <= chars:
        return text
    return text[: chars - 1].rsplit(" ", 1)[0].rstrip(",;: ") + "…"


def sheet(source: str) -> str:
    """What the pages of a document of this name are called: the stem of their keys in the catalogue."""
    return _SHEETS.get(source.rsplit(".", 1)[-1].lower(), "page")


def at_page(source: str, page: int, words: Words) -> str:
    """The page of a document in words: "page 4", of a presentation "slide 4"."""
    return words(f"{sheet(source)}.at", n=words.number(page))


def place(source: str, page: int | None, words: Words) -> str:
    """Where something stands, in words: the source and, where it has pages, the page."""
    if page is None:
        return spelled(source)
    return words("place", source=spelled(source), page=at_page(source, page, words))
