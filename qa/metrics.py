"""Scores of one question: small functions with their source, which `qa eval` sums up with qa/figures.py."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

from index.types import Span

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = frozenset(string.punctuation)


def normalize_answer(text: str) -> str:
    """Return an answer in lower case, without punctuation, English articles and extra blanks.

    As in the official SQuAD 2.0 script (Rajpurkar et al., ACL 2018), step for step: only ASCII punctuation
    goes.
    """
    bare = "".join(character for character in text.lower() if character not in _PUNCTUATION)
    return " ".join(_ARTICLES.sub(" ", bare).split())


def exact_match(prediction: str, golds: Sequence[str]) -> float:
    """Return 1.0 where the prediction equals one of the gold answers after ``normalize_answer``, else 0.0.

    Without golds the question has no answer, and only the empty prediction is right (SQuAD 2.0).
    """
    normal = normalize_answer(prediction)
    return max(float(normal == normalize_answer(gold)) for gold in _scored(golds))


def f1(prediction: str, golds: Sequence[str]) -> float:
    """Return the best F1 of words (0..1) between the prediction and a gold answer, as in the official script.

    Words are those of ``normalize_answer`` between blanks, counted with repetition. Where prediction or gold
    has none, the score is 1.0 if both have none, else 0.0; without golds only the empty prediction is right
    (SQuAD 2.0).
    """
    words = normalize_answer(prediction).split()
    return max(_word_f1(words, normalize_answer(gold).split()) for gold in _scored(golds))


def _scored(golds: Sequence[str]) -> Sequence[str]:
    """Return the golds that the official script takes: those that are not empty when normalised, or [""]."""
    return [gold for gold in golds if normalize_answer(gold)] or [""]


def _word_f1(prediction: Sequence[str], gold: Sequence[str]) -> float:
    if not prediction or not gold:
        return float(prediction == gold)
    common = (Counter(prediction) & Counter(gold)).total()
    if not common:
        return 0.0
    precision, recall = common / len(prediction), common / len(gold)
    return 2 * precision * recall / (precision + recall)


def is_right(prediction: str, golds: Sequence[str]) -> bool:
    """Whether an answer counts as right for calibration and risk: F1 of at least 0.5 with some gold answer.

    Exact match would call "in 1997" wrong beside "1997"; what a reader of the answer takes for right is
    nearer to this. An answer that is given to a question without golds is wrong.
    """
    return bool(golds) and f1(prediction, golds) >= 0.5


def first_hit(ranking: Sequence[bool]) -> int | None:
    """Return the rank (from 1) of the first relevant item; None where there is none."""
    return next((rank for rank, relevant in enumerate(ranking, 1) if relevant), None)


def recall_at(rank: int | None, k: int) -> float:
    """Return 1.0 where the first relevant item stands among the first ``k``, else 0.0."""
    return float(rank is not None and rank <= k)


def reciprocal_rank(rank: int | None) -> float:
    """Return 1 / rank of the first relevant item, 0.0 without one (Voorhees, TREC-8 1999)."""
    return 1.0 / rank if rank else 0.0


def overlapping(spans: Sequence[Span], golds: Sequence[Span]) -> int:
    """Return how many of ``spans`` share at least one character with some gold span of the same text."""
    return sum(any(span.overlaps(gold) for gold in golds) for span in spans)
