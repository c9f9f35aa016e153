"""Documents as rows of the database; the caller holds the transaction."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Sequence
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

from index import schema
from index.files import Original
from index.types import Document, Heading, Span

if TYPE_CHECKING:
    from index.chunk import Chunk

COLUMNS = (
    "source, sha256, text, format, title, pages, headings, rows, unread"  # those that `document_of` reads
)


def document_of(row: Sequence[Any]) -> Document:
    """The document in a row of ``COLUMNS``. Raises ValueError or TypeError where its bytes are damaged."""
    source, sha256, text, kind, title, pages, headings, numbers, unread = row
    return Document(
        source=source,
        sha256=sha256,
        text=text.decode(),
        format=kind,
        title=title,
        pages=tuple(Span(start, end) for start, end in json.loads(pages)),
        headings=tuple(Heading(Span(s, e), level, name) for s, e, level, name in json.loads(headings)),
        rows=tuple((offset, number) for offset, number in json.loads(numbers)),
        unread=unread,
    )


def insert(
    db: sqlite3.Connection,
    document: Document,
    chunks: Sequence[Chunk],
    original: Original,
    generation: int,
    vectors: dict[bytes, bytes],
) -> None:
    """Write a document and its passages; those whose fingerprint is among ``vectors`` have theirs at once."""
    content = (
        document.text.encode(),
        json.dumps([[page.start, page.end] for page in document.pages]),
        json.dumps([[h.span.start, h.span.end, h.level, h.title] for h in document.headings]),
    )
    row = db.execute(
        "INSERT INTO documents (source, sha256, format, title, characters, text, pages, headings, checksum,"
        " rows, unread, path, size, mtime_ns, ctime_ns) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            document.source,
            document.sha256,
            document.format,
            document.title,
            len(document.text),
            *content,
            schema.checksum(*content),
            json.dumps(document.rows),
            document.unread,
            *_stamps(original),
        ),
    )
    for c in chunks:
        text = document.text[c.span.start : c.span.end].encode()
        vector = vectors.get(_fingerprint(c.heading, text))
        encoded = None if vector is None else generation
        db.execute(
            "INSERT INTO passages (document_id, start, end, page, heading, text, stored, vector, encoded)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (row.lastrowid, c.span.start, c.span.end, c.page, c.heading, text, generation, vector, encoded),
        )


def vectors_of(db: sqlite3.Connection, document: Document) -> dict[bytes, bytes]:
    """The vectors of the stored version of a document, and of copies of it, by fingerprint."""
    rows = db.execute(
        "SELECT heading, passages.text, vector FROM passages JOIN documents ON documents.id = document_id"
        " WHERE (source = ? OR sha256 = ?) AND vector IS NOT NULL",
        (document.source, document.sha256),
    )
    return {_fingerprint(heading, text): vector for heading, text, vector in rows}


def rename(db: sqlite3.Connection, source: str, name: str, original: Original, generation: int) -> bool:
    """Give a document another name and place; False where there is none called ``source``."""
    found = db.execute(
        "UPDATE documents SET source = ?, path = ?, size = ?, mtime_ns = ?, ctime_ns = ? WHERE source = ?"
        " RETURNING id",
        (name, *_stamps(original), source),
    ).fetchone()
    if found is None:
        return False
    db.execute("UPDATE passages SET stored = ? WHERE document_id = ?", (generation, found[0]))
    return True


def _stamps(original: Original) -> tuple[bytes, int, int, int]:
    return os.fsencode(original.path), original.size, original.mtime_ns, original.ctime_ns


def _fingerprint(heading: str, text: bytes) -> bytes:
    """The same for two passages exactly if they have the same vector: it is made of headings and text."""
    return blake2b(b"\0".join((heading.encode(), text)), digest_size=16).digest()
