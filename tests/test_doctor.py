"""`qa doctor`: whatever is damaged, is found; whatever can be made anew, is; nothing is lost in silence."""

import json
import random
import shutil
import sqlite3
from pathlib import Path

import pytest

from index import Index
from index.doctor import Health, examine
from index.errors import IndexDamaged, IndexMismatch, IndexMissing
from index.index import DATABASE
from qa.cli import main
from tests.corpus import write
from tests.fakes import HashEncoder

TEXTS = {
    f"{i}.txt": "\n\n".join(
        f"Animal{i} lives in Zürich burrow {i}-{n}. 東京 {n} 🐾\r\n" + f"It eats {n} seeds of kind {i}. " * 20
        for n in range(8)
    )
    for i in range(12)
}


@pytest.fixture
def folder(tmp_path) -> Path:
    docs = write(tmp_path / "docs", TEXTS)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([docs])
    return tmp_path / ".qa"


def doctor(folder: Path, **options) -> Health:
    return examine(folder, encoder=HashEncoder(), **options)


def change(folder: Path, statement: str, *values: object) -> None:
    db = sqlite3.connect(folder / DATABASE, isolation_level=None)
    db.execute(statement, values)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def check_whole(folder: Path, lost: tuple[str, ...] = ()) -> None:
    """Every document is there with its text, and each of its passages is found by words and by vector."""
    with Index.open(folder, encoder=HashEncoder()) as index:
        assert {info.source for info in index.documents()} == set(TEXTS) - set(lost)
        for info in index.documents():
            assert index.document(info.source).text == TEXTS[info.source]
            hits = index.search("animal lives in burrow seeds kind", top_k=99, sources=[info.source])
            assert len(hits) == info.passages
            for hit in hits:
                span = hit.passage.span
                assert TEXTS[info.source][span.start : span.end] == hit.passage.text
        assert len(index._vectors) == index._store.counts()[1]
    assert doctor(folder, repair=False).findings == ()


def test_a_whole_index_has_no_findings_and_is_not_touched(folder):
    before = {
        path: path.read_bytes() for path in folder.rglob("*") if path.suffix in (".db", ".faiss", ".idx")
    }
    health = doctor(folder)
    assert health.healthy
    assert health.findings == ()
    assert (health.documents, health.passages) == (12, sum(1 for _ in passages(folder)))
    assert {path: path.read_bytes() for path in before} == before


def passages(folder: Path):
    with Index.open(folder, encoder=HashEncoder()) as index:
        yield from index._store.stored_after(0)


def test_a_changed_text_is_restored_from_its_passages(folder):
    text = TEXTS["3.txt"].encode()
    for at in (0, text.index("ü".encode()), len(text) // 2, len(text) - 3):
        damaged = bytearray(text)
        damaged[at] ^= 0x81  # not even UTF-8 any more
        change(folder, "UPDATE documents SET text = ? WHERE source = '3.txt'", bytes(damaged))
        (finding,) = doctor(folder, repair=False).findings
        assert (finding.source, finding.repaired) == ("3.txt", False)
        (finding,) = doctor(folder).findings
        assert (finding.source, finding.repaired) == ("3.txt", True)
        assert "from its passages" in finding.problem
        check_whole(folder)


def test_a_text_that_its_passages_cannot_restore_is_read_from_its_file(folder):
    change(folder, "UPDATE documents SET text = zeroblob(10), pages = '[[1' WHERE source = '3.txt'")
    with Index.open(folder, encoder=HashEncoder()) as index, pytest.raises(IndexDamaged, match="qa doctor"):
        index.document("3.txt")
    (finding,) = doctor(folder).findings
    assert "from its file" in finding.problem
    check_whole(folder)


def test_a_text_that_nothing_can_restore_is_named_and_kept(folder, capsys):
    path = folder.parent / "docs" / "3.txt"
    path.write_text("Another text.")
    change(
        folder,
        "UPDATE documents SET text = CAST(replace(CAST(text AS TEXT), 'seeds', 'weeds') AS BLOB)"
        " WHERE source = '3.txt'",
    )
    change(
        folder,
        "UPDATE passages SET text = CAST(replace(CAST(text AS TEXT), 'seeds', 'weeds') AS BLOB)"
        " WHERE document_id = (SELECT id FROM documents WHERE source = '3.txt')",
    )
    health = doctor(folder)
    assert not health.healthy
    assert [finding.source for finding in health.findings] == ["3.txt"]
    assert "qa remove" in health.findings[0].problem
    with Index.open(folder, encoder=HashEncoder()) as index:
        assert len(index.documents()) == 12


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET text = x'ff' WHERE id = 7",
        "UPDATE passages SET start = start + 1 WHERE id = 7",
        "UPDATE passages SET page = 4 WHERE id = 7",
        "DELETE FROM passages WHERE id = 7",
        "UPDATE passages SET end = 100000 WHERE id = 7",
    ],
)
def test_passages_that_are_no_slices_are_cut_anew(folder, statement):
    change(folder, statement)
    health = doctor(folder)
    assert health.healthy
    assert len(health.findings) >= 1
    check_whole(folder)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE passages SET vector = x'00' WHERE id = 7",
        "UPDATE passages SET vector = zeroblob(128) WHERE id = 7",
        "UPDATE passages SET vector = CAST(x'ff7f' || substr(vector, 3) AS BLOB) WHERE id = 7",
        "UPDATE passages SET vector = NULL, encoded = NULL WHERE id = 7",
        "UPDATE meta SET value = '3' WHERE key = 'generation'",
        "INSERT INTO deleted VALUES (7, 1)",
    ],
)
def test_vectors_and_generations_that_do_not_fit_are_put_right(folder, statement):
    change(folder, statement)
    assert not doctor(folder, repair=False).healthy
    assert doctor(folder).healthy
    check_whole(folder)


def test_other_bytes_in_any_derived_file_is_found_and_the_file_is_made_anew(folder):
    chance = random.Random(1)
    kinds = (".faiss", ".idx", ".term", ".pos", ".store", ".fast", ".fieldnorm", ".json")
    for kind in kinds:
        file = min(path for path in folder.rglob(f"[!.]*{kind}"))
        data = bytearray(file.read_bytes())
        at = len(data) // 2
        data[at : at + 16] = chance.randbytes(16)
        file.write_bytes(data)
        assert doctor(folder).findings, kind
        check_whole(folder)


@pytest.mark.parametrize("page", range(1, 40, 2))
def test_an_overwritten_page_of_the_database_loses_nothing_that_has_its_file(folder, page):
    database = folder / DATABASE
    size = 4096
    assert database.stat().st_size > 40 * size
    with database.open("r+b") as file:
        file.seek(page * size)
        file.write(random.Random(page).randbytes(size))
    health = doctor(folder)
    assert health.healthy, health.findings
    check_whole(folder)


def test_without_the_files_a_damaged_database_keeps_every_document_it_can_read(folder):
    for path in (folder.parent / "docs").iterdir():
        path.unlink()
    database = folder / DATABASE
    with database.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(b"\xa5" * 4096 * 2)
    health = doctor(folder)
    lost = {finding.source for finding in health.findings if not finding.repaired}
    assert len(lost) <= 3
    with Index.open(folder, encoder=HashEncoder()) as index:
        kept = {info.source for info in index.documents()}
        assert kept | lost == set(TEXTS), "a document is gone and nobody said so"
        for source in kept - lost:
            assert index.document(source).text == TEXTS[source]


def test_a_rescued_database_is_kept_until_the_next_removal(folder):
    with (folder / DATABASE).open("r+b") as file:
        file.seek(9 * 4096)
        file.write(b"\xa5" * 4096)
    doctor(folder)
    assert list(folder.glob("*.damaged"))
    with Index.open(folder, encoder=HashEncoder()) as index:
        index.remove("1.txt")
    assert not list(folder.glob("*.damaged*"))


def test_what_cannot_be_a_database_is_refused_with_a_remedy(folder, tmp_path):
    with pytest.raises(IndexMissing, match="qa index"):
        doctor(tmp_path / "nowhere")
    (folder / DATABASE).write_bytes(b"no database at all " * 1000)
    with pytest.raises(IndexDamaged, match="qa index"):
        doctor(folder)


def test_a_newer_index_is_refused_and_left_alone(folder):
    change(folder, "PRAGMA user_version = 99")
    before = (folder / DATABASE).read_bytes()
    with pytest.raises(IndexMismatch, match="newer"):
        doctor(folder)
    assert (folder / DATABASE).read_bytes() == before


def test_the_command_says_what_it_did_and_fails_only_for_what_is_lost(folder, capsys, monkeypatch):
    monkeypatch.setattr("index.index.load_encoder", HashEncoder)

    def run(*options: str) -> tuple[int, dict]:
        code = main(["doctor", "--index", str(folder), "--json", *options])
        return code, json.loads(capsys.readouterr().out)

    assert run()[0] == 0
    change(folder, "UPDATE passages SET start = start + 1 WHERE id = 7")
    code, found = run("--check")
    assert code == 1
    assert found["healthy"] is False
    assert found["documents"] == 12
    assert found["findings"][0]["source"] == "0.txt"
    assert set(found) == {"healthy", "documents", "passages", "findings", "seconds"}
    assert main(["doctor", "--index", str(folder / "nowhere")]) == 3


def test_every_heading_and_page_of_every_format_passes_the_examination(tmp_path):
    from tests.corpus import SEEDS

    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([SEEDS])
    assert doctor(tmp_path / ".qa").findings == ()


def test_a_mere_examination_does_not_say_that_it_made_anything_anew(folder):
    shutil.rmtree(folder / "terms")
    (finding,) = examine(folder, encoder=HashEncoder(), repair=False).findings
    assert not finding.repaired
    assert finding.problem.endswith("`qa doctor` without --check makes it anew.")
