"""Confidence that means what it says on your documents: `qa calibrate TESTSET`.

The reader's probabilities were fitted on public questions. Documents of one's own are harder or easier, so a
test set fits them again: Platt scaling of the log-odds, and the threshold under which an answer is refused,
chosen for a wanted share of wrong answers. Both are stored with the index.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index.errors import TestSetError

if TYPE_CHECKING:
    from index.index import Index
    from qa.oracle import Corpus
    from qa.settings import Settings
    from qa.testset import Question

NOTE = "calibration"
_LEAST = 20  # answers that say anything about the next ones
_RIDGE = 1e-2  # keeps a small test set near the reader's own probabilities
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Calibration:
    """P(right) = sigmoid(scale · log-odds of the reader's + bias); refuse below ``min_confidence``."""

    scale: float
    bias: float
    min_confidence: float

    def probability(self, raw: float) -> float:
        """The calibrated probability of an answer that the reader gives the probability ``raw``."""
        if (self.scale, self.bias) == (1.0, 0.0):
            return raw
        return float(_sigmoid(self.scale * _log_odds(np.array(raw)) + self.bias))

    def raw(self, probability: float) -> float:
        """The reader's probability behind a calibrated one: the inverse of ``probability``."""
        return float(_sigmoid((_log_odds(np.array(probability)) - self.bias) / self.scale))


UNCALIBRATED = Calibration(scale=1.0, bias=0.0, min_confidence=0.2)


def calibrate(
    testset: Sequence[Question],
    index: Index,
    *,
    error_rate: float,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Calibration:
    """The calibration that fits the answers to a test set; for ``error_rate`` see ``fit``.

    Raises TestSetError where less than 20 questions get an answer, or where no threshold keeps the error
    rate.
    """
    from qa.evaluate import evaluate

    before = read_calibration(index)
    evaluation = evaluate(testset, index, min_confidence=0.0, settings=settings, on_progress=on_progress)
    answered = [result for result in evaluation.results if not result.refused]
    if len(answered) < _LEAST:
        raise TestSetError(
            f"A calibration needs {_LEAST} answers; {len(answered)} of the {len(testset)} questions of this "
            "test set get one. Write more questions about the documents in this index."
        )
    raw = np.array([before.raw(result.confidence) for result in answered])
    right = np.array([float(result.right) for result in answered])
    calibration = fit(raw, right, error_rate=error_rate)
    if calibration.min_confidence == 1:
        raise TestSetError(
            f"{np.sum(right == 0)} of {len(right)} answers are wrong, and no threshold of confidence leaves "
            f"only {100 * error_rate:g} % wrong. Accept a higher --error-rate, or correct the test set. "
            "Nothing was stored."
        )
    return calibration


def fit(raw: Floats, right: Floats, *, error_rate: float) -> Calibration:
    """The calibration on which answers with probabilities ``raw`` (n,) turned out ``right`` (n,), 0 or 1.

    Logistic regression (Platt, 1999) with his smoothed targets and a slight pull to no change, so that a test
    set that the reader solves wholly does not make it certain. The threshold is the lowest at which the share
    of wrong answers among the given ones is at most ``error_rate``; where none is, every answer is refused.
    """
    from scipy.optimize import minimize

    odds = _log_odds(raw)
    hits = right.sum()
    target = np.where(right > 0, (hits + 1) / (hits + 2), 1 / (len(right) - hits + 2))

    def loss(weights: Floats) -> float:
        scores = weights[0] * odds + weights[1]
        entropy = (np.logaddexp(0, scores) - target * scores).sum()
        return float(entropy + _RIDGE * ((weights[0] - 1) ** 2 + weights[1] ** 2))

    weights = minimize(loss, np.array([1.0, 0.0]), method="BFGS").x
    scale = max(float(weights[0]), 1e-3)  # a better score never makes an answer less probable
    probabilities = _sigmoid(scale * odds + float(weights[1]))
    return Calibration(scale, float(weights[1]), threshold(probabilities, right, error_rate=error_rate))


def threshold(probabilities: Floats, right: Floats, *, error_rate: float) -> float:
    """The lowest probability from which on at most ``error_rate`` of the answers are wrong, else 1."""
    order = np.argsort(-probabilities, kind="stable")
    wrong = np.cumsum(1 - right[order]) / np.arange(1, len(order) + 1)
    ranked = probabilities[order]
    last_of_ties = np.append(ranked[:-1] > ranked[1:], True)
    good = np.flatnonzero((wrong <= error_rate) & last_of_ties)
    return float(ranked[good[-1]]) if len(good) else 1.0


def read_calibration(index: Corpus) -> Calibration:
    """The calibration that is stored with an index, else the reader's own."""
    note = index.note(NOTE)
    return Calibration(**json.loads(note)) if note else UNCALIBRATED


def store_calibration(index: Index, calibration: Calibration) -> None:
    """Keep a calibration with an index; from now on its answers use it."""
    index.set_note(NOTE, json.dumps(asdict(calibration)))


def drop_calibration(index: Index) -> None:
    """Forget the calibration of an index; from now on its answers use the reader's own."""
    index.set_note(NOTE, "")


def _log_odds(p: Floats) -> Floats:
    clipped = np.clip(p, 1e-12, 1 - 1e-12)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def _sigmoid(x: Floats) -> Floats:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -40, 40))), dtype=np.float64)
