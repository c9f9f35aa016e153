"""`qa conversations`: the list, and one conversation as a file."""

import json

import pytest

from index import Index
from qa.cli import main
from qa.conversations import ConversationStore
from tests.corpus import write
from tests.fakes import HashEncoder
from tests.saved import keep


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr("index.index.load_encoder", lambda name="hash": HashEncoder())
    docs = write(tmp_path / "docs", {"a.txt": "The ferry Aurora carries 240 people 🙂."})
    with (
        Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index,
        ConversationStore(index.path) as store,
    ):
        index.add([docs])
        keep(store, index, "How many people?", "240 people", "a.txt", owner="somebody")
    return tmp_path / ".qa"


def test_conversations_of_all_browsers_are_listed(folder, capsys):
    assert main(["conversations", "--index", str(folder), "--json"]) == 0
    (entry,) = json.loads(capsys.readouterr().out)["conversations"]
    assert (entry["id"], entry["title"], entry["turns"]) == (1, "How many people?", 1)
    assert main(["conversations", "--index", str(folder)]) == 0
    assert "How many people?" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("form", "sign"),
    [("html", "<mark>240 people</mark>"), ("json", '"exact": "240 people"'), ("markdown", "> 240")],
)
def test_one_conversation_is_written_to_stdout_or_to_a_file(folder, capsysbinary, tmp_path, form, sign):
    assert main(["conversations", "1", "--as", form, "--index", str(folder)]) == 0
    written = capsysbinary.readouterr().out
    assert sign in written.decode()
    out = tmp_path / "out"
    assert main(["conversations", "1", "--as", form, "--out", str(out), "--index", str(folder)]) == 0
    assert sign in out.read_text("utf-8")


def test_one_that_is_not_there_is_said(folder, capsys):
    assert main(["conversations", "7", "--index", str(folder)]) == 1
    assert "There is no conversation 7" in capsys.readouterr().err


def test_without_any_nothing_is_made(tmp_path, capsys):
    assert main(["conversations", "--index", str(tmp_path / "none")]) == 0
    assert "No conversation is kept yet" in capsys.readouterr().err and not (tmp_path / "none").exists()
