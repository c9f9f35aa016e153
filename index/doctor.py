"""Is an index whole? Its examination, and the repair of what is not.

Everything that answers and citations stand on is looked at: the pages of the database, the checksum of each
stored text, each passage as a slice of it, each vector, the generations, and the derived files against the
database. What is wrong is made anew from what is right: passages from texts, texts from their passages or
their files, derived files from the database. Nothing is thrown away that could still answer truly.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index import schema
from index.checks import passages_problem, restored, vectors_problem, words_problem, wrong_vectors
from index.chunk import chunk
from index.database import DAMAGED, open_database, readable
from index.encode import Encoder
from index.errors import DocumentMissing, IndexDamaged, IndexMissing, LoadError
from index.files import Original, hash_file
from index.index import DATABASE, WORDS, Index
from index.load import load
from index.lock import write_lock
from index.rescue import rescue
from index.store import Store
from index.types import Document, Progress


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that was not as it should be: where, what, and whether it is in order now."""

    source: str  # "" where it is no single document's
    problem: str  # a sentence, with the remedy where it is not repaired
    repaired: bool


@dataclass(frozen=True, slots=True)
class Health:
    """What an examination found. Counts are those of the index as it is now."""

    documents: int
    passages: int
    findings: tuple[Finding, ...]
    seconds: float

    @property
    def healthy(self) -> bool:
        """Whether the index is in order now."""
        return all(finding.repaired for finding in self.findings)


def examine(
    path: Path,
    *,
    repair: bool = True,
    encoder: Encoder | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
) -> Health:
    """Look at all of the index in ``path`` and, with ``repair``, put in order what is not.

    ``encoder`` is the one that the index was built with; it is needed only where vectors have to be made.
    Raises IndexMissing, IndexMismatch, IndexBusy, IndexNotWritable, and IndexDamaged where nothing can be
    saved; ModelError where the encoder is needed and cannot be loaded.
    """
    started = time.monotonic()
    path = path.absolute()
    if not (path / DATABASE).is_file():
        raise IndexMissing(f"There is no index in {path}. Make one with: qa index FOLDER --index {path}")
    findings: list[Finding] = []
    with write_lock(path) if repair else nullcontext():
        if why := _damage(path / DATABASE):
            if not repair:
                problem = f"The database is damaged ({why}). Run `qa doctor` without --check to save it."
                return Health(0, 0, (Finding("", problem, False),), _since(started))
            findings += _rescue(path / DATABASE, why)
        with closing(Store(path / DATABASE)) as store, closing(open_database(path / DATABASE)) as db:
            db.text_factory = readable
            examination = _Examination(path, store, db, repair, on_progress)
            pending = list(examination.of_work_to_do())
            findings += examination.of_database()
            if repair and findings:
                _drop_derived(path)  # what was derived from rows that were wrong may be wrong too
            else:
                findings += examination.of_derived()
            findings += pending
    if repair:
        _finish(path, encoder, on_progress)
    with closing(Store(path / DATABASE)) as store:
        return Health(*store.counts(), tuple(findings), _since(started))


def _since(started: float) -> float:
    return round(time.monotonic() - started, 3)


def _damage(database: Path) -> str:
    """What SQLite finds wrong with its file; "" where nothing is."""
    try:
        with closing(open_database(database)) as db:
            if not schema.is_intact(db):
                return "its list of tables has changed"
            rows = [row[0] for row in db.execute("PRAGMA integrity_check(3)")]
            rows += [
                f"a row of {row[0]} without its {row[2]}" for row in db.execute("PRAGMA foreign_key_check")
            ]
    except (IndexDamaged, sqlite3.DatabaseError) as exc:
        return str(exc.__cause__ or exc)
    return "" if rows == ["ok"] else "; ".join(row.replace("\n", " ") for row in rows[:3])


def _rescue(database: Path, why: str) -> Iterator[Finding]:
    lost, all_named = rescue(database)
    yield Finding(
        "",
        f"The database was damaged ({why}). Every row that could be read is in a new one; the damaged one is "
        f"kept as {database.name}{DAMAGED} until the next removal: delete it when nothing is missing.",
        True,
    )
    if not all_named:
        problem = "Documents may be lost whose names are lost too: run `qa index` on your folders again."
        yield Finding("", problem, False)
    with closing(Store(database)) as store:
        for source, path in lost.items():
            if _read_again(store, source, path, ""):
                yield Finding(source, "It was lost with a part of the database and read again.", True)
            else:
                yield Finding(
                    source,
                    f"It is lost: its file {path} cannot be read. Restore the file and index it.",
                    False,
                )


def _read_again(store: Store, source: str, path: Path, sha256: str) -> bool:
    """Store the document anew from its file, which must hold these bytes unless ``sha256`` is empty."""
    try:
        if sha256 and hash_file(path) != sha256:
            return False
        original = Original.of(path)
        document = load(path, source)
    except (LoadError, OSError, ValueError):  # ValueError: even its path is damaged
        return False
    store.put(document, chunk(document), original)
    return True


@dataclass(frozen=True, slots=True)
class _Examination:
    path: Path
    store: Store
    db: sqlite3.Connection
    repair: bool
    on_progress: Callable[[Progress], None]

    def of_work_to_do(self) -> Iterator[Finding]:
        """Yield what somebody who was killed has left to be done."""
        if waiting := self.store.count_waiting():
            yield Finding("", f"{waiting} passages waited for their vectors.", self.repair)
        if self.store.unscrubbed:
            yield Finding("", "Bytes of deleted documents were not overwritten yet.", self.repair)

    def of_database(self) -> Iterator[Finding]:
        """Yield what is wrong in the database, in the order in which one thing stands on another."""
        sources = self.db.execute("SELECT id, source FROM documents ORDER BY id").fetchall()
        for done, (row, source) in enumerate(sources):
            self.on_progress(Progress(source, "check", done, len(sources)))
            if "\ufffd" in source and self._rename(row, source):
                yield Finding(source, "Its name was damaged: it is called this now.", self.repair)
            try:
                yield from self._texts(row, source)
            except (IndexDamaged, ArithmeticError, AttributeError, TypeError, ValueError) as exc:
                problem = f"Its rows cannot be read ({exc}). Run `qa remove` for it and index its file again."
                yield Finding(source, problem, False)
        self.on_progress(Progress("", "check", len(sources), len(sources)))
        yield from self._generations()

    def _rename(self, row: int, source: str) -> bool:
        """Give a document whose name cannot be read the name that is left of it; whether that was due."""
        query = "SELECT CAST(source AS BLOB) FROM documents WHERE id = ?"
        (name,) = self.db.execute(query, (row,)).fetchone()
        if name == source.encode():
            return False
        if self.repair:
            self.db.execute("UPDATE documents SET source = ? WHERE id = ?", (source, row))
        return True

    def _texts(self, row: int, source: str) -> Iterator[Finding]:
        columns = "text, pages, headings, checksum, sha256"
        *content, checksum, sha256 = self.db.execute(
            f"SELECT {columns} FROM documents WHERE id = ?", (row,)
        ).fetchone()
        if not _is_whole(content, checksum):
            yield self._damaged_text(row, source, checksum, sha256)
        try:
            document = self.store.document(source)
        except (IndexDamaged, DocumentMissing):
            return  # named already
        (row,) = self.db.execute("SELECT id FROM documents WHERE source = ?", (source,)).fetchone()
        yield from self._passages(row, document)

    def _damaged_text(self, row: int, source: str, checksum: str, sha256: str) -> Finding:
        whole = restored(self.db, row, checksum)
        _, path = self.store.original(source)
        if not self.repair:
            return Finding(source, "Its stored text is damaged. Run `qa doctor` without --check.", False)
        if whole is not None:
            self.db.execute("UPDATE documents SET text = ? WHERE id = ?", (whole, row))
            return Finding(source, "Its stored text was damaged and is restored from its passages.", True)
        if _read_again(self.store, source, path, sha256):
            return Finding(source, "Its stored text was damaged and is read again from its file.", True)
        if not self._can_be_shown(source):
            self.store.remove(source)
            return Finding(
                source,
                f"It is lost: its stored text cannot be read any more, and its file {path} is gone or has "
                f"changed. Index the file again if you have it.",
                False,
            )
        return Finding(
            source,
            f"Its stored text is damaged, and its file {path} is gone or has changed. Words cited from it "
            f"may be wrong: index the file again, or forget it with `qa remove`.",
            False,
        )

    def _can_be_shown(self, source: str) -> bool:
        try:
            self.store.document(source)
        except IndexDamaged:
            return False
        return True

    def _passages(self, row: int, document: Document) -> Iterator[Finding]:
        problem = passages_problem(self.db, row, document)
        if problem:
            if self.repair:
                original = self.store.originals()[document.source][1]
                self.store.put(document, chunk(document), original)
            yield Finding(document.source, f"{problem} Its passages are cut anew.", self.repair)
            return
        wrong = wrong_vectors(self.db, row)
        if wrong:
            if self.repair:
                marks = ",".join("?" * len(wrong))
                query = f"UPDATE passages SET vector = NULL, encoded = NULL WHERE id IN ({marks})"
                self.db.execute(query, wrong)
            yield Finding(document.source, f"{len(wrong)} of its vectors were damaged.", self.repair)

    def _generations(self) -> Iterator[Finding]:
        latest = self.db.execute(
            "SELECT max(coalesce((SELECT max(stored) FROM passages), 0),"
            " coalesce((SELECT max(encoded) FROM passages), 0),"
            " coalesce((SELECT max(generation) FROM deleted), 0))"
        ).fetchone()[0]
        if latest > self.store.generation():
            if self.repair:
                self.store.set_meta("generation", str(latest))
            yield Finding("", "The number of the last write was behind the writes.", self.repair)
        undead = "FROM deleted WHERE passage_id IN (SELECT id FROM passages)"
        if count := self.db.execute(f"SELECT count(*) {undead}").fetchone()[0]:
            if self.repair:
                self.db.execute(f"DELETE {undead}")
            yield Finding("", f"{count} passages were noted as deleted but are there.", self.repair)

    def of_derived(self) -> Iterator[Finding]:
        """Yield what is wrong with the indexes of words and of vectors."""
        then = ": it is made anew." if self.repair else ". `qa doctor` without --check makes it anew."
        if problem := words_problem(self.path / WORDS, self.store):
            if self.repair:
                _drop_derived(self.path)
            yield Finding("", f"The index of words {problem}{then}", self.repair)
        if problem := vectors_problem(self.path, self.db, self.store):
            if self.repair:
                _drop_derived(self.path)
            yield Finding("", f"The index of vectors {problem}{then}", self.repair)


def _is_whole(content: list[Any], checksum: str) -> bool:
    try:
        return schema.checksum(*content) == checksum
    except (TypeError, AttributeError):  # damage can change the types of columns
        return False


def _drop_derived(path: Path) -> None:
    """Delete the indexes of words and vectors: ``_finish`` makes them anew."""
    shutil.rmtree(path / WORDS, ignore_errors=True)
    for file in path.glob("vectors*"):
        file.unlink()


def _finish(path: Path, encoder: Encoder | None, on_progress: Callable[[Progress], None]) -> None:
    """Make what is missing: vectors, derived files; and overwrite what was deleted."""
    for draft in path.glob("*.draft"):
        draft.unlink(missing_ok=True)
    with Index.open(path, encoder=encoder, create=False) as index:
        index.add([], on_progress=on_progress)
        if index.unscrubbed:
            index.scrub()
