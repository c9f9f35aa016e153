"""The tables of the store, as named steps from one version to the next.

A step is never changed once it was released: the next wish is the next step. All that a database lacks are
taken in one transaction, so that a crash leaves the old version or the new one.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256


@dataclass(frozen=True, slots=True)
class Migration:
    """One step; ``apply`` runs within the transaction of its caller."""

    name: str
    apply: Callable[[sqlite3.Connection], None]


def checksum(text: bytes, pages: str, headings: str) -> str:
    """Sha256, hexadecimal, over all of a document that citations stand on, as the columns hold it."""
    return sha256(b"\0".join((text, pages.encode(), headings.encode()))).hexdigest()


def _first_tables(db: sqlite3.Connection) -> None:
    for statement in (
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
        """CREATE TABLE documents (
            id INTEGER PRIMARY KEY AUTOINCREMENT,
            source TEXT NOT NULL UNIQUE,
            sha256 TEXT NOT NULL,
            format TEXT NOT NULL,
            title TEXT NOT NULL,
            characters INTEGER NOT NULL,
            text BLOB NOT NULL,             -- UTF-8: a BLOB keeps NUL characters
            pages TEXT NOT NULL,            -- JSON [[start, end], …]
            headings TEXT NOT NULL,         -- JSON [[start, end, level, title], …]
            path BLOB NOT NULL UNIQUE,      -- of the original, as the file system spells it
            size INTEGER NOT NULL,
            mtime_ns INTEGER NOT NULL,
            ctime_ns INTEGER NOT NULL
        )""",
        """CREATE TABLE passages (
            id INTEGER PRIMARY KEY AUTOINCREMENT,   -- never used twice
            document_id INTEGER NOT NULL REFERENCES documents (id),
            start INTEGER NOT NULL,
            end INTEGER NOT NULL,
            page INTEGER,
            heading TEXT NOT NULL,
            text BLOB NOT NULL,
            vector BLOB,                    -- float16, NULL until it is encoded
            stored INTEGER NOT NULL,        -- generation in which the row came
            encoded INTEGER                 -- generation in which the vector came
        )""",
        "CREATE INDEX passages_document ON passages (document_id)",
        "CREATE INDEX passages_stored ON passages (stored)",
        "CREATE INDEX passages_encoded ON passages (encoded)",
        "CREATE TABLE deleted (passage_id INTEGER PRIMARY KEY, generation INTEGER NOT NULL)",
        "CREATE INDEX deleted_generation ON deleted (generation)",
    ):
        db.execute(statement)


def _checksums(db: sqlite3.Connection) -> None:
    db.execute("ALTER TABLE documents ADD COLUMN checksum TEXT NOT NULL DEFAULT ''")
    for (row,) in db.execute("SELECT id FROM documents").fetchall():
        content = db.execute("SELECT text, pages, headings FROM documents WHERE id = ?", (row,)).fetchone()
        db.execute("UPDATE documents SET checksum = ? WHERE id = ?", (checksum(*content), row))


def _rows_and_gaps(db: sqlite3.Connection) -> None:
    for statement in (
        "ALTER TABLE documents ADD COLUMN rows TEXT NOT NULL DEFAULT '[]'",  # JSON [[offset, number], …]
        "ALTER TABLE documents ADD COLUMN unread TEXT NOT NULL DEFAULT ''",
        "CREATE INDEX documents_sha256 ON documents (sha256)",
    ):
        db.execute(statement)


MIGRATIONS = (
    Migration("documents, passages and their deletions", _first_tables),
    Migration("a checksum for all that citations stand on", _checksums),
    Migration("numbers of rows, what of a file could not be read, copies found fast", _rows_and_gaps),
)
VERSION = len(MIGRATIONS)


def version(db: sqlite3.Connection) -> int:
    """The version that the database is at; 0 when it is new."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def is_intact(db: sqlite3.Connection) -> bool:
    """Whether the database has the tables, columns and indexes of its version."""
    with closing(sqlite3.connect(":memory:")) as made:
        upgrade(made, upto=version(db))
        return _shape(db) == _shape(made)


def _shape(db: sqlite3.Connection) -> dict[str, list[str]]:
    names = [name for (name,) in db.execute("SELECT name FROM sqlite_master ORDER BY name")]
    query = "SELECT name FROM pragma_table_info(?) ORDER BY cid"
    return {name: [column for (column,) in db.execute(query, (name,))] for name in names}


def upgrade(db: sqlite3.Connection, *, upto: int = VERSION) -> None:
    """Take the steps that the database has not taken yet; the caller holds a write transaction."""
    for migration in MIGRATIONS[version(db) : upto]:
        migration.apply(db)
    db.execute(f"PRAGMA user_version = {max(upto, version(db))}")
