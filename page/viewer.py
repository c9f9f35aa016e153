"""The viewer: a document with the cited span marked, as text or as the picture of a PDF page.

Exactly one ``<mark>`` (text) is the span that was clicked, unbroken; on a picture its lines are
``.cite-box``. The other citations of the same answer are marked softly, with classes of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from index.errors import DocumentMissing, LoadError
from index.types import Box, Document, Span
from page.conversation import Shown
from page.markup import escape, name, place, sheet, spelled
from page.picture import Picture, page_picture

if TYPE_CHECKING:
    from index.index import Index

WINDOW_CHARS = 20_000  # of text on each side of the span; a document may be hundreds of times longer
MAX_SOFT = 50  # citations that are marked beside the clicked one

_FIXED_WIDTH = frozenset({"csv", "tsv", "json", "jsonl", "code", "python", "xlsx"})

EMPTY = (
    '<div class="cs-blank"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M6 3h9l4 4v14H6z M15 3v4h4"/>'
    '<path class="cs-blank-mark" d="M9 12h7 M9 16h5"/></svg><p>Click a number in an answer to see '
    "the exact words here.</p></div>"
)


def view(index: Index, shown: Shown) -> str:
    """The viewer's content for what is to be shown; raises DocumentMissing when the document is gone."""
    document = index.document(shown.source)
    if document.format == "pdf" and not shown.as_text:
        page = picture_view(index, document, shown)
        if page is not None:
            return page
    return text_view(document, shown)


def missing_view(error: DocumentMissing) -> str:
    """The viewer's content when the document was removed after the answer."""
    return f'<div class="cs-blank"><p>{escape(str(error))}</p></div>'


def picture_view(index: Index, document: Document, shown: Shown) -> str | None:
    """The page with boxes over the span, or None where the file or the boxes are not to be had."""
    path = index.original(document.source)
    if path is None or not document.pages:
        return None
    boxes = index.boxes(document.source, shown.span) if shown.span is not None else ()
    if shown.span is not None and not boxes:
        return None
    home = boxes[0].page if boxes else 1
    page = min(max(shown.page or home, 1), len(document.pages))
    try:
        picture = page_picture(path, document.sha256, page)
    except LoadError:
        return None
    limits = document.pages[page - 1]
    soft = [span for span in shown.also[:MAX_SOFT] if span.overlaps(limits)]
    also = [box for span in soft for box in index.boxes(document.source, span) if box.page == page]
    strong = [box for box in boxes if box.page == page]
    quote = document.text[shown.span.start : shown.span.end] if shown.span is not None else ""
    return page_html(document, replace(shown, page=page), picture, strong, also, quote)


def page_html(
    document: Document, shown: Shown, picture: Picture, strong: Sequence[Box], also: Sequence[Box], quote: str
) -> str:
    """The HTML of a page picture with its boxes, its number and the quote as text above it."""
    page = shown.page or 1
    number = f"page {page} of {len(document.pages)}"
    turn = (
        '<nav class="cs-pages" aria-label="Pages">'
        f"{_button('page', page - 1, 'Previous page', '‹', disabled=page <= 1)}"
        f'<span data-testid="page-number">{number}</span>'
        f"{_button('page', page + 1, 'Next page', '›', disabled=page >= len(document.pages))}"
        f"{_button('text', 1, 'Show the stored text', 'Text')}</nav>"
    )
    drawn = "".join([_box("cs-also-box", box) for box in also] + [_box("cite-box", box) for box in strong])
    alternative = escape(f"{spelled(document.source)}, {number}")
    size = f'width="{picture.width}" height="{picture.height}"'
    drawing = f'<div class="cs-sheet"><img alt="{alternative}" src="{picture.address}" {size}>{drawn}</div>'
    words = f'<blockquote class="cs-quote" dir="auto">{escape(quote)}</blockquote>' if quote else ""
    return _header(document, shown, page) + turn + words + _scroll(drawing)


def _box(kind: str, box: Box) -> str:
    left, top = 100 * box.left, 100 * box.top
    width, height = 100 * (box.right - box.left), 100 * (box.bottom - box.top)
    place = f"left:{left:.3f}%;top:{top:.3f}%;width:{width:.3f}%;height:{height:.3f}%"
    return f'<i class="{kind}" style="{place}"></i>'


def text_view(document: Document, shown: Shown) -> str:
    """The stored text around the span, with marks; a long document gets buttons for the rest."""
    text = document.text
    centre = shown.offset if shown.offset is not None else shown.span.start if shown.span is not None else 0
    end = shown.span.end if shown.span is not None and shown.offset is None else centre
    window = cut_window(text, centre, end)
    words = marked(document, window, shown.span, shown.also[:MAX_SOFT])
    before = after = ""
    if window.start > 0:
        to = max(0, window.start - WINDOW_CHARS)
        before = f'<p class="cs-more">{_button("offset", to, "Show the text before", "↑ Earlier text")}</p>'
    if window.end < len(text):
        to = min(len(text), window.end + WINDOW_CHARS)
        after = f'<p class="cs-more">{_button("offset", to, "Show the text after", "↓ Later text")}</p>'
    picture = ""
    if document.format == "pdf" and shown.as_text:
        button = _button("text", 0, "Show the page as a picture", "Page")
        picture = f'<nav class="cs-pages"><span>stored text</span>{button}</nav>'
    style = "cs-fixed" if document.format in _FIXED_WIDTH else "cs-prose"
    body = f'{before}<div class="cs-document {style}" dir="auto">{words}</div>{after}'
    at = shown.span.start if shown.span is not None else centre
    page = document.page_at(at) if shown.span is not None else None
    return _header(document, shown, page) + picture + _scroll(body)


def cut_window(text: str, start: int, end: int) -> Span:
    """The range of text that is shown around [start, end): whole lines where lines are not too long."""
    first, last = max(0, start - WINDOW_CHARS), min(len(text), end + WINDOW_CHARS)
    if first > 0:
        line = text.find("\n", first - 1, start)
        first = line + 1 if line >= 0 else first
    if last < len(text):
        line = text.rfind("\n", end, last)
        last = line + 1 if line >= 0 else last
    return Span(first, last)


def marked(document: Document, window: Span, strong: Span | None, also: Sequence[Span]) -> str:
    """The escaped text of the window; ``strong`` becomes one unbroken ``<mark>``, ``also`` get soft ones."""
    decorations = [(span, "cs-also") for span in also]
    decorations += [(heading.span, f"cs-h cs-h{min(heading.level, 4)}") for heading in document.headings]
    decorations = [(span, kind) for span, kind in decorations if span.overlaps(window)]
    unit = sheet(document.source)
    breaks = {page.start: f"{unit} {number}" for number, page in enumerate(document.pages, 1) if number > 1}
    if strong is None or not strong.overlaps(window):
        return _pieces(document.text, window.start, window.end, decorations, breaks)
    before = _pieces(document.text, window.start, strong.start, decorations, breaks)
    inside = _pieces(document.text, strong.start, strong.end, decorations, breaks)
    behind = _pieces(document.text, strong.end, window.end, decorations, breaks)
    return f'{before}<mark class="cs-mark" tabindex="-1">{inside}</mark>{behind}'


def _pieces(
    text: str, start: int, end: int, decorations: Iterable[tuple[Span, str]], breaks: dict[int, str]
) -> str:
    """The escaped text of [start, end), cut where a decoration or a page begins or ends."""
    here = [(span, kind) for span, kind in decorations if span.start < end and start < span.end]
    cuts = {start, end, *(page for page in breaks if start <= page < end)}
    cuts |= {cut for span, _ in here for cut in (span.start, span.end) if start < cut < end}
    edges = sorted(cuts)
    pieces: list[str] = []
    for left, right in pairwise(edges):
        if left in breaks:
            pieces.append(f'<span class="cs-break" data-page="{breaks[left]}" aria-hidden="true"></span>')
        kinds = dict.fromkeys(kind for span, kind in here if span.start <= left and right <= span.end)
        words = escape(text[left:right])
        pieces.append(f'<span class="{" ".join(kinds)}">{words}</span>' if kinds else words)
    return "".join(pieces)


def _header(document: Document, shown: Shown, page: int | None) -> str:
    heading = document.heading_path(shown.span.start) if shown.span is not None else ""
    label = f'<span class="cs-label">{escape(shown.label)}</span>' if shown.label else ""
    under = f'<p class="cs-path" dir="auto">{escape(heading)}</p>' if heading else ""
    title = escape(place(document.source, page))
    return (
        f'<header class="cs-viewer-head"><div>{label}<h2 data-testid="viewer-title" title="{title}">'
        f"{name(document.source)}</h2>{under}</div>"
        '<button type="button" class="cs-close" data-do="close" aria-label="Close the viewer">×</button>'
        "</header>"
    )


def _scroll(body: str) -> str:
    return f'<div class="cs-scroll" tabindex="0" role="region" aria-label="Document">{body}</div>'


def _button(action: str, value: int, label: str, face: str, *, disabled: bool = False) -> str:
    off = " disabled" if disabled else ""
    return (
        f'<button type="button" data-do="{action}" data-value="{value}" '
        f'aria-label="{label}" title="{label}"{off}>{face}</button>'
    )
