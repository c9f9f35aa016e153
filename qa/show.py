"""Answers on a terminal, word by word as they are written, and a chat there."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from textwrap import indent
from typing import TYPE_CHECKING

from index.errors import QAError
from qa.answer import Answer, Citation, Done, Event, Retrieved, Text
from qa.cite import pieces
from qa.terminal import BOLD, DIM, paint, say, show, visible, visible_line

if TYPE_CHECKING:
    from index.index import Index
    from qa.settings import Settings


def show_events(events: Iterable[Event], *, quiet: bool = False) -> Answer:
    """The answer that the events end with; its text goes to stdout as it comes, then its citations.

    With ``quiet`` nothing is written.
    """
    for event in events:
        if isinstance(event, Done):
            break
        if quiet:
            continue
        if isinstance(event, Retrieved) and event.searched:
            show(paint(f"searched for: {visible_line(event.searched)}", DIM))
        elif isinstance(event, Text):
            sys.stdout.write(_painted(event.text))
            sys.stdout.flush()
    else:
        raise ValueError("the events of an answer end with Done")
    if not quiet:
        show("")
        for citation in event.answer.citations:
            _show_citation(citation)
    return event.answer


def _painted(text: str) -> str:
    runs = []
    for piece in pieces(text):
        words = visible(piece.text)
        styled = {"plain": words, "bold": paint(words, BOLD), "marker": paint(f"[{words}]", DIM)}
        runs.append(styled[piece.kind])
    return "".join(runs)


def _show_citation(citation: Citation) -> None:
    place = f", {visible_line(citation.place)}" if citation.place else ""
    show(f"\n{paint(f'[{citation.marker}] {visible_line(citation.source)}{place}', DIM)}")
    show(indent(visible(citation.quote), "    ", lambda _: True))


def run_terminal_chat(index: Index, settings: Settings, *, quiet: bool = False) -> None:
    """Answer the lines of stdin, one question each, until they end; what fails is said, and it goes on."""
    from qa.chat import Chat

    prompt = "? " if sys.stdin.isatty() and not quiet else ""
    with Chat(index=index, settings=settings) as chat:
        while True:
            sys.stderr.write(prompt)
            sys.stderr.flush()
            question = sys.stdin.readline()
            if not question:
                return
            if not question.strip():
                continue
            try:
                show_events(chat.stream(question.strip()))
            except QAError as exc:
                say(f"qa: {visible(str(exc))}")
            show("")
