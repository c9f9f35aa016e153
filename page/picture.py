"""Pictures of PDF pages, as ``data:`` addresses that need no further request."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pypdfium2

from index.errors import LoadError
from index.formats.pdf import PDFIUM_LOCK

WIDTH_PIXELS = 1100  # of a picture: sharp in the viewer's column, also on a dense display
MAX_HEIGHT_PIXELS = 4000


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

    Raises LoadError when the page cannot be drawn.
    """
    with PDFIUM_LOCK:
        try:
            pdf = pypdfium2.PdfDocument(str(path))
            try:
                sheet = pdf[page - 1]
                wide, high = sheet.get_size()
                scale = min(WIDTH_PIXELS / max(wide, 1.0), MAX_HEIGHT_PIXELS / max(high, 1.0))
                image = sheet.render(scale=scale).to_pil()
                pages = len(pdf)
            finally:
                pdf.close()
        except (pypdfium2.PdfiumError, IndexError, OSError, ValueError) as exc:
            raise LoadError(f"Page {page} of {path.name} cannot be drawn: {exc}.") from exc
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=80, method=0)
    address = "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
    return Picture(address, image.width, image.height, pages)
