"""Saved answers against the files as they are now."""

import json

import pytest

import qa
from index import Index
from index.errors import AnswerFileError
from qa.verify import verify
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.readers import FixedReader

SENTENCE = "The harbour budget of 5 million was approved by Ada Lindqvist in the spring of 2021."
TEXT = f"Zürich 🌧️ 東京.\r\nIt rained for nine days.\r\n{SENTENCE}\r\nThe pool opens in June."


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", {"a.txt": TEXT, "b.txt": "Something else stands here."})


@pytest.fixture
def index(tmp_path, docs):
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        opened.add([docs])
        yield opened


def saved(index, words):
    answer = qa.ask("harbour budget?", index=index, model=FixedReader({words: 0.9}), sources=["a.txt"])
    assert answer.citations[0].quote == words
    return answer.to_dict()


def checked(answer, index):
    (one,) = verify(answer, index)
    return one.status, one.start, one.end


def place(text, words):
    start = text.index(words)
    return start, start + len(words)


def change(docs, text, source="a.txt"):
    (docs / source).write_bytes(text.encode())
    return text


@pytest.mark.parametrize("words", ["Ada Lindqvist", SENTENCE, "2021"])
def test_words_of_an_unchanged_file_are_ok(index, words):
    assert checked(saved(index, words), index) == ("ok", *place(TEXT, words))


def test_words_before_a_change_are_ok(index, docs):
    answer = saved(index, "Ada Lindqvist")
    change(docs, TEXT + " One more sentence.")
    assert checked(answer, index) == ("ok", *place(TEXT, "Ada Lindqvist"))


@pytest.mark.parametrize("words", ["Ada Lindqvist", SENTENCE, "2021"])
@pytest.mark.parametrize("again", [False, True])
def test_words_that_moved_are_found_where_they_are_now(index, docs, words, again):
    answer = saved(index, words)
    text = change(docs, "東京 🌧️ " * 3000 + TEXT)
    if again:
        index.add([docs])
    assert checked(answer, index) == ("moved", *place(text, words))


def test_of_many_occurrences_the_one_in_the_old_sentence_is_meant(index, docs):
    answer = saved(index, "2021")
    text = change(docs, "In 2021 it rained. " + TEXT.replace("nine", "2021") + " Until 2021.")
    start = text.index(SENTENCE) + SENTENCE.index("2021")
    assert checked(answer, index) == ("moved", start, start + 4)


def test_a_number_that_is_left_in_other_sentences_alone_has_changed(index, docs):
    answer = saved(index, "2021")
    text = change(
        docs, TEXT.replace(SENTENCE, "Visitors were few.") + " Trams ran until late 2021, then buses."
    )
    assert checked(answer, index) == ("changed", *place(text, "2021"))


def test_reworded_words_have_changed_and_the_new_ones_are_shown(index, docs):
    answer = saved(index, SENTENCE)
    new = SENTENCE.replace("5 million", "6 million").replace("Lindqvist", "Lindquist")
    text = change(docs, TEXT.replace(SENTENCE, new))
    assert checked(answer, index) == ("changed", *place(text, new))


def test_reworded_words_far_from_their_old_place_are_found(index, docs):
    answer = saved(index, SENTENCE)
    new = SENTENCE.replace("spring", "autumn")
    text = change(docs, "No. " * 5000 + TEXT.replace(SENTENCE, new))
    status, start, end = checked(answer, index)
    assert status == "changed"
    assert new.startswith(text[start:end][:20]) or text[start:end] in new


def test_words_that_are_nowhere_any_more_are_gone(index, docs):
    answer = saved(index, "Ada Lindqvist")
    change(docs, "東京 🌧️")
    assert checked(answer, index) == ("gone", *place(TEXT, "Ada Lindqvist"))


def test_a_removed_document_is_gone(index):
    answer = saved(index, "Ada Lindqvist")
    index.remove("a.txt")
    assert checked(answer, index)[0] == "gone"


def test_words_of_a_deleted_file_are_gone_also_before_the_index_knows(index, docs):
    answer = saved(index, "Ada Lindqvist")
    (docs / "a.txt").unlink()
    assert checked(answer, index)[0] == "gone"
    index.add([docs])
    assert checked(answer, index)[0] == "gone"


def test_a_paragraph_of_a_squad_file_stands_as_long_as_the_file_is_there(index, tmp_path):
    path = tmp_path / "squad.json"
    paragraph = {"context": "The lighthouse burned down in 1703.", "qas": []}
    path.write_text(json.dumps({"data": [{"title": "Lights", "paragraphs": [paragraph]}]}))
    index.add([path], as_squad=True)
    reader = FixedReader({"1703": 0.9})
    answer = qa.ask("lighthouse?", index=index, model=reader, sources=["Lights/0"]).to_dict()
    assert checked(answer, index) == ("ok", *place(paragraph["context"], "1703"))
    path.unlink()
    assert checked(answer, index)[0] == "gone"


def test_a_file_that_cannot_be_read_any_more_is_gone(index, docs):
    answer = saved(index, "Ada Lindqvist")
    (docs / "a.txt").write_bytes(b"")
    assert checked(answer, index)[0] == "gone"


def test_a_refusal_has_nothing_to_check(index):
    answer = qa.ask("harbour?", index=index, model=FixedReader({})).to_dict()
    assert verify(answer, index) == ()


@pytest.mark.parametrize(
    "damage",
    [
        lambda answer: answer.pop("citations"),
        lambda answer: answer.update(citations={}),
        lambda answer: answer.update(citations=[3]),
        lambda answer: answer["citations"][0].pop("quote"),
        lambda answer: answer["citations"][0].update(start="4"),
        lambda answer: answer["citations"][0].update(end=1),
        lambda answer: answer["citations"][0].update(quote=""),
    ],
)
def test_what_is_no_saved_answer_is_named(index, damage):
    answer = saved(index, "Ada Lindqvist")
    damage(answer)
    with pytest.raises(AnswerFileError, match="citation"):
        verify(answer, index)
