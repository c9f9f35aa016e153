"""PDF through PDFium: text page by page, where every character keeps its place and so its box on the page.

Index in the text of a page == PDFium's character index (see ``_characters`` for the exception), so that a
span of the stored text can be drawn on the page without searching for it. All replacements are therefore one
character for one.
"""

from __future__ import annotations

import ctypes
import re
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import pypdfium2
import pypdfium2.raw as pdfium

from index.errors import LoadError
from index.formats.parsed import BLANK_LINE, Parsed, one_line
from index.formats.pdf_headings import Line, from_outline, from_sizes
from index.types import Box, Document, Span

PDFIUM_LOCK = threading.RLock()  # PDFium must not be entered by two threads at once: hold it for every call
_LETTER = re.compile(r"[^\W_]")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_FILE_NAME = re.compile(r"\.[A-Za-z]\w{1,4}$|^[\w.-]*[\\/]|^Microsoft Word - ")
_UNITS = (
    1 << 20
)  # FPDF_PageToDevice counts in whole pixels: a page is made this large, to get fractions of it
# Both mark a hyphen at the end of a line. The other controls, NUL among them (a glyph without a known
# character), and U+FFFE's neighbours say nothing.
_REPLACED = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0), 0xFEFF, 0xFFFF)} | {
    0x02: "-",
    0xFFFE: "-",
}
_REPLACED |= dict.fromkeys(range(0xD800, 0xE000), "\ufffd") | {0x0A: "\n"}


@dataclass(frozen=True, slots=True)
class _Page:
    """Text of one page and its lines."""

    text: str
    lines: tuple[Line, ...]


def read(data: bytes, name: str) -> Parsed:
    """Text, pages, title and headings of a PDF."""
    with PDFIUM_LOCK, _opened(data, name) as pdf:
        if len(pdf) == 0:
            raise LoadError(
                f"{name} has no pages. It may be damaged: open it in a PDF viewer and save it again."
            )
        pages = [_read_page(pdf, number, name) for number in range(len(pdf))]
        outline = [
            (item.level + 1, one_line(item.get_title()), target)
            for item in pdf.get_toc()
            if (target := _target(item)) is not None
        ]
        title = _title(one_line(pdf.get_metadata_value("Title")))
    if not any(page.text.strip(" \n\ufffd") for page in pages):
        raise LoadError(
            f"{name} has pages but no text: it is probably a scan and needs OCR first (for example ocrmypdf)."
        )
    spans: list[Span] = []
    start = 0
    for page in pages:
        spans.append(Span(start, start + len(page.text)))
        start = spans[-1].end + len(BLANK_LINE)
    text = BLANK_LINE.join(page.text for page in pages)
    headings = from_outline(outline, text, spans) or from_sizes([page.lines for page in pages], text, spans)
    return Parsed(text, title, tuple(spans), headings)


def boxes(data: bytes, document: Document, span: Span) -> tuple[Box, ...]:
    """Where the characters of the span stand: one box a line, in reading order."""
    found: list[Box] = []
    with PDFIUM_LOCK, _opened(data, document.source) as pdf:
        for number, page in enumerate(document.pages):
            if page.overlaps(span) and number < len(pdf):
                first, last = max(span.start, page.start) - page.start, min(span.end, page.end) - page.start
                found += _page_boxes(pdf, number, document.text[page.start : page.end], first, last)
    return tuple(found)


@contextmanager
def _opened(data: bytes, name: str) -> Iterator[pypdfium2.PdfDocument]:
    """The open document; PDFium's errors become sentences."""
    pdf = None
    try:
        pdf = pypdfium2.PdfDocument(data)
        yield pdf
    except pypdfium2.PdfiumError as exc:
        if pdf is None and b"/Encrypt" in data and exc.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise LoadError(
                f"{name} is protected by a password. Save a copy without the password and index that."
            ) from exc
        raise LoadError(
            f"{name} is not a readable PDF: it is damaged or has no pages. Fetch it again, or open it "
            "in a PDF viewer and save it anew."
        ) from exc
    finally:
        if pdf is not None:
            pdf.close()


def _title(title: str) -> str:
    """The title, unless it is only what the writing program put there: the name of a file."""
    return "" if _FILE_NAME.search(title) or title.lower().startswith("untitled") else title


def _target(item: pypdfium2.PdfBookmark) -> int | None:
    """Index of the page that a bookmark leads to."""
    destination = item.get_dest()
    return destination.get_index() if destination is not None else None


def _read_page(pdf: pypdfium2.PdfDocument, number: int, name: str) -> _Page:
    try:
        page = pdf[number]
    except pypdfium2.PdfiumError as exc:
        raise LoadError(
            f"{name} is damaged: page {number + 1} of {len(pdf)} cannot be read. Open it in a PDF viewer "
            "and save it anew."
        ) from exc
    text_page = page.get_textpage()
    text, places = _characters(text_page)
    box = _loose_boxes(text_page.raw)
    lines = tuple(_lines(text, lambda index: box(places[index])))
    text_page.close()
    page.close()
    return _Page(_with_paragraphs(text, lines), lines)


def _characters(text_page: pypdfium2.PdfTextPage) -> tuple[str, Sequence[int]]:
    """The text of a page, and PDFium's index of each of its characters.

    The two indices are the same, unless the page holds characters beyond U+FFFF: PDFium counts two halves for
    those that come from a pair of surrogates.
    """
    get, handle, count = pdfium.FPDFText_GetUnicode, text_page.raw, text_page.count_chars()
    text = "".join([chr(get(handle, i)) for i in range(count)])
    places: Sequence[int] = range(count)
    if _SURROGATE_PAIR.search(text):
        places = [i for i in places if not (i and _SURROGATE_PAIR.match(text, i - 1))]
        text = _SURROGATE_PAIR.sub(
            lambda pair: pair[0].encode("utf-16", "surrogatepass").decode("utf-16"), text
        )
    return text.translate(_REPLACED), places


def _loose_boxes(handle: object) -> Callable[[int], tuple[float, float, float, float]]:
    """A function that gives left, bottom, right and top of a character in page units; zeros for none."""
    rectangle = pdfium.FS_RECTF()
    pointer = ctypes.byref(rectangle)

    def box(index: int) -> tuple[float, float, float, float]:
        if not pdfium.FPDFText_GetLooseCharBox(handle, index, pointer):
            return 0.0, 0.0, 0.0, 0.0
        return rectangle.left, rectangle.bottom, rectangle.right, rectangle.top

    return box


def _lines(text: str, box: Callable[[int], tuple[float, float, float, float]]) -> Iterator[Line]:
    """The lines of a page with the height and the foot of their first letter (bullets come in odd sizes)."""
    start = 0
    for line in text.split("\n"):
        shown = line.strip()
        if shown:
            first = start + line.index(shown)
            letter = _LETTER.search(shown)
            _, bottom, _, top = box(first + (letter.start() if letter else 0))
            yield Line(Span(first, first + len(shown)), shown, abs(top - bottom), min(bottom, top))
        start += len(line) + 1


def _with_paragraphs(text: str, lines: tuple[Line, ...]) -> str:
    r"""The text with "\n\n" in place of " \n" where the gap between two lines is larger than the page's usual
    one.

    PDFium ends a line with two characters, so a blank line fits in without moving anything.
    """
    steps = [before.foot - after.foot for before, after in pairwise(lines)]
    usual = sorted(step for step in steps if step > 1)
    if len(usual) < 3:
        return text
    typical = usual[len(usual) // 2]
    characters = list(text)
    for step, (before, after) in zip(steps, pairwise(lines), strict=True):
        feed = text.rfind("\n", before.span.end, after.span.start)
        larger = max(before.height, after.height) > 1.12 * min(before.height, after.height)
        if feed > before.span.end and (step > 1.35 * typical or (larger and abs(step) > 1)):
            characters[feed - 1] = "\n"
    return "".join(characters)


def _page_boxes(pdf: pypdfium2.PdfDocument, number: int, text: str, first: int, last: int) -> Iterator[Box]:
    """Boxes for the characters from ``first`` up to ``last`` of a page that reads ``text``."""
    page = pdf[number]
    text_page = page.get_textpage()
    box = _loose_boxes(text_page.raw)
    shown = _display(page)
    places = (
        _characters(text_page)[1] if any(character > "\uffff" for character in text) else range(len(text))
    )
    line: Box | None = None
    previous: Box | None = None
    for index in range(first, last):
        character = text[index]
        if character == "\n" and line is not None:
            yield line
            line = None
        if character.isspace():
            continue
        left, bottom, right, top = box(places[index])
        if left == right or bottom == top:
            continue
        (x0, y0), (x1, y1) = shown(left, bottom), shown(right, top)
        here = Box(number + 1, min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
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
