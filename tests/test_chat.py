"""Follow-ups are searched for as what they mean."""

from pathlib import Path
from threading import Thread

import pytest

import qa
from index import Index
from qa.answer import Retrieved
from qa.chat import meanings, resolve
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import FixedReader, WordReader

TEXTS = {
    "harbour.txt": "The harbour budget was approved by Ada Lindqvist. The vote took place on 3 May 2021.",
    "pool.txt": "The pool opens in June. Its water is cold.",
}


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", TEXTS)


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
def test_a_follow_up_carries_the_topic_and_of_the_answer_whom_it_speaks_of(question):
    names = " Ada Lindqvist" if "she" in question else ""
    assert resolve(question, TOPIC, ANSWER) == f"{question} approved harbour budget{names}"


@pytest.mark.parametrize(
    "question", ["For how long?", "How often?", "How many were on board?", "What should I do then?"]
)
def test_small_words_are_no_subject(question):
    assert resolve(question, TOPIC, ANSWER) == f"{question} approved harbour budget"


@pytest.mark.parametrize(
    "question",
    [
        "When does the pool open?",
        "When did Marie Curie win her prize?",
        "when did marie curie win her prize",
        "Is there evidence that coffee lowers the pulse?",
        "How many visitors did the museum have in 2019?",
        "Who is Marie?",
        "東京の天気は？",
    ],
)
def test_a_question_with_a_subject_of_its_own_stays_as_it_is(question):
    assert resolve(question, TOPIC, ANSWER) == question


@pytest.mark.parametrize(
    "question",
    [
        "Seit wann?",
        "Bis wann genau?",
        "Wie alt ist es?",
        "Wie groß ist sie?",
        "Wie viel kostet das?",
        "Wie viel kostet das pro Monat?",
        "Wann wurde das gebaut?",
        "Ist das erlaubt?",
        "Und wie lange dauert das?",
        "Was kann man dagegen tun?",
    ],
)
def test_a_german_follow_up_carries_the_topic(question):
    topic = "Wer hat die Hecke am Hauptweg geschnitten?"
    assert meanings(question, topic, "") == (f"{question} Hecke Hauptweg geschnitten",)


@pytest.mark.parametrize(
    "question",
    [
        "Wie hoch dürfen Hecken an den Hauptwegen sein?",
        "Können Sie mir sagen, wann der Verein tagt?",
        "When did the war end?",
        "How did the keeper die?",
        "Is there parking near the quay?",
        "Deposit?",
    ],
)
def test_words_of_two_languages_or_meanings_complete_no_question_with_a_subject(question):
    assert meanings(question, TOPIC, ANSWER) == (question,)


@pytest.mark.parametrize(
    "question",
    [
        "How much is the rent?",
        "Is there a deposit?",
        "What should I pay?",
        "Who was the first keeper?",
        "Wie hoch ist die Pacht?",
        "Wie hoch dürfen Hecken sein?",
        "Gibt es ein Vereinsheim?",
    ],
)
def test_a_single_noun_may_be_a_new_subject_and_comes_first_as_it_is(question):
    assert meanings(question, TOPIC, ANSWER) == (question, f"{question} approved harbour budget")


def test_a_single_noun_of_which_the_answer_s_passages_speak_is_no_new_subject():
    assert len(meanings("How many votes?", TOPIC, ANSWER, ["It had nothing to do with that."])) == 2
    assert meanings("How many votes?", TOPIC, ANSWER, ["There was one Vote."]) == (
        "How many votes? approved harbour budget",
    )


def test_words_that_the_question_has_are_not_repeated():
    assert resolve("And her HARBOUR?", TOPIC, "Ada of the Harbour") == "And her HARBOUR? approved budget Ada"


def test_a_long_conversation_carries_a_bounded_number_of_words():
    searched = "Who approved the harbour budget?"
    for number in range(30):
        searched = resolve("But her?", searched, " ".join(f"Word{number}x{n}" for n in range(30)))
    assert len(searched.split()) == 2 + 12 + 4


def test_the_second_question_is_searched_for_with_the_first(index):
    reader = FixedReader({"Ada Lindqvist": 0.9})
    with qa.Chat(index=index, model=reader) as chat:
        chat.ask(TOPIC)
        answer = chat.ask("And when was that?")
        assert answer.question == "And when was that?"
        assert reader.questions[1] == "And when was that? approved harbour budget"
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


SEEDS = Path(__file__).parents[1] / "seeds"
LAMP = "When was the lamp of Gannet Stack lit for the first time?"
BUDGET = "Who presented the budget to the Brackenford council?"
GLOBE = "For how much is the Lindqvist globe insured?"
BEES = "When were the Tarn Valley Beekeepers founded?"
WATER = "Was kostet ein Kubikmeter Wasser?"


@pytest.fixture(scope="module")
def seeds(tmp_path_factory):
    folder = tmp_path_factory.mktemp("seeds") / ".qa"
    with Index.open(folder, encoder=HashEncoder(), create=True) as opened:
        opened.add([SEEDS])
        yield opened


@pytest.mark.parametrize(
    ("questions", "carried"),
    [
        ([LAMP, "How much is the rent?"], ""),
        ([LAMP, "What is the deposit?"], ""),
        ([BUDGET, "Who is the mechanic?"], ""),
        (["What does E41 mean on the Aster 8?", "Is there a deposit?"], ""),
        ([GLOBE, "Wie hoch ist die Pacht?"], ""),
        ([BEES, "Wann ist das Laternenfest?"], ""),
        ([WATER, "Where is the anchor?"], ""),
        ([LAMP, "What is the deposit?", "When is it returned?"], "deposit"),
        ([BUDGET, "Wie hoch ist die Kaution?", "Seit wann gilt das?"], "Kaution"),
        (
            ["How many vehicles a day were counted in Mill Lane?", "How many lorries?"],
            "vehicles day counted Mill Lane",
        ),
        ([BEES, "What is the fee?"], "Tarn Valley Beekeepers founded"),
        (["What happened to the Marguerite in 1974?", "How many were on board?"], "happened Marguerite 1974"),
        ([WATER, "Und wann wird das abgelesen?"], "kostet Kubikmeter Wasser"),
        (
            ["Wer ist Vorsitzende der Kleingartenanlage Südhang?", "Wie alt ist sie?"],
            "Vorsitzende Kleingartenanlage Südhang",
        ),
    ],
)
def test_a_conversation_about_the_samples_searches_for_what_each_question_is_about(seeds, questions, carried):
    chat = qa.Chat(index=seeds, model=WordReader())
    for question in questions[:-1]:
        chat.ask(question)
    events = list(chat.stream(questions[-1]))
    searched = f"{questions[-1]} {carried}".strip()
    assert chat.history[-1].searched == searched
    assert [event.searched for event in events if isinstance(event, Retrieved)] == [
        searched if carried else ""
    ]
    assert events[-1].answer.searched == (searched if carried else "")


def test_a_new_subject_that_is_answered_is_read_once_and_one_that_is_not_is_read_completed_too(index):
    reader = FixedReader({"Ada Lindqvist": 0.9})
    chat = qa.Chat(index=index, model=reader)
    chat.ask("When does the pool open?")
    chat.ask("Who is the treasurer?")
    assert reader.questions[1:] == ["Who is the treasurer?"]
    reader.words = {"Ada Lindqvist": 0.01}
    chat.ask("How much is the rent?")
    assert reader.questions[2:] == ["How much is the rent?", "How much is the rent? treasurer"]
    assert chat.history[-1].searched == "How much is the rent? treasurer"
