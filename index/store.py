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
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from index import schema
from index.errors import DocumentMissing, IndexDamaged, IndexMismatch, IndexNotWritable
from index.files import Original
from index.types import Document, DocumentInfo, Heading, Passage, Span

if TYPE_CHECKING:
    from index.chunk import Chunk

_PASSAGE = """SELECT passages.id, source, start, end, passages.text, heading, page
              FROM passages JOIN documents ON documents.id = document_id """


class Store:
    """The database of one index folder; any number of threads and processes may use it at a time."""

    def __init__(self, path: Path) -> None:
        """Open the database at ``path``, or create it. Raises IndexDamaged, IndexMismatch."""
        self._lock = threading.RLock()
        try:
            self._db = sqlite3.connect(path, timeout=30, isolation_level=None, check_same_thread=False)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = NORMAL")
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")
            if schema.version(self._db) < schema.VERSION:
                with self.write():  # under the lock: a second process may be creating it at the same time
                    schema.upgrade(self._db)
            elif schema.version(self._db) > schema.VERSION:
                raise IndexMismatch(
                    f"A newer Citespan wrote this index (schema {schema.version(self._db)}; this one reads "
                    f"up to {schema.VERSION}). Update Citespan, or index into another folder with --index."
                )
        except sqlite3.DatabaseError as exc:
            raise IndexDamaged(
                f"The index database {path} cannot be read ({exc}). Move its folder away and run `qa index` "
                f"again."
            ) from exc

    def checkpoint(self) -> None:
        """Fold the write-ahead log into the database, so that no deleted text stays behind in it."""
        with self._lock:
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Fold the write-ahead log into the database and let go of it."""
        with self._lock:
            self._db.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction: all of it is stored, or nothing."""
        with self._lock:
            try:
                self._db.execute("BEGIN IMMEDIATE")
                yield
                self._db.execute("COMMIT")
            except sqlite3.OperationalError as exc:
                self._roll_back()
                raise IndexNotWritable(
                    f"The index could not be written ({exc}). What it held before is still there: free some "
                    f"space or make its folder writable, and run the command again."
                ) from exc
            except BaseException:
                self._roll_back()
                raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    # -- facts about the index -------------------------------------------------------------------------------

    def get_meta(self, key: str, default: str = "") -> str:
        """The fact stored under ``key``."""
        with self._lock:
            row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return default if row is None else str(row[0])

    def set_meta(self, key: str, value: str) -> None:
        """Store a fact under ``key``."""
        with self._lock:
            self._db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))

    def generation(self) -> int:
        """Number of the last write that changed passages or vectors."""
        return int(self.get_meta("generation", "0"))

    def _next_generation(self) -> int:
        generation = self.generation() + 1
        self.set_meta("generation", str(generation))
        return generation

    def counts(self) -> tuple[int, int]:
        """Numbers of documents and of passages."""
        with self._lock:
            query = "SELECT (SELECT count(*) FROM documents), (SELECT count(*) FROM passages)"
            documents, passages = self._db.execute(query).fetchone()
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
        with self._lock:
            row = self._db.execute(
                "SELECT sha256, text, format, title, pages, headings FROM documents WHERE source = ?",
                (source,),
            ).fetchone()
        if row is None:
            raise _missing(source)
        sha256, text, kind, title, pages, headings = row
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
        with self._lock:
            rows = self._db.execute(
                "SELECT source, sha256, characters,"
                " (SELECT count(*) FROM passages WHERE document_id = documents.id),"
                " json_array_length(pages) FROM documents ORDER BY source"
            ).fetchall()
        return tuple(DocumentInfo(*row) for row in rows)

    def originals(self) -> dict[str, tuple[str, Original]]:
        """For each source its sha256 and the file that it was read from."""
        with self._lock:
            rows = self._db.execute(
                "SELECT source, sha256, path, size, mtime_ns, ctime_ns FROM documents"
            ).fetchall()
        return {row[0]: (row[1], Original(Path(os.fsdecode(row[2])), *row[3:])) for row in rows}

    def original(self, source: str) -> tuple[str, Path]:
        """Sha256 of a document, and where its file was. Raises DocumentMissing."""
        with self._lock:
            row = self._db.execute(
                "SELECT sha256, path FROM documents WHERE source = ?", (source,)
            ).fetchone()
        if row is None:
            raise _missing(source)
        return str(row[0]), Path(os.fsdecode(row[1]))

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
        with self._lock:
            return int(self._db.execute("SELECT count(*) FROM passages WHERE encoded IS NULL").fetchone()[0])

    def stored_after(self, generation: int) -> list[Passage]:
        """Passages whose text came after ``generation``, by id."""
        return self._passages("WHERE stored > ? ORDER BY passages.id", (generation,))

    def _passages(self, where: str, values: tuple[int, ...]) -> list[Passage]:
        with self._lock:
            rows = self._db.execute(_PASSAGE + where, values).fetchall()
        return [
            Passage(i, source, Span(s, e), text.decode(), head, page)
            for i, source, s, e, text, head, page in rows
        ]

    def ids_of(self, sources: Collection[str]) -> NDArray[np.int64]:
        """Ids of all passages of these documents, ascending."""
        with self._lock:
            rows = self._db.execute(
                "SELECT passages.id FROM passages JOIN documents ON documents.id = document_id"
                " WHERE source IN (SELECT value FROM json_each(?)) ORDER BY passages.id",
                (json.dumps(list(sources)),),
            ).fetchall()
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
        with self._lock:
            rows = self._db.execute(
                "SELECT id, vector FROM passages WHERE encoded > ? ORDER BY id", (generation,)
            ).fetchall()
        ids = np.array([row[0] for row in rows], dtype=np.int64)
        halves = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float16)
        return ids, halves.reshape(len(ids), dim).astype(np.float32)

    def deleted_after(self, generation: int) -> NDArray[np.int64]:
        """Ids of the passages that were deleted after ``generation``, ascending."""
        with self._lock:
            rows = self._db.execute(
                "SELECT passage_id FROM deleted WHERE generation > ? ORDER BY passage_id", (generation,)
            ).fetchall()
        return np.array([row[0] for row in rows], dtype=np.int64)


def _missing(source: str) -> DocumentMissing:
    return DocumentMissing(f"There is no document {source!r} in the index. `qa list` shows those that are.")
