"""What is removed is gone: no byte of it is left anywhere in the folder of the index."""

import random
import re
import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from index import Index
from index.errors import DocumentMissing
from index.index import DATABASE, UPLOADS
from index.terms import terms
from tests.corpus import write
from tests.fakes import HashEncoder

RUN_WORDS = 8


def prose(seed: int, words: int) -> str:
    """A text of its own words, with umlauts and paragraphs; no run of it stands in another text."""
    chance = random.Random(seed)
    letters = "abcdefghijklmnopqrstuvwxyzÜäßé"
    made = ["".join(chance.choices(letters, k=chance.randint(4, 9))).capitalize() for _ in range(words)]
    return "".join(word + chance.choice((" ", " ", " ", ". ", "\n\n", "\r\n")) for word in made)


def runs(text: str) -> list[str]:
    """Every run of eight words, as it stands in the text and with single blanks between the words."""
    places = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
    words = text.split()
    found = [text[places[i][0] : places[i + RUN_WORDS - 1][1]] for i in range(len(words) - RUN_WORDS + 1)]
    return found + [" ".join(words[i : i + RUN_WORDS]) for i in range(len(words) - RUN_WORDS + 1)]


def remains(folder: Path, text: str) -> list[str]:
    """Names of the files in ``folder`` that hold a run of the text: as it is, folded, as terms, in UTF-16."""
    needles: set[bytes] = set()
    for run in runs(text):
        for form in (run, run.lower(), run.casefold(), " ".join(terms(run))):
            needles |= {form.encode(), form.encode("utf-16-le"), form.encode("utf-16-be")}
            needles.add(form.encode("ascii", "backslashreplace"))
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path.name for path in files if contains_any(path.read_bytes(), needles)]


def contains_any(data: bytes, needles: set[bytes]) -> bool:
    """Whether any of the needles stands in the data: looked up by their first eight bytes."""
    by_start: dict[int, list[bytes]] = {}
    for needle in needles:
        by_start.setdefault(int.from_bytes(needle[:8], "little"), []).append(needle)
    starts = np.array(sorted(by_start), dtype=np.uint64)
    for shift in range(8):
        windows = np.frombuffer(data[shift : shift + max(0, len(data) - shift) // 8 * 8], dtype="<u8")
        for window in np.flatnonzero(np.isin(windows, starts)).tolist():
            at = 8 * window + shift
            if any(data.startswith(needle, at) for needle in by_start[int(windows[window])]):
                return True
    return False


@pytest.fixture
def texts() -> dict[str, str]:
    return {f"{i}.txt": prose(i, 120 + 97 * i % 1500) for i in range(40)}


@pytest.fixture
def folder(tmp_path, texts) -> Path:
    docs = write(tmp_path / "docs", texts)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([docs])
    return tmp_path / ".qa"


def test_the_scan_finds_what_is_there(folder, texts):
    assert DATABASE in remains(folder, texts["3.txt"])


def test_no_run_of_eight_words_of_a_removed_document_is_left(folder, texts):
    victims = ["3.txt", "14.txt", "15.txt", "39.txt"]
    vectors = vectors_of(folder, victims)
    with Index.open(folder, encoder=HashEncoder()) as index:
        index.remove(*victims)
        for victim in victims:
            assert remains(folder, texts[victim]) == [], "while the index is open"
    for victim in victims:
        assert remains(folder, texts[victim]) == []
    data = b"".join(path.read_bytes() for path in folder.rglob("*") if path.is_file())
    assert not any(vector in data for vector in vectors), "a vector tells much of its text"
    with Index.open(folder, encoder=HashEncoder()) as index:
        assert len(index.documents()) == 36
        for info in index.documents():
            assert index.document(info.source).text == texts[info.source]
            assert index.search(texts[info.source][:200])[0].passage.source == info.source


def vectors_of(folder: Path, sources: list[str]) -> list[bytes]:
    """The vectors of these documents in the two forms in which files may hold them."""
    db = sqlite3.connect(folder / DATABASE)
    marks = ",".join("?" * len(sources))
    rows = db.execute(
        f"SELECT vector FROM passages JOIN documents ON documents.id = document_id WHERE source IN ({marks})",
        sources,
    ).fetchall()
    db.close()
    halves = [np.frombuffer(row[0], dtype=np.float16) for row in rows]
    return [form for half in halves for form in (half.tobytes(), half.astype(np.float32).tobytes())]


def test_old_versions_of_changed_and_vanished_files_are_forgotten_too(folder, texts):
    docs = folder.parent / "docs"
    for version in range(3):
        (docs / "3.txt").write_text(prose(1000 + version, 300))
        with Index.open(folder, encoder=HashEncoder()) as index:
            assert index.add([docs]).updated == 1
    (docs / "4.txt").unlink()
    with Index.open(folder, encoder=HashEncoder()) as index:
        assert index.add([docs]).removed == 1
    for text in (texts["3.txt"], texts["4.txt"], prose(1000, 300), prose(1001, 300)):
        assert remains(folder, text) == []
    assert remains(folder, prose(1002, 300)) != []


def test_an_uploaded_file_and_what_a_killed_upload_left_of_it_go_too(folder):
    text = prose(77, 200)
    uploads = write(folder / UPLOADS, {"mine.txt": text})
    write(folder / ".replaced-x1", {"mine.txt": text, "other.txt": "stays"})
    with Index.open(folder, encoder=HashEncoder()) as index:
        index.add([uploads / "mine.txt"])
        assert len(remains(folder, text)) >= 3
        index.remove("mine.txt")
    assert remains(folder, text) == []
    assert (folder / ".replaced-x1" / "other.txt").exists()


def test_a_crash_before_the_bytes_are_overwritten_is_made_good_by_the_next_removal(
    folder, texts, monkeypatch
):
    with Index.open(folder, encoder=HashEncoder()) as index:
        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr("index.store.Store.scrub", lambda _: (_ for _ in ()).throw(KeyboardInterrupt))
            index.remove("3.txt")
        assert index.unscrubbed
        index.remove("5.txt")
        assert not index.unscrubbed
    assert remains(folder, texts["3.txt"]) == remains(folder, texts["5.txt"]) == []


def test_a_document_that_is_missing_stops_a_removal_of_several(folder):
    with Index.open(folder, encoder=HashEncoder()) as index:
        with pytest.raises(DocumentMissing):
            index.remove("3.txt", "nowhere.txt")
        assert len(index.documents()) == 40


def test_readers_go_on_while_documents_are_forgotten(folder, texts):
    errors: list[Exception] = []
    done = threading.Event()

    def ask() -> None:
        try:
            with Index.open(folder, encoder=HashEncoder()) as reader:
                while not done.is_set():
                    hits = reader.search(texts["9.txt"][:100])
                    assert hits[0].passage.source == "9.txt"
        except Exception as exc:
            errors.append(exc)

    asker = threading.Thread(target=ask)
    asker.start()
    with Index.open(folder, encoder=HashEncoder()) as index:
        for number in range(10, 16):
            index.remove(f"{number}.txt")
    done.set()
    asker.join()
    assert errors == []
    assert all(remains(folder, texts[f"{number}.txt"]) == [] for number in range(10, 16))
