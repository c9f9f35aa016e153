"""What a click means: the few words that the browser sends, looked up in the conversation of its tab.

They are untrusted. What names no citation, passage or number of this conversation means nothing.
"""

from __future__ import annotations

import json
from dataclasses import replace

from index.types import Span
from page.conversation import Conversation, Shown
from qa.answer import Citation
from qa.reopen import Stale


def target(talk: Conversation, action: str, number: str) -> Shown | None:
    """What the viewer is to show after a click; None when it makes no sense.

    The actions are cite and hit ("3-1": turn and number), open (a source), and page, offset and text (a
    number), which change what is shown already.
    """
    if action == "cite":
        return cited(talk, number)
    if action == "hit":
        return passage(talk, number)
    if action == "open":
        return Shown(number)
    if talk.shown is None or not is_number(number):
        return None
    if action == "page":
        return replace(talk.shown, page=int(number), as_text=False)
    if action == "offset":
        return replace(talk.shown, offset=int(number))
    if action == "text":
        return replace(talk.shown, as_text=number == "1", offset=None)
    return None


def is_number(text: str) -> bool:
    """Whether the text is a whole number of a sane size, in ASCII digits."""
    return text.isascii() and text.isdecimal() and len(text) <= 12


def read_unticked(sent: str) -> frozenset[str]:
    """The sources without a tick, from the JSON list that the page sends; none where it is no such list."""
    try:
        names = json.loads(sent or "[]")
    except ValueError:
        return frozenset()
    if not isinstance(names, list):
        return frozenset()
    return frozenset(name for name in names if isinstance(name, str))


def pair(text: str) -> tuple[int, int] | None:
    """The two numbers of "3-1": turn and marker or rank."""
    left, dash, right = text.partition("-")
    return (int(left), int(right)) if dash and is_number(left) and is_number(right) else None


def cited(talk: Conversation, number: str) -> Shown | None:
    """What a click on a chip shows: the cited span, with the answer's other citations of that document."""
    found = pair(number)
    if found is None:
        return None
    turn, marker = found
    citations = talk.citations(turn)
    clicked = next((citation for citation in citations if citation.marker == marker), None)
    if clicked is None:
        return None
    others = tuple(
        Span(citation.start, citation.end)
        for citation in citations
        if citation.source == clicked.source and citation.marker != marker and stands(citation)
    )
    if not stands(clicked):
        near = clicked.near if isinstance(clicked, Stale) else clicked.start
        return Shown(clicked.source, None, (), "citation", turn, marker, len(citations), offset=near)
    span = Span(clicked.start, clicked.end)
    return Shown(clicked.source, span, others, "citation", turn, marker, len(citations))


def stands(citation: Citation) -> bool:
    """Whether the words of a citation stand in the stored text, so that a mark may be set."""
    return not isinstance(citation, Stale) or citation.held


def passage(talk: Conversation, number: str) -> Shown | None:
    """What a click on one of the nearest passages shows."""
    found = pair(number)
    hit = talk.hit(*found) if found else None
    if not found or hit is None:
        return None
    return Shown(hit.passage.source, hit.passage.span, (), "passage", *found, talk.passages(found[0]))
