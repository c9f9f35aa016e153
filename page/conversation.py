"""What one browser tab has asked so far, kept on the server: no tab can see or change another's."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from enum import Enum
from typing import TYPE_CHECKING, Any

from index.types import Hit, Span
from qa.answer import Answer, Citation
from qa.chat import Chat
from qa.chat import Turn as Understood

if TYPE_CHECKING:
    from collections.abc import Callable

    from index.index import Index
    from page.keeping import Kept
    from page.words import Words
    from qa.saved import SavedConversation, SavedTurn

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
    searched: str = ""  # what was looked for, where that is not the question
    following: tuple[str, ...] | None = None  # questions that could be asked next; None: not looked for yet
    saved: int = 0  # id under which it is kept; 0 where it is not
    rating: int = 0  # 1 good, -1 wrong, 0 not rated

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
    kind: str = ""  # what the span is: "citation" or "passage" of an answer; "" where there is none
    turn: int = 0  # of that answer
    number: int = 0  # of the citation or passage, from 1
    of: int = 0  # citations or passages that the answer has
    page: int | None = None  # the page that was asked for; None: where the span is
    offset: int | None = None  # the character that was asked for; None: where the span is
    as_text: bool = False  # the stored text where a picture of the page would be possible


class Conversation:
    """The turns of one tab, what its viewer shows, and the chat that understands its follow-up questions.

    Safe to share between the threads that serve the tab. A number is never given to two turns, so an answer
    which was forgotten while it streamed cannot write into a later one.
    """

    def __init__(self, kept: Kept | None = None) -> None:
        """Nothing has been asked yet; ``kept`` is where the turns go that are to outlive the tab."""
        self.kept = kept
        self.unticked: frozenset[str] = frozenset()
        self.shown: Shown | None = None
        self.chat: Chat | None = None
        self.words: Words | None = None  # that the tab was switched to: also for events which began before
        self._turns: dict[int, Turn] = {}
        self._asked = 0  # turns that were ever begun
        self._claimed = 0  # the last turn whose answer was begun
        self._clicks = 0  # the number of the last click into the viewer
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

    @property
    def understood(self) -> tuple[Understood, ...]:
        """The turns that follow-up questions may lean on."""
        answered = [(turn, turn.answer) for turn in self.turns if turn.answer is not None]
        return tuple(Understood(answer.searched or turn.question, answer) for turn, answer in answered)

    def turn(self, number: int) -> Turn | None:
        """The turn of that number; None where there is none."""
        return self._turns.get(number)

    def begin(self, question: str, instead_of: int = 0) -> Turn | None:
        """The new turn for the question; None while the last one is still being answered.

        It comes in place of the turn ``instead_of`` and those after it, if there is such a turn.
        """
        with self._lock:
            if self.busy:
                return None
            replaced = self._turns.get(instead_of)
            if replaced is not None:
                self._cut(instead_of)
            self._asked += 1
            saved = self.kept.ask(question, replaced.saved if replaced else 0) if self.kept else 0
            return self._turns.setdefault(self._asked, Turn(self._asked, question, saved=saved))

    def drop(self, number: int) -> None:
        """Take a turn and those after it out of the conversation."""
        with self._lock:
            turn = self._turns.get(number)
            if turn is None or self.busy:
                return
            self._cut(number)
            if self.kept:
                self.kept.drop(turn.saved)

    def _cut(self, number: int) -> None:
        self._turns = {n: turn for n, turn in self._turns.items() if n < number}
        self.chat = None  # what it understood of later questions is to be forgotten too

    def rate(self, number: int, rating: int) -> None:
        """Say whether an answer was good (1), wrong (-1) or neither (0)."""
        with self._lock:
            turn = self._turns.get(number)
            if turn is None or turn.running:
                return
            self._turns[number] = replace(turn, rating=rating)
            if self.kept:
                self.kept.rate(turn.saved, rating)

    def reload(self, saved: SavedConversation, show: Callable[[SavedTurn, int], Turn]) -> None:
        """Take the turns from what was kept, as ``show`` shows them; known ones keep their number."""
        with self._lock:
            known = {turn.saved: number for number, turn in self._turns.items() if turn.saved}
            turns = {}
            for turn in saved.turns:
                number = known.get(turn.id, 0)
                if not number:
                    self._asked = self._claimed = number = self._asked + 1
                turns[number] = show(turn, number)
            self._turns = turns
            self.chat = None

    def claim(self) -> Turn | None:
        """The turn that waits for its answer; None where there is none, or another caller has claimed it."""
        with self._lock:
            if not self.busy or self._claimed == self._asked:
                return None
            self._claimed = self._asked
            return self._turns[self._asked]

    def change(self, number: int, index: Index | None = None, **changes: Any) -> bool:
        """Make the changes to a turn; False, and no change, when it was stopped or forgotten.

        A turn that they bring to its end is kept, with the versions that ``index`` has of its documents.
        """
        with self._lock:
            turn = self._turns.get(number)
            if turn is None or not turn.running:
                return False
            turn = self._turns[number] = replace(turn, **changes)
            if not turn.running and self.kept:
                self.kept.end(turn, index)
            return True

    def suggest(self, number: int, questions: tuple[str, ...]) -> None:
        """Put questions that could follow under an answer; nothing changes where it was forgotten."""
        with self._lock:
            turn = self._turns.get(number)
            if turn is not None:
                self._turns[number] = replace(turn, following=questions)

    def stop(self, index: Index | None = None) -> None:
        """End the answer that is on its way, if there is one."""
        self.change(self._asked, index, state=State.STOPPED)

    def forget(self) -> None:
        """Empty the conversation."""
        with self._lock:
            self._turns.clear()
            self.shown = None
            self.chat = None

    def look(self, shown: Shown, click: int) -> bool:
        """Show this in the viewer; False, and no change, where a later click was faster. 0: not numbered."""
        with self._lock:
            if 0 < click < self._clicks:
                return False
            self._clicks = max(click, self._clicks)
            self.shown = shown
            return True

    def citations(self, number: int) -> tuple[Citation, ...]:
        """The citations of a turn; none for a number that no turn has."""
        turn = self._turns.get(number)
        return turn.citations if turn is not None else ()

    def passages(self, number: int) -> int:
        """How many passages a turn was shown; 0 for a number that no turn has."""
        turn = self._turns.get(number)
        return len(turn.hits) if turn is not None else 0

    def hit(self, number: int, rank: int) -> Hit | None:
        """The passage at this rank (from 1) of a turn, or None for numbers that name none."""
        turn = self._turns.get(number)
        return turn.hits[rank - 1] if turn is not None and 0 < rank <= len(turn.hits) else None


class Conversations:
    """All conversations of the server, by browser and by the session id of the tab.

    A tab names its session by itself, so the browser's cookie is part of the key.
    """

    def __init__(self) -> None:
        """No conversation yet."""
        self._by_tab: OrderedDict[tuple[str, str], Conversation] = OrderedDict()
        self._lock = threading.Lock()

    def of(
        self, session: str | None, owner: str = "", begin: Callable[[], Conversation] = Conversation
    ) -> Conversation:
        """The conversation of the tab; one that ``begin`` makes for a tab that is not known, or has no id."""
        if session is None:
            return begin()
        with self._lock:
            talk = self._by_tab.get((owner, session)) or begin()
        self.put(session, owner, talk)
        return talk

    def put(self, session: str | None, owner: str, talk: Conversation) -> None:
        """Make it the conversation of the tab."""
        with self._lock:
            self._by_tab[owner, session or ""] = talk
            self._by_tab.move_to_end((owner, session or ""))
            while len(self._by_tab) > MAX_CONVERSATIONS:
                self._by_tab.popitem(last=False)

    def drop(self, session: str | None, owner: str = "") -> None:
        """Let go of the conversation of a tab that was closed; what was kept of it stays."""
        with self._lock:
            self._by_tab.pop((owner, session or ""), None)
