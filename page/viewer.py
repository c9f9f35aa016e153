"""The viewer: a document with the cited span marked, as text, as a table, or as the picture of a PDF page.

Exactly one ``<mark>`` (text) is the span that was clicked, unbroken; on a picture its lines are
``.cite-box``. The other citations of the same answer are marked softly, with classes of their own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import quote as percent

from index.errors import LoadError
from index.picture import Picture, page_picture
from index.types import Box, Document, Span
from page.conversation import Shown
from page.markdown import markdown
from page.marks import Look, marked, numbered, soft, within
from page.markup import at_page, escape, name, place, printable, spelled
from page.tables import table_html
from page.words import Words

if TYPE_CHECKING:
    from index.index import Index

WINDOW_CHARS = 20_000  # of text on each side of the span; a document may be hundreds of times longer
MAX_SOFT = 50  # citations that are marked beside the clicked one
ORIGINAL = "/original"  # address of a document's file: page.originals answers it

_TABLES = frozenset({"csv", "tsv", "xlsx"})
_LINES = frozenset({"json", "jsonl", "code", "python"})


@dataclass(frozen=True, slots=True)
class Body:
    """What stands in the scrolling part: its HTML, its class, and whether it is drawn as it was meant."""

    html: str
    kind: str
    formatted: bool


def empty_view(words: Words) -> str:
    """The viewer's content before anything was clicked."""
    return (
        '<div class="cs-blank"><svg viewBox="0 0 24 24" aria-hidden="true">'
        '<path d="M6 3h9l4 4v14H6z M15 3v4h4"/><path class="cs-blank-mark" d="M9 12h7 M9 16h5"/></svg>'
        f"<p>{words.html('viewer.empty')}</p></div>"
    )


def view(index: Index, shown: Shown, words: Words) -> str:
    """The viewer's content for what is to be shown; raises DocumentMissing when the document is gone."""
    document = index.document(shown.source)
    if document.format == "pdf" and not shown.as_text:
        page = picture_view(index, document, shown, words)
        if page is not None:
            return page
    return text_view(document, shown, words)


def missing_view(source: str, words: Words) -> str:
    """The viewer's content when the document was removed after the answer."""
    return f'<div class="cs-blank"><p>{words.html("viewer.gone", source=name(source))}</p></div>'


def picture_view(index: Index, document: Document, shown: Shown, words: Words) -> str | None:
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
    near = [span for span in shown.also[:MAX_SOFT] if span.overlaps(limits)]
    also = [box for span in near for box in index.boxes(document.source, span) if box.page == page]
    strong = [box for box in boxes if box.page == page]
    quote = document.text[shown.span.start : shown.span.end] if shown.span is not None else ""
    return page_html(document, replace(shown, page=page), picture, strong, also, quote, words)


def page_html(
    document: Document,
    shown: Shown,
    picture: Picture,
    strong: Sequence[Box],
    also: Sequence[Box],
    quote: str,
    words: Words,
) -> str:
    """The HTML of a page picture with its boxes, its number and the quote as text above it."""
    page = shown.page or 1
    number = words("viewer.page_of", page=at_page(document.source, page, words), all=len(document.pages))
    turn = (
        f"{_button('page', page - 1, words('viewer.previous_page'), '‹', disabled=page <= 1)}"
        f'<span data-testid="page-number">{escape(number)}</span>'
        f"{_button('page', page + 1, words('viewer.next_page'), '›', disabled=page >= len(document.pages))}"
        f"{_button('text', 1, words('viewer.as_text_label'), words('viewer.as_text'))}"
    )
    drawn = "".join([_box("cs-also-box", box) for box in also] + [_box("cite-box", box) for box in strong])
    alternative = escape(f"{spelled(document.source)}, {number}")
    size = f'width="{picture.width}" height="{picture.height}"'
    drawing = f'<div class="cs-sheet"><img alt="{alternative}" src="{picture.address}" {size}>{drawn}</div>'
    said = f'<blockquote class="cs-quote" dir="auto">{escape(quote)}</blockquote>' if quote else ""
    return _header(document, shown, page, words) + _bar(turn, words) + said + _scroll(drawing, words)


def _box(kind: str, box: Box) -> str:
    left, top = 100 * box.left, 100 * box.top
    width, height = 100 * (box.right - box.left), 100 * (box.bottom - box.top)
    at = f"left:{left:.3f}%;top:{top:.3f}%;width:{width:.3f}%;height:{height:.3f}%"
    return f'<i class="{kind}" style="{at}"></i>'


def text_view(document: Document, shown: Shown, words: Words) -> str:
    """The stored text around the span, with marks; a long document gets buttons for the rest."""
    text = document.text
    centre = shown.offset if shown.offset is not None else shown.span.start if shown.span is not None else 0
    end = shown.span.end if shown.span is not None and shown.offset is None else centre
    window = cut_window(text, centre, end)
    body = draw(document, window, shown, words)
    before = after = ""
    if window.start > 0:
        to = max(0, window.start - WINDOW_CHARS)
        face = f"↑ {words('viewer.earlier')}"
        before = f'<p class="cs-more">{_button("offset", to, words("viewer.earlier_label"), face)}</p>'
    if window.end < len(text):
        to = min(len(text), window.end + WINDOW_CHARS)
        face = f"↓ {words('viewer.later')}"
        after = f'<p class="cs-more">{_button("offset", to, words("viewer.later_label"), face)}</p>'
    bar = ""
    stored = f"<span>{words.html('viewer.stored')}</span>"
    if document.format == "pdf" and shown.as_text:
        bar = _bar(stored + _button("text", 0, words("viewer.as_page_label"), words("viewer.as_page")), words)
    elif body.formatted:
        bar = _bar(_button("text", 1, words("viewer.as_text_label"), words("viewer.as_text")), words)
    elif shown.as_text and (document.format in _TABLES or document.format == "markdown"):
        label = words("viewer.as_rendered_label")
        bar = _bar(stored + _button("text", 0, label, words("viewer.as_rendered")), words)
    drawn = f'{before}<div class="cs-document {body.kind}" dir="auto">{body.html}</div>{after}'
    at = shown.span.start if shown.span is not None else centre
    page = document.page_at(at) if shown.span is not None else None
    return _header(document, shown, page, words) + bar + _scroll(drawn, words)


def draw(document: Document, window: Span, shown: Shown, words: Words) -> Body:
    """The text of the window as its format wants it: table, Markdown, code with line numbers, or prose."""
    text, strong = document.text, shown.span
    also = within(soft(shown.also[:MAX_SOFT]), window)
    if document.format in _TABLES and not shown.as_text:
        table = table_html(document, window, strong, also)
        if table is not None:
            return Body(table, "cs-table", True)
    if document.format in _LINES:
        return Body(
            marked(text, window, strong, Look(also, numbered(text, window))), "cs-fixed cs-code", False
        )
    if document.format == "markdown" and not shown.as_text:
        look = Look((*also, *markdown(text, window)))
        return Body(marked(text, window, strong, look), "cs-prose cs-markdown", True)
    headings = [(heading.span, f"cs-h cs-h{min(heading.level, 4)}") for heading in document.headings]
    look = Look((*also, *within(headings, window)), _breaks(document, words))
    fixed = document.format in _TABLES or (document.format == "markdown" and shown.as_text)
    return Body(marked(text, window, strong, look), "cs-fixed" if fixed else "cs-prose", False)


def _breaks(document: Document, words: Words) -> dict[int, str]:
    """An empty element at the start of each page but the first, which shows its number."""
    return {
        page.start: f'<span class="cs-break" data-page="{escape(at_page(document.source, number, words))}" '
        'aria-hidden="true"></span>'
        for number, page in enumerate(document.pages, 1)
        if number > 1
    }


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


def _header(document: Document, shown: Shown, page: int | None, words: Words) -> str:
    heading = document.heading_path(shown.span.start) if shown.span is not None else ""
    under = f'<p class="cs-path" dir="auto">{escape(heading)}</p>' if heading else ""
    title = escape(place(document.source, page, words))
    address = f"{ORIGINAL}?source={percent(printable(document.source))}"
    if document.format == "pdf" and page is not None:
        address += f"#page={page}"
    original = words.html("viewer.original")
    return (
        f'<header class="cs-viewer-head"><div>{_walk(shown, words)}'
        f'<h2 data-testid="viewer-title" title="{title}">{name(document.source)}</h2>{under}</div>'
        f'<a class="cs-original" href="{escape(address)}" target="_blank" rel="noopener" '
        f'aria-label="{original}" title="{original}">↗</a>'
        '<button type="button" class="cs-close" data-do="close" '
        f'aria-label="{words.html("viewer.close")}">×</button></header>'
    )


def _walk(shown: Shown, words: Words) -> str:
    """Which citation or passage of the answer this is, with buttons to the ones before and after it."""
    if not shown.kind:
        return ""
    label = f'<span class="cs-label">{words.html(f"answer.{shown.kind}", n=str(shown.number))}</span>'
    if shown.of < 2:
        return label
    action = "cite" if shown.kind == "citation" else "hit"
    count = words.html("viewer.count", n=str(shown.number), all=str(shown.of))

    def way(step: int, key: str, face: str) -> str:
        number = shown.number + step
        return _button(
            action,
            f"{shown.turn}-{number}",
            words(f"viewer.{key}"),
            face,
            disabled=not 1 <= number <= shown.of,
            way=key,
        )

    return (
        f'<nav class="cs-walk" aria-label="{words.html("viewer.citations")}">{label}'
        f"{way(-1, 'previous', '←')}<span>{count}</span>{way(1, 'next', '→')}</nav>"
    )


def _bar(inside: str, words: Words) -> str:
    return f'<nav class="cs-pages" aria-label="{words.html("viewer.pages")}">{inside}</nav>'


def _scroll(body: str, words: Words) -> str:
    label = words.html("viewer.label")
    return f'<div class="cs-scroll" tabindex="0" role="region" aria-label="{label}">{body}</div>'


def _button(
    action: str, value: int | str, label: str, face: str, *, disabled: bool = False, way: str = ""
) -> str:
    off = " disabled" if disabled else ""
    leads = f' data-way="{way}"' if way else ""
    return (
        f'<button type="button" data-do="{action}" data-value="{value}"{leads} '
        f'aria-label="{escape(label)}" title="{escape(label)}"{off}>{escape(face)}</button>'
    )
