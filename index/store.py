"""SQLite: the one place where documents, passages and vectors are true.

Everything else in an index folder (FAISS, tantivy) is derived from this database and can be rebuilt from it.
Each write is one transaction and takes the next *generation*, a number that only grows; a derived index
remembers the generation it has seen and asks for what came after it.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.database import damaged, open_database, translated
from index.errors import DocumentMissing
from index.files import Original
from index.rows import COLUMNS, document_of, insert, rename, vectors_of
from index.types import Document, DocumentInfo, Passage, Span

if TYPE_CHECKING:
    from index.chunk import Chunk

_AT_ONCE = 8192  # rows in memory while all are read
_LAST_ID = 2**63 - 1  # no row has a greater one
_UNSCRUBBED = "unscrubbed"  # a fact, set with each deletion and taken back when its bytes are gone
_PASSAGE = """SELECT passages.id, source, start, end, passages.text, heading, page
              FROM passages JOIN documents ON documents.id = document_id """


class Store:
    """The database of one index folder; any number of threads and processes may use it at a time."""

    def __init__(self, path: Path) -> None:
        """Open the database at ``path``, or create it. Raises as ``open_database`` does."""
        self._path = path
        self._lock = threading.RLock()
        self._db = open_database(path)

    def _rows(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        with self._lock, translated(self._path):
            return self._db.execute(query, values).fetchall()

    def checkpoint(self) -> bool:
        """Fold the write-ahead log into the database and empty it; False where a reader still needs it."""
        busy, _, _ = self._rows("PRAGMA wal_checkpoint(TRUNCATE)")[0]
        return not busy

    @property
    def unscrubbed(self) -> bool:
        """Whether bytes of deleted documents may still lie in the folder of the index."""
        return bool(self.get_meta(_UNSCRUBBED))

    def scrub(self) -> bool:
        """Write the database anew, so that no byte of what was deleted stays; False where a reader holds it.

        Zeroing deleted rows (``secure_delete``) is not enough: SQLite moves rows between pages and leaves the
        old copies of those that it moved.
        """
        self._rows("VACUUM")
        return self.checkpoint()

    def scrubbed(self) -> None:
        """Remember that nothing is left of what was deleted."""
        self._rows("DELETE FROM meta WHERE key = ?", (_UNSCRUBBED,))
        self.checkpoint()

    def close(self) -> None:
        """Fold the write-ahead log into the database and let go of it."""
        with self._lock:
            self._db.close()

    @contextmanager
    def write(self) -> Iterator[None]:
        """One transaction: all of it is stored, or nothing."""
        with self._lock, translated(self._path):
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
        """Store a document with its passages in place of an earlier version, in one transaction.

        A passage that the earlier version or a copy of the file holds too, under the same headings, keeps its
        vector.
        """
        with self.write():
            vectors = vectors_of(self._db, document)
            self._delete(document.source)
            insert(self._db, document, chunks, original, self._next_generation(), vectors)

    def rename(self, source: str, name: str, original: Original) -> None:
        """Give a document another name, that of its file, which was moved. Raises DocumentMissing.

        Nothing is read or encoded again; only the words of its path are indexed anew.
        """
        with self.write():
            if not rename(self._db, source, name, original, self._next_generation()):
                raise _missing(source)

    def touch(self, source: str, original: Original) -> None:
        """Remember that the file was looked at again and holds the same bytes."""
        with self.write():
            self._db.execute(
                "UPDATE documents SET path = ?, size = ?, mtime_ns = ?, ctime_ns = ? WHERE source = ?",
                (os.fsencode(original.path), original.size, original.mtime_ns, original.ctime_ns, source),
            )

    def remove(self, *sources: str) -> None:
        """Forget documents, their passages and vectors: all of them, or none where one is missing.

        What is left of their bytes is overwritten by ``scrub``. Raises DocumentMissing.
        """
        with self.write():
            for source in sources:
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
        self.set_meta(_UNSCRUBBED, "1")
        return True

    def document(self, source: str) -> Document:
        """The stored document. Raises DocumentMissing, IndexDamaged."""
        rows = self._rows(f"SELECT {COLUMNS} FROM documents WHERE source = ?", (_name(source),))
        if not rows:
            raise _missing(source)
        with self._whole(f"the document {source}"):
            return document_of(rows[0])

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

    def read_in_part(self) -> frozenset[str]:
        """The sources of whose files something could not be read."""
        return frozenset(row[0] for row in self._rows("SELECT source FROM documents WHERE unread != ''"))

    def original(self, source: str) -> tuple[str, Path]:
        """Sha256 of a document, and where its file was. Raises DocumentMissing."""
        rows = self._rows("SELECT sha256, path FROM documents WHERE source = ?", (_name(source),))
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

    def passages_after(self, passage_id: int, limit: int) -> list[Passage]:
        """Up to ``limit`` passages whose id is greater than ``passage_id``, by id."""
        return self._passages("WHERE passages.id > ? ORDER BY passages.id LIMIT ?", (passage_id, limit))

    def _passages(self, where: str, values: tuple[int, ...]) -> list[Passage]:
        rows = self._rows(_PASSAGE + where, values)
        with self._whole("a passage"):
            return [
                Passage(i, source, Span(s, e), text.decode(), head, page)
                for i, source, s, e, text, head, page in rows
            ]

    @contextmanager
    def _whole(self, part: str) -> Iterator[None]:
        """What cannot be read because its bytes are no longer those that were stored becomes IndexDamaged."""
        try:
            yield
        except (ValueError, TypeError) as exc:
            raise damaged(self._path, f"in {part}: {exc}") from exc

    def ids(self) -> NDArray[np.int64]:
        """Ids of all passages, ascending."""
        rows = self._rows("SELECT id FROM passages ORDER BY id")
        return np.array([row[0] for row in rows], dtype=np.int64)

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

    def vectors_after(
        self, generation: int, dim: int, *, upto: int
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Yield ids (n,) and vectors (n, dim) that came after ``generation`` and not after ``upto``, some
        thousands at a time.
        """
        after = (generation, _LAST_ID)
        while rows := self._rows(
            "SELECT id, vector, encoded FROM passages WHERE (encoded, id) > (?, ?) AND encoded <= ?"
            " ORDER BY encoded, id LIMIT ?",
            (*after, upto, _AT_ONCE),
        ):
            yield self._vectors(rows, dim)
            after = (rows[-1][2], rows[-1][0])

    def vectors(self, ids: NDArray[np.int64], dim: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Those of the ``ids``, (n,), that have a vector, and these vectors, (n, dim)."""
        marks = ",".join("?" * len(ids))
        query = f"SELECT id, vector FROM passages WHERE id IN ({marks}) AND vector IS NOT NULL"
        return self._vectors(self._rows(query, ids.tolist()), dim)

    def _vectors(self, rows: Sequence[Any], dim: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        ids = np.array([row[0] for row in rows], dtype=np.int64)
        with self._whole("a vector"):
            halves = np.frombuffer(b"".join(row[1] for row in rows), dtype=np.float16)
            return ids, halves.reshape(len(ids), dim).astype(np.float32)

    def deleted_after(self, generation: int) -> NDArray[np.int64]:
        """Ids of the passages that were deleted after ``generation``, ascending."""
        rows = self._rows(
            "SELECT passage_id FROM deleted WHERE generation > ? ORDER BY passage_id", (generation,)
        )
        return np.array([row[0] for row in rows], dtype=np.int64)


def _name(source: str) -> str:
    """The source as the database takes it. Raises DocumentMissing for half a character: no name has one."""
    try:
        source.encode()
    except UnicodeEncodeError:
        raise _missing(source) from None
    return source


def _missing(source: str) -> DocumentMissing:
    return DocumentMissing(f"There is no document {source!r} in the index. `qa list` shows those that are.")
