"""SQLite: the one place where documents, passages and vectors are true.

Everything else in an index folder (FAISS, tantivy) is derived from this database and can be rebuilt from it.
Each write is one transaction and takes the next *generation*, a number that only grows; a derived index
remembers the generation it has seen and asks for what came after it.
"""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index import schema
from index.errors import DocumentMissing, IndexBusy, IndexDamaged, IndexMismatch, IndexNotWritable
from index.files import Original
from index.types import Document, DocumentInfo, Heading, Passage, Span

if TYPE_CHECKING:
    from index.chunk import Chunk

_BUSY_S = 30.0  # a transaction of another process takes milliseconds
_PASSAGE = """SELECT passages.id, source, start, end, passages.text, heading, page
              FROM passages JOIN documents ON documents.id = document_id """


class Store:
    """The database of one index folder; any number of threads and processes may use it at a time."""

    def __init__(self, path: Path) -> None:
        """Open the database at ``path``, or create it. Raises IndexDamaged, IndexMismatch, IndexBusy.

        Where nothing can be written, it is opened for reading alone.
        """
        self._path = path
        self._lock = threading.RLock()
        with self._translated():
            try:
                self._connect(str(path))
                self._prepare()
            except sqlite3.OperationalError as exc:
                if ("readonly" not in str(exc) and "unable to open" not in str(exc)) or not path.is_file():
                    raise
                self._connect(f"{path.as_uri()}?mode=ro&immutable=1")
            version = schema.version(self._db)
        if version > schema.VERSION:
            self.close()
            raise IndexMismatch(
                f"A newer Citespan wrote this index (schema {version}; this one reads up to "
                f"{schema.VERSION}). Update Citespan, or index into another folder with --index."
            )

    def _connect(self, address: str) -> None:
        self._db = sqlite3.connect(
            address,
            timeout=_BUSY_S,
            isolation_level=None,
            check_same_thread=False,
            uri=address.startswith("file:"),
        )

    def _prepare(self) -> None:
        if self._db.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
            self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.execute("PRAGMA secure_delete = ON")
        if schema.version(self._db) < schema.VERSION:
            self._db.execute("BEGIN IMMEDIATE")  # a second process may be creating it at the same time
            schema.upgrade(self._db)
            self._db.execute("COMMIT")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        """SQLite's errors as ours, each with its remedy; a closed database stays a programming mistake."""
        try:
            yield
        except sqlite3.ProgrammingError:
            raise
        except sqlite3.OperationalError as exc:
            if "locked" in str(exc) or "busy" in str(exc):
                raise IndexBusy(
                    f"Another process is writing to the index {self._path}. Try again when it has finished."
                ) from exc
            raise IndexNotWritable(
                f"The index could not be written ({exc}). What it held before is still there: free some "
                f"space or make its folder writable, and run the command again."
            ) from exc
        except sqlite3.DatabaseError as exc:
            raise IndexDamaged(
                f"The index database {self._path} is damaged ({exc}). Your files are not: move the folder of "
                f"the index away and run `qa index` again."
            ) from exc

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock, self._translated():
            return self._db.execute(query, values).fetchall()

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the database, so that no deleted text stays behind in it."""
        self._rows("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Fold the write-ahead log into the database and let go of it."""
        with self._lock:
            self._db.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction: all of it is stored, or nothing."""
        with self._lock, self._translated():
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    # -- facts about the index -------------------------------------------------------------------------------

    def get_meta(self, key: str, default: str = "") -> str:
        """The fact stored under ``key``."""
        rows = self._rows("SELECT value FROM meta WHERE key = ?", (key,))
        return str(rows[0][0]) if rows else default

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact under ``key``."""
        self._rows("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def generation(self) -> int:
        """Number of the last write that changed passages or vectors."""
        return int(self.get_meta("generation", "0"))

    def _next_generation(self) -> int:
        generation = self.generation() + 1
        self.set_meta("generation", str(generation))
        return generation

    def counts(self) -> tuple[int, int]:
        """Numbers of documents and of passages."""
        query = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
        documents, passages = self._rows(query)[0]
        return int(documents), int(passages)

    # -- documents -------------------------------------------------------------------------------------------

    def put(self, document: Document, chunks: Sequence[Chunk], original: Original) -> None:
        """Store a document with its passages in place of an earlier version, in one transaction."""
        with self.write():
            self._delete(document.source)
            generation = self._next_generation()
            row = self._db.execute(
                "INSERT INTO documents (source, sha256, format, title, characters, text, pages, headings,"
                " path, size, mtime_ns, ctime_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    document.source,
                    document.sha256,
                    document.format,
                    document.title,
                    len(document.text),
                    document.text.encode(),
                    json.dumps([[page.start, page.end] for page in document.pages]),
                    json.dumps([[h.span.start, h.span.end, h.level, h.title] for h in document.headings]),
                    os.fsencode(original.path),
                    original.size,
                    original.mtime_ns,
                    original.ctime_ns,
                ),
            )
            for c in chunks:
                text = document.text[c.span.start : c.span.end].encode()
                self._db.execute(
                    "INSERT INTO passages (document_id, start, end, page, heading, text, stored)"
                    " VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (row.lastrowid, c.span.start, c.span.end, c.page, c.heading, text, generation),
                )

    def touch(self, source: str, original: Original) -> None:
        """Remember that the file was looked at again and holds the same bytes."""
        with self.write():
            self._db.execute(
                "UPDATE documents SET path = ?, size = ?, mtime_ns = ?, ctime_ns = ? WHERE source = ?",
                (os.fsencode(original.path), original.size, original.mtime_ns, original.ctime_ns, source),
            )

    def remove(self, source: str) -> None:
        """Forget a document, its passages and vectors. Raises DocumentMissing."""
        with self.write():
            if not self._delete(source):
                raise _missing(source)

    def _delete(self, source: str) -> bool:
        row = self._db.execute("SELECT id FROM documents WHERE source = ?", (source,)).fetchone()
        if row is None:
            return False
        self._db.execute(
            "INSERT INTO deleted SELECT id, ? FROM passages WHERE document_id = ?",
            (self._next_generation(), row[0]),
        )
        self._db.execute("DELETE FROM passages WHERE document_id = ?", row)
        self._db.execute("DELETE FROM documents WHERE id = ?", row)
        return True

    def document(self, source: str) -> Document:
        """The stored document. Raises DocumentMissing."""
        rows = self._rows(
            "SELECT sha256, text, format, title, pages, headings FROM documents WHERE source = ?",
            (source,),
        )
        if not rows:
            raise _missing(source)
        sha256, text, kind, title, pages, headings = rows[0]
        return Document(
            source=source,
            sha256=sha256,
            text=text.decode(),
            format=kind,
            title=title,
            pages=tuple(Span(start, end) for start, end in json.loads(pages)),
            headings=tuple(Heading(Span(s, e), level, name) for s, e, level, name in json.loads(headings)),
        )

    def documents(self) -> tuple[DocumentInfo, ...]:
        """All documents in the order of their sources."""
        rows = self._rows(
            "SELECT source, sha256, characters,"
            " (SELECT count(*) FROM passages WHERE document_id = documents.id),"
            " json_array_length(pages) FROM documents ORDER BY source"
        )
        return tuple(DocumentInfo(*row) for row in rows)

    def originals(self) -> dict[str, tuple[str, Original]]:
        """For each source its sha256 and the file that it was read from."""
        rows = self._rows("SELECT source, sha256, path, size, mtime_ns, ctime_ns FROM documents")
        return {row[0]: (row[1], Original(Path(os.fsdecode(row[2])), *row[3:])) for row in rows}

    def original(self, source: str) -> tuple[str, Path]:
        """Sha256 of a document, and where its file was. Raises DocumentMissing."""
        rows = self._rows("SELECT sha256, path FROM documents WHERE source = ?", (source,))
        if not rows:
            raise _missing(source)
        return str(rows[0][0]), Path(os.fsdecode(rows[0][1]))

    # -- passages and vectors --------------------------------------------------------------------------------

    def passages(self, ids: Sequence[int]) -> dict[int, Passage]:
        """The passages that are (still) there, by id."""
        marks = ",".join("?" * len(ids))
        return {p.id: p for p in self._passages(f"WHERE passages.id IN ({marks})", tuple(ids))}

    def waiting(self, limit: int) -> list[Passage]:
        """Up to ``limit`` passages that have no vector yet, oldest first."""
        return self._passages("WHERE encoded IS NULL ORDER BY passages.id LIMIT ?", (limit,))

    def count_waiting(self) -> int:
        """Number of passages that have no vector yet."""
        return int(self._rows("SELECT count(*) FROM passages WHERE encoded IS NULL")[0][0])

    def stored_after(self, generation: int) -> list[Passage]:
        """Passages whose text came after ``generation``, by id."""
        return self._passages("WHERE stored > ? ORDER BY passages.id", (generation,))

    def _passages(self, where: str, values: tuple[int, ...]) -> list[Passage]:
        rows = self._rows(_PASSAGE + where, values)
        return [
            Passage(i, source, Span(s, e), text.decode(), head, page)
            for i, source, s, e, text, head, page in rows
        ]

    def ids_of(self, sources: Collection[str]) -> NDArray[np.int64]:
        """Ids of all passages of these documents, ascending."""
        rows = self._rows(
            "SELECT passages.id FROM passages JOIN documents ON documents.id = document_id"
            " WHERE source IN (SELECT value FROM json_each(?)) ORDER BY passages.id",
            (json.dumps(list(sources)),),
        )
        return np.array([row[0] for row in rows], dtype=np.int64)

    def set_vectors(self, ids: Sequence[int], vectors: NDArray[np.float32]) -> None:
        """Store vectors, (n, dim), for passages; one that was deleted meanwhile is passed over."""
        with self.write():
            generation = self._next_generation()
            halves = vectors.astype(np.float16)
            self._db.executemany(
                "UPDATE passages SET vector = ?, encoded = ? WHERE id = ?",
                [(half.tobytes(), generation, i) for half, i in zip(halves, ids, strict=True)],
            )

    def vectors_after(self, generation: int, dim: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Ids (n,) and vectors (n, dim) that came after ``generation``."""
        rows = self._rows("SELECT id, vector FROM passages WHERE encoded > ? ORDER BY id", (generation,))
        ids = np.array([row[0] for row in rows], dtype=np.int64)
        halves = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float16)
        return ids, halves.reshape(len(ids), dim).astype(np.float32)

    def deleted_after(self, generation: int) -> NDArray[np.int64]:
        """Ids of the passages that were deleted after ``generation``, ascending."""
        rows = self._rows(
            "SELECT passage_id FROM deleted WHERE generation > ? ORDER BY passage_id", (generation,)
        )
        return np.array([row[0] for row in rows], dtype=np.int64)


def _missing(source: str) -> DocumentMissing:
    return DocumentMissing(f"There is no document {source!r} in the index. `qa list` shows those that are.")
