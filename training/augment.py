"""Noise that real questions and documents have: typos, missing marks, headings, table bars."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Spans = list[tuple[int, int]]

QUESTION_MARK_LOST = 0.15
TYPO = 0.08
HEADING = 0.10
BARS = 0.06
BAR_TOKEN = 1064  # "|" in the base model's vocabulary


def noisy_question(question: str, rng: np.random.Generator) -> str:
    """The question, sometimes without its question mark or with one mistyped word."""
    if rng.random() < QUESTION_MARK_LOST:
        question = question.rstrip("? ") or question
    if rng.random() < TYPO:
        words = question.split(" ")
        long = [i for i, word in enumerate(words) if len(word) > 3 and word.isalpha()]
        if long:
            chosen = long[int(rng.integers(len(long)))]
            words[chosen] = mistyped(words[chosen], rng)
            question = " ".join(words)
    return question


def mistyped(word: str, rng: np.random.Generator) -> str:
    """The word with two letters swapped, one left out or one doubled, never the first."""
    at = int(rng.integers(1, len(word) - 1))
    edits = (
        word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        word[:at] + word[at + 1 :],
        word[:at] + word[at] + word[at:],
    )
    return edits[int(rng.integers(3))]


def with_bars(ids: Ints, spans: Sequence[tuple[int, int]], rng: np.random.Generator) -> tuple[Ints, Spans]:
    """The tokens with a few table bars between them, never inside an answer, and the answers' new places."""
    inside = {place for start, end in spans for place in range(start + 1, end + 1)}
    places = sorted({int(p) for p in rng.integers(0, len(ids) + 1, size=1 + len(ids) // 12)} - inside)
    moved = [(s + sum(p <= s for p in places), e + sum(p <= e for p in places)) for s, e in spans]
    return np.insert(ids, places, BAR_TOKEN), moved
