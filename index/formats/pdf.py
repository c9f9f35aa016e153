"""PDF through PDFium: text page by page, where every character keeps its place and so its box on the page.

Index in the text of a page == PDFium's character index (see ``characters`` for the exception), so that a
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
from index.formats import ocr
from index.formats.parsed import BLANK_LINE, Parsed, one_line
from index.formats.pdf_headings import Line, from_outline, from_sizes
from index.types import Span

PDFIUM_LOCK = threading.RLock()  # PDFium must not be entered by two threads at once: hold it for every call
MAX_PAGES = 20_000
_LETTER = re.compile(r"[^\W_]")
_SURROGATE_PAIR = re.compile("[\ud800-\udbff][\udc00-\udfff]")
_FILE_NAME = re.compile(r"\.[A-Za-z]\w{1,4}$|^[\w.-]*[\\/]|^Microsoft Word - ")
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


def read(data: bytes, name: str, *, on_step: Callable[[], None] = lambda: None) -> Parsed:
    """Text, pages, title and headings of a PDF."""
    with PDFIUM_LOCK, opened(data, name) as pdf:
        if len(pdf) == 0:
            raise LoadError(
                f"{name} has no pages. It may be damaged: open it in a PDF viewer and save it again."
            )
        if len(pdf) > MAX_PAGES:
            raise LoadError(f"{name} has {len(pdf)} pages; the limit is {MAX_PAGES}. Split it into parts.")
        pages = [_read_page(pdf, number, name) for number in range(len(pdf))]
        scanned = [i for i, page in enumerate(pages) if is_blank(page.text) and _is_picture(pdf, i)]
        for i in scanned[: ocr.MAX_PAGES] if ocr.languages() else ():
            pages[i] = _recognised(pdf, i)
            on_step()
        scanned = [i for i in scanned if is_blank(pages[i].text)]
        outline = [
            (item.level + 1, one_line(item.get_title()), target)
            for item in pdf.get_toc()
            if (target := _target(item)) is not None
        ]
        title = _title(one_line(pdf.get_metadata_value("Title")))
    if all(is_blank(page.text) for page in pages):
        raise LoadError(
            f"{name} has pages but no text: it is probably a scan and needs OCR. {_remedy(scanned)}"
        )
    spans: list[Span] = []
    start = 0
    for page in pages:
        spans.append(Span(start, start + len(page.text)))
        start = spans[-1].end + len(BLANK_LINE)
    text = BLANK_LINE.join(page.text for page in pages)
    headings = from_outline(outline, text, spans) or from_sizes([page.lines for page in pages], text, spans)
    unread = ""
    if scanned:
        unread = f"{name} is indexed without {_listed(scanned)}: a picture without text. {_remedy(scanned)}"
    return Parsed(text, title, tuple(spans), headings, unread=unread)


def is_blank(text: str) -> bool:
    """Whether there is nothing to read on a page with this text."""
    return not text.strip(" \n\ufffd")


def _is_picture(pdf: pypdfium2.PdfDocument, number: int) -> bool:
    """Whether there is an image on a page."""
    page = pdf[number]
    try:
        return any(True for _ in page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=4))
    finally:
        page.close()


def _recognised(pdf: pypdfium2.PdfDocument, number: int) -> _Page:
    """A page with the words on its picture. They have no boxes: the page is shown without a mark."""
    page = pdf[number]
    try:
        return _Page(ocr.recognise(page) or "", ())
    finally:
        page.close()


def _remedy(scanned: Sequence[int]) -> str:
    if not ocr.languages():
        return "Install Tesseract (`tesseract` must be on the PATH) and index it again, or use ocrmypdf."
    if len(scanned) > ocr.MAX_PAGES:
        return f"Up to {ocr.MAX_PAGES} pages are recognised in one file: split it into parts."
    return "Tesseract found no words there: are its languages installed, and the pages legible?"


def _listed(pages: Sequence[int]) -> str:
    """The pages by their numbers from 1, the first of many."""
    numbers = ", ".join(str(number + 1) for number in pages[:10])
    more = f" and {len(pages) - 10} more" if len(pages) > 10 else ""
    return f"page {numbers}{more}" if len(pages) == 1 else f"pages {numbers}{more}"


@contextmanager
def opened(data: bytes, name: str) -> Iterator[pypdfium2.PdfDocument]:
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
    text, places = characters(text_page)
    box = loose_boxes(text_page.raw)
    lines = tuple(_lines(text, lambda index: box(places[index])))
    text_page.close()
    page.close()
    return _Page(_with_paragraphs(text, lines), lines)


def characters(text_page: pypdfium2.PdfTextPage) -> tuple[str, Sequence[int]]:
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


def loose_boxes(handle: object) -> Callable[[int], tuple[float, float, float, float]]:
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
