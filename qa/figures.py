"""Figures over the questions of a test set, with their bootstrap intervals.

A figure is a function from weights (one row a resample, one column a question) to values, so that its value
(all weights 1) and its interval (weights = how often a resample drew the question) come from the same few
lines.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Values = NDArray[np.float64]
# weights (resamples, questions) -> values (resamples,), NaN where undefined
Figure = Callable[[Values], Values]


def ratio(numerator: ArrayLike, denominator: ArrayLike | None = None, *, scale: float = 1.0) -> Figure:
    """Return the figure ``scale`` · sum of numerators / sum of denominators; both have shape (questions,).

    Without a denominator each question counts 1: the mean. This is every share: of questions (denominator 1
    or 0) and of things that a question has several of, such as citations. NaN where the denominators sum to
    0.
    """
    above = np.asarray(numerator, dtype=np.float64)
    below = np.ones_like(above) if denominator is None else np.asarray(denominator, dtype=np.float64)

    def figure(weights: Values) -> Values:
        return scale * _divide(weights @ above, weights @ below)

    return figure


def calibration_error(confidence: ArrayLike, right: ArrayLike, *, bins: int = 10) -> Figure:
    """Return the expected calibration error (Guo et al., ICML 2017) as a figure, 0..1.

    sum over bins of |bin| / n · |share of right answers in it - its mean confidence|, over ``bins`` bins of
    equal width: (0, 0.1], …, (0.9, 1], and 0 falls into the first.
    """
    sure, correct = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    place = np.clip(np.ceil(np.round(sure * bins, 9)) - 1, 0, bins - 1).astype(np.intp)
    gaps = np.zeros((len(sure), bins))  # right - confidence, in the column of the bin it falls into
    gaps[np.arange(len(sure)), place] = correct - sure

    def figure(weights: Values) -> Values:
        return _divide(np.abs(weights @ gaps).sum(axis=1), weights.sum(axis=1))

    return figure


def risk_coverage_area(confidence: ArrayLike, right: ArrayLike) -> Figure:
    """Return the area under the risk-coverage curve (Geifman & El-Yaniv, NeurIPS 2017) as a figure, 0..1.

    Mean over k = 1..n of the share of wrong answers among the k most confident. Answers of equal confidence
    count as the mean over their orders, so the figure does not depend on the order of the questions.
    """
    sure, correct = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    order = np.argsort(-sure, kind="stable")
    wrong = 1.0 - correct[order]
    starts = np.flatnonzero(np.diff(-sure[order], prepend=-np.inf))  # where each level of confidence starts

    def figure(weights: Values) -> Values:
        if not len(order):
            return np.full(len(weights), np.nan)
        # A level with w answers, e of them wrong, after N answers with E wrong, adds the sum over k = 1..w of
        # (E + k·e/w) / (N + k), which is e + (E - N·e/w) · (H(N+w) - H(N)) with the harmonic numbers H.
        answers = np.add.reduceat(weights[:, order], starts, axis=1)  # (resamples, levels): w
        errors = np.add.reduceat(weights[:, order] * wrong, starts, axis=1)  # e
        answers_before, errors_before = (np.cumsum(part, axis=1) - part for part in (answers, errors))  # N, E
        harmonic = np.cumsum([0.0, *(1.0 / np.arange(1, weights.sum(axis=1).max() + 1))])
        counts_before, counts = (np.rint(part).astype(np.intp) for part in (answers_before, answers))
        steps = harmonic[counts_before + counts] - harmonic[counts_before]
        rate = np.divide(errors, answers, out=np.zeros_like(errors), where=answers > 0)
        area = (errors + (errors_before - answers_before * rate) * steps).sum(axis=1)
        return _divide(area, weights.sum(axis=1))

    return figure


def quantile(values: ArrayLike, share: float) -> Figure:
    """Return the ``share`` quantile (0..1) of the values as a figure, interpolated linearly like numpy's."""
    ordered = np.asarray(values, dtype=np.float64)
    order = np.argsort(ordered, kind="stable")
    ordered = ordered[order]

    def figure(weights: Values) -> Values:
        if not len(ordered):
            return np.full(len(weights), np.nan)
        upto = np.cumsum(weights[:, order], axis=1)  # how many values up to and with this one
        position = share * (upto[:, -1] - 1)
        low, high = np.floor(position), np.ceil(position)
        below = ordered[(upto <= low[:, None]).sum(axis=1)]
        above = ordered[(upto <= high[:, None]).sum(axis=1)]
        return np.asarray(below + (above - below) * (position - low), dtype=np.float64)

    return figure


def among(chosen: ArrayLike, figure: Figure) -> Figure:
    """Return a figure of some questions as one of all; ``chosen`` holds a truth value for each question."""
    columns = np.flatnonzero(np.asarray(chosen, dtype=np.bool_))
    return lambda weights: figure(weights[:, columns])


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure with its 95 % interval: ``low <= high``; all three are NaN where the figure is undefined."""

    value: float
    low: float
    high: float


def estimate(
    figures: Mapping[str, Figure], questions: int, *, resamples: int = 1000, seed: int = 0
) -> dict[str, Estimate]:
    """Return each figure with its 95 % percentile bootstrap interval (Efron 1979), resampling over questions.

    All figures see the same ``resamples`` draws of ``questions`` questions with replacement, and ``seed``
    fixes them. Resamples in which a figure is undefined do not count.
    """
    drawn: dict[str, list[Values]] = {name: [] for name in figures}
    for weights in _resamples(questions, resamples, seed):
        for name, figure in figures.items():
            drawn[name].append(figure(weights))
    everything = np.ones((1, questions))
    return {
        name: Estimate(float(figure(everything)[0]), *_middle(np.concatenate(drawn[name])))
        for name, figure in figures.items()
    }


def _resamples(questions: int, resamples: int, seed: int) -> Iterator[Values]:
    """Yield weights (some, questions): how often each resample drew each question; few rows save memory."""
    random = np.random.default_rng(seed)
    rows = max(1, min(resamples, 2_000_000 // max(1, questions)))
    for first in range(0, resamples, rows):
        here = min(rows, resamples - first)
        draws = random.integers(questions, size=(here, questions)) + np.arange(here)[:, None] * questions
        counts = np.bincount(draws.ravel(), minlength=here * questions)
        yield counts.reshape(here, questions).astype(np.float64)


def _middle(values: Values) -> tuple[float, float]:
    """Return the bounds of the middle 95 % of the values that are defined; NaN, NaN where none is."""
    defined = values[~np.isnan(values)]
    if not len(defined):
        return float("nan"), float("nan")
    low, high = np.percentile(defined, [2.5, 97.5])
    return float(low), float(high)


def _divide(above: Values, below: Values) -> Values:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below != 0)
