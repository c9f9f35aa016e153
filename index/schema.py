"""The tables of the store, as named steps from one version to the next."""

from __future__ import annotations

import sqlite3

_MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "documents, passages and their deletions",
        (
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
        ),
    ),
)
VERSION = len(_MIGRATIONS)


def version(db: sqlite3.Connection) -> int:
    """The version that the database is at; 0 when it is new."""
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def upgrade(db: sqlite3.Connection) -> None:
    """Take all steps that the database has not taken yet; the caller holds a write transaction."""
    for number in range(version(db), VERSION):
        _, statements = _MIGRATIONS[number]
        for statement in statements:
            db.execute(statement)
    db.execute(f"PRAGMA user_version = {VERSION}")
