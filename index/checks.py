"""Single checks of the doctor: each says what is wrong, or "" where nothing is."""

from __future__ import annotations

import json
import sqlite3
import zlib
from pathlib import Path

import numpy as np

from index.schema import checksum
from index.store import Store
from index.terms import Terms
from index.types import Document
from index.vectors import Vectors

_SAME = 0.9  # cosine; that of a vector with itself is 1, but for rounding
_SEARCHED = 200  # vectors that are looked up by a search; all are compared
_CHECKSUMMED = {".idx", ".term", ".pos", ".store", ".fast", ".fieldnorm", ".del"}
_FOOTER_MAGIC = 1337  # last four bytes of such a file: its footer holds a CRC-32 of the rest


def restored(db: sqlite3.Connection, row: int, expected: str) -> bytes | None:
    """The text of a document, mended with the texts of its passages; None where that does not make it whole.

    Damage changes bytes, but not their number. So all passages stand where they stood, and between them there
    are only blanks, whose first bytes tell how long they are.
    """
    query = "SELECT text, pages, headings FROM documents WHERE id = ?"
    text, pages, headings = db.execute(query, (row,)).fetchone()
    query = "SELECT start, end, text FROM passages WHERE document_id = ? ORDER BY start"
    mended = bytearray(text)
    at = characters = 0
    try:
        for start, end, piece in db.execute(query, (row,)):
            for _ in range(start - characters):
                at += _utf8_width(mended[at])
            mended[at : at + len(piece)] = piece
            at += len(piece)
            characters = end
        whole = bytes(mended)
        return whole if checksum(whole, pages, headings) == expected else None
    except (IndexError, TypeError, AttributeError):  # even the types of the columns can be damaged
        return None


def _utf8_width(first: int) -> int:
    """Bytes of the character that begins with this byte."""
    return 1 + (first >= 0xC0) + (first >= 0xE0) + (first >= 0xF0)


def passages_problem(db: sqlite3.Connection, row: int, document: Document) -> str:
    """Whether the passages are slices of the document, on its pages, and together hold all of its words."""
    at = 0
    rows = db.execute(
        "SELECT start, end, page, text FROM passages WHERE document_id = ? ORDER BY start", (row,)
    )
    for start, end, page, text in rows:
        inside = at <= start < end <= len(document.text)
        if not inside or document.text[start:end].encode() != text:
            return f"A passage does not hold the words from {start} to {end} of the text."
        if page != document.page_at(start):
            return f"The passage at {start} names page {page}, but stands on {document.page_at(start)}."
        if document.text[at:start].strip():
            return f"No passage holds the words from {at} to {start}."
        at = end
    return f"No passage holds the words after {at}." if document.text[at:].strip() else ""


def wrong_vectors(db: sqlite3.Connection, row: int) -> list[int]:
    """Ids of the passages of a document whose vector is no unit vector of the size of the others."""
    size = db.execute("SELECT length(vector) FROM passages WHERE vector IS NOT NULL ORDER BY id").fetchone()
    query = "SELECT id, vector, encoded FROM passages WHERE document_id = ? AND vector IS NOT NULL"
    return [
        passage
        for passage, blob, encoded in db.execute(query, (row,))
        if len(blob) != size[0] or not is_unit(blob) or encoded is None
    ]


def is_unit(blob: bytes) -> bool:
    """Whether these are the bytes of a float16 vector of unit norm."""
    if len(blob) % 2:
        return False
    vector = np.frombuffer(blob, dtype=np.float16).astype(np.float32)
    return bool(np.isfinite(vector).all() and 0.9 < vector @ vector < 1.1)


def words_problem(folder: Path, store: Store) -> str:
    """Whether the index of words can be read, is as it was written, and knows each passage once.

    One that lags behind the database is in order: whoever opens the index next catches it up.
    """
    try:
        words = Terms.open(folder)
        for file in sorted(folder.iterdir()):
            if file.suffix in _CHECKSUMMED and not _is_as_written(file):
                return f"has a damaged file ({file.suffix})"
        if words.generation > store.generation():
            return "is ahead of the database"
        if words.generation == store.generation() and not np.array_equal(np.sort(words.ids()), store.ids()):
            return "does not hold the passages of the database"
    except (ValueError, OSError) as exc:
        return f"cannot be read ({type(exc).__name__})"
    return ""


def _is_as_written(file: Path) -> bool:
    """Whether a file of tantivy has the checksum that its footer names."""
    data = file.read_bytes()
    length, magic = int.from_bytes(data[-8:-4], "little"), int.from_bytes(data[-4:], "little")
    if magic != _FOOTER_MAGIC or len(data) < 8 + length:
        return False
    body, footer = data[: -8 - length], json.loads(data[-8 - length : -8])
    return bool(footer["crc"] == zlib.crc32(body))


def vectors_problem(folder: Path, db: sqlite3.Connection, store: Store) -> str:
    """Whether the index of vectors knows each vector of the database, where it stands, and no other.

    It is compared after it has caught up in memory, for an index that lags behind is in order. A search for a
    vector must find it, or one like it, in 9 of 10 cases: large indexes search by clusters.
    """
    row = db.execute("SELECT length(vector) FROM passages WHERE vector IS NOT NULL").fetchone()
    dim = row[0] // 2 if row else 1
    vectors = Vectors(folder, dim, store)
    if vectors.generation > store.generation():
        return "is ahead of the database"
    if not vectors.generation:
        return ""  # there is no file: it is made from the database
    vectors.catch_up()
    rows = db.execute("SELECT id, vector FROM passages WHERE length(vector) = ?", (2 * dim,)).fetchall()
    if len(vectors) != len(rows):
        return "does not hold the passages of the database"
    found = tried = 0
    for number, (passage, blob) in enumerate(rows):
        vector = np.frombuffer(blob, dtype=np.float16).astype(np.float32)
        if not vectors.holds(passage, vector):
            return "does not hold the vectors of the database"
        if number % (1 + len(rows) // _SEARCHED) == 0:
            tried += 1
            found += any(score > _SAME for _, score in vectors.search(vector, 3))
    return "" if found >= 0.9 * tried else "does not find the vectors of the database"
