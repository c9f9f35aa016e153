"""Wrong answers become test cases: the selected words are found, and the file stays whole."""

import json

import pytest

from index.errors import TestSetError
from index.types import Document, Span
from qa.corrections import MAX_CHARS, add_case, drop_cases, find_words
from qa.testset import Question, read_testset

TEXT = "Zürich 🙂 東京.\r\n\r\n# Fees\r\n\r\nA **bicycle** costs 14 €.\r\nA dog costs 14 €, too."


def found(words, before="", after="", text=TEXT):
    place = find_words(Document("a.md", "0", text, "markdown", ""), words, before, after)
    return text[place.start : place.end] if place else None


def test_words_are_found_through_markup_and_other_white_space():
    assert found("A bicycle costs") == "A **bicycle** costs"
    assert found(" bicycle   costs\n14 €. ") == "bicycle** costs 14 €."
    assert found("東京") == "東京" and found("Zürich 🙂 東京") == "Zürich 🙂 東京"
    assert found("A car") is None
    assert found(" 🙂 ") is None and found("") is None and found("x " * MAX_CHARS) is None


def test_of_two_places_the_one_in_the_same_surroundings_is_meant():
    place = find_words(Document("a", "0", TEXT, "text", ""), "14 €", "A dog costs ", ", too.")
    assert place == Span(TEXT.rindex("14"), TEXT.rindex("14") + 4)
    place = find_words(Document("a", "0", TEXT, "text", ""), "14", "bicycle costs ", " €. A dog")
    assert place == Span(TEXT.index("14"), TEXT.index("14") + 2)


def test_whole_words_are_meant_unless_a_part_was_selected():
    assert found("cat", text="concatenate the cat") == "cat"
    place = find_words(Document("a", "0", "concatenate the cat", "text", ""), "cat", "con", "enate the")
    assert place == Span(3, 6)


def test_a_case_can_be_read_back_and_replaces_an_earlier_one(tmp_path):
    path = tmp_path / "sets" / "mine.jsonl"
    first = Question("Wie viel? 🙂", ("14 €",), "a.md", (Span(3, 7),))
    other = Question("Wie viel? 🙂", (), None, (), before=("Was kostet ein Hund?",))
    assert add_case(path, first) == 1 and add_case(path, other) == 2
    assert read_testset(path) == (first, other)
    better = Question("Wie viel? 🙂", ("15 €",), "a.md", (Span(4, 8),))
    assert add_case(path, better) == 2
    assert read_testset(path) == (other, better)
    assert [child.name for child in path.parent.iterdir()] == ["mine.jsonl"]


def test_other_lines_stay_as_they_were(tmp_path):
    path = tmp_path / "mine.jsonl"
    line = '{"note": "keep me",   "question": "q\\u2028", "answers": ["a"], "source": "gone.txt"}'
    path.write_text(f"\n{line}", encoding="utf-8")
    add_case(path, Question("new", (), None, ()))
    assert path.read_text("utf-8").splitlines()[0] == line
    drop_cases(path, "other.txt")
    assert line in path.read_text("utf-8")
    drop_cases(path, "gone.txt")
    assert [json.loads(row)["question"] for row in path.read_text("utf-8").splitlines()] == ["new"]
    drop_cases(tmp_path / "none.jsonl", "x")


@pytest.mark.parametrize(
    "squad", ['{"data": [{"title": "t", "paragraphs": []}]}', "[1, 2]", "nonsense", '{"a"']
)
def test_a_file_that_is_no_json_lines_is_left_alone(tmp_path, squad):
    path = tmp_path / "mine.json"
    path.write_text(squad)
    with pytest.raises(TestSetError, match=r"mine\.json"):
        add_case(path, Question("q", (), None, ()))
    assert path.read_text() == squad


def test_a_squad_file_with_questions_is_left_alone(tmp_path):
    path = tmp_path / "squad.json"
    asked = {"question": "q", "answers": [{"text": "a", "answer_start": 0}]}
    squad = json.dumps({"data": [{"title": "t", "paragraphs": [{"context": "a b", "qas": [asked]}]}]})
    path.write_text(squad)
    with pytest.raises(TestSetError, match="JSON Lines"):
        add_case(path, Question("q", (), None, ()))
    assert path.read_text() == squad


def test_a_file_that_cannot_be_written_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(TestSetError, match="cannot be written"):
        add_case(tmp_path / "file" / "mine.jsonl", Question("q", (), None, ()))
