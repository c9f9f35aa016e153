"""From document words to citations and to the text of an answer.

Two rules live here and nowhere else. A citation is a slice of a stored text. And what a document says never
looks like our own markup: ``escape`` writes document words into an answer, ``pieces`` reads them back.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from index.place import place
from index.types import Document
from qa.answer import Citation


def cite(document: Document, start: int, end: int, marker: int) -> Citation:
    """Return the citation of ``document.text[start:end]``: the only way in which one is made.

    Raises ValueError where the range is not within the text or holds no visible character.
    """
    if not 0 <= start < end <= len(document.text):
        raise ValueError(
            f"[{start}, {end}) is no range of the {len(document.text)} characters of {document.source}"
        )
    quote = document.text[start:end]
    if not quote.strip():
        raise ValueError(f"[{start}, {end}) of {document.source} is blank: nothing to cite")
    page, where = document.page_at(start), place(document, start)
    return Citation(marker, document.source, document.sha256, start, end, quote, page, where)


# Removed: marks that would reorder the text after them. Blank: controls, which could drive a terminal.
_REORDER = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_MARKUP = re.compile(
    r"""
    [*`\[\]]                      # emphasis, code, links, markers
  | \\ (?= [!-/:-@\[-`{-~] | $ )  # an escape, or a line break
  | (?<! [^\W_] ) _ | _ (?! [^\W_] )  # emphasis; none within a word
  | ~ (?= ~ ) | (?<= ~ ) ~        # strike-through
  | \$ (?= \$ ) | (?<= \$ ) \$    # formulas
  | < (?= [A-Za-z/!?] )           # HTML
  | & (?= \#?\w+; )               # entities
    """,
    re.VERBOSE,
)
_BLOCK = re.compile(r"^(?:\#(?=\#*(?:\s|$))|>|[-+](?!\w)|(?P<number>\d{1,9})(?=[.)](?:\s|$)))")
_PIECE = re.compile(r"\\(?P<literal>[!-/:-@\[-`{-~])|(?P<bold>\*\*)|\[(?P<marker>\d+)\]")


def collapse(words: str) -> str:
    """Return document words as one line: runs of white space and control characters become one blank."""
    return " ".join(_CONTROL.sub(" ", _REORDER.sub("", words)).split())


def escape(line: str) -> str:
    """Return a line of document words as Markdown that shows just these characters, by backslashes.

    Nothing in it is then emphasis, a link, HTML, a heading, a list or a marker such as ``[1]``; words that
    hold no such signs come back unchanged.
    """
    line = _MARKUP.sub(r"\\\g<0>", line)
    return _BLOCK.sub(lambda m: f"{m['number']}\\" if m["number"] else f"\\{m[0]}", line)


@dataclass(frozen=True, slots=True)
class Piece:
    """A run of an answer's text: ``text`` as the reader sees it, or of a marker its number in digits."""

    kind: Literal["plain", "bold", "marker"]
    text: str


def pieces(text: str) -> Iterator[Piece]:
    """Yield an answer's text as runs without markup: for terminals, HTML, and to read words back.

    ``"".join(p.text for p in pieces(escape(line))) == line``. Paragraphs stay parted by a blank line.
    """
    bold, run, at = False, "", 0
    for match in _PIECE.finditer(text):
        run += text[at : match.start()] + (match["literal"] or "")
        at = match.end()
        if match["literal"]:
            continue
        if run:
            yield Piece("bold" if bold else "plain", run)
            run = ""
        if match["bold"]:
            bold = not bold
        else:
            yield Piece("marker", match["marker"])
    if run := run + text[at:]:
        yield Piece("bold" if bold else "plain", run)


def without_markup(text: str) -> str:
    """Return an answer's text as it reads: no emphasis and no escapes; markers stay as ``[1]``."""
    return "".join(f"[{piece.text}]" if piece.kind == "marker" else piece.text for piece in pieces(text))
