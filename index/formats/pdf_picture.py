"""What is shown of a PDF: a page as a picture, and boxes over its words.

This belongs in a process that may die (``index.picture``): a page can take any time and any memory.
"""

from __future__ import annotations

import ctypes
import io
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from index.errors import LoadError
from index.formats.pdf import PDFIUM_LOCK, characters, is_blank, loose_boxes, opened
from index.types import Box

WIDTH_PIXELS = 1100  # of a picture: sharp in the viewer's column, also on a dense display
MAX_HEIGHT_PIXELS = 4000
_UNITS = (
    1 << 20
)  # FPDF_PageToDevice counts in whole pixels: a page is made this large, to get fractions of it


def draw(path: Path, name: str, page: int) -> tuple[dict[str, Any], bytes]:
    """Width, height and number of pages, and the picture of page ``page`` (from 1) as WebP.

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
            raise LoadError(f"Page {page} of {name} cannot be drawn: {exc}.") from exc
    buffer = io.BytesIO()
    image.convert("RGB").save(buffer, "WEBP", quality=80, method=0)
    return {"width": image.width, "height": image.height, "pages": pages}, buffer.getvalue()


@dataclass(frozen=True, slots=True)
class Part:
    """The characters from ``first`` up to ``last`` of page ``number`` (from 0), which reads ``text``."""

    number: int
    text: str
    first: int
    last: int


def boxes(data: bytes, name: str, parts: Sequence[Part]) -> tuple[Box, ...]:
    """Where the characters of these parts stand: one box a line, in reading order."""
    with PDFIUM_LOCK, opened(data, name) as pdf:
        return tuple(box for part in parts if part.number < len(pdf) for box in _page_boxes(pdf, part))


def _page_boxes(pdf: pypdfium2.PdfDocument, part: Part) -> Iterator[Box]:
    page = pdf[part.number]
    text_page = page.get_textpage()
    if is_blank(characters(text_page)[0]):
        return  # its words were recognised on a picture
    box = loose_boxes(text_page.raw)
    shown = _display(page)
    places = (
        characters(text_page)[1]
        if any(character > "\uffff" for character in part.text)
        else range(len(part.text))
    )
    line: Box | None = None
    previous: Box | None = None
    for index in range(part.first, part.last):
        character = part.text[index]
        if character == "\n" and line is not None:
            yield line
            line = None
        if character.isspace():
            continue
        left, bottom, right, top = box(places[index])
        if left == right or bottom == top:
            continue
        (x0, y0), (x1, y1) = shown(left, bottom), shown(right, top)
        here = Box(part.number + 1, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        if line is not None and previous is not None and not _side_by_side(previous, here):
            yield line  # a word that was hyphenated goes on in the next line without a line end in the text
            line = None
        line = here if line is None else _union(line, here)
        previous = here
    if line is not None:
        yield line
    text_page.close()
    page.close()


def _display(page: pypdfium2.PdfPage) -> Callable[[float, float], tuple[float, float]]:
    """A function from a point to fractions of the page as shown: cropped, rotated, from its top left."""
    x, y = ctypes.c_int(), ctypes.c_int()

    def shown(left: float, bottom: float) -> tuple[float, float]:
        pdfium.FPDF_PageToDevice(
            page, 0, 0, _UNITS, _UNITS, 0, left, bottom, ctypes.byref(x), ctypes.byref(y)
        )
        return min(1.0, max(0.0, x.value / _UNITS)), min(1.0, max(0.0, y.value / _UNITS))

    return shown


def _side_by_side(one: Box, other: Box) -> bool:
    """Whether two characters stand in one line: beside each other, or below in vertical text."""
    beside = min(one.bottom, other.bottom) - max(one.top, other.top)
    below = min(one.right, other.right) - max(one.left, other.left)
    return beside > 0 or below > 0.5 * min(one.right - one.left, other.right - other.left)


def _union(one: Box, other: Box) -> Box:
    return Box(
        one.page,
        min(one.left, other.left),
        min(one.top, other.top),
        max(one.right, other.right),
        max(one.bottom, other.bottom),
    )
