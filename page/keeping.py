"""Keeping the conversation of a tab, and opening one that was kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any

from index.errors import AnswerFileError, DocumentMissing, QAError
from index.index import Index
from page.conversation import State, Turn
from qa.answer import hit_to_dict
from qa.conversations import ConversationStore
from qa.reopen import Reopener, answer_of
from qa.saved import SavedConversation, SavedTurn, TurnState

_STATES: dict[State, TurnState] = {
    State.DONE: "done",
    State.STOPPED: "stopped",
    State.FAILED: "failed",
}


class Kept:
    """Where the turns of one conversation are kept: under its owner, from the first question on.

    What cannot be kept does not stop the conversation: ``problem`` is then the sentence that says why.
    Without an owner, as for a program, nothing is kept.
    """

    def __init__(self, store: ConversationStore, owner: str, saved: SavedConversation | None = None) -> None:
        """Go on with the conversation ``saved`` of the owner; None: begin one with the first question."""
        self.store = store
        self.owner = owner
        self.id = saved.id if saved is not None else 0
        self.undoable = saved.undoable if saved is not None else False
        self.problem = ""
        self._revision = saved.revision if saved is not None else 0

    def news(self) -> SavedConversation | None:
        """The conversation where another tab or program changed it since; None where it is as we know it."""
        if not self.id:
            return None
        try:
            if self.store.revision(self.id) in (self._revision, -1):
                return None
            saved = self.store.read(self.owner, self.id)
        except QAError as exc:
            self.problem = str(exc)
            return None
        self._revision, self.undoable = saved.revision, saved.undoable
        return saved

    def ask(self, question: str, instead_of: int) -> int:
        """The id of a new turn, kept in place of the turn ``instead_of`` (0: of none) and those after it."""
        if not self.owner:
            return 0

        def write() -> int:
            if not self.id:
                self.id = self.store.create(self.owner, question)
            return self.store.ask(self.owner, self.id, question, instead_of=instead_of or None)

        turn = self._try(write)
        self.undoable = bool(turn and instead_of)
        return turn

    def end(self, turn: Turn, index: Index | None) -> None:
        """Keep what came of a turn."""
        if not turn.saved:
            return
        state = _STATES[turn.state]
        text = turn.error if turn.state is State.FAILED else turn.text
        answer = turn.answer.to_dict() if turn.answer is not None else _part(turn)
        self._try(
            lambda: self.store.end(
                self.owner,
                turn.saved,
                state=state,
                text=text,
                answer=answer if state != "failed" else {},
                versions=_versions(turn, index),
            )
        )

    def rate(self, turn: int, rating: int) -> None:
        """Keep whether an answer was good (1), wrong (-1) or neither (0)."""
        if turn:
            self._try(lambda: self.store.rate(self.owner, self.id, turn, rating))

    def drop(self, turn: int) -> None:
        """Drop a turn and those after it until ``undo``."""
        if turn:
            self._try(lambda: self.store.drop(self.owner, self.id, turn))
            self.undoable = True

    def undo(self) -> SavedConversation | None:
        """Take the last change back: the conversation as it is then; None where nothing can be taken back."""
        if not self.undoable:
            return None
        self._try(lambda: self.store.undo(self.owner, self.id))
        return None if self.problem else self.store.read(self.owner, self.id)

    def _try(self, write: Callable[[], Any]) -> int:
        """What the write returns, as a number; 0 and a ``problem`` where it fails."""
        try:
            written = write()
            self._revision = self.store.revision(self.id)
        except QAError as exc:
            self.problem = str(exc)
            return 0
        self.problem = ""
        return int(written or 0)


def reopened(saved: SavedTurn, number: int, reopener: Reopener) -> Turn:
    """A kept turn as the page shows it, under this number; its citations are verified."""
    turn = Turn(number, saved.question, State.STOPPED, saved=saved.id, rating=saved.rating, text=saved.text)
    if saved.state == "failed":
        return replace(turn, state=State.FAILED, text="", error=saved.text)
    if not saved.answer:
        return turn
    try:
        found = reopener.reopen(saved.answer, saved.versions)
        if saved.state == "stopped":
            return replace(turn, citations=found.citations, hits=found.hits)
        answer = answer_of(saved.answer, found)
    except (AnswerFileError, KeyError, TypeError, ValueError):  # not of our making: show its words alone
        return turn
    return replace(
        turn,
        state=State.DONE,
        text=answer.text,
        searched=answer.searched,
        citations=answer.citations,
        hits=answer.hits,
        answer=answer,
    )


def _part(turn: Turn) -> dict[str, Any]:
    """What there is of an answer that was stopped, in the form of a whole one."""
    hits = [hit_to_dict(hit) for hit in turn.hits]
    citations = [asdict(citation) for citation in turn.citations]
    return {"question": turn.question, "text": turn.text, "citations": citations, "hits": hits}


def _versions(turn: Turn, index: Index | None) -> dict[str, str]:
    """The sha256 of each document that the model was shown, as it is now."""
    versions = {}
    for source in {hit.passage.source for hit in turn.hits}:
        try:
            versions[source] = index.document(source).sha256 if index is not None else ""
        except DocumentMissing:
            continue
    return versions
