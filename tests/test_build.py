"""Reading and encoding go on side by side, and what goes wrong in either is told."""

import json
import threading

import pytest

from index import Index, build
from index.encode import DEFAULT_ENCODER, FLOAT32_ENCODER, load_encoder
from index.errors import IndexMismatch, ModelError
from tests.corpus import write
from tests.fakes import HashEncoder

FILES = {f"{name}.txt": f"The {name} stands at the quay." for name in ("crane", "ferry", "lantern", "mill")}


@pytest.fixture
def docs(tmp_path, monkeypatch):
    monkeypatch.setattr(build, "_ENCODE_AT_ONCE", 1)
    write(tmp_path / "docs", FILES)
    return tmp_path / "docs"


def test_files_are_read_while_others_are_encoded(tmp_path, docs):
    all_read = threading.Event()

    class Patient(HashEncoder):
        def encode(self, texts):
            if texts:
                assert all_read.wait(30), "encoding held up the reading"
            return super().encode(texts)

    def on_progress(step):
        if step.stage == "read" and step.done == step.total:
            all_read.set()

    with Index.open(tmp_path / "ix", encoder=Patient(), create=True) as index:
        index.add([docs], on_progress=on_progress)
        assert index.search("ferry")[0].passage.source == "ferry.txt"
    assert all_read.is_set()


def test_an_encoder_that_fails_beside_the_reading_fails_the_run_and_loses_nothing(tmp_path, docs):
    class Broken(HashEncoder):
        def encode(self, texts):
            raise ModelError("The encoder is broken. Mend it.")

    with (
        Index.open(tmp_path / "ix", encoder=Broken(), create=True) as index,
        pytest.raises(ModelError, match="Mend it"),
    ):
        index.add([docs])
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("encode")]
    with Index.open(tmp_path / "ix", encoder=HashEncoder()) as index:
        index.add([docs])
        assert len(index.documents()) == len(FILES)
        assert index.search("lantern")[0].passage.source == "lantern.txt"


def test_ctrl_c_while_the_encoder_works_ends_the_run_and_the_next_one_goes_on(tmp_path, docs):
    def on_progress(step):
        if step.done == 2:
            raise KeyboardInterrupt

    encoder = HashEncoder()
    with Index.open(tmp_path / "ix", encoder=encoder, create=True) as index:
        with pytest.raises(KeyboardInterrupt):
            index.add([docs], on_progress=on_progress)
        assert index.add([docs]).passages == len(FILES)
    assert encoder.calls == len(FILES), "a passage was encoded twice, or not at all"


def test_an_index_made_in_float32_stays_in_float32(tmp_path, docs):
    with Index.open(tmp_path / "ix", encoder=load_encoder(FLOAT32_ENCODER), create=True) as index:
        index.add([docs / "mill.txt"])
    with Index.open(tmp_path / "ix") as index:
        assert index.encoder.name == FLOAT32_ENCODER
        index.add([docs])
        assert index.search("Where is the ferry?")[0].passage.source == "ferry.txt"
    with pytest.raises(IndexMismatch, match=f"{FLOAT32_ENCODER}; asked for {DEFAULT_ENCODER}"):
        Index.open(tmp_path / "ix", encoder=load_encoder())


def test_a_new_index_is_made_in_int8(tmp_path):
    with Index.open(tmp_path / "ix", create=True) as index:
        assert index.encoder.name == DEFAULT_ENCODER


def squad(path, *texts, title="My/Title"):
    path.parent.mkdir(exist_ok=True)
    paragraphs = [{"context": text, "qas": []} for text in texts]
    path.write_text(json.dumps({"data": [{"title": title, "paragraphs": paragraphs}]}))
    return path


@pytest.fixture
def index(tmp_path):
    with Index.open(tmp_path / "ix", encoder=HashEncoder(), create=True) as opened:
        yield opened


def texts(index):
    return {info.source: index.document(info.source).text for info in index.documents()}


def test_a_squad_file_that_was_moved_keeps_its_paragraphs_and_encodes_nothing(index, tmp_path):
    contents = ("Lions roar.", "Löwen brüllen.", "Lions roar.", "獅子 🦁")
    path = squad(tmp_path / "dev.json", *contents)
    index.add([path], as_squad=True)
    before, calls = texts(index), index.encoder.calls
    (tmp_path / "d2").mkdir()
    path = path.rename(tmp_path / "d2" / "dev.json")
    report = index.add([path], as_squad=True)
    assert (report.added, report.updated, report.unchanged, report.removed) == (0, 4, 0, 0)
    assert texts(index) == before and index.encoder.calls == calls
    assert all(path in index.location(source).parents for source in before)
    assert index.search("brüllen")[0].passage.source == "My/Title/1"
    assert index.add([path], as_squad=True).unchanged == 4


def test_of_a_squad_file_that_was_moved_and_changed_the_same_paragraphs_are_followed(index, tmp_path):
    path = squad(tmp_path / "dev.json", "one", "two", "three")
    index.add([path], as_squad=True)
    path.unlink()
    path = squad(tmp_path / "d2" / "dev.json", "two", "one", "four")
    report = index.add([path], as_squad=True)
    assert (report.added, report.updated, report.removed) == (1, 2, 0)
    assert sorted(texts(index).values()) == ["four", "one", "three", "two"]
    located = {index.location(source).name: text for source, text in texts(index).items() if text != "three"}
    assert located == {"My%2FTitle%2F0": "two", "My%2FTitle%2F1": "one", "My%2FTitle%2F2": "four"}


def test_articles_without_a_title_take_the_new_name_of_a_renamed_squad_file(index, tmp_path):
    path = squad(tmp_path / "old.json", "one", title="")
    index.add([path], as_squad=True)
    index.add([path.rename(tmp_path / "new.json")], as_squad=True)
    assert texts(index) == {"new/0": "one"}


def test_a_squad_file_that_is_still_there_and_other_files_keep_what_they_share_with_a_new_one(
    index, tmp_path
):
    note = write(tmp_path / "notes", {"note.txt": "one"}) / "note.txt"
    first = squad(tmp_path / "a.json", "one")
    index.add([note])
    index.add([first], as_squad=True)
    note.unlink()
    index.add([squad(tmp_path / "b.json", "one")], as_squad=True)
    assert texts(index) == {"note.txt": "one", "My/Title/0": "one", "b.json/My/Title/0": "one"}
    assert first in index.location("My/Title/0").parents
