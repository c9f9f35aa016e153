"""What can still be read of a damaged database, in a new one."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable
from contextlib import closing, suppress
from itertools import chain
from pathlib import Path

from index import schema
from index.database import DAMAGED, damaged, readable

_DRAFT = ".rescued"
_ORPHANS = "SELECT DISTINCT document_id FROM passages WHERE document_id NOT IN (SELECT id FROM documents)"
_LOGS = ("-wal", "-shm")


def rescue(database: Path) -> tuple[dict[str, Path], bool]:
    """Put a new database in the place of a damaged one, with every row that can be read.

    The damaged one stays beside it, with ``DAMAGED`` at the end of its name. Returns the documents that are
    lost, each with the place of its file, and whether these are all: names may be lost too. Raises
    IndexDamaged where not even the tables can be read. Needs the write lock.
    """
    draft = database.with_name(database.name + _DRAFT)
    draft.unlink(missing_ok=True)
    with closing(sqlite3.connect(database, isolation_level=None)) as old:
        old.text_factory = readable
        try:
            version = schema.version(old)
            old.execute("SELECT count(*) FROM sqlite_master").fetchone()
        except sqlite3.DatabaseError as exc:
            raise damaged(database, str(exc)) from exc
        with suppress(sqlite3.DatabaseError):
            old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        with closing(sqlite3.connect(draft, isolation_level=None)) as new:
            new.execute("BEGIN")
            schema.upgrade(new, upto=version)
            tables = new.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
            ).fetchall()
            copied = {table: _copy(old, new, table) for (table,) in tables}
            with suppress(sqlite3.DatabaseError):
                for name, number in old.execute("SELECT name, seq FROM sqlite_sequence").fetchall():
                    new.execute("UPDATE sqlite_sequence SET seq = max(seq, ?) WHERE name = ?", (number, name))
            orphans = new.execute(_ORPHANS).fetchall()
            _settle(new)
            names, lost = _lost(old, new)
            new.execute("COMMIT")
    _swap(database, draft)
    return lost, copied["documents"] or (bool(names) and {row for (row,) in orphans} <= names)


def _copy(old: sqlite3.Connection, new: sqlite3.Connection, table: str) -> bool:
    """Copy every row that can be read; whether these are all."""
    columns = new.execute(f"PRAGMA table_info({table})").fetchall()
    primary = [column[1] for column in columns if column[5]]
    key = primary[0] if len(primary) == 1 else "rowid"
    marks = ",".join("?" * len(columns))
    keys, whole = _keys(old, table, key)
    for value in keys:
        try:
            row = old.execute(f"SELECT * FROM {table} WHERE {key} = ?", (value,)).fetchone()
            if row is not None:
                taken = new.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row).rowcount
                whole = whole and taken == 1
        except sqlite3.DatabaseError:  # it cannot be read, or it breaks a rule of the table
            whole = False
    return whole


def _keys(db: sqlite3.Connection, table: str, key: str) -> tuple[Iterable[object], bool]:
    """All keys that can be read, and whether these are all.

    Where there is damage: from both ends up to it, and the whole numbers between by trial.
    """
    first, whole = _walk(db, f"SELECT {key} FROM {table} ORDER BY {key} ASC")
    if whole:
        return first, True
    last, _ = _walk(db, f"SELECT {key} FROM {table} ORDER BY {key} DESC")
    known = set(first)
    low, high = (first[-1] if first else 0), (last[-1] if last else 0)
    between = range(low + 1, high) if isinstance(low, int) and isinstance(high, int) else range(0)
    return chain(first, (value for value in last if value not in known), between), False


def _walk(db: sqlite3.Connection, query: str) -> tuple[list[object], bool]:
    """The values of one column up to the first damage, and whether there was none."""
    found: list[object] = []
    try:
        for (value,) in db.execute(query):
            found.append(value)
    except sqlite3.DatabaseError:
        return found, False
    return found, True


def _settle(db: sqlite3.Connection) -> None:
    """Make the facts fit the rows: what became false with lost rows, and a generation after all of them."""
    db.execute("DELETE FROM passages WHERE document_id NOT IN (SELECT id FROM documents)")
    if not db.execute("SELECT 1 FROM meta WHERE key = 'encoder'").fetchone():
        db.execute("UPDATE passages SET vector = NULL, encoded = NULL")  # who made them is not known any more
    latest = db.execute(
        "SELECT max(coalesce((SELECT max(stored) FROM passages), 0),"
        " coalesce((SELECT max(encoded) FROM passages), 0),"
        " coalesce((SELECT max(generation) FROM deleted), 0),"
        " coalesce((SELECT CAST(value AS INTEGER) FROM meta WHERE key = 'generation'), 0))"
    ).fetchone()[0]
    db.execute("INSERT OR REPLACE INTO meta VALUES ('generation', ?)", (str(latest + 1),))


def _lost(old: sqlite3.Connection, new: sqlite3.Connection) -> tuple[set[int], dict[str, Path]]:
    """The rows that the index of names lists, empty where it cannot be read; and of those that are not in the
    new database the names, with the places of their files.
    """
    names: dict[int, str] = {}
    paths: dict[int, bytes] = {}
    with suppress(sqlite3.DatabaseError):
        query = "SELECT rowid, source FROM documents INDEXED BY sqlite_autoindex_documents_1"
        names = dict(old.execute(query).fetchall())
    with suppress(sqlite3.DatabaseError):
        query = "SELECT rowid, path FROM documents INDEXED BY sqlite_autoindex_documents_2"
        paths = dict(old.execute(query).fetchall())
    # The indexes hold copies of names and places, which may be whole where those of the rows are not.
    for row, source in names.items():
        with suppress(sqlite3.DatabaseError):
            query = "UPDATE documents SET source = ?, path = coalesce(?, path) WHERE id = ?"
            new.execute(query, (source, paths.get(row), row))
    kept = {source for (source,) in new.execute("SELECT source FROM documents")}
    lost = {
        source: Path(os.fsdecode(paths.get(row, b"(unknown)")))
        for row, source in names.items()
        if source not in kept
    }
    return set(names), lost


def _swap(database: Path, draft: Path) -> None:
    """Put the draft in the place of the database, which keeps its content under another name.

    A log that stayed would be replayed into the new file, so it goes first.
    """
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    aside = database.with_name(database.name + DAMAGED)
    aside.unlink(missing_ok=True)
    for log in _LOGS:
        with suppress(FileNotFoundError):
            os.replace(f"{database}{log}", f"{aside}{log}")
    os.link(database, aside)
    os.replace(draft, database)
