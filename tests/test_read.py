"""The reader's seam, and the sentence reader behind it."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from qa.sentence_reader import SentenceReader
from tests.fakes import HashEncoder

PASSAGES = (
    "The old pier was closed in winter. The harbour budget was approved by Ada Lindqvist. Zürich was dry.",
    "In 2019 the museum had 308 visitors a day.\r\nNobody counted the dogs. 東京は晴れ。",
)


@pytest.fixture
def reader() -> SentenceReader:
    return SentenceReader(HashEncoder())


@pytest.mark.parametrize(
    ("question", "sentence"),
    [
        ("Who approved the harbour budget?", "The harbour budget was approved by Ada Lindqvist."),
        ("How many visitors did the museum have?", "In 2019 the museum had 308 visitors a day."),
        ("When were the piers closed?", "The old pier was closed in winter."),
    ],
)
def test_the_sentence_that_shares_the_rare_words_wins(reader, question, sentence):
    assert reader.read(question, PASSAGES).spans[0].text == sentence


def test_a_supported_question_is_more_probable_than_one_without_support(reader):
    supported = reader.read("Who approved the harbour budget?", PASSAGES)
    unsupported = reader.read("Which quarterback threw the longest touchdown?", PASSAGES)
    assert supported.spans[0].probability > 0.5 > unsupported.spans[0].probability
    assert unsupported.no_answer == pytest.approx(1 - unsupported.spans[0].probability)


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=80), st.lists(st.text(max_size=200), max_size=4), st.integers(1, 5))
def test_spans_are_slices_best_first_and_apart(question, passages, top_k):
    reading = SentenceReader(HashEncoder()).read(question, passages, top_k=top_k)
    assert len(reading.spans) <= top_k
    scores = [span.score for span in reading.spans]
    assert scores == sorted(scores, reverse=True)
    for span in reading.spans:
        assert passages[span.passage][span.start : span.end] == span.text
        assert 0 <= span.probability <= 1
    places = sorted((span.passage, span.start, span.end) for span in reading.spans)
    assert all(one[0] != two[0] or one[2] <= two[1] for one, two in pairwise(places))


def test_passages_without_words_have_no_answer(reader):
    for passages in ((), ("",), (" \n", "\t")):
        reading = reader.read("Why?", passages)
        assert (reading.spans, reading.no_answer) == ((), 1.0)


def test_a_heading_with_the_words_of_the_question_is_no_answer(reader):
    passage = "The harbour budget\n\nIt was approved by Ada Lindqvist."
    assert reader.read("Who approved the harbour budget?", [passage]).spans[0].text.startswith("It was")


def test_few_sentences_are_encoded_however_many_there_are():
    encoder = HashEncoder()
    SentenceReader(encoder).read("Where is it?", ["One is here. " * 200] * 8)
    assert encoder.calls <= 41


def test_scores_are_plain_numbers(reader):
    span = reader.read("Who approved the budget?", PASSAGES).spans[0]
    assert type(span.score) is float and type(span.probability) is float
    assert not isinstance(span.score, np.floating)
