"""Saved answers when they are opened again: marks follow the words, and never stand on others."""

import pytest

from qa.conversations import ConversationStore
from qa.reopen import Reopener, answer_of
from qa.verify import current_text
from tests.corpus import write
from tests.saved import keep

SENTENCE = "The harbour budget of 5 million was approved by Ada Lindqvist in the spring of 2021."
TEXT = f"Zürich 🌧️ 東京.\r\nIt rained for nine days.\r\n{SENTENCE}\r\nThe pool opens in June."


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", {"a.txt": TEXT, "b.txt": "Something else stands here."})


@pytest.fixture
def turn(index):
    with ConversationStore(None) as store:
        (turn,) = keep(store, index, "harbour budget?", SENTENCE, "a.txt").turns
        yield turn


def reopened(turn, index):
    """The only citation and what became of it; where it has a place, the quote stands there."""
    found = Reopener(index).reopen(turn.answer, turn.versions)
    (citation,), (standing,) = found.citations, found.standing
    if standing.place is not None:
        assert (citation.start, citation.end) == (standing.place.start, standing.place.end)
        assert index.document(citation.source).text[citation.start : citation.end] == citation.quote
        assert citation.quote == turn.answer["citations"][0]["quote"]
    assert answer_of(turn.answer, found).confidence == turn.answer["confidence"]
    return citation, standing, found


def test_an_unchanged_document_brings_everything_back(index, turn):
    citation, standing, found = reopened(turn, index)
    assert standing.status == "ok" and standing.sound and citation.quote == SENTENCE
    assert answer_of(turn.answer, found).to_dict() == turn.answer
    assert [hit.passage.text for hit in found.hits] == [TEXT]


def test_a_mark_follows_words_that_moved(index, docs, turn):
    front = "A new line in front 🙂.\r\n" * 9
    (docs / "a.txt").write_bytes((front + TEXT).encode())
    index.add([docs])
    citation, standing, found = reopened(turn, index)
    assert standing.status == "moved" and standing.sound
    assert citation.start == len(front) + TEXT.index(SENTENCE)
    assert citation.sha256 == index.document("a.txt").sha256
    assert found.hits == ()  # the passages were those of another text


def test_words_that_changed_get_no_mark(index, docs, turn):
    (docs / "a.txt").write_bytes(TEXT.replace("5 million", "6 million").encode())
    index.add([docs])
    citation, standing, _ = reopened(turn, index)
    assert (standing.status, standing.place, standing.sound) == ("changed", None, False)
    assert citation.quote == SENTENCE
    assert abs(standing.near - TEXT.index(SENTENCE)) < 10


def test_words_that_are_gone_get_no_mark(index, docs, turn):
    (docs / "a.txt").write_text("Nothing of it is left.")
    index.add([docs])
    assert reopened(turn, index)[1].status == "gone" and reopened(turn, index)[1].place is None


def test_a_file_that_changed_behind_the_index_is_said_while_the_stored_text_is_marked(index, docs, turn):
    (docs / "a.txt").write_bytes(TEXT.replace("5 million", "6 million").encode())
    _, standing, _ = reopened(turn, index)
    assert standing.status == "changed" and standing.place is not None
    (docs / "a.txt").unlink()
    _, standing, _ = reopened(turn, index)
    assert standing.status == "gone" and standing.place is not None


def test_without_the_document_or_the_index_all_is_gone(index, turn):
    index.remove("a.txt")
    assert reopened(turn, index)[1].status == "gone"
    assert reopened(turn, None)[1].status == "gone"


def test_a_changed_file_is_read_once_for_a_whole_conversation(index, docs, turn, monkeypatch):
    (docs / "a.txt").write_bytes(b"changed")
    reads = []

    def reading(*given, **named):
        reads.append(given)
        return current_text(*given, **named)

    monkeypatch.setattr("qa.reopen.current_text", reading)
    reopener = Reopener(index)
    for _ in range(5):
        reopener.reopen(turn.answer, turn.versions)
    assert len(reads) == 1


def test_an_answer_of_an_older_version_opens_too(index, turn):
    older = {key: value for key, value in turn.answer.items() if key != "timings"} | {"timings": {}}
    assert answer_of(older, Reopener(index).reopen(older, {})).timings == {}
