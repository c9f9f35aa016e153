"""Pictures of PDF pages, as ``data:`` addresses that need no further request, and where words stand on them.

PDFium works in processes of its own: a page that never comes to an end, takes all memory or crashes it costs
its own picture and nothing else.
"""

from __future__ import annotations

import atexit
import base64
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from index.child import Task
from index.limits import Limits
from index.parsing import Parsers
from index.types import Box, Document, Span

_WORKERS = 2
_IDLE_S = 600.0  # somebody who reads on finds the process still there
_LIMITS = Limits(seconds=10, seconds_per_mb=0.2, memory_bytes=2 << 30)  # somebody waits for the page


@dataclass(frozen=True, slots=True)
class Picture:
    """A rendered page: ``width`` and ``height`` in pixels, ``pages`` of the document it is from."""

    address: str
    width: int
    height: int
    pages: int


@lru_cache(maxsize=32)
def page_picture(path: Path, sha256: str, page: int) -> Picture:
    """The picture of page ``page`` (from 1) of the PDF whose bytes have this ``sha256``.

    Raises LoadError when the page cannot be drawn within limits.
    """
    return _drawers().do(Task(path, path.name, {"draw": page}, _picture))


def page_boxes(path: Path, document: Document, span: Span) -> tuple[Box, ...]:
    """Where the span of a PDF stands on its pages, one box a line in reading order; () for other formats.

    ``path`` must still hold the bytes that ``document`` was loaded from. Raises LoadError when they cannot be
    had within limits.
    """
    if document.format != "pdf":
        return ()
    parts = [  # each with the fields of index.formats.pdf_picture.Part
        (
            number,
            document.text[page.start : page.end],
            max(span.start, page.start) - page.start,
            min(span.end, page.end) - page.start,
        )
        for number, page in enumerate(document.pages)
        if page.overlaps(span)
    ]
    return _drawers().do(Task(path, document.source, {"boxes": parts}, _boxes))


@lru_cache(maxsize=1)
def _drawers() -> Parsers:
    drawers = Parsers(_LIMITS, workers=_WORKERS, idle_s=_IDLE_S)
    atexit.register(drawers.close)
    return drawers


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drawers.cache_clear)  # two must not talk to one process


def _picture(facts: dict[str, Any], data: bytes) -> Picture:
    address = "data:image/webp;base64," + base64.b64encode(data).decode("ascii")
    return Picture(address, int(facts["width"]), int(facts["height"]), int(facts["pages"]))


def _boxes(facts: dict[str, Any], _: bytes) -> tuple[Box, ...]:
    return tuple(Box(*box) for box in facts["boxes"])
