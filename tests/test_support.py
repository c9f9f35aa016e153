"""A sentence is shown as far as what it cites supports it."""

import json
import logging
import sys

import pytest

import qa
from index import Index
from qa.answer import Text
from qa.forms import Quotes
from qa.generate import WEAK_NOTE, Generator
from qa.overlap import facts, words_of
from qa.read import load_reader
from qa.settings import Settings
from qa.support import NAMES, Evidence, measure, question, support
from qa.support_weights import DROP_BELOW, WEAK_BELOW, WEIGHTS
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import FixedReader

LEDGER = (
    "In the winter of 1913 the ledger of Sallowmere lists 412 arrivals. Ada Lindqvist approved the budget of "
    "Jonas Petherick on 3 June 1911. Smoking with softwood is prohibited. The pier was not closed in May."
)
PROOF = Evidence(LEDGER, LEDGER, LEDGER)


@pytest.mark.parametrize(
    ("true", "false"),
    [
        ("The ledger of Sallowmere lists 412 arrivals.", "The ledger of Sallowmere lists 421 arrivals."),
        ("In winter 1913 the ledger listed 412 arrivals.", "In winter 1911 the ledger listed 412 arrivals."),
        ("Ada Lindqvist approved the budget.", "Jonas Petherick approved the budget."),
        ("Ada Lindqvist approved the budget.", "Ada Lindqvist did not approve the budget."),
        ("Smoking with softwood is prohibited.", "Smoking with softwood is allowed."),
        ("The pier was not closed in May.", "The pier was closed in May."),
        ("The ledger lists 412 arrivals.", "Whales can hold their breath for hours."),
    ],
)
def test_a_changed_fact_has_less_support(true, false):
    reader = load_reader()
    good, bad = (support(claim, PROOF, reader) for claim in (true, false))
    assert bad < good
    assert bad < WEAK_BELOW


@pytest.mark.parametrize("claim", ["", "?", "桥建于一九一二年。", "\ud800 \u2060", "word " * 500])
@pytest.mark.parametrize("text", ["", "桥建于一九一二年，全长三百六十米。", "\r\n\x00 5", LEDGER])
def test_no_sentence_and_no_evidence_breaks_it(claim, text):
    assert 0 <= support(claim, Evidence(text, text, text), FixedReader({})) <= 1


def test_every_feature_has_a_weight():
    assert tuple(WEIGHTS) == NAMES
    assert 0 < DROP_BELOW < WEAK_BELOW < 1


def test_other_spellings_are_the_same_words():
    assert words_of("Thirty 1,200 arrivals’ Zürich") == words_of("30 1200 arrival Zu\u0308rich")


def test_each_fact_becomes_a_question():
    claim = "Ada Lindqvist paid £18 in 1911."
    asked = [question(claim, fact) for fact in facts(claim)]
    assert asked == [
        "who paid £18 in 1911?",
        "Ada Lindqvist paid £ how much in 1911?",
        "Ada Lindqvist paid £18 in what year?",
    ]


def test_a_fact_that_stands_around_the_cited_sentence_is_not_strange_there():
    found = measure("It lists 412.", Evidence("the ledger", "It is the ledger.", LEDGER), FixedReader({}))
    assert (found.strange_numbers, found.strange_numbers_around) == (1.0, 0.0)


class Writer:
    """A model that writes these sentences, each with the same quote."""

    name = "writer"

    def __init__(self, *sentences: str) -> None:
        self.sentences = sentences

    def form(self, limits, deadline):
        return Quotes()

    def write(self, task):
        quotes = [{"passage": 1, "quote": "the ledger of Sallowmere lists 412 arrivals"}]
        yield json.dumps({"answer": [{"quotes": quotes, "text": text} for text in self.sentences]})

    def complete(self, messages, schema, limits, deadline):
        yield ""


@pytest.fixture
def index(tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules["qa.ask"], "load_reader", lambda: FixedReader({"412": 0.8}))
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        opened.add([write(tmp_path / "docs", {"ledger.txt": LEDGER})])
        yield opened


@pytest.fixture
def scores(monkeypatch):
    """What support says of a sentence is its first word."""
    monkeypatch.setattr("qa.written.support", lambda claim, *_: float(claim.split()[0]))


def test_weak_sentences_say_so_and_unsupported_ones_are_dropped(index, scores):
    writer = Writer("0.9 good.", "0.01 bad.", f"{(DROP_BELOW + WEAK_BELOW) / 2} weak.")
    events = list(qa.stream("How many arrivals in the ledger?", index=index, model=Generator(writer)))
    answer = events[-1].answer
    assert "bad" not in answer.text
    assert answer.text.endswith(f"weak. [1]{WEAK_NOTE}")
    assert answer.text == "".join(event.text for event in events if isinstance(event, Text))
    assert [it.weak for it in answer.sentences] == [False, True]
    shown = [answer.text[it.start : it.end] for it in answer.sentences]
    assert shown == answer.text.replace("[1] 0", "[1]\n0").split("\n")
    mean = sum(it.support for it in answer.sentences) / 2
    assert answer.confidence == pytest.approx((0.8 * mean) ** 0.5)
    assert [it["weak"] for it in answer.to_dict()["sentences"]] == [False, True]


def test_where_nothing_is_supported_the_reader_answers(index, scores, caplog):
    with caplog.at_level(logging.WARNING):
        answer = qa.ask("How many arrivals?", index=index, model=Generator(Writer("0.01 bad.")))
    assert answer.text.startswith("In the winter of 1913 the ledger of Sallowmere lists **412** arrivals")
    assert "no sentence that it wrote is supported" in answer.model
    assert "sentences" not in answer.to_dict()
    assert "bad" not in caplog.text


def test_a_user_may_see_every_sentence(index, scores):
    answer = qa.ask(
        "How many arrivals?",
        index=index,
        model=Generator(Writer("0.01 bad.")),
        settings=Settings(min_support=0),
    )
    assert answer.text == f"0.01 bad. [1]{WEAK_NOTE}"
