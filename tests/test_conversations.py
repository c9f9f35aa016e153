"""Kept conversations: whole after any stop, each owner's own, undoable, and gone when they are to be gone."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from index.errors import ConversationMissing, IndexDamaged, IndexMismatch, IndexNotWritable
from qa.conversations import DATABASE, TITLE_CHARS, ConversationStore

PROJECT = Path(__file__).parent.parent
ANSWER = {"question": "q", "text": "Zürich 東京 🙂. [1]", "citations": [{"marker": 1, "quote": "🙂"}]}


@pytest.fixture
def store(tmp_path):
    with ConversationStore(tmp_path / "index") as opened:
        yield opened


def asked(store, *questions, owner="ann"):
    """A conversation in which these were asked and answered: its id, and the ids of the turns."""
    conversation = store.create(owner, questions[0])
    turns = []
    for question in questions:
        turn = store.ask(owner, conversation, question)
        store.end(owner, turn, state="done", text=f"to {question}", answer=ANSWER)
        turns.append(turn)
    return conversation, turns


def questions(store, conversation, owner="ann"):
    return [turn.question for turn in store.read(owner, conversation).turns]


def test_what_was_said_is_there_after_a_restart(tmp_path, store):
    conversation, _ = asked(store, "Wie hoch? 東京 🙂")
    store.close()
    with ConversationStore(tmp_path / "index") as again:
        (turn,) = again.read("ann", conversation).turns
        assert (turn.question, turn.state, turn.answer) == ("Wie hoch? 東京 🙂", "done", ANSWER)
        assert [entry.title for entry in again.entries("ann")] == ["Wie hoch? 東京 🙂"]


def test_nothing_is_written_before_the_first_conversation(tmp_path, store):
    assert store.entries("ann") == () and store.rewrite(lambda turn: turn) == 0
    store.purge("ann")
    assert not (tmp_path / "index").exists()


def test_the_one_that_changed_last_comes_first(store):
    first, _ = asked(store, "one")
    second, _ = asked(store, "two")
    assert [entry.id for entry in store.entries("ann")] == [second, first]
    store.ask("ann", first, "more")
    assert [entry.id for entry in store.entries("ann")] == [first, second]
    store.rename("ann", second, "  a   better\nname ")
    assert [(entry.id, entry.title) for entry in store.entries("ann")][1] == (second, "a better name")
    store.rename("ann", second, " \n ")
    store.rename("ann", first, "x" * 1000)
    assert [len(entry.title) for entry in store.entries("ann")] == [TITLE_CHARS, len("a better name")]


def test_one_owner_reaches_nothing_of_another(store):
    conversation, (turn,) = asked(store, "secret")
    before = store.read("ann", conversation)
    for attempt in (
        lambda: store.read("bob", conversation),
        lambda: store.rename("bob", conversation, "mine"),
        lambda: store.delete("bob", conversation),
        lambda: store.restore("bob", conversation),
        lambda: store.ask("bob", conversation, "q"),
        lambda: store.ask("bob", conversation, "q", instead_of=turn),
        lambda: store.rate("bob", conversation, turn, -1),
        lambda: store.drop("bob", conversation, turn),
        lambda: store.undo("bob", conversation),
    ):
        with pytest.raises(ConversationMissing):
            attempt()
    store.end("bob", turn, state="failed", text="forged")
    other, _ = asked(store, "mine", owner="bob")
    store.drop("bob", other, turn)  # a turn of another conversation than the one that is named
    store.rate("bob", other, turn, -1)
    store.purge("bob")
    assert store.entries("bob")[0].title == "mine" and len(store.entries("bob")) == 1
    assert store.read("ann", conversation) == before
    assert len(store.entries(None)) == 2


def test_what_was_dropped_comes_back_and_goes_again(store):
    conversation, (_, second, _) = asked(store, "one", "two", "three")
    store.drop("ann", conversation, second)
    assert questions(store, conversation) == ["one"] and store.read("ann", conversation).undoable
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["one", "two", "three"]
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["one"]


def test_an_edit_replaces_what_came_after_until_something_else_is_asked(store):
    conversation, (_, second, _) = asked(store, "one", "two", "three")
    new = store.ask("ann", conversation, "two, but better", instead_of=second)
    store.end("ann", new, state="done", text="")
    assert questions(store, conversation) == ["one", "two, but better"]
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["one", "two", "three"]
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["one", "two, but better"]
    store.ask("ann", conversation, "four")
    assert not store.read("ann", conversation).undoable
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["one", "two, but better", "four"]


def test_a_second_change_can_still_be_taken_back(store):
    conversation, (first, second) = asked(store, "one", "two")
    new = store.ask("ann", conversation, "two again", instead_of=second)
    store.ask("ann", conversation, "two once more", instead_of=new)
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["one", "two again"]
    store.drop("ann", conversation, first)
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["one", "two again"]


def test_a_deleted_conversation_comes_back_until_it_is_purged(store):
    conversation, _ = asked(store, "one")
    kept, _ = asked(store, "two")
    store.delete("ann", conversation)
    assert [entry.id for entry in store.entries("ann")] == [kept]
    with pytest.raises(ConversationMissing):
        store.read("ann", conversation)
    store.restore("ann", conversation)
    assert questions(store, conversation) == ["one"]
    store.delete("ann", conversation)
    store.purge("bob")
    store.restore("ann", conversation)
    store.delete("ann", conversation)
    store.purge("ann")
    with pytest.raises(ConversationMissing):
        store.restore("ann", conversation)
    assert [entry.id for entry in store.entries("ann")] == [kept]


def test_a_purged_conversation_leaves_no_byte_behind(tmp_path, store):
    conversation, _ = asked(store, "the password is xyzzy-4711")
    store.delete("ann", conversation)
    store.purge("ann")
    assert all(b"xyzzy-4711" not in file.read_bytes() for file in (tmp_path / "index").iterdir())


def test_a_rating_is_kept_with_its_turn(store):
    conversation, (turn, other) = asked(store, "one", "two")
    store.rate("ann", conversation, turn, -5)
    assert [turn.rating for turn in store.read("ann", conversation).turns] == [-1, 0]
    store.rate("ann", conversation, other, 1)
    store.rate("ann", conversation, turn, 0)
    assert [turn.rating for turn in store.read("ann", conversation).turns] == [0, 1]


def test_every_write_raises_the_revision(store):
    conversation, (turn,) = asked(store, "one")
    seen = store.revision(conversation)
    for write in (
        lambda: store.rate("ann", conversation, turn, 1),
        lambda: store.rename("ann", conversation, "t"),
        lambda: store.drop("ann", conversation, turn),
        lambda: store.undo("ann", conversation),
        lambda: store.rewrite(lambda turn: replace(turn, text="x")),
    ):
        write()
        assert store.revision(conversation) > seen
        seen = store.revision(conversation)
    store.delete("ann", conversation)
    assert store.revision(conversation) == -1


def test_rewriting_reaches_what_was_dropped_or_deleted_and_leaves_no_byte(tmp_path, store):
    conversation, (turn, _) = asked(store, "xyzzy-4711", "xyzzy-4711 too")
    store.drop("ann", conversation, turn)
    deleted, _ = asked(store, "xyzzy-4711 again", owner="bob")
    store.delete("bob", deleted)
    clear = lambda turn: replace(turn, question="-", text="-", answer={})  # noqa: E731
    assert store.rewrite(clear, lambda title: "-") == 3 + 2
    assert all(b"xyzzy-4711" not in file.read_bytes() for file in (tmp_path / "index").iterdir())
    store.undo("ann", conversation)
    assert questions(store, conversation) == ["-", "-"]


def test_two_processes_see_each_others_turns(tmp_path, store):
    with ConversationStore(tmp_path / "index") as other:
        conversation, _ = asked(store, "one")
        assert questions(other, conversation) == ["one"]
        other.ask("ann", conversation, "two")
    assert questions(store, conversation) == ["one", "two"]


def test_many_threads_lose_nothing(store):
    conversation, _ = asked(store, "0")

    def work(name):
        for n in range(10):
            turn = store.ask("ann", conversation, f"{name}-{n}")
            store.end("ann", turn, state="done", text="x")

    threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(questions(store, conversation))) == 41


def test_a_killed_server_leaves_whole_turns(tmp_path):
    script = f"""
import itertools, sys
from pathlib import Path
from qa.conversations import ConversationStore
store = ConversationStore(Path({str(tmp_path / "index")!r}))
conversation = store.create("ann", "t")
for n in itertools.count():
    turn = store.ask("ann", conversation, str(n))
    store.end("ann", turn, state="done", text=str(n) * 999, answer={{"n": str(n) * 999}})
    print(n, flush=True)
"""
    server = subprocess.Popen([sys.executable, "-c", script], cwd=PROJECT, stdout=subprocess.PIPE, text=True)
    said = [server.stdout.readline() for _ in range(20)]
    os.kill(server.pid, signal.SIGKILL)
    last = int([*said, *server.stdout][-1])
    server.wait()
    server.stdout.close()
    with ConversationStore(tmp_path / "index") as store:
        turns = store.read("ann", 1).turns
    done = [turn for turn in turns if turn.state == "done"]
    assert last <= len(done) and len(turns) - len(done) <= 1
    assert all(turn.text == turn.answer["n"] == turn.question * 999 for turn in done)


def test_a_damaged_file_is_named_and_left_alone(tmp_path):
    (tmp_path / DATABASE).write_bytes(b"this is no database " * 100)
    with pytest.raises(IndexDamaged, match=DATABASE):
        ConversationStore(tmp_path)
    assert (tmp_path / DATABASE).read_bytes().startswith(b"this is no database")


def test_a_newer_file_is_refused(tmp_path):
    with ConversationStore(tmp_path) as store:
        store.create("ann", "t")
    with sqlite3.connect(tmp_path / DATABASE) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(IndexMismatch, match="Update Citespan"):
        ConversationStore(tmp_path)


def test_a_folder_that_cannot_be_made_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(IndexNotWritable), ConversationStore(tmp_path / "file" / "index") as store:
        store.create("ann", "t")


def test_in_memory_it_works_the_same():
    with ConversationStore(None) as store:
        conversation, _ = asked(store, "one")
        assert json.loads(json.dumps(store.read("ann", conversation).turns[0].answer)) == ANSWER
