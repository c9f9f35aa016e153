"""Scores and figures: cases worked out by hand, and parity with the obvious loops."""

import math
import re
import string
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import Span
from qa.figures import among, calibration_error, estimate, quantile, ratio, risk_coverage_area
from qa.metrics import (
    exact_match,
    f1,
    first_hit,
    is_right,
    normalize_answer,
    overlapping,
    recall_at,
    reciprocal_rank,
)


def official_f1(gold: str, prediction: str) -> float:
    """The F1 of the SQuAD 2.0 script as its paper describes it, written as a plain loop over words."""

    def tokens(text):
        text = text.lower()
        for mark in string.punctuation:
            text = text.replace(mark, "")
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    gold_words, words = tokens(gold), tokens(prediction)
    if not gold_words or not words:
        return 1.0 if gold_words == words else 0.0
    left, common = Counter(gold_words), 0
    for word in words:
        if left[word] > 0:
            left[word] -= 1
            common += 1
    if common == 0:
        return 0.0
    return (
        2
        * (common / len(words))
        * (common / len(gold_words))
        / (common / len(words) + common / len(gold_words))
    )


@pytest.mark.parametrize(
    ("text", "normal"),
    [
        ("The  Reserve Bank, of\tAustralia!", "reserve bank of australia"),
        ("an apple a day", "apple day"),
        ("theatre", "theatre"),
        ("U.S.A.", "usa"),
        ("the-end", "theend"),  # punctuation goes before articles, so no article is left to remove
        ("Zürich", "zürich"),
        ("„Zürich“", "„zürich“"),  # only ASCII punctuation goes
        ("東京 タワー", "東京 タワー"),
        ("The", ""),
    ],
)
def test_answers_are_normalised_as_by_the_official_script(text, normal):
    assert normalize_answer(text) == normal


@pytest.mark.parametrize(
    ("prediction", "golds", "match", "score"),
    [
        ("the Norman", ["Norman"], 1, 1),
        ("in 1997", ["1997"], 0, 2 / 3),
        ("10 and 11", ["10", "11th century", "10 and 11 century"], 0, 6 / 7),
        ("to to be", ["to be to be"], 0, 6 / 7),
        ("", [], 1, 1),
        ("the", [], 1, 1),
        ("Paris", [], 0, 0),
        ("", ["Paris"], 0, 0),
        ("", ["the"], 1, 1),
        ("x", ["...", "x"], 1, 1),
        ("", ["...", "x"], 0, 0),  # a gold that normalises to nothing does not count beside others
    ],
)
def test_exact_match_and_f1_of_cases_worked_out_by_hand(prediction, golds, match, score):
    assert exact_match(prediction, golds) == match
    assert f1(prediction, golds) == pytest.approx(score)


texts = st.text(alphabet="ab the.,AN é", max_size=24)


@given(texts, texts)
def test_f1_equals_the_plain_loop(prediction, gold):
    assert f1(prediction, [gold]) == pytest.approx(official_f1(gold, prediction))
    assert f1(prediction, [gold]) == pytest.approx(f1(gold, [prediction]))
    assert exact_match(prediction, [gold]) <= f1(prediction, [gold])


def test_an_answer_is_right_from_half_of_its_words_on_and_never_without_gold():
    assert is_right("in 1997", ["1997"])
    assert not is_right("it was said in 1997", ["1997"])
    assert not is_right("1997", [])
    assert not is_right("", [])


def test_ranks_give_recall_and_reciprocal_rank():
    rank = first_hit([False, False, True, True])
    assert rank == 3
    assert [recall_at(rank, k) for k in (1, 2, 3, 10)] == [0, 0, 1, 1]
    assert reciprocal_rank(rank) == pytest.approx(1 / 3)
    assert first_hit([False, False]) is None
    assert recall_at(None, 10) == reciprocal_rank(None) == 0


def test_spans_that_only_touch_do_not_overlap():
    assert overlapping([Span(0, 3), Span(3, 5), Span(4, 9)], [Span(3, 4)]) == 1
    assert overlapping([Span(0, 3)], []) == 0


def value(figure, questions):
    return float(figure(np.ones((1, questions)))[0])


def test_a_ratio_divides_sums_and_is_undefined_over_nothing():
    assert value(ratio([1, 0, 2], [2, 0, 3], scale=100), 3) == pytest.approx(60)
    assert value(ratio([1, 0, 0, 1]), 4) == 0.5
    assert math.isnan(value(ratio([0, 0], [0, 0]), 2))
    assert value(among([True, False, True], ratio([1, 0])), 3) == 0.5


def test_calibration_error_worked_out_by_hand():
    # bin (0.7, 0.8]: two answers, one right, mean 0.8, gap 0.3; bin (0.1, 0.2]: two, none right, gap 0.2
    figure = calibration_error([0.8, 0.8, 0.2, 0.2], [1, 0, 0, 0])
    assert value(figure, 4) == pytest.approx(0.5 * 0.3 + 0.5 * 0.2)
    assert value(calibration_error([0.0, 1.0], [0, 1]), 2) == 0


def test_risk_coverage_area_worked_out_by_hand():
    assert value(risk_coverage_area([0.9, 0.6, 0.3], [1, 0, 1]), 3) == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    assert value(risk_coverage_area([0.5, 0.5], [1, 0]), 2) == pytest.approx((0.5 + 0.5) / 2)
    assert value(risk_coverage_area([0.9, 0.1], [1, 1]), 2) == 0
    assert value(risk_coverage_area([0.9, 0.1], [0, 0]), 2) == 1


def loop_calibration_error(confidence, right, bins=10):
    total = 0.0
    for number in range(bins):
        low, high = number / bins, (number + 1) / bins
        inside = [i for i, c in enumerate(confidence) if low < c <= high or (number == 0 and c == 0)]
        if inside:
            accuracy = sum(right[i] for i in inside) / len(inside)
            mean = sum(confidence[i] for i in inside) / len(inside)
            total += len(inside) / len(confidence) * abs(accuracy - mean)
    return total


def loop_risk_coverage_area(confidence, right):
    """Each error of a level of confidence is shared out over the level: the mean over its orders."""
    risk = {c: 1 - np.mean([r for d, r in zip(confidence, right, strict=True) if d == c]) for c in confidence}
    errors, total = 0.0, 0.0
    for k, sure in enumerate(sorted(confidence, reverse=True), 1):
        errors += risk[sure]
        total += errors / k
    return total / len(confidence)


answers = st.lists(
    st.tuples(st.sampled_from([0.0, 0.05, 0.25, 0.45, 0.75, 0.95, 1.0]), st.booleans(), st.integers(0, 3)),
    min_size=1,
    max_size=12,
).filter(lambda rows: any(weight for _, _, weight in rows))


@given(answers)
def test_weighted_figures_equal_the_plain_loops_over_the_repeated_answers(rows):
    confidence, right, weight = (list(column) for column in zip(*rows, strict=True))
    weights = np.array([weight], dtype=np.float64)
    repeated = [(c, r) for c, r, times in rows for _ in range(times)]
    drawn, drawn_right = (list(column) for column in zip(*repeated, strict=True))
    pairs = [
        (calibration_error(confidence, right), loop_calibration_error(drawn, drawn_right)),
        (risk_coverage_area(confidence, right), loop_risk_coverage_area(drawn, drawn_right)),
        (ratio(right), sum(drawn_right) / len(drawn)),
        (quantile(confidence, 0.5), np.percentile(drawn, 50)),
        (quantile(confidence, 0.95), np.percentile(drawn, 95)),
    ]
    for figure, expected in pairs:
        assert figure(weights)[0] == pytest.approx(expected, abs=1e-12)


def test_undefined_figures_stay_undefined_in_every_resample():
    nothing = [False, False, False]
    figures = {
        "ece": among(nothing, calibration_error([], [])),
        "aurc": among(nothing, risk_coverage_area([], [])),
        "p50": among(nothing, quantile([], 0.5)),
        "share": ratio([0, 0, 0], [0, 0, 0]),
    }
    for figure in estimate(figures, 3).values():
        assert math.isnan(figure.value) and math.isnan(figure.low) and math.isnan(figure.high)


def test_the_interval_of_a_share_is_the_textbook_one_and_the_same_every_time():
    right = [1.0] * 60 + [0.0] * 40
    first = estimate({"share": ratio(right, scale=100)}, 100)["share"]
    assert first == estimate({"share": ratio(right, scale=100)}, 100)["share"]
    assert first.value == 60
    half_width = 196 * math.sqrt(0.6 * 0.4 / 100)  # normal approximation, in points
    assert first.low == pytest.approx(60 - half_width, abs=1.5)
    assert first.high == pytest.approx(60 + half_width, abs=1.5)


def test_an_interval_equals_the_plain_loop_over_the_same_draws():
    confidence, right = np.linspace(0.05, 0.95, 30), np.arange(30) % 3 > 0
    draws = np.random.default_rng(7).integers(30, size=(200, 30))
    looped = [loop_risk_coverage_area(list(confidence[d]), list(right[d])) for d in draws]
    found = estimate({"aurc": risk_coverage_area(confidence, right)}, 30, resamples=200, seed=7)["aurc"]
    assert [found.low, found.high] == pytest.approx(list(np.percentile(looped, [2.5, 97.5])))
