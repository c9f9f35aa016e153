"""Untrusted text as HTML: escaping, citation chips, and one turn of the chat.

Documents, file names and model outputs are untrusted, so ``escape`` stands between them and every page. A
turn becomes one HTML element without a line break: Markdown, which Gradio's chat runs over every message,
leaves such a block alone.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping

from index.types import Hit
from page.conversation import State, Turn
from qa.answer import Answer, Citation
from qa.cite import pieces

SNIPPET_CHARS = 180  # of a passage in the list of the nearest ones
QUOTE_CHARS = 240  # of a quote in the tooltip of its chip
_SHEETS = {"pptx": "slide", "pptm": "slide", "xlsx": "sheet", "xlsm": "sheet", "epub": "chapter"}

_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")  # HTML or UTF-8 cannot carry them
_REORDER = re.compile("[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")  # marks of bidirectional text
_BREAK = re.compile(r"\r\n|[\n\r\x85\u2028\u2029]")
_BLANK_LINE = re.compile(r"\n\s*\n")


def printable(text: str) -> str:
    """The text with U+FFFD for each control character and lone surrogate; its length and line breaks stay."""
    return _UNPRINTABLE.sub("\ufffd", text)


def escape(text: str) -> str:
    """The text as HTML that shows it literally, in elements and in quoted attributes."""
    return html.escape(printable(text), quote=True)


def spelled(text: str) -> str:
    """A file name on one line that reads as it is: marks that would reorder it are spelled out (\\u202e)."""
    return _REORDER.sub(lambda mark: f"\\u{ord(mark[0]):04x}", _BREAK.sub(" ", text))


def name(text: str) -> str:
    """A file name or label as escaped text on one line, kept from reordering what stands around it."""
    return f"<bdi>{escape(spelled(text))}</bdi>"


def one_line(text: str) -> str:
    """The escaped text with ``<br>`` for its line breaks, so that no Markdown block can begin in it."""
    return _BREAK.sub("<br>", escape(text))


def shorten(text: str, chars: int) -> str:
    """The text on one line, cut at a word to at most ``chars`` characters, with "…" for what was left out."""
    text = " ".join(text.split())
    if len(text) <= chars:
        return text
    return text[: chars - 1].rsplit(" ", 1)[0].rstrip(",;: ") + "…"


def sheet(source: str) -> str:
    """What the pages of a document of this name are called."""
    return _SHEETS.get(source.rsplit(".", 1)[-1].lower(), "page")


def place(source: str, page: int | None) -> str:
    """Where something stands, in words: the source and, where it has pages, the page."""
    return spelled(source) if page is None else f"{spelled(source)}, {sheet(source)} {page}"


def chip(turn: int, citation: Citation) -> str:
    """The numbered link to a citation: ``#cite-<turn>-<marker>``; its tooltip is the quote."""
    where = place(citation.source, citation.page)
    label = escape(shorten(f"Citation {citation.marker}: {where}", QUOTE_CHARS))
    title = escape(f"“{shorten(citation.quote, QUOTE_CHARS)}” ({shorten(where, QUOTE_CHARS)})")
    return (
        f'<a class="cs-chip" href="#cite-{turn}-{citation.marker}" title="{title}" aria-label="{label}">'
        f"{citation.marker}</a>"
    )


def answer_html(text: str, turn: int, citations: Mapping[int, Citation]) -> str:
    """The paragraphs of an answer, with a chip for every marker that has a citation yet."""
    runs: list[str] = []
    for piece in pieces(text):
        citation = citations.get(int(piece.text)) if piece.kind == "marker" else None
        if citation is not None:
            # A word joiner instead of the blank: the chip stays on the line of the word that it supports.
            runs[-1:] = [run.rstrip(" ") for run in runs[-1:]]
            runs += ["\u2060", chip(turn, citation)]
        elif piece.kind == "marker":
            runs.append(f"[{piece.text}]")
        elif piece.kind == "bold":
            runs.append(f"<strong>{escape(piece.text)}</strong>")
        else:
            runs.append(escape(piece.text))
    paragraphs = (part for part in _BLANK_LINE.split("".join(runs)) if part.strip())
    return "".join(f'<p class="cs-text" dir="auto">{_BREAK.sub("<br>", part)}</p>' for part in paragraphs)


def confidence_words(answer: Answer) -> tuple[str, str]:
    """How sure the answer is, in words, and the level (high, medium, low, none) that styles them."""
    if answer.refused:
        return "Not in your documents", "none"
    if answer.confidence >= 0.8:
        return "Well supported", "high"
    if answer.confidence >= 0.5:
        return "Probably right", "medium"
    return "Weakly supported: check the words", "low"


def question_html(question: str) -> str:
    """The bubble of a question."""
    return f'<div class="cs-question" dir="auto">{one_line(question)}</div>'


def turn_html(turn: Turn) -> str:
    """The answer of a turn in its present state: searching, streaming, done, stopped or failed."""
    citations = {citation.marker: citation for citation in turn.citations}
    text = answer_html(turn.text, turn.number, citations)
    if turn.state is State.FAILED:
        said = one_line(turn.error)
        return f'<div class="cs-answer cs-failed" role="alert"><p class="cs-text">{said}</p></div>'
    if turn.state is State.SEARCHING:
        return f'<div class="cs-answer cs-busy"><p class="cs-note">{_searching(turn)}</p></div>'
    if turn.state is State.STOPPED:
        return f'<div class="cs-answer cs-stopped">{text}<p class="cs-note">Stopped.</p></div>'
    if turn.answer is None:
        return f'<div class="cs-answer cs-streaming">{text}</div>'
    return _finished(turn, turn.answer, text)


def _searching(turn: Turn) -> str:
    if not turn.hits:
        return "Searching your documents…"
    documents = len({hit.passage.source for hit in turn.hits})
    return f"Reading {counted(len(turn.hits), 'passage')} in {counted(documents, 'document')}…"


def _finished(turn: Turn, answer: Answer, body: str) -> str:
    words, level = confidence_words(answer)
    kind = "cs-refused" if answer.refused else "cs-supported"
    badge = f'<span class="cs-badge cs-{level}" title="Confidence {answer.confidence:.0%}">{words}</span>'
    facts = f"{name(answer.model)} · {_seconds(answer.timings)}"
    foot = (
        f'<div class="cs-foot"><span class="cs-facts">{facts}</span>'
        f'<a class="cs-copy" href="#copy-{turn.number}">Copy</a></div>'
    )
    head = f'<div class="cs-head">{badge}</div>'
    listed = _references(turn.number, answer.citations) + _nearest(turn.number, answer.hits, answer.refused)
    return f'<div class="cs-answer {kind}">{head}{body}{listed}{foot}</div>'


def _references(turn: int, citations: Iterable[Citation]) -> str:
    rows = [
        f'<a class="cs-ref" href="#ref-{turn}-{citation.marker}">'
        f'<span class="cs-num">{citation.marker}</span>'
        f"{name(citation.source)}{_page(citation.source, citation.page)}</a>"
        for citation in citations
    ]
    return f'<div class="cs-refs">{"".join(rows)}</div>' if rows else ""


def _nearest(turn: int, hits: tuple[Hit, ...], refused: bool) -> str:
    if not hits:
        return ""
    rows = [
        f'<li><a href="#hit-{turn}-{rank}">{name(hit.passage.source)}'
        f"{_page(hit.passage.source, hit.passage.page)}</a>"
        f'<span class="cs-snippet" dir="auto">{escape(shorten(hit.passage.text, SNIPPET_CHARS))}</span></li>'
        for rank, hit in enumerate(hits, 1)
    ]
    title = f"Nearest passages ({len(rows)})"
    opened = " open" if refused else ""
    return f'<details class="cs-nearest"{opened}><summary>{title}</summary><ol>{"".join(rows)}</ol></details>'


def _page(source: str, page: int | None) -> str:
    return "" if page is None else f'<span class="cs-page">{sheet(source)} {page}</span>'


def _seconds(timings: Mapping[str, float]) -> str:
    total = timings.get("total", sum(timings.values()))
    return f"{total / 1000:.1f} s" if total >= 950 else f"{total:.0f} ms"


def counted(number: int, noun: str) -> str:
    """The number with its noun: "1 passage", "1,234 passages"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
