"""Confidence fitted to a test set, and the threshold for a wanted error rate."""

import json
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa
from index import Index
from index.errors import TestSetError
from qa.calibrate import (
    UNCALIBRATED,
    Calibration,
    calibrate,
    drop_calibration,
    fit,
    read_calibration,
    store_calibration,
    threshold,
)
from qa.testset import Question
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import FixedReader

outcomes = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40)


@given(outcomes, st.floats(0, 1))
def test_the_threshold_is_the_lowest_that_keeps_the_error_rate(pairs, rate):
    p = np.array([probability for probability, _ in pairs])
    right = np.array([float(hit) for _, hit in pairs])
    good = [t for t in sorted(set(p)) if (1 - right[p >= t]).mean() <= rate]
    assert threshold(p, right, error_rate=rate) == (good[0] if good else 1.0)


def test_calibration_finds_the_scale_that_made_the_outcomes():
    rng = np.random.default_rng(0)
    odds = rng.normal(0, 3, 20_000)
    truth = 1 / (1 + np.exp(-(0.5 * odds - 1)))
    right = (rng.random(20_000) < truth).astype(float)
    fitted = fit(1 / (1 + np.exp(-odds)), right, error_rate=0.1)
    assert (fitted.scale, fitted.bias) == pytest.approx((0.5, -1), abs=0.06)


def test_a_better_score_never_makes_an_answer_less_probable():
    fitted = fit(np.array([0.1, 0.2, 0.8, 0.9]), np.array([1.0, 1.0, 0.0, 0.0]), error_rate=0.5)
    assert fitted.probability(0.9) >= fitted.probability(0.1)


@given(st.floats(0.001, 0.999), st.floats(0.1, 2), st.floats(-2, 2))
def test_the_raw_probability_comes_back(p, scale, bias):
    calibration = Calibration(scale, bias, 0.5)
    assert calibration.raw(calibration.probability(p)) == pytest.approx(p, abs=1e-4)


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", {"a.txt": "The mayor is Ada.", "b.txt": "The ferry is blue."})


def test_an_index_keeps_its_calibration_and_answers_use_it(index, tmp_path):
    assert read_calibration(index) == UNCALIBRATED
    reader = FixedReader({"Ada": 0.6})
    before = qa.ask("Who is the mayor?", index=index, model=reader)
    store_calibration(index, Calibration(1.0, -2.0, 0.4))
    after = qa.ask("Who is the mayor?", index=index, model=reader)
    assert (before.refused, after.refused) == (False, True)
    assert after.confidence < before.confidence
    assert not qa.ask("Who is the mayor?", index=index, model=reader, min_confidence=0.1).refused
    with Index.open(tmp_path / ".qa", encoder=HashEncoder()) as again:
        assert read_calibration(again).min_confidence == 0.4
    drop_calibration(index)
    assert read_calibration(index) == UNCALIBRATED


def test_calibrating_twice_gives_the_same_as_once(index, monkeypatch):
    reader = FixedReader({"Ada": 0.6, "blue": 0.5})
    monkeypatch.setattr(sys.modules["qa.ask"], "load_reader", lambda: reader)
    questions = [
        Question("Who is the mayor?", ("Ada",), "a.txt", (), None),
        Question("Who is the ferry?", (), None, (), None),
    ] * 10
    once = calibrate(questions, index, error_rate=0.5)
    store_calibration(index, once)
    twice = calibrate(questions, index, error_rate=0.5)
    assert json.dumps(once.min_confidence) != "null"
    assert (twice.scale, twice.bias) == pytest.approx((once.scale, once.bias), abs=1e-3)


MAYOR = Question("Who is the mayor?", ("Ada",), "a.txt", (), None)
FERRY = Question("Who is the ferry?", (), None, (), None)


def test_a_few_answers_are_no_calibration(index, monkeypatch):
    monkeypatch.setattr(sys.modules["qa.ask"], "load_reader", lambda: FixedReader({"Ada": 0.6}))
    with pytest.raises(TestSetError, match="needs 20 answers; 19 of the 19"):
        calibrate([MAYOR] * 19, index, error_rate=0.2)


def test_where_no_threshold_keeps_the_error_rate_nothing_is_stored(index, monkeypatch):
    monkeypatch.setattr(sys.modules["qa.ask"], "load_reader", lambda: FixedReader({"Ada": 0.6, "blue": 0.6}))
    with pytest.raises(TestSetError, match=r"20 of 20 answers are wrong.*--error-rate"):
        calibrate([FERRY] * 20, index, error_rate=0.1)
    assert read_calibration(index) == UNCALIBRATED
