"""What is kept of conversations: the nouns of ``qa.conversations``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

TurnState: TypeAlias = Literal["running", "done", "stopped", "failed"]
Answered: TypeAlias = dict[str, Any]  # the JSON of `qa ask --json`; {} while there is none


@dataclass(frozen=True, slots=True)
class SavedTurn:
    """One question as it was kept. ``answer`` is filled when ``state`` is "done".

    A turn that is "running" in the database although nobody answers it was cut off by the end of its server.
    """

    id: int
    question: str
    state: TurnState
    text: str  # of the answer so far; of a failure the sentence that says why
    answer: Answered = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)  # source -> sha256 of what the model was shown
    rating: int = 0  # 1 good, -1 wrong, 0 not rated
    asked: float = 0.0  # seconds since 1970


@dataclass(frozen=True, slots=True)
class Entry:
    """A conversation in the list of them."""

    id: int
    title: str
    changed: float  # seconds since 1970
    turns: int


@dataclass(frozen=True, slots=True)
class SavedConversation:
    """A conversation as it was kept, oldest turn first; ``revision`` grows with every write to it."""

    id: int
    title: str
    changed: float
    revision: int
    undoable: bool  # whether the last change dropped turns that ``undo`` brings back
    turns: tuple[SavedTurn, ...]
