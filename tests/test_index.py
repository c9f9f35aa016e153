"""The index as a user meets it: add, change, remove, search, reopen."""

import hashlib
import os
import shutil
import threading
import time
from pathlib import Path

import pytest

from index import Index
from index.errors import DocumentMissing, IndexDamaged, IndexMismatch, IndexMissing, IndexNotWritable
from index.index import DATABASE
from index.parsing import Parsers
from tests.corpus import write
from tests.fakes import HashEncoder

TEXTS = {
    "a.txt": "The harbour budget for 2024 was approved by Mayor Lindqvist in March.",
    "b.md": "# Weather\n\nIt rained for nine days in Zürich. 東京 was dry. 🌧️\r\nThe end.",
    "deep/c.csv": "name,age\nAda,36\nGrace,85\n",
}


@pytest.fixture
def docs(tmp_path) -> Path:
    return write(tmp_path / "docs", TEXTS)


@pytest.fixture
def index(tmp_path):
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        yield opened


def counts(report):
    return (report.added, report.updated, report.unchanged, report.removed, len(report.failed))


def test_plain_text_is_stored_character_for_character(index, docs):
    index.add([docs])
    for source, text in TEXTS.items():
        assert index.document(source).text == text


def test_every_passage_is_a_slice_of_its_document(index, docs):
    index.add([docs])
    for hit in index.search("budget Zürich Ada 東京", top_k=50):
        passage = hit.passage
        assert index.document(passage.source).text[passage.span.start : passage.span.end] == passage.text


def test_unchanged_files_are_neither_read_nor_encoded_again(index, docs, monkeypatch):
    assert counts(index.add([docs])) == (3, 0, 0, 0, 0)
    encoded = index.encoder.calls
    monkeypatch.setattr("index.parsing.Parsers.read_all", lambda *_: pytest.fail("a file was read"))
    assert counts(index.add([docs])) == (0, 0, 3, 0, 0)
    assert index.encoder.calls == encoded


def test_a_touched_file_with_the_same_bytes_is_unchanged(index, docs):
    index.add([docs])
    os.utime(docs / "a.txt", (1, 1))
    assert counts(index.add([docs])) == (0, 0, 3, 0, 0)


def test_a_change_that_keeps_size_and_mtime_is_still_seen(index, docs):
    index.add([docs])
    stat = (docs / "a.txt").stat()
    (docs / "a.txt").write_bytes(TEXTS["a.txt"].replace("2024", "2025").encode())
    os.utime(docs / "a.txt", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert counts(index.add([docs])) == (0, 1, 2, 0, 0)
    assert "2025" in index.document("a.txt").text


def test_changed_files_are_replaced_and_vanished_ones_removed(index, docs):
    index.add([docs])
    (docs / "a.txt").write_text("The harbour was sold.")
    (docs / "b.md").unlink()
    assert counts(index.add([docs])) == (0, 1, 1, 1, 0)
    assert "Lindqvist" not in " ".join(
        hit.passage.text for hit in index.search("Lindqvist approved", top_k=50)
    )
    with pytest.raises(DocumentMissing):
        index.document("b.md")


def test_indexing_one_folder_leaves_documents_of_another_alone(index, docs, tmp_path):
    index.add([docs])
    other = write(tmp_path / "other", {"x.txt": "something else"})
    assert counts(index.add([other])) == (1, 0, 0, 0, 0)
    assert len(index.documents()) == 4


def test_where_two_roots_collide_the_later_one_puts_its_name_in_front(index, docs, tmp_path):
    other = write(tmp_path / "other", {"a.txt": "another file of that name"})
    index.add([docs])
    index.add([other])
    assert index.document("other/a.txt").text == "another file of that name"
    assert index.document("a.txt").text == TEXTS["a.txt"]
    assert counts(index.add([other, docs])) == (0, 0, 4, 0, 0)


def test_a_file_given_by_itself_has_its_name_and_keeps_a_source_that_it_has(index, docs):
    index.add([docs / "deep" / "c.csv"])
    assert [info.source for info in index.documents()] == ["c.csv"]
    assert counts(index.add([docs])) == (2, 0, 1, 0, 0)
    assert {info.source for info in index.documents()} == {"a.txt", "b.md", "c.csv"}


def test_a_broken_file_is_named_and_its_earlier_version_stays(index, docs):
    index.add([docs])
    (docs / "a.txt").write_bytes(b"")
    (docs / "new.pdf").write_bytes(b"%PDF-1.7 not really")
    report = index.add([docs])
    assert {failure.source for failure in report.failed} == {"a.txt", "new.pdf"}
    assert all(failure.error.strip() for failure in report.failed)
    assert index.document("a.txt").text == TEXTS["a.txt"]
    assert index.search("Who approved the harbour budget?")[0].passage.source == "a.txt"


def test_a_path_that_does_not_exist_is_a_failure_and_removes_nothing(index, docs):
    index.add([docs])
    shutil.move(docs, docs.with_name("moved"))
    report = index.add([docs])
    assert counts(report) == (0, 0, 0, 0, 1)
    assert len(index.documents()) == 3


def test_removed_documents_never_answer_again(index, docs, tmp_path):
    index.add([docs])
    index.remove("a.txt")
    with pytest.raises(DocumentMissing):
        index.remove("a.txt")
    assert all(hit.passage.source != "a.txt" for hit in index.search("harbour budget 2024", top_k=50))
    with Index.open(tmp_path / ".qa", encoder=HashEncoder()) as again:
        assert all(hit.passage.source != "a.txt" for hit in again.search("harbour budget 2024", top_k=50))


def test_search_can_be_restricted_to_sources(index, docs):
    index.add([docs])
    hits = index.search("harbour budget rain", sources=["b.md"])
    assert {hit.passage.source for hit in hits} == {"b.md"}
    assert index.search("harbour", sources=[]) == ()
    assert index.search("harbour", sources=["no such document"]) == ()


def test_an_index_reopens_as_it_was(index, docs, tmp_path):
    index.add([docs])
    before = index.search("harbour budget", top_k=5)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder()) as again:
        assert again.search("harbour budget", top_k=5) == before


def test_an_open_index_sees_what_another_one_writes(index, docs, tmp_path):
    index.add([docs])
    with Index.open(tmp_path / ".qa", encoder=HashEncoder()) as writer:
        writer.add([write(tmp_path / "more", {"late.txt": "The lighthouse keeper is called Osei."})])
    assert index.search("lighthouse keeper Osei")[0].passage.source == "late.txt"


def test_words_are_found_before_the_vectors_are_there(index, docs, tmp_path):
    found = []

    def look(progress):
        if progress.stage == "encode" and not found:
            with Index.open(tmp_path / ".qa", encoder=HashEncoder()) as another:
                assert len(another._vectors) == 0
                found.extend(another.search("Lindqvist"))
                assert another._words.on_disk, "a reader made all words anew while the index was written"
            found.extend(index.search("Lindqvist"))

    index.add([docs], on_progress=look)
    assert [hit.passage.source for hit in found] == ["a.txt", "a.txt"]


def test_a_file_answers_while_the_next_one_is_still_read(index, docs, monkeypatch):
    answered = threading.Event()
    read_all = Parsers.read_all

    def slow(parsers, files):
        first, *others = files
        yield from read_all(parsers, [first])
        assert answered.wait(120), f"{first[1]} could not be found while {others[0][1]} was read"
        yield from read_all(parsers, others)

    def ask():
        while not index.search("Mayor Lindqvist"):
            time.sleep(0.01)
        answered.set()

    monkeypatch.setattr(Parsers, "read_all", slow)
    asker = threading.Thread(target=ask, daemon=True)
    asker.start()
    index.add([docs])
    assert answered.is_set()


def test_an_interrupted_run_goes_on_where_it_stopped(index, docs, tmp_path):
    def stop(progress):
        if progress.stage == "encode":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        index.add([docs], on_progress=stop)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder()) as again:
        assert again.search("Lindqvist")[0].passage.source == "a.txt"
        assert counts(again.add([docs])) == (0, 0, 3, 0, 0)
        assert len(again._vectors) == again._store.counts()[1]


def test_missing_damaged_and_foreign_indexes_are_refused_with_a_remedy(index, docs, tmp_path):
    index.add([docs])
    with pytest.raises(IndexMissing, match="qa index"):
        Index.open(tmp_path / "nowhere", create=False)
    assert not (tmp_path / "nowhere").exists()
    with pytest.raises(IndexMismatch, match="hash"):
        Index.open(tmp_path / ".qa", encoder=HashEncoder(name="another"))
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / DATABASE).write_bytes(b"this is no database, however long one looks at it" * 100)
    with pytest.raises(IndexDamaged, match="again"):
        Index.open(broken, encoder=HashEncoder())


def test_a_newer_schema_is_refused(index, tmp_path):
    index._store._db.execute("PRAGMA user_version = 99")
    with pytest.raises(IndexMismatch, match="newer"):
        Index.open(tmp_path / ".qa", encoder=HashEncoder())


def test_hidden_files_links_to_folders_and_the_index_itself_are_passed_over(tmp_path):
    docs = write(tmp_path / "docs", {"a.txt": "alpha", ".hidden.txt": "secret", ".git/b.txt": "secret"})
    (docs / "loop").symlink_to(docs, target_is_directory=True)
    with Index.open(docs / "my-index", encoder=HashEncoder(), create=True) as index:
        write(docs / "my-index", {"note.txt": "inside the index"})
        index.add([docs])
        assert [info.source for info in index.documents()] == ["a.txt"]


def test_names_that_are_hard_to_print_are_indexed(index, tmp_path):
    names = ["new\nline.txt", "Zürich 東京 🗼.txt", "quote\"'.txt", "-dash.txt", "a" * 200 + ".txt"]
    docs = write(tmp_path / "odd", {name: f"content of file {i}" for i, name in enumerate(names)})
    Path(os.fsdecode(os.fsencode(docs) + b"/bad\xff.txt")).write_text("content of a name that is no UTF-8")
    report = index.add([docs])
    assert report.failed == ()
    assert {info.source for info in index.documents()} == {*names, "bad\\xff.txt"}


def test_asking_while_another_thread_indexes_never_fails(index, tmp_path):
    docs = write(
        tmp_path / "many", {f"{i}.txt": f"Document number {i} mentions whale {i}." for i in range(60)}
    )
    errors = []

    def ask():
        try:
            while not done.is_set():
                for hit in index.search("Which document mentions a whale?", top_k=20):
                    text = index.document(hit.passage.source).text
                    assert text[hit.passage.span.start : hit.passage.span.end] == hit.passage.text
        except Exception as exc:
            errors.append(exc)

    done = threading.Event()
    asker = threading.Thread(target=ask)
    asker.start()
    index.add([docs])
    done.set()
    asker.join()
    assert errors == []


def test_a_squad_file_becomes_one_document_a_paragraph(index, tmp_path):
    import json

    squad = {"data": [{"title": "Zoo", "paragraphs": [{"context": "Lions roar.", "qas": []}] * 2}]}
    path = tmp_path / "squad.json"
    path.write_text(json.dumps(squad))
    assert counts(index.add([path], as_squad=True)) == (2, 0, 0, 0, 0)
    assert index.document("Zoo/1").text == "Lions roar."
    assert counts(index.add([path], as_squad=True)) == (0, 0, 2, 0, 0)
    squad["data"][0]["paragraphs"].pop()
    path.write_text(json.dumps(squad))
    assert counts(index.add([path], as_squad=True)) == (0, 0, 1, 1, 0)


def test_an_empty_question_finds_nothing_and_a_bad_top_k_is_a_mistake(index, docs):
    index.add([docs])
    assert index.search("  \n ") == ()
    with pytest.raises(ValueError, match="top_k"):
        index.search("harbour", top_k=0)


def test_what_is_in_a_folder_but_cannot_be_read_is_named(index, tmp_path):
    docs = write(tmp_path / "docs", {"a.txt": "alpha"})
    (docs / "lost.txt").symlink_to(docs / "nowhere.txt")
    os.mkfifo(docs / "pipe.txt")
    report = index.add([docs])
    assert {failure.source for failure in report.failed} == {"lost.txt", "pipe.txt"}
    assert report.added == 1


def test_a_folder_that_cannot_be_opened_is_named_and_its_documents_stay(index, docs, monkeypatch):
    index.add([docs])
    walk = os.walk

    def closed(top, onerror):
        for folder, folders, names in walk(top):
            if Path(folder).name == "deep":
                onerror(PermissionError(13, "Permission denied", folder))
            else:
                yield folder, folders, names

    monkeypatch.setattr("index.files.os.walk", closed)
    report = index.add([docs])
    assert counts(report) == (0, 0, 2, 0, 1)
    assert report.failed[0].source == "deep"
    assert index.document("deep/c.csv").text == TEXTS["deep/c.csv"]


def test_a_renamed_folder_keeps_its_sources(index, docs):
    index.add([docs])
    moved = docs.rename(docs.with_name("renamed"))
    assert counts(index.add([moved])) == (0, 0, 3, 0, 0)
    assert {info.source for info in index.documents()} == set(TEXTS)
    assert index.location("a.txt") == moved / "a.txt"


def test_a_link_whose_target_is_gone_is_forgotten(index, tmp_path):
    target = write(tmp_path / "elsewhere", {"x.txt": "linked words"}) / "x.txt"
    docs = write(tmp_path / "docs", {"a.txt": "alpha"})
    (docs / "x.txt").symlink_to(target)
    index.add([docs])
    target.unlink()
    assert index.add([docs]).removed == 1


def squad(path, *texts):
    import json

    paragraphs = [{"context": text, "qas": []} for text in texts]
    path.write_text(json.dumps({"data": [{"title": "My/Title", "paragraphs": paragraphs}]}))
    return path


def test_two_squad_files_with_the_same_titles_do_not_overwrite_each_other(index, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    one, two = squad(docs / "a.json", "Lions roar."), squad(docs / "b.json", "Löwen brüllen.")
    for _ in range(2):
        for path in (one, two):
            index.add([path], as_squad=True)
        texts = {info.source: index.document(info.source).text for info in index.documents()}
        assert texts == {"My/Title/0": "Lions roar.", "b.json/My/Title/0": "Löwen brüllen."}


def test_paragraphs_stay_as_long_as_their_squad_file(index, tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    path = squad(docs / "a.json", "Lions roar.", "Tigers too.")
    index.add([path], as_squad=True)
    index.add([docs])
    assert {"My/Title/0", "My/Title/1"} <= {info.source for info in index.documents()}
    path.unlink()
    assert index.add([docs]).removed >= 2
    assert index.documents() == ()


def test_a_damaged_page_of_the_database_is_a_sentence(index, docs, tmp_path):
    index.add([docs])
    index.close()
    with (tmp_path / ".qa" / DATABASE).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * 4096 * 12)
    with pytest.raises(IndexDamaged, match="again"):  # at the latest when the page is needed
        damaged = Index.open(tmp_path / ".qa", encoder=HashEncoder())
        damaged.documents()
        damaged.search("harbour")


@pytest.mark.parametrize("damage", ["no folder", "a file", "no stamp", "no positions", "junk"])
def test_damaged_words_are_made_anew_from_the_store(index, docs, tmp_path, damage):
    index.add([docs])
    index.close()
    terms = tmp_path / ".qa" / "terms"
    if damage in ("no folder", "a file"):
        shutil.rmtree(terms)
    if damage == "a file":
        terms.write_text("no folder")
    if damage == "no stamp":
        (terms / "generation").unlink()
    if damage == "junk":
        (terms / "meta.json").write_text("junk")
    if damage == "no positions":
        for part in terms.glob("*.idx"):
            part.write_bytes(b"")
    with Index.open(tmp_path / ".qa", encoder=HashEncoder()) as again:
        assert again.search("Lindqvist")[0].passage.source == "a.txt"
        (docs / "new.txt").write_text("The lighthouse keeper is called Osei.")
        again.add([docs])
        assert again.search("Osei keeper")[0].passage.source == "new.txt"


def test_an_index_that_may_only_be_read_still_answers():
    import tempfile

    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        docs = write(folder / "docs", TEXTS)
        with Index.open(folder / ".qa", encoder=HashEncoder(), create=True) as index:
            index.add([docs])
        for path in [folder / ".qa", *(folder / ".qa").rglob("*")]:
            path.chmod(0o555 if path.is_dir() else 0o444)
        root = os.geteuid() == 0
        if root:
            os.seteuid(65534)  # root may write anywhere
        try:
            with Index.open(folder / ".qa", encoder=HashEncoder()) as index:
                assert index.search("Who approved the harbour budget?")[0].passage.source == "a.txt"
                assert index.document("a.txt").text == TEXTS["a.txt"]
                with pytest.raises(IndexNotWritable, match="written"):
                    index.add([docs])
        finally:
            if root:
                os.seteuid(0)
    finally:
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)
        shutil.rmtree(folder)


def test_processes_that_make_the_same_new_index_at_once_all_succeed(tmp_path):
    import subprocess
    import sys

    docs = write(tmp_path / "docs", {f"{i}.txt": f"Document number {i}." for i in range(3)})
    code = (
        "import sys; from index import Index; from tests.fakes import HashEncoder\n"
        "with Index.open(sys.argv[1], encoder=HashEncoder(), create=True) as index: index.add([sys.argv[2]])"
    )
    command = [sys.executable, "-c", code]
    project = Path(__file__).parent.parent
    for attempt in range(4):
        folder = str(tmp_path / f"index{attempt}")
        running = [subprocess.Popen([*command, folder, str(docs)], cwd=project) for _ in range(3)]
        assert [process.wait(300) for process in running] == [0, 0, 0]
        with Index.open(folder, encoder=HashEncoder()) as index:
            assert len(index.documents()) == 3
            assert len(index.search("document number", top_k=9)) == 3


def test_the_contracts_first_lines_make_an_index(tmp_path, docs):
    with Index.open(tmp_path / "new", encoder=HashEncoder()) as index:
        assert index.add([docs]).added == 3


def test_one_path_and_one_source_may_stand_by_themselves(index, docs):
    assert index.add(str(docs)).added == 3
    assert {hit.passage.source for hit in index.search("harbour", sources="a.txt")} == {"a.txt"}


def test_a_folder_has_one_name_whichever_way_leads_there(index, docs, tmp_path, monkeypatch):
    (tmp_path / "link").symlink_to(docs)
    monkeypatch.setenv("HOME", str(tmp_path))
    index.add([docs])
    for way in (tmp_path / "link", "~/link", docs / ".." / "link", f"{docs}/"):
        assert counts(index.add([way])) == (0, 0, 3, 0, 0)
    with Index.open("~/.qa", encoder=HashEncoder(), create=False) as same:
        assert len(same.documents()) == 3


def test_an_index_below_a_linked_folder_does_not_index_itself(tmp_path, docs):
    (tmp_path / "link").symlink_to(docs)
    with Index.open(tmp_path / "link" / "mine", encoder=HashEncoder()) as index:
        assert index.add([docs]).added == 3
        assert index.add([docs]).unchanged == 3


def test_a_pipe_in_the_place_of_a_file_is_named_and_nobody_waits_for_it(index, tmp_path):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "a.txt").write_text("The mill stands by the weir.")
    index.add([tmp_path / "one" / "a.txt"])
    (tmp_path / "one" / "a.txt").unlink()
    os.mkfifo(tmp_path / "two" / "a.txt")
    (failure,) = index.add([tmp_path / "two" / "a.txt"]).failed
    assert "pipe" in failure.error


def test_a_moved_file_that_cannot_be_read_costs_no_other(index, tmp_path, monkeypatch):
    write(tmp_path / "one", {"a.txt": "The mill stands by the weir.", "b.txt": "The ferry leaves at nine."})
    index.add([tmp_path / "one"])
    (tmp_path / "one").rename(tmp_path / "two")
    write(tmp_path / "two", {"c.txt": "A third file."})

    def hash_file(path):
        if path.name == "a.txt":
            raise PermissionError(13, "Permission denied", str(path))
        return hashlib.sha256(path.read_bytes()).hexdigest()

    monkeypatch.setattr("index.build.hash_file", hash_file)
    report = index.add([tmp_path / "two"])
    assert "c.txt" in {info.source for info in index.documents()}
    assert report.documents >= 3


def test_half_a_character_names_no_document_and_finds_what_the_rest_finds(index, docs):
    index.add([docs])
    for act in (index.document, index.remove, index.location):
        with pytest.raises(DocumentMissing):
            act("a\ud800.txt")
    assert index.search("harbour \ud800")
