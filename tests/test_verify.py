"""Saved answers against the files as they are now."""

import json

import pytest

import qa
from index.errors import AnswerFileError
from index.squad import paragraphs
from qa.cite import escape
from qa.verify import verify
from tests.corpus import write
from tests.readers import FixedReader

SENTENCE = "The harbour budget of 5 million was approved by Ada Lindqvist in the spring of 2021."
TEXT = f"Zürich 🌧️ 東京.\r\nIt rained for nine days.\r\n{SENTENCE}\r\nThe pool opens in June."


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", {"a.txt": TEXT, "b.txt": "Something else stands here."})


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


def answer_of(sentence, words, source="a.txt", sha256=""):
    """A saved answer that cites the words where they first stand in the sentence, its only context."""
    start, end = place(sentence, words)
    citation = {"marker": 1, "source": source, "sha256": sha256, "start": start, "end": end, "quote": words}
    return {"text": f"{escape(sentence)} [1]", "citations": [citation]}


def rechecked(answer, index, now):
    (one,) = verify(answer, index, text_of=lambda _: now)
    return one.status, now[one.start : one.end]


@pytest.mark.parametrize(
    ("sentence", "words", "now", "there"),
    [
        ("It costs 12 euros a day.", "12 euros", "It costs 112 euros a day.", "112 euros"),
        ("The dam is 308 metres long.", "308 metres", "The dam is 3,308 metres long.", "3,308 metres"),
        ("The dam is 308 m long.", "308", "The dam is 308.5 m long.", "308.5"),
        ("Der Damm misst 308 m.", "308", "Der Damm misst 2’308 m.", "2’308"),
        ("Ada Lovelace wrote it.", "Ada Lovelace", "Ada Lovelaces wrote it.", "Ada Lovelaces"),
        ("In 1843 it rained.", "1843", "In 18437 it rained.", "18437"),
        ("The Cafe opens at six.", "Cafe", "The Cafe\u0301 opens at six.", "Cafe\u0301"),
        ("Der Hafen in Zürich.", "Zürich", "Der Hafen in Zürichs Süden.", "Zürichs"),
        ("कि is a word.", "कि", "कित is a word.", "कित"),
    ],
)
def test_words_and_numbers_that_grew_have_changed_and_are_shown_whole(index, sentence, words, now, there):
    answer = answer_of(sentence, words)
    assert rechecked(answer, index, now) == ("changed", there)
    assert rechecked(answer, index, "So it is. " + now) == ("changed", there)
    assert rechecked(answer, index, sentence) == ("ok", words)


@pytest.mark.parametrize(
    ("sentence", "words", "now"),
    [
        ("It costs 12 euros.", "12 euros", "Per day, it costs 12 euros, not 112 euros."),
        ("It was in 1843.", "1843", "He says: It was in 1843, 5 years later."),
        ("It was 20 °C.", "20", "Then it was 20°C. And 120 K."),
        ("首都是東京。", "東京", "今日、首都是東京都。"),
        ("เขาอยู่ในกรุงเทพ", "กรุงเทพ", "วันนี้ เขาอยู่ในกรุงเทพมหานคร"),
        ("Das Hafenbudget ist da.", "Hafen", "Heute: Das Hafenbudget ist da."),
        ("The ☀️Sun shines.", "Sun", "Now: The ☀️Sun shines."),
    ],
)
def test_words_that_stand_as_they_stood_have_only_moved(index, sentence, words, now):
    assert rechecked(answer_of(sentence, words), index, now) == ("moved", words)


def test_an_unchanged_file_is_ok_also_where_a_quote_cuts_a_word_that_the_answer_does_not_show(index, docs):
    index.add([docs])
    start, end = place(TEXT, "indqvist")
    citation = {"marker": 1, "source": "a.txt", "start": start, "end": end, "quote": "indqvist"}
    citation["sha256"] = index.document("a.txt").sha256
    answer = {"text": "It was her. [1]", "citations": [citation]}
    assert checked(answer, index) == ("ok", start, end)
    change(docs, TEXT + " More.")
    assert checked(answer, index) == ("changed", start - 1, end)


def test_a_number_of_very_many_digits_is_compared_in_linear_time(index):
    answer = answer_of("It was 1 of them.", "1")
    digits = "1" * 100_000
    assert rechecked(answer, index, digits) == ("changed", digits)


@pytest.fixture
def lights(index, tmp_path):
    path = tmp_path / "squad.json"

    def write_lights(*texts):
        contexts = [{"context": text, "qas": []} for text in texts]
        path.write_text(json.dumps({"data": [{"title": "The/Lights", "paragraphs": contexts}]}))
        return path

    index.add([write_lights("The lighthouse burned down in 1703.", "It was built anew.")], as_squad=True)
    return write_lights


def test_a_paragraph_of_a_squad_file_is_checked_against_the_file(index, lights):
    reader = FixedReader({"1703": 0.9})
    answer = qa.ask("lighthouse?", index=index, model=reader, sources=["The/Lights/0"]).to_dict()
    text = "The lighthouse burned down in 1703."
    assert checked(answer, index) == ("ok", *place(text, "1703"))
    lights("In short: " + text)
    assert checked(answer, index) == ("moved", *place("In short: " + text, "1703"))
    lights(text.replace("1703", "1704"))
    assert checked(answer, index)[0] != "ok"
    for content in ("no JSON", '{"data": []}'):
        lights().write_text(content)
        assert checked(answer, index)[0] == "gone"
    lights().unlink()
    assert checked(answer, index)[0] == "gone"


def test_a_squad_file_is_read_once_for_all_its_paragraphs(index, lights, monkeypatch):
    read = []
    monkeypatch.setattr("qa.verify.paragraphs", lambda path: read.append(path) or paragraphs(path))
    answers = [
        answer_of("The lighthouse burned down in 1703.", "1703", "The/Lights/0"),
        answer_of("It was built anew.", "built", "The/Lights/1"),
    ]
    answer = {"text": "", "citations": [answer["citations"][0] for answer in answers]}
    assert [one.status for one in verify(answer, index)] == ["ok", "ok"]
    assert len(read) == 1


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
