"""Opening the SQLite file of an index, and its errors as sentences."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from index import schema
from index.errors import IndexBusy, IndexDamaged, IndexMismatch, IndexNotWritable

DAMAGED = ".damaged"  # at the end of the name of a database that was rescued
_DAMAGES = ("decode", "malformed", "no such column", "no such table")  # in names, in JSON, in the tables
_BUSY_S = 30.0  # a transaction of another process takes milliseconds


def open_database(path: Path) -> sqlite3.Connection:
    """The database at ``path``, made where there is none, with the tables of this version.

    Where nothing can be written, it is opened for reading alone. Raises IndexDamaged, IndexBusy,
    IndexMismatch (a newer version wrote it), IndexNotWritable (an older one did, and it may only be read).
    """
    with translated(path):
        try:
            db = _connect(str(path))
            try:
                _prepare(db)
            except BaseException:
                db.close()  # or it would hold what it has locked
                raise
        except sqlite3.OperationalError as exc:
            if ("readonly" not in str(exc) and "unable to open" not in str(exc)) or not path.is_file():
                raise
            db = connect_to_read(path)
        version = schema.version(db)
    if version == schema.VERSION:
        return db
    db.close()
    if version > schema.VERSION:
        raise IndexMismatch(
            f"A newer Citespan wrote this index (schema {version}; this one reads up to {schema.VERSION}). "
            f"Update Citespan, or index into another folder with --index."
        )
    raise IndexNotWritable(
        f"An older Citespan wrote this index (schema {version}, now {schema.VERSION}), and {path.parent} may "
        f"only be read. Run `qa doctor` once as somebody who may write there: it brings it up to date."
    )


def connect_to_read(path: Path) -> sqlite3.Connection:
    """A connection that writes nothing, not even a lock where no log is left to be read."""
    log = path.with_name(f"{path.name}-wal")
    pending = log.is_file() and log.stat().st_size > 0  # what was written last stands there alone
    return _connect(f"{path.as_uri()}?mode=ro{'' if pending else '&immutable=1'}")


def readable(text: bytes) -> str:
    """Text of a column, also where damage has made it no UTF-8: a ``text_factory``."""
    return text.decode("utf-8", "replace")


def _connect(address: str) -> sqlite3.Connection:
    uri = address.startswith("file:")
    return sqlite3.connect(address, timeout=_BUSY_S, isolation_level=None, check_same_thread=False, uri=uri)


def _prepare(db: sqlite3.Connection) -> None:
    if db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = NORMAL")
    db.execute("PRAGMA foreign_keys = ON")
    db.execute("PRAGMA secure_delete = ON")
    if schema.version(db) < schema.VERSION:
        db.execute("BEGIN IMMEDIATE")  # a second process may be creating it at the same time
        schema.upgrade(db)
        db.execute("COMMIT")


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """SQLite's errors as ours, each with its remedy; a closed database stays a programming mistake."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.OperationalError as exc:
        if any(sign in str(exc) for sign in _DAMAGES):
            raise damaged(path, str(exc)) from exc
        if "locked" in str(exc) or "busy" in str(exc):
            raise IndexBusy(
                f"Another process is writing to the index {path}. Try again when it has finished."
            ) from exc
        raise IndexNotWritable(
            f"The index could not be written ({exc}). What it held before is still there: free some "
            f"space or make its folder writable, and run the command again."
        ) from exc
    except sqlite3.DatabaseError as exc:
        raise damaged(path, str(exc)) from exc


def damaged(path: Path, why: str) -> IndexDamaged:
    """The error of a database at ``path`` that cannot be trusted."""
    return IndexDamaged(
        f"The index database {path} is damaged ({why}). Your files are not: run `qa doctor`, which saves "
        f"what can be read; or move the folder of the index away and run `qa index` again."
    )
