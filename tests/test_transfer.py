"""`qa export` and `qa import`: an index travels as one file, and a file that lies is refused."""

import hashlib
import json
import zipfile
from pathlib import Path

import pytest

from index import Index
from index.doctor import examine
from index.errors import IndexMissing, TransferError
from index.index import DATABASE, UPLOADS
from index.transfer import export_index, import_index
from qa.cli import main
from tests.corpus import SEEDS, write
from tests.fakes import HashEncoder

TEXTS = {
    "a.txt": "Zürich 東京 🐾\r\n\r\nThe budget was approved by Mayor Lindqvist.",
    "b.md": "# Head\n\nWords.",
}


@pytest.fixture
def exported(tmp_path) -> Path:
    """An exported index of two texts, of which one was uploaded, and with a note."""
    folder = tmp_path / ".qa"
    with Index.open(folder, encoder=HashEncoder(), create=True) as index:
        index.add([write(tmp_path / "docs", {"a.txt": TEXTS["a.txt"]})])
        index.add([write(folder / UPLOADS, {"b.md": TEXTS["b.md"]}) / "b.md"])
        index.set_note("calibration", "0.5")
    export_index(folder, tmp_path / "copy.citespan")
    return tmp_path / "copy.citespan"


def change(exported: Path, edit) -> Path:
    """The export with its members, a dict of bytes by name, changed by ``edit``, and checksums that fit."""
    with zipfile.ZipFile(exported) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    manifest = json.loads(members.pop("manifest.json"))
    lines = [json.loads(line) for line in members["documents.jsonl"].splitlines()]
    edit(manifest, lines, members)
    members["documents.jsonl"] = b"".join(json.dumps(line).encode() + b"\n" for line in lines)
    manifest["sha256"] = {name: hashlib.sha256(data).hexdigest() for name, data in members.items()}
    changed = exported.with_name("changed.citespan")
    with zipfile.ZipFile(changed, "w") as archive:
        for name, data in {**members, "manifest.json": json.dumps(manifest).encode()}.items():
            archive.writestr(name, data)
    return changed


def refused(file: Path, into: Path, match: str) -> None:
    with pytest.raises(TransferError, match=match):
        import_index(file, into)
    assert not into.exists()
    assert not [path for path in into.parent.iterdir() if path.name.startswith(f".{into.name}")]


def test_what_is_imported_answers_as_the_original_did(exported, tmp_path):
    done = import_index(exported, tmp_path / "new" / ".qa")
    assert (done.documents, done.bytes) == (2, exported.stat().st_size)
    encoder = HashEncoder()
    with (
        Index.open(tmp_path / ".qa", encoder=encoder) as old,
        Index.open(tmp_path / "new" / ".qa", encoder=encoder) as new,
    ):
        assert new.documents() == old.documents()
        assert new.note("calibration") == "0.5"
        for source in TEXTS:
            assert new.document(source) == old.document(source)
        for question in ("budget Lindqvist", "words", "東京"):
            assert [(h.passage.source, h.passage.span, round(h.score, 6)) for h in new.search(question)] == [
                (h.passage.source, h.passage.span, round(h.score, 6)) for h in old.search(question)
            ]
        assert new.add([tmp_path / "docs"]).unchanged == 1
        assert new.location("b.md") == tmp_path / "new" / ".qa" / UPLOADS / "b.md"
        assert new.original("b.md").read_bytes() == TEXTS["b.md"].encode()
    assert encoder.calls == 6, "questions alone are encoded: the vectors came in the file"
    assert examine(tmp_path / "new" / ".qa", encoder=HashEncoder()).findings == ()


def test_every_format_survives_the_journey(tmp_path):
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        index.add([SEEDS])
        documents = [index.document(info.source) for info in index.documents()]
    export_index(tmp_path / ".qa", tmp_path / "copy")
    import_index(tmp_path / "copy", tmp_path / "new")
    with Index.open(tmp_path / "new", encoder=HashEncoder()) as index:
        assert [index.document(document.source) for document in documents] == documents


def test_an_import_never_touches_an_index_that_is_there(exported, tmp_path):
    before = (tmp_path / ".qa" / DATABASE).read_bytes()
    with pytest.raises(TransferError, match="already"):
        import_index(exported, tmp_path / ".qa")
    assert (tmp_path / ".qa" / DATABASE).read_bytes() == before


def test_a_file_that_is_damaged_anywhere_is_refused_and_leaves_nothing(exported, tmp_path):
    data = exported.read_bytes()
    into = tmp_path / "new"
    for cut in range(0, len(data), max(1, len(data) // 25)):
        short = tmp_path / "short"
        short.write_bytes(data[:cut])
        refused(short, into, "damaged|no exported")
    for at in range(30, len(data), max(1, len(data) // 60)):
        flipped = tmp_path / "flipped"
        flipped.write_bytes(data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :])
        try:
            import_index(flipped, into)
        except TransferError:
            assert not into.exists()
            continue
        with Index.open(into, encoder=HashEncoder()) as index:  # a byte that says nothing, as a time stamp
            assert {source: index.document(source).text for source in TEXTS} == TEXTS
        into.rename(tmp_path / f"fine{at}")


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil", "..", "a/b", "", "x\0y"])
def test_a_kept_file_cannot_leave_its_folder(exported, tmp_path, name):
    def edit(manifest, lines, members):
        line = next(line for line in lines if line["kept"])
        line["kept"] = name
        if not name:  # then it would be an original within the index, which a removal deletes
            line["path"] = str(tmp_path / "new" / DATABASE)

    refused(change(exported, edit), tmp_path / "new", "not as `qa export` writes it")
    assert not (tmp_path / "evil.txt").exists()


def test_members_that_an_export_does_not_have_are_refused(exported, tmp_path):
    def edit(manifest, lines, members):
        members["../../evil.txt"] = b"evil"

    refused(change(exported, edit), tmp_path / "new", "does not hold what")


@pytest.mark.parametrize(
    "edit",
    [
        lambda line: line.update(text=line["text"] + " more"),
        lambda line: line["passages"][0].__setitem__(1, 10**6),
        lambda line: line["passages"][0].__setitem__(0, -5),
        lambda line: line["passages"][0].__setitem__(2, 7),
        lambda line: line.update(pages=[[5, 9], [0, 4]]),
        lambda line: line.update(text=5),
        lambda line: line.update(passages=[]),
        lambda line: line.update(path="relative/path"),
        lambda line: line.update(path="/x/../../etc/passwd"),
        lambda line: line.pop("sha256"),
        lambda line: line.update(vectors=["AAA="]),
    ],
)
def test_a_document_that_breaks_the_invariant_is_refused(exported, tmp_path, edit):
    refused(change(exported, lambda _, lines, __: edit(lines[0])), tmp_path / "new", "not as `qa export`")


def test_a_newer_format_is_refused_with_a_remedy(exported, tmp_path):
    changed = change(exported, lambda manifest, *_: manifest.update(version=99))
    refused(changed, tmp_path / "new", "Update Citespan")


def test_facts_that_are_no_notes_do_not_come_in(exported, tmp_path):
    changed = change(exported, lambda manifest, *_: manifest["facts"].update(generation="9", encoder="evil"))
    import_index(changed, tmp_path / "new")
    with Index.open(tmp_path / "new", encoder=HashEncoder()) as index:
        assert index.encoder.name == "hash"


def test_a_bomb_is_refused_before_it_is_unpacked(exported, tmp_path, monkeypatch):
    monkeypatch.setattr("index.transfer.shutil.disk_usage", lambda _: type("", (), {"free": 1000}))
    refused(exported, tmp_path / "new", "are free")


def test_an_export_that_cannot_be_written_leaves_the_old_one(exported, tmp_path, monkeypatch):
    before = exported.read_bytes()
    monkeypatch.setattr(
        "index.transfer.os.fsync", lambda _: (_ for _ in ()).throw(OSError(28, "No space left"))
    )
    with pytest.raises(OSError, match="No space"):
        export_index(tmp_path / ".qa", exported)
    assert exported.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {".qa", "docs", exported.name}


def test_the_commands_move_an_index(exported, tmp_path, capsys):
    copy = tmp_path / "copy2"
    assert main(["export", str(copy), "--index", str(tmp_path / ".qa"), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["documents"] == 2
    assert main(["import", str(copy), "--index", str(tmp_path / "new")]) == 0
    assert "2 documents" in capsys.readouterr().out
    assert main(["import", str(copy), "--index", str(tmp_path / "new")]) == 1
    assert "already" in capsys.readouterr().err
    assert main(["export", str(copy), "--index", str(tmp_path / "nowhere")]) == 3
    with pytest.raises(IndexMissing):
        export_index(tmp_path / "nowhere", copy)


def test_what_is_imported_is_in_order_before_anybody_opens_it(exported, tmp_path):
    import_index(exported, tmp_path / "new")
    health = examine(tmp_path / "new", repair=False)
    assert [finding.problem for finding in health.findings] == []
