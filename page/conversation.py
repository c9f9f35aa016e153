"""What one browser tab has asked so far, kept on the server: no tab can see or change another's."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any

from index.types import Hit, Span
from qa.answer import Answer, Citation
from qa.chat import Chat

MAX_CONVERSATIONS = 1000  # the one that was used longest ago is dropped


class State(Enum):
    """How far a turn has come."""

    SEARCHING = "searching"
    STREAMING = "streaming"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and what is known of its answer.

    ``number`` counts from 1 and stands in the links to citations. ``answer`` is set when ``state``
    is DONE, ``error`` when it is FAILED.
    """

    number: int
    question: str
    state: State = State.SEARCHING
    text: str = ""
    hits: tuple[Hit, ...] = ()
    citations: tuple[Citation, ...] = ()
    answer: Answer | None = None
    error: str = ""

    @property
    def running(self) -> bool:
        """Whether an answer is still on its way."""
        return self.state in (State.SEARCHING, State.STREAMING)


@dataclass(frozen=True, slots=True)
class Shown:
    """What the viewer shows: a document, the span that is marked strongly, and those marked softly."""

    source: str
    span: Span | None = None
    also: tuple[Span, ...] = ()
    label: str = ""  # what the span is, "" where there is none
    page: int | None = None  # the page that was asked for; None: where the span is
    offset: int | None = None  # the character that was asked for; None: where the span is
    as_text: bool = False  # the stored text where a picture of the page would be possible


@dataclass(slots=True)
class Conversation:
    """The turns of one tab, what its viewer shows, and the chat that understands its follow-up questions."""

    turns: list[Turn] = field(default_factory=list)
    unticked: frozenset[str] = frozenset()
    shown: Shown | None = None
    chat: Chat | None = None

    @property
    def busy(self) -> bool:
        """Whether the last question is still being answered."""
        return bool(self.turns) and self.turns[-1].running

    def begin(self, question: str) -> Turn:
        """The new turn for the question."""
        turn = Turn(len(self.turns) + 1, question)
        self.turns.append(turn)
        return turn

    def current(self, number: int) -> Turn | None:
        """The turn with this number if its answer is still wanted: neither stopped nor forgotten."""
        if 0 < number <= len(self.turns) and self.turns[number - 1].running:
            return self.turns[number - 1]
        return None

    def change(self, number: int, **changes: Any) -> bool:
        """Whether the turn was still running, in which case the changes are made."""
        turn = self.current(number)
        if turn is None:
            return False
        self.turns[number - 1] = replace(turn, **changes)
        return True

    def forget(self) -> None:
        """Empty the conversation."""
        self.turns.clear()
        self.shown = None
        self.chat = None

    def citation(self, turn: int, marker: int) -> Citation | None:
        """The citation behind a chip, or None for a number that no answer has."""
        if not 0 < turn <= len(self.turns):
            return None
        found = (citation for citation in self.turns[turn - 1].citations if citation.marker == marker)
        return next(found, None)

    def hit(self, turn: int, rank: int) -> Hit | None:
        """The passage at this rank (from 1) of a turn, or None for a number that it does not have."""
        if not 0 < turn <= len(self.turns) or not 0 < rank <= len(self.turns[turn - 1].hits):
            return None
        return self.turns[turn - 1].hits[rank - 1]


class Conversations:
    """All conversations of the server by the session id of their tab."""

    def __init__(self) -> None:
        """No conversation yet."""
        self._by_session: OrderedDict[str, Conversation] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, session: str | None) -> Conversation:
        """The conversation of the tab; a new one for a tab that is not known, one of its own for None."""
        if session is None:
            return Conversation()
        with self._lock:
            conversation = self._by_session.setdefault(session, Conversation())
            self._by_session.move_to_end(session)
            while len(self._by_session) > MAX_CONVERSATIONS:
                self._by_session.popitem(last=False)
        return conversation

    def drop(self, session: str | None) -> None:
        """Forget the conversation of a tab that was closed."""
        with self._lock:
            self._by_session.pop(session or "", None)
