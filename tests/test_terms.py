"""How texts become words, and what BM25 finds."""

import fcntl
import threading
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.errors import IndexBusy, IndexNotWritable
from index.terms import Terms, terms
from tests.corpus import fill


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("The Harbour's budget, 2024!", ["the", "harbour", "budget", "2024"]),
        ("Zürich STRASSE Straße", ["zurich", "strasse", "strasse"]),
        ("e\u0301clair ｆｕｌｌ", ["eclair", "full"]),
        ("東京都は首都", ["東京", "京都", "都は", "は首", "首都"]),
        ("GPU数は8枚", ["gpu", "数は", "8", "枚"]),
        ("snake_case and C++", ["snake", "case", "and", "c"]),
        ("Київ — ёлка", ["киів", "елка"]),
        ("한국어", ["한국어"]),
        ("がか", ["がか"]),
        ("👩‍🚀 \r\n\x00", []),
    ],
)
def test_words_are_folded_and_unspaced_scripts_are_cut_into_pairs(text, words):
    assert terms(text) == words


@given(st.text())
def test_folding_twice_changes_nothing_and_words_hold_no_blank(text):
    words = terms(text)
    assert all(word and not any(c.isspace() for c in word) for word in words)


def test_bm25_finds_the_passage_that_holds_the_rare_word(tmp_path):
    store = fill(
        tmp_path,
        {"a.txt": "The budget of the harbour was approved.", "b.txt": "The weather of the harbour was fine."},
    )
    words = Terms.create(tmp_path / "terms")
    words.catch_up(store)
    found = words.search("Who approved the budget?", 10)
    assert store.passages([found[0][0]])[found[0][0]].source == "a.txt"
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))


def test_among_many_passages_words_of_all_of_them_are_passed_over_unless_there_are_no_others(
    tmp_path, monkeypatch
):
    texts = {f"{i}.txt": f"Lighthouses of the coast, number {i * 37}" for i in range(40)}
    words = Terms.create(tmp_path / "terms")
    words.catch_up(fill(tmp_path, texts))
    asked = "lighthouse of the number 259"
    few = words.search(asked, 10)
    monkeypatch.setattr("index.terms._MANY", 39)
    assert words.search(asked, 10) == [(few[0][0], pytest.approx(few[0][1], rel=0.2))]
    assert len(words.search("the lighthouse", 40)) == 40
    monkeypatch.setattr("index.terms._MANY", 40)
    assert words.search(asked, 10) == few


def test_query_syntax_in_a_question_is_plain_text(tmp_path):
    store = fill(tmp_path, {"a.txt": "alpha beta", "b.txt": "gamma"})
    words = Terms.create(tmp_path / "terms")
    words.catch_up(store)
    for question in [
        'body:"alpha',
        "alpha AND (",
        "id:[1 TO 5]",
        "NOT alpha*~^",
        "-alpha +beta",
        "a" * 100_000,
    ]:
        words.search(question, 5)
    assert len(words.search('("alpha" OR -nothing:', 5)) == 1


def test_a_removed_document_is_found_by_no_word_of_its_own(tmp_path):
    store = fill(tmp_path, {"a.txt": "alpha beta", "b.txt": "gamma"})
    words = Terms.create(tmp_path / "terms")
    words.catch_up(store)
    store.remove("a.txt")
    words.catch_up(store)
    assert words.search("alpha", 5) == []
    assert len(words.search("gamma", 5)) == 1


def test_search_can_be_restricted_to_passages(tmp_path):
    store = fill(tmp_path, {"a.txt": "alpha", "b.txt": "alpha"})
    words = Terms.create(tmp_path / "terms")
    words.catch_up(store)
    only = store.ids_of(["b.txt"])
    assert [i for i, _ in words.search("alpha", 5, only=only)] == only.tolist()
    assert words.search("alpha", 5, only=np.array([999])) == []


def test_a_crash_between_commit_and_stamp_duplicates_nothing(tmp_path):
    store = fill(tmp_path, {"a.txt": "alpha"})
    words = Terms.create(tmp_path / "terms")
    words.catch_up(store)
    (tmp_path / "terms" / "generation").write_text("1 0")  # as if the stamp had never been written
    again = Terms.open(tmp_path / "terms")
    again.catch_up(store)
    assert len(again.search("alpha", 5)) == 1


def test_a_damaged_index_is_no_index(tmp_path):
    Terms.create(tmp_path / "terms")
    (tmp_path / "terms" / "meta.json").write_text("junk")
    with pytest.raises(ValueError):
        Terms.open(tmp_path / "terms")


def test_words_in_memory_are_those_on_disk(tmp_path):
    store = fill(tmp_path, {"a.txt": "alpha beta", "b.txt": "gamma"})
    on_disk, in_memory = Terms.create(tmp_path / "terms"), Terms.in_memory()
    for words in (on_disk, in_memory):
        words.catch_up(store)
    assert in_memory.search("beta gamma", 5) == on_disk.search("beta gamma", 5)


def test_a_file_that_is_too_short_is_a_damage_and_no_panic(tmp_path):
    store = fill(tmp_path, {"a.txt": "alpha beta", "b.txt": "gamma"})
    Terms.create(tmp_path / "terms").catch_up(store)
    for part in (tmp_path / "terms").glob("*.idx"):
        part.write_bytes(b"junk")
    with pytest.raises((ValueError, OSError)):
        Terms.open(tmp_path / "terms").search("alpha", 3)


def test_a_lock_that_a_dying_process_leaves_for_a_moment_is_waited_for(tmp_path):
    store = fill(tmp_path, {"a.txt": "alpha beta"})
    words = Terms.create(tmp_path / "terms")
    with (tmp_path / "terms" / ".tantivy-writer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        dying = threading.Timer(0.5, lambda: fcntl.flock(lock, fcntl.LOCK_UN))
        started = time.monotonic()
        dying.start()
        words.catch_up(store)
        dying.join()
    assert time.monotonic() - started >= 0.4
    assert len(words.search("alpha", 5)) == 1


def test_a_lock_that_stays_is_said_to_be_another_program(tmp_path, monkeypatch):
    monkeypatch.setattr("index.terms._LOCKED_S", 0.1)
    store = fill(tmp_path, {"a.txt": "alpha beta"})
    words = Terms.create(tmp_path / "terms")
    with (tmp_path / "terms" / ".tantivy-writer.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(IndexBusy, match="Run the command again"):
            words.catch_up(store)


def test_a_write_that_failed_does_not_lock_out_the_next_one(tmp_path, monkeypatch):
    """The error is still held, as a program does that shows it: with it lives all that the write had open."""
    monkeypatch.setattr("index.terms._LOCKED_S", 0.1)
    store = fill(tmp_path, {"a.txt": "alpha beta"})
    words = Terms.create(tmp_path / "terms")

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(words, "_add", fail)
        with pytest.raises(IndexNotWritable) as held:
            words.catch_up(store)
    words.catch_up(store)
    assert len(words.search("alpha", 5)) == 1
    assert held.value


def test_readers_without_files_of_their_own_catch_up_together(tmp_path):
    store = fill(tmp_path, {f"{i}.txt": f"alpha {i}" for i in range(20)})
    errors: list[Exception] = []
    for _ in range(5):
        words, start = Terms.in_memory(), threading.Barrier(4)

        def read(words: Terms = words, start: threading.Barrier = start) -> None:
            try:
                start.wait()
                words.catch_up(store)
                assert len(words.search("alpha", 50)) == 20
            except Exception as exc:
                errors.append(exc)

        readers = [threading.Thread(target=read) for _ in range(4)]
        for reader in readers:
            reader.start()
        for reader in readers:
            reader.join()
    assert errors == []
