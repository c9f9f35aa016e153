"""Reading: where in the passages does the answer stand, and how likely is it right?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """A candidate answer: ``passages[passage][start:end] == text`` for the passages that were read."""

    passage: int  # which of the passages, from 0
    start: int  # character within that passage
    end: int
    text: str
    score: float  # higher is better; comparable across passages
    probability: float  # 0..1 that this is a right answer; grows with the score


@dataclass(frozen=True, slots=True)
class Reading:
    """What a reader found: spans best first, none overlapping another."""

    spans: tuple[AnswerSpan, ...]
    no_answer: float  # 0..1: probability that none of the passages answers


class Reader(Protocol):
    """Finds answer spans: the built-in model, or any other that a caller brings."""

    @property
    def name(self) -> str:
        """Name that answers carry."""

    def read(
        self,
        question: str,
        passages: Sequence[str],
        *,
        top_k: int = 3,
        relevance: Sequence[float] | None = None,
    ) -> Reading:
        """At most ``top_k`` spans over all passages together; none where the passages hold no words.

        ``relevance`` is what the search thinks of each passage, 0..1; without it all count alike.
        """


@lru_cache(maxsize=1)
def load_reader() -> Reader:
    """The reader that ships with us, loaded once in a process. Raises ModelError where that fails."""
    from qa.span_reader import SpanReader

    return SpanReader(Path(__file__).parent / "reader")
