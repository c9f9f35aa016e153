"""What one browser tab has asked so far, kept on the server: no tab can see or change another's."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
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


class Conversation:
    """The turns of one tab, what its viewer shows, and the chat that understands its follow-up questions.

    Safe to share between the threads that serve the tab. A number is never given to two turns, so an answer
    which was forgotten while it streamed cannot write into a later one.
    """

    def __init__(self) -> None:
        """Nothing has been asked yet."""
        self.unticked: frozenset[str] = frozenset()
        self.shown: Shown | None = None
        self.chat: Chat | None = None
        self._turns: dict[int, Turn] = {}
        self._asked = 0  # turns that were ever begun
        self._claimed = 0  # the last turn whose answer was begun
        self._lock = threading.RLock()

    @property
    def turns(self) -> tuple[Turn, ...]:
        """All turns, oldest first."""
        with self._lock:
            return tuple(self._turns.values())

    @property
    def busy(self) -> bool:
        """Whether the last question is still being answered."""
        with self._lock:
            return self._asked in self._turns and self._turns[self._asked].running

    def begin(self, question: str) -> Turn | None:
        """The new turn for the question; None while the last one is still being answered."""
        with self._lock:
            if self.busy:
                return None
            self._asked += 1
            return self._turns.setdefault(self._asked, Turn(self._asked, question))

    def claim(self) -> Turn | None:
        """The turn that waits for its answer; None where there is none, or another caller has claimed it."""
        with self._lock:
            if not self.busy or self._claimed == self._asked:
                return None
            self._claimed = self._asked
            return self._turns[self._asked]

    def change(self, number: int, **changes: Any) -> bool:
        """Make the changes to a turn; False, and no change, when it was stopped or forgotten."""
        with self._lock:
            turn = self._turns.get(number)
            if turn is None or not turn.running:
                return False
            self._turns[number] = replace(turn, **changes)
            return True

    def stop(self) -> None:
        """End the answer that is on its way, if there is one."""
        self.change(self._asked, state=State.STOPPED)

    def forget(self) -> None:
        """Empty the conversation."""
        with self._lock:
            self._turns.clear()
            self.shown = None
            self.chat = None

    def citations(self, number: int) -> tuple[Citation, ...]:
        """The citations of a turn; none for a number that no turn has."""
        turn = self._turns.get(number)
        return turn.citations if turn is not None else ()

    def hit(self, number: int, rank: int) -> Hit | None:
        """The passage at this rank (from 1) of a turn, or None for numbers that name none."""
        turn = self._turns.get(number)
        return turn.hits[rank - 1] if turn is not None and 0 < rank <= len(turn.hits) else None


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
