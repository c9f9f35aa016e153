"""Faults around an index: each recovers, or is refused with a remedy; what was there stays."""

import os
import random
import resource
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from index import Index
from index.doctor import examine
from index.errors import IndexMismatch, IndexNotWritable, QAError
from index.index import DATABASE
from tests.corpus import write
from tests.fakes import HashEncoder

PROJECT = Path(__file__).parent.parent
OLD = {f"old{i}.txt": f"Animal{i} lives in burrow {i}. " + "It eats seeds. " * 60 for i in range(10)}
NEW = {f"new{i}.txt": f"Bird{i} nests in tree {i}. " + "It sings at dawn. " * 200 for i in range(60)}
RUN = """
import sys
from index import Index
from index.errors import QAError
from tests.fakes import HashEncoder
try:
    with Index.open(sys.argv[1], encoder=HashEncoder(), create=True) as index:
        if sys.argv[2] == "remove":
            index.remove(*sys.argv[3:])
        else:
            index.add(sys.argv[3:])
except QAError as exc:
    print(exc)
    sys.exit(3)
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    docs = write(tmp_path / "docs", OLD)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([docs])
    return tmp_path / ".qa"


def run(folder: Path, *words: object, **options) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", RUN, str(folder), *map(str, words)]
    return subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=120, **options)


def check(folder: Path, *, at_least: set[str]) -> set[str]:
    """The documents of the index, which are all whole and can be found."""
    texts = {**OLD, **NEW}
    with Index.open(folder, encoder=HashEncoder()) as index:
        sources = {info.source for info in index.documents()}
        assert at_least <= sources
        for source in sources:
            assert index.document(source).text == texts[source]
            assert index.search(texts[source][:40], sources=[source])
        return sources


@pytest.mark.parametrize("kilobytes", [40, 100, 180, 300, 500, 700])
def test_a_disk_that_fills_up_loses_nothing_and_says_so(folder, kilobytes):
    """No file may grow beyond a limit that is reached at another moment each time."""
    more = write(folder.parent / "more", NEW)
    limit = (kilobytes * 1024, kilobytes * 1024)
    done = run(folder, "add", more, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert "Traceback" not in done.stderr, done.stderr
    if done.returncode:
        assert done.returncode == 3
        assert "space" in done.stdout or "written" in done.stdout
    kept = check(folder, at_least=set(OLD))
    done = run(folder, "add", more)
    assert done.returncode == 0, done.stderr
    assert check(folder, at_least=kept) == {*OLD, *NEW}


def test_a_folder_that_may_only_be_read_answers_though_its_last_writer_was_killed(folder):
    """What the log alone holds is read too, or refused with a remedy; never passed over in silence."""
    write(folder.parent / "docs", {"late.txt": "The lighthouse keeper is called Osei."})
    code = RUN.replace("index.add(sys.argv[3:])", 'index.add(sys.argv[3:]); __import__("os").kill(0, 9)')
    code = code.replace(
        "index.add(sys.argv[3:]);", "index._store.checkpoint = lambda: True; index.add(sys.argv[3:]);"
    )
    subprocess.run(
        [sys.executable, "-c", code, str(folder), "add", str(folder.parent / "docs")],
        cwd=PROJECT,
        timeout=60,
        start_new_session=True,
    )
    assert (folder / f"{DATABASE}-wal").stat().st_size > 0
    for path in [folder.parent, folder, *folder.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    if os.geteuid() == 0:
        for path in folder.parents:
            if path.stat().st_uid == 0 and path.name.startswith("pytest"):
                path.chmod(0o755)
        os.seteuid(65534)
    try:
        with Index.open(folder, encoder=HashEncoder()) as index:
            assert index.search("lighthouse keeper Osei")[0].passage.source == "late.txt"
            with pytest.raises(IndexNotWritable):
                index.add([folder.parent / "docs"])
    finally:
        os.seteuid(os.getuid())
        for path in [folder.parent, folder, *folder.rglob("*")]:
            path.chmod(0o755 if path.is_dir() else 0o644)


def test_two_indexers_at_once_lose_nothing(folder):
    one, two = (
        write(folder.parent / name, {source: text for source, text in NEW.items() if len(source) % 2 == odd})
        for name, odd in (("one", 0), ("two", 1))
    )
    command = [sys.executable, "-c", RUN, str(folder), "add"]
    running = [subprocess.Popen([*command, str(path)], cwd=PROJECT) for path in (one, two, one, two)]
    assert [process.wait(120) for process in running] == [0, 0, 0, 0]
    assert check(folder, at_least=set()) == {*OLD, *NEW}
    assert examine(folder, encoder=HashEncoder(), repair=False).findings == ()


def test_a_reader_never_notices_that_all_is_made_anew(folder):
    errors: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        try:
            with Index.open(folder, encoder=HashEncoder()) as index:
                while not done.is_set():
                    for source in list(OLD)[:3]:
                        assert index.search(OLD[source][:30])[0].passage.source == source
        except Exception as exc:
            errors.append(exc)

    reader = threading.Thread(target=read)
    reader.start()
    with Index.open(folder, encoder=HashEncoder()) as index:
        for _ in range(4):
            index.scrub()
    for _ in range(2):
        for path in folder.glob("terms/*.idx"):
            path.unlink()  # in place it would pull the pages from under the reader, whom the system ends
            path.write_bytes(b"junk")
        examine(folder, encoder=HashEncoder())
    done.set()
    reader.join()
    assert errors == []


@pytest.mark.parametrize("year", [1970, 1999, 2099, 2400])
def test_a_clock_that_jumps_changes_nothing(folder, year, monkeypatch):
    docs = folder.parent / "docs"
    then = (year - 1970) * 365.25 * 86400
    monkeypatch.setattr(time, "time", lambda: then)
    for path in docs.iterdir():
        os.utime(path, (then, then))
    with Index.open(folder, encoder=HashEncoder()) as index:
        report = index.add([docs])
        assert (report.unchanged, report.updated) == (len(OLD), 0)
        (docs / "old3.txt").write_text("A change that seems older than what it replaces.")
        os.utime(docs / "old3.txt", (1, 1))
        assert index.add([docs]).updated == 1
        assert index.document("old3.txt").text.startswith("A change")


def put(path: Path, content: bytes) -> None:
    """Make a new file: one that is cut short in place ends whoever has it mapped."""
    path.unlink(missing_ok=True)
    path.write_bytes(content)


def test_a_flipped_bit_anywhere_in_the_folder_never_ends_in_a_traceback_or_a_false_text(folder, tmp_path):
    files = sorted(path for path in folder.rglob("*") if path.is_file() and path.stat().st_size)
    contents = {path: path.read_bytes() for path in files}
    chance = random.Random(5)
    outcomes = {"answered": 0, "refused": 0}
    for _ in range(60):
        path = chance.choice(files)
        data = bytearray(contents[path])
        for _ in range(8):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        put(path, data)
        try:
            with Index.open(folder, encoder=HashEncoder()) as index:
                for hit in index.search("Animal lives in burrow", top_k=20):
                    span = hit.passage.span
                    assert index.document(hit.passage.source).text[span.start : span.end] is not None
            outcomes["answered"] += 1
        except QAError as exc:
            assert str(exc).endswith(".")
            outcomes["refused"] += 1
        for left in folder.rglob("*"):
            if left.is_file() and left not in contents:
                left.unlink()
        for known, content in contents.items():
            known.parent.mkdir(exist_ok=True)
            put(known, content)
    assert sum(outcomes.values()) == 60


def test_an_index_of_another_encoder_is_refused_by_name(folder):
    with pytest.raises(IndexMismatch, match="hash"):
        Index.open(folder, encoder=HashEncoder(name="another"))


FIRST_VERSION = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (
    id INTEGER PRIMARY KEY AUTOINCREMENT, source TEXT NOT NULL UNIQUE, sha256 TEXT NOT NULL,
    format TEXT NOT NULL, title TEXT NOT NULL, characters INTEGER NOT NULL, text BLOB NOT NULL,
    pages TEXT NOT NULL, headings TEXT NOT NULL, path BLOB NOT NULL UNIQUE, size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL, ctime_ns INTEGER NOT NULL
);
CREATE TABLE passages (
    id INTEGER PRIMARY KEY AUTOINCREMENT, document_id INTEGER NOT NULL REFERENCES documents (id),
    start INTEGER NOT NULL, end INTEGER NOT NULL, page INTEGER, heading TEXT NOT NULL, text BLOB NOT NULL,
    vector BLOB, stored INTEGER NOT NULL, encoded INTEGER
);
CREATE INDEX passages_document ON passages (document_id);
CREATE INDEX passages_stored ON passages (stored);
CREATE INDEX passages_encoded ON passages (encoded);
CREATE TABLE deleted (passage_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL);
CREATE INDEX deleted_generation ON deleted (generation);
INSERT INTO meta VALUES ('encoder', 'hash'), ('generation', '1');
INSERT INTO documents VALUES (
    1, 'a.txt', 'aa', 'text', '', 19, CAST('Mayor Lindqvist: ü.' AS BLOB), '[]', '[]',
    CAST('/x/a.txt' AS BLOB), 1, 1, 1
);
INSERT INTO passages VALUES (1, 1, 0, 19, NULL, '', CAST('Mayor Lindqvist: ü.' AS BLOB), NULL, 1, NULL);
PRAGMA user_version = 1;
"""


def test_an_index_of_the_first_version_is_brought_up_to_date(tmp_path):
    folder = tmp_path / ".qa"
    folder.mkdir()
    db = sqlite3.connect(folder / DATABASE)
    db.executescript(FIRST_VERSION)
    db.close()
    with Index.open(folder, encoder=HashEncoder()) as index:
        assert index.document("a.txt").text == "Mayor Lindqvist: ü."
        assert index.search("Lindqvist")[0].passage.source == "a.txt"
        assert index.add([write(tmp_path / "docs", {"b.txt": "New."})]).added == 1
    findings = examine(folder, encoder=HashEncoder()).findings
    assert findings == (), findings


def test_a_migration_that_is_interrupted_leaves_the_old_version(tmp_path, monkeypatch):
    from index import schema

    folder = tmp_path / ".qa"
    folder.mkdir()
    db = sqlite3.connect(folder / DATABASE)
    db.executescript(FIRST_VERSION)
    db.close()
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(schema, "checksum", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        Index.open(folder, encoder=HashEncoder())
    with Index.open(folder, encoder=HashEncoder()) as index:
        assert index.document("a.txt").text == "Mayor Lindqvist: ü."


def test_steps_of_the_schema_have_names_of_their_own():
    from index.schema import MIGRATIONS

    names = [migration.name for migration in MIGRATIONS]
    assert len(set(names)) == len(names)
    assert all(names)
