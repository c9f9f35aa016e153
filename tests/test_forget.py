"""Forgetting: what is removed leaves its saved conversations and its test cases too, to the last byte."""

import pytest

from index.errors import DocumentMissing
from index.types import Span
from qa.conversations import ConversationStore
from qa.corrections import TESTSET, add_case
from qa.forget import ERASED, RUN_WORDS, Words, forget
from qa.reopen import Reopener, answer_of
from qa.testset import Question, read_testset
from tests.corpus import write
from tests.saved import keep

SECRET = "The vault of Zürich opens when you whisper quicksilver marzipan to the brass owl at noon."
OTHER = "The canteen of the harbour serves nine kinds of soup on every single day of the long winter."


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", {"secret.txt": SECRET, "other.txt": OTHER})


@pytest.fixture
def store(index):
    with ConversationStore(index.path) as opened:
        yield opened


def every_byte(folder):
    return b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())


def test_the_words_of_a_removed_document_are_nowhere_any_more(index, store):
    saved = keep(store, index, SECRET, SECRET, "secret.txt")  # the question quotes it: so does the title
    turn = saved.turns[0].id
    store.drop("ann", saved.id, turn)
    keep(store, index, "vault?", SECRET, "secret.txt", owner="bob")
    add_case(index.path / TESTSET, Question("vault?", (SECRET,), "secret.txt", (Span(0, 9),)))
    add_case(index.path / TESTSET, Question("soup?", ("nine",), "other.txt", ()))
    assert b"quicksilver marzipan" in every_byte(index.path)
    forget("secret.txt", index, store)
    held = every_byte(index.path).lower()
    words = SECRET.lower().split()
    runs = [" ".join(words[at : at + 8]) for at in range(len(words) - 7)]
    assert [run for run in runs if run.encode() in held] == []
    assert [case.question for case in read_testset(index.path / TESTSET)] == ["soup?"]


def test_a_removed_citation_is_marked_and_its_answer_says_so(index, store):
    saved = keep(store, index, "vault?", "quicksilver marzipan", "secret.txt")
    forget("secret.txt", index, store)
    (turn,) = store.read("ann", saved.id).turns
    citation = turn.answer["citations"][0]
    assert citation["removed"] and citation["quote"] == "" and citation["source"] == "secret.txt"
    assert turn.text == f"{ERASED} [1]" and turn.question == "vault?" and turn.versions == {}
    found = Reopener(index).reopen(turn.answer, turn.versions)
    assert [standing.status for standing in found.standing] == ["removed"]
    assert answer_of(turn.answer, found).text == turn.text


def test_answers_from_other_documents_stay_as_they_are(index, store):
    saved = keep(store, index, "soup?", "nine kinds of soup", "other.txt")
    forget("secret.txt", index, store)
    assert store.read("ann", saved.id).turns == saved.turns
    assert Reopener(index).reopen(saved.turns[0].answer, {}).standing[0].status == "ok"


def test_a_document_that_is_not_there_cannot_be_forgotten(index, store):
    saved = keep(store, index, "vault?", SECRET, "secret.txt")
    with pytest.raises(DocumentMissing):
        forget("no.txt", index, store)
    assert store.read("ann", saved.id) == saved


@pytest.mark.parametrize(
    ("document", "text", "left"),
    [
        (
            "one two three four five six seven eight nine",
            "So ONE  two, three four five six seven EIGHT!",
            "So ",
        ),
        ("one two three four five six seven eight nine", "one two three four five six seven 8", None),
        ("yes", "yes, this is so", None),
        ("", "anything", None),
        ("港の予算は五百万円である。", "問い: 港の予算は五百万円である", "問い: "),
    ],
)
def test_runs_of_a_documents_words_are_found_in_any_case_and_spacing(document, text, left):
    erased = Words(document).erase(text)
    if left is None:
        assert erased == text
    else:
        assert erased.startswith(left + ERASED) and len(erased) <= len(left + ERASED) + 1


def test_eight_words_are_a_run():
    words = [f"w{n}" for n in range(RUN_WORDS)]
    assert Words(" ".join(words)).erase(f"a {' '.join(words)} b") == f"a {ERASED} b"
    assert Words(" ".join(words[1:])).erase(" ".join(words)) == " ".join(words)
