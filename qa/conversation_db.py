"""The database of conversations: opening, migrating, transactions, and its errors in plain words."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from index.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexNotWritable

_BUSY_S = 30.0  # a transaction of another process takes milliseconds

_MIGRATIONS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "conversations and their turns",
        (
            """CREATE TABLE conversations (
                id INTEGER PRIMARY KEY AUTOINCREMENT,       -- never used twice
                owner TEXT NOT NULL,
                title TEXT NOT NULL,
                changed REAL NOT NULL,                      -- seconds since 1970
                revision INTEGER NOT NULL DEFAULT 0,        -- counts the writes
                undoable INTEGER NOT NULL DEFAULT 0,        -- 1: the last change can be taken back
                deleted INTEGER NOT NULL DEFAULT 0
            )""",
            """CREATE TABLE turns (
                id INTEGER PRIMARY KEY AUTOINCREMENT,
                conversation INTEGER NOT NULL REFERENCES conversations (id) ON DELETE CASCADE,
                question TEXT NOT NULL,
                state TEXT NOT NULL DEFAULT 'running',
                text TEXT NOT NULL DEFAULT '',              -- what was said; of a failure: the sentence
                answer TEXT NOT NULL DEFAULT '{}',          -- JSON of `qa ask --json`
                versions TEXT NOT NULL DEFAULT '{}',        -- JSON {source: sha256} of what the model saw
                rating INTEGER NOT NULL DEFAULT 0,
                asked REAL NOT NULL,
                hidden INTEGER NOT NULL DEFAULT 0,          -- 1: dropped by the last change
                fresh INTEGER NOT NULL DEFAULT 0            -- 1: came in their place
            )""",
            "CREATE INDEX conversations_owner ON conversations (owner, changed)",
            "CREATE INDEX turns_conversation ON turns (conversation)",
        ),
    ),
)
VERSION = len(_MIGRATIONS)


class ConversationDatabase:
    """A SQLite file in WAL mode that is made with the first write, or a database in memory."""

    def __init__(self, path: Path | None) -> None:
        """Open the file at ``path`` if it is there; None: in memory.

        Raises IndexDamaged, IndexMismatch (a newer version wrote it), IndexNotWritable, IndexBusy.
        """
        self.path = path
        self.lock = threading.RLock()
        self._db: sqlite3.Connection | None = None
        if path is None or path.is_file():
            self._connect()

    def _connect(self) -> sqlite3.Connection:
        with self.lock, self._translated():
            if self._db is None:
                if self.path is not None:
                    self.path.parent.mkdir(parents=True, exist_ok=True)
                db = sqlite3.connect(
                    self.path or ":memory:", timeout=_BUSY_S, isolation_level=None, check_same_thread=False
                )
                try:
                    self._prepare(db)
                except BaseException:
                    db.close()
                    raise
                self._db = db
            return self._db

    def _prepare(self, db: sqlite3.Connection) -> None:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute("PRAGMA foreign_keys = ON")
        db.execute("PRAGMA secure_delete = ON")
        db.execute("BEGIN IMMEDIATE")  # a second process may be creating it at the same time
        version = int(db.execute("PRAGMA user_version").fetchone()[0])
        if version > VERSION:
            raise IndexMismatch(
                f"A newer Citespan wrote the conversations in {self.path} (version {version}; this one reads "
                f"up to {VERSION}). Update Citespan."
            )
        for _, statements in _MIGRATIONS[version:]:
            for statement in statements:
                db.execute(statement)
        db.execute(f"PRAGMA user_version = {VERSION}")
        db.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours; a closed database stays a programming mistake."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.OperationalError as exc:
            if "locked" in str(exc) or "busy" in str(exc):
                raise IndexBusy(f"Another process is writing to {self.path}. Try again in a moment.") from exc
            raise IndexNotWritable(
                f"Conversations cannot be kept in {self.path} ({exc}). Make its folder writable, or free "
                f"some space."
            ) from exc
        except sqlite3.DatabaseError as exc:
            raise IndexDamaged(
                f"The conversations in {self.path} are damaged ({exc}). Move that file away to begin anew."
            ) from exc
        except OSError as exc:
            raise IndexNotWritable(
                f"Conversations cannot be kept in {self.path}: {exc.strerror or exc}."
            ) from exc

    def close(self) -> None:
        """Let go of the file."""
        with self.lock:
            if self._db is not None:
                self._db.close()
                self._db = None

    def rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        """The rows of a question; none as long as nothing was ever kept."""
        with self.lock:
            if self._db is None and (self.path is None or not self.path.is_file()):
                return []
            db = self._connect()
            with self._translated():
                return db.execute(query, values).fetchall()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction: all of it is stored, or nothing."""
        with self.lock:
            db = self._connect()
            with self._translated():
                try:
                    db.execute("BEGIN IMMEDIATE")
                    yield db
                    db.execute("COMMIT")
                except BaseException:
                    if db.in_transaction:
                        db.execute("ROLLBACK")
                    raise

    def checkpoint(self) -> None:
        """Fold the log into the database, so that nothing that was erased stays behind in it."""
        self.rows("VACUUM")  # rows that SQLite moved between pages leave copies of themselves behind
        self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
