"""The process that reads files, one after the other, on behalf of ``index.parsing``; it may die alone.

It speaks in frames over its standard streams: 8 bytes with the length, then so many bytes. A request is JSON
with the path, the source and the seconds; it asks for the document in the file, or with ``"draw"`` for a page
of a PDF as a picture, or with ``"boxes"`` for the places of words on pages. A reply is any number of empty
frames (signs of life), then JSON: ``{"error": sentence}``, or the facts, followed by a frame of bytes: the
text, the picture, or nothing. Nothing is pickled.
"""

from __future__ import annotations

import faulthandler
import importlib
import json
import os
import signal
import struct
import sys
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import IO, Any, Protocol

from index.chunk import Chunk, chunk
from index.errors import LoadError
from index.formats.parsed import one_line
from index.limits import Limits, limit_memory
from index.types import Document, Heading, Span

_LENGTH = struct.Struct(">Q")
_REQUEST_BYTES = 1 << 30  # of words whose boxes are asked for
_GRACE_S = 5.0  # the parent ends a process that is late; this is for one whose parent was killed


class Load(Protocol):
    """Reads a file as ``index.load.load`` does."""

    def __call__(self, path: Path, source: str, *, on_step: Callable[[], None]) -> Document:
        """The document in a file; ``on_step`` is called whenever a long work has made a step."""


@dataclass(frozen=True, slots=True)
class Loaded:
    """A document that was read, and the passages that it was cut into: ``chunks == chunk(document)``."""

    document: Document
    chunks: tuple[Chunk, ...]


def main(arguments: str) -> None:
    """Serve requests until standard input ends; ``arguments`` is JSON: the limits, and what to load with."""
    given = json.loads(arguments)
    requests = sys.stdin.buffer
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # a library that prints must not garble the replies
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    limits = Limits(**given["limits"])
    limit_memory(limits.memory_bytes)
    module, _, function = given["load"].partition(":")
    load: Load = getattr(importlib.import_module(module), function)
    while request := read_frame(requests, most=_REQUEST_BYTES):
        _serve(json.loads(request), load, limits, replies)


def _serve(request: dict[str, Any], load: Load, limits: Limits, replies: IO[bytes]) -> None:
    seconds = float(request["seconds"])

    def on_step() -> None:
        faulthandler.dump_traceback_later(seconds + _GRACE_S, exit=True)
        write_frame(replies, b"")

    on_step()
    try:
        facts, data = _done(request, load, limits, on_step)
        reply = [json.dumps(facts).encode(), data]
    except LoadError as exc:
        reply = [json.dumps({"error": str(exc)}).encode()]
    except MemoryError:
        reply = [json.dumps({"memory": True}).encode()]
    except Exception as exc:  # a mistake of ours or of a library costs one file, and the report names it
        reply = [json.dumps({"error": _confess(request["source"], exc)}).encode()]
    for frame in reply:
        write_frame(replies, frame)
    faulthandler.cancel_dump_traceback_later()


def _done(
    request: dict[str, Any], load: Load, limits: Limits, on_step: Callable[[], None]
) -> tuple[dict[str, Any], bytes]:
    """Facts and bytes of the reply. Raises LoadError."""
    path, source = Path(request["path"]), request["source"]
    if "draw" in request:
        from index.formats.pdf_picture import draw

        return draw(path, source, request["draw"])
    if "boxes" in request:
        from index.formats.pdf_picture import Part, boxes
        from index.load import read_bytes

        found = boxes(read_bytes(path, source), source, [Part(*part) for part in request["boxes"]])
        return {"boxes": [astuple(box) for box in found]}, b""
    document = load(path, source, on_step=on_step)
    text = document.text.encode()
    if len(text) > limits.text_bytes:
        raise LoadError(
            f"{source} holds {len(text) / 1e6:.0f} MB of text; the limit is "
            f"{limits.text_bytes / 1e6:.0f} MB. Split it into parts."
        )
    return _facts(Loaded(document, chunk(document))), text


def _confess(source: str, error: Exception) -> str:
    reason = one_line(f"{type(error).__name__}: {error}")[:200]
    return (
        f"{one_line(source)} cannot be read: the reader of such files failed on it ({reason}). Save it "
        f"again or in another format; and please report this mistake."
    )


def _facts(loaded: Loaded) -> dict[str, Any]:
    document = loaded.document
    return {
        "source": document.source,
        "sha256": document.sha256,
        "format": document.format,
        "title": document.title,
        "pages": [(page.start, page.end) for page in document.pages],
        "headings": [(h.span.start, h.span.end, h.level, h.title) for h in document.headings],
        "rows": document.rows,
        "unread": document.unread,
        "chunks": [(c.span.start, c.span.end, c.heading, c.page) for c in loaded.chunks],
    }


def loaded_from(facts: dict[str, Any], text: str) -> Loaded:
    """What ``_facts`` described. Raises ValueError, TypeError or KeyError where it makes no document."""
    document = Document(
        source=facts["source"],
        sha256=facts["sha256"],
        text=text,
        format=facts["format"],
        title=facts["title"],
        pages=tuple(Span(start, end) for start, end in facts["pages"]),
        headings=tuple(Heading(Span(s, e), level, title) for s, e, level, title in facts["headings"]),
        rows=tuple((offset, number) for offset, number in facts["rows"]),
        unread=facts["unread"],
    )
    chunks = tuple(Chunk(Span(start, end), heading, page) for start, end, heading, page in facts["chunks"])
    return Loaded(document, chunks)


def write_frame(stream: IO[bytes], data: bytes) -> None:
    """Send a frame at once."""
    stream.write(_LENGTH.pack(len(data)))
    stream.write(data)
    stream.flush()


def read_frame(stream: IO[bytes], *, most: int = 1 << 20) -> bytes | None:
    """The next frame; None where the stream has ended. Raises ValueError for one of over ``most`` bytes."""
    head = stream.read(_LENGTH.size)
    if len(head) < _LENGTH.size:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > most:
        raise ValueError(f"a frame of {length} bytes; the limit is {most}")
    data = stream.read(length)
    return data if len(data) == length else None
