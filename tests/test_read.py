"""The reader that ships with us: exact spans, on one scale, at home in any text."""

import json
import shutil
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qa
from index.bert import compile_graph
from index.errors import ModelError
from qa.span_reader import SpanReader

FOLDER = Path(qa.__file__).parent / "reader"
PASSAGES = (
    "The old pier was closed in winter. The harbour budget was approved by Ada Lindqvist. Zürich was dry. 🌧️",
    "In 2019 the museum had 308 visitors a day.\r\nNobody counted the dogs. 東京は晴れ。",
)


@pytest.fixture(scope="module")
def reader():
    return qa.load_reader()


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Who approved the harbour budget?", "Ada Lindqvist"),
        ("How many visitors did the museum have a day?", "308"),
        ("When was the old pier closed?", "winter"),
    ],
)
def test_the_answer_is_found_in_the_right_passage(reader, question, answer):
    best = reader.read(question, PASSAGES).spans[0]
    assert answer in best.text
    assert answer in PASSAGES[best.passage]


def test_a_supported_question_is_more_probable_than_one_without_support(reader):
    supported = reader.read("Who approved the harbour budget?", PASSAGES)
    unsupported = reader.read("Which quarterback threw the longest touchdown?", PASSAGES)
    assert supported.spans[0].probability > unsupported.spans[0].probability
    assert unsupported.no_answer == pytest.approx(1 - unsupported.spans[0].probability)


@settings(max_examples=25, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=200), max_size=4), st.integers(1, 5))
def test_spans_are_slices_best_first_and_apart(question, passages, top_k):
    reading = qa.load_reader().read(question, passages, top_k=top_k)
    assert len(reading.spans) <= top_k
    scores = [span.score for span in reading.spans]
    assert scores == sorted(scores, reverse=True)
    for span in reading.spans:
        assert passages[span.passage][span.start : span.end] == span.text != ""
        assert 0 <= span.probability <= 1
        assert type(span.score) is type(span.probability) is float
    places = sorted((span.passage, span.start, span.end) for span in reading.spans)
    assert all(one[0] != two[0] or one[2] <= two[1] for one, two in pairwise(places))


def test_passages_without_words_have_no_answer(reader):
    for passages in ((), ("",), (" \n", "\t")):
        reading = reader.read("Why?", passages)
        assert (reading.spans, reading.no_answer) == ((), 1.0)


def test_a_score_does_not_depend_on_the_other_passages(reader):
    question = "Who approved the harbour budget?"
    alone = reader.read(question, PASSAGES[:1]).spans[0]
    among = next(s for s in reader.read(question, PASSAGES, top_k=9).spans if s.text == alone.text)
    assert among.score == pytest.approx(alone.score, abs=0.15)


def test_the_search_has_a_say_in_the_ranking(reader):
    twice = [PASSAGES[0], PASSAGES[0]]
    best = reader.read("Who approved the harbour budget?", twice, relevance=[0.1, 0.9]).spans[0]
    assert best.passage == 1


def test_passages_and_their_relevance_must_fit(reader):
    with pytest.raises(ValueError, match="2 passages, but the relevance of 1"):
        reader.read("Who?", PASSAGES, relevance=[1.0])
    with pytest.raises(TypeError, match="one str"):
        reader.read("Who?", PASSAGES[0])


def test_a_passage_that_is_read_in_several_sets_of_windows_gives_the_same(reader, monkeypatch):
    question = "Who approved the harbour budget?"
    passages = [*PASSAGES, "Nothing of note happened on that day. " * 120 + PASSAGES[0]]
    whole = reader.read(question, passages)
    monkeypatch.setattr("qa.span_reader._AT_ONCE", 2)
    in_sets = reader.read(question, passages)
    assert [(s.passage, s.start, s.end) for s in in_sets.spans] == [
        (s.passage, s.start, s.end) for s in whole.spans
    ]


def test_windows_of_a_long_passage_cover_every_token_and_overlap(reader):
    passage = " ".join(f"word{i}" for i in range(2000))
    windows = list(reader.windows("Where?", [passage]))
    assert len(windows) > 5
    assert all(len(window.ids) <= reader.config.max_length for window in windows)
    inside = [[offset for offset in window.offsets if offset[0] >= 0] for window in windows]
    assert {offset for part in inside for offset in part} == set(
        reader._tokenizer.encode(passage, add_special_tokens=False).offsets
    )
    assert all(set(one) & set(two) for one, two in pairwise(inside))


def test_an_answer_at_the_end_of_a_long_passage_is_found(reader):
    passage = "Nothing of note happened on that day. " * 120
    passage += "The harbour budget was approved by Ada Lindqvist."
    best = reader.read("Who approved the harbour budget?", [passage]).spans[0]
    assert "Lindqvist" in best.text and best.end > 4000


def test_control_tokens_in_a_passage_are_plain_text(reader):
    (window,) = reader.windows("Who?", ["Ada [SEP] signed [CLS] it."])
    assert window.ids.count(102) == 2 and window.ids.count(101) == 1


def test_a_question_of_ten_thousand_words_is_read_by_its_beginning(reader):
    (window,) = reader.windows("why " * 10_000, ["Because."])
    assert len(window.ids) < 60


def test_the_shipped_int8_graph_agrees_with_the_trained_weights(reader):
    trained = SpanReader(FOLDER)
    trained.__dict__["_model"] = compile_graph(trained.graph())
    for question in ("Who approved the harbour budget?", "How many visitors did the museum have a day?"):
        one, two = reader.read(question, PASSAGES).spans[0], trained.read(question, PASSAGES).spans[0]
        assert (one.passage, one.text) == (two.passage, two.text)
        assert abs(one.probability - two.probability) < 0.1


def test_a_reader_that_is_not_whole_is_refused_with_a_sentence(tmp_path):
    with pytest.raises(ModelError, match="Install"):
        SpanReader(tmp_path)
    for name in ("config.json", "reader.safetensors"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "reader.int8.xml").write_text("<junk")
    with pytest.raises(ModelError, match="damaged"):
        SpanReader(tmp_path).read("Who?", ["Ada."])
    config = json.loads((tmp_path / "config.json").read_text())
    del config["calibration"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="config"):
        SpanReader(tmp_path)


def test_addresses_links_and_numbers_are_not_cut(reader):
    passage = (
        "Write to j.whitcombe@harbour-estates.co.uk or see https://www.north-sea.example/contact/rent. "
        "The yearly rent of the mill is £4,812.37, and the office opens at 8:30 sharp."
    )
    for question in ("What is the rent of the mill?", "To whom can one write?", "When does the office open?"):
        for span in reader.read(question, [passage], top_k=9).spans:
            for whole in ("j.whitcombe@harbour-estates.co.uk", "4,812.37", "8:30"):
                start = passage.index(whole)
                for edge in (span.start, span.end):
                    assert not start < edge < start + len(whole)


def test_half_a_character_is_read_over(reader):
    passage = "\udfff Ada Lindqvist approved the budget."
    best = reader.read("Who \ud800 approved the budget?", [passage]).spans[0]
    assert "Lindqvist" in best.text
    assert best.start > 0


def test_files_that_ship_are_small_enough(reader):
    assert all(path.stat().st_size <= 30_000_000 for path in FOLDER.iterdir())
    assert np.isfinite(reader.config.calibration.scale)
