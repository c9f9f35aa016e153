"""Follow-ups are searched for as what they mean."""

from threading import Thread

import pytest

import qa
from index import Index
from qa.chat import resolve
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import FixedReader

TEXTS = {
    "harbour.txt": "The harbour budget was approved by Ada Lindqvist. The vote took place on 3 May 2021.",
    "pool.txt": "The pool opens in June. Its water is cold.",
}


@pytest.fixture
def index(tmp_path):
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        opened.add([write(tmp_path / "docs", TEXTS)])
        yield opened


TOPIC, ANSWER = "Who approved the harbour budget?", "Ada Lindqvist"


@pytest.mark.parametrize(
    "question",
    [
        "And when was that?",
        "Why?",
        "What about the second one?",
        "When did she sign it?",
        "How much did it cost?",
        "Was that before the election?",
        "But in which year?",
        "Und wann war das?",
        "WHO ELSE",
    ],
)
def test_a_follow_up_carries_the_topic_and_the_answer(question):
    assert resolve(question, TOPIC, ANSWER) == f"{question} approved harbour budget Ada Lindqvist"


@pytest.mark.parametrize(
    "question",
    [
        "When does the pool open?",
        "When did Marie Curie win her prize?",
        "when did marie curie win her prize",
        "Is there evidence that coffee lowers the pulse?",
        "How many visitors did the museum have in 2019?",
        "東京の天気は？",
    ],
)
def test_a_question_with_a_subject_of_its_own_stays_as_it_is(question):
    assert resolve(question, TOPIC, ANSWER) == question


def test_words_that_the_question_has_are_not_repeated():
    assert resolve("And the HARBOUR?", TOPIC, "Ada of the harbour") == "And the HARBOUR? approved budget Ada"


def test_a_long_conversation_carries_a_bounded_number_of_words():
    searched = "Who approved the harbour budget?"
    for number in range(30):
        searched = resolve("And why?", searched, " ".join(f"word{number}x{n}" for n in range(30)))
    assert len(searched.split()) == 2 + 12 + 8


def test_the_second_question_is_searched_for_with_the_first(index):
    reader = FixedReader({"Ada Lindqvist": 0.9})
    with qa.Chat(index=index, model=reader) as chat:
        chat.ask(TOPIC)
        answer = chat.ask("And when was that?")
        assert answer.question == "And when was that?"
        assert reader.questions[1] == "And when was that? approved harbour budget Ada Lindqvist"
        assert [turn.answer.question for turn in chat.history] == [TOPIC, "And when was that?"]
        assert chat.history[1].searched == reader.questions[1]


def test_a_refused_answer_lends_no_words(index):
    reader = FixedReader({"Ada Lindqvist": 0.01})
    chat = qa.Chat(index=index, model=reader)
    assert chat.ask(TOPIC).refused
    chat.ask("Why?")
    assert reader.questions[1] == "Why? approved harbour budget"


def test_an_empty_question_is_no_turn(index):
    chat = qa.Chat(index=index, model=FixedReader({}))
    assert chat.ask(" ").refused
    assert chat.history == ()


def test_the_turn_is_known_when_done_comes_and_forgotten_after_the_chat(index):
    chat = qa.Chat(index=index, model=FixedReader({"Ada Lindqvist": 0.9}))
    with chat:
        lengths = [(event.type, len(chat.history)) for event in chat.stream(TOPIC)]
        assert lengths[-2:] == [("citation", 0), ("done", 1)]
    assert chat.history == ()


def test_a_stream_that_is_given_up_leaves_the_chat_usable(index):
    chat = qa.Chat(index=index, model=FixedReader({"Ada Lindqvist": 0.9}))
    next(chat.stream(TOPIC))
    assert chat.history == ()
    assert not chat.ask(TOPIC).refused


def test_threads_lose_no_turn(index):
    chat = qa.Chat(index=index, model=FixedReader({"Ada Lindqvist": 0.9}))
    threads = [Thread(target=chat.ask, args=(TOPIC,)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(chat.history) == 8
