"""Text with marks: each character of the document stands in the HTML once, whatever it looks like.

How a document looks is made of classes on runs of its text and of empty elements between them. So a mark is
always exactly the cited words: what formatting hides is hidden by style, and is still in the mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from index.types import Span
from page.markup import escape


@dataclass(frozen=True, slots=True)
class Look:
    """How a text looks: classes on ranges of it, and empty elements (``inserts``) at offsets."""

    decorations: tuple[tuple[Span, str], ...] = ()
    inserts: Mapping[int, str] = field(default_factory=dict)


def marked(text: str, window: Span, strong: Span | None, look: Look) -> str:
    """The escaped text of the window, with ``strong`` as one unbroken ``<mark>``."""
    if strong is None or not strong.overlaps(window):
        return pieces(text, window, look)
    strong = Span(max(strong.start, window.start), min(strong.end, window.end))
    before = pieces(text, Span(window.start, strong.start), look)
    behind = pieces(text, Span(strong.end, window.end), look)
    return f"{before}{mark(pieces(text, strong, look))}{behind}"


def mark(inside: str) -> str:
    """The mark of the clicked citation around HTML."""
    return f'<mark class="cs-mark" tabindex="-1">{inside}</mark>'


def pieces(text: str, span: Span, look: Look) -> str:
    """The escaped text of ``span``, cut where a decoration begins or ends and where something is inserted."""
    here = sorted(
        ((part, kind) for part, kind in look.decorations if part.overlaps(span)),
        key=lambda pair: pair[0].start,
    )
    cuts = {span.start, span.end, *(at for at in look.inserts if span.start <= at < span.end)}
    cuts |= {cut for part, _ in here for cut in (part.start, part.end) if span.start < cut < span.end}
    out: list[str] = []
    active: list[tuple[Span, str]] = []
    waiting = iter([*here, None])
    coming = next(waiting)
    for left, right in pairwise(sorted(cuts)):
        out.append(look.inserts.get(left, ""))
        active = [pair for pair in active if pair[0].end > left]
        while coming is not None and coming[0].start <= left:
            if coming[0].end > left:
                active.append(coming)
            coming = next(waiting)
        words = escape(text[left:right])
        kinds = " ".join(dict.fromkeys(kind for _, kind in active))
        out.append(f'<span class="{kinds}">{words}</span>' if kinds else words)
    return "".join(out)


def line_starts(text: str, window: Span) -> list[int]:
    """The offsets at which the lines of the window begin; its own start is one of them."""
    starts = [window.start]
    while (end := text.find("\n", starts[-1], window.end)) >= 0 and end + 1 < window.end:
        starts.append(end + 1)
    return starts


def numbered(text: str, window: Span) -> dict[int, str]:
    """An empty element at the start of each line of the window, which shows its number in the margin."""
    first = text.count("\n", 0, window.start) + 1
    return {
        at: f'<i class="cs-line" data-line="{number}" aria-hidden="true"></i>'
        for number, at in enumerate(line_starts(text, window), first)
    }


def soft(spans: Iterable[Span]) -> list[tuple[Span, str]]:
    """The decorations of the answer's other citations."""
    return [(span, "cs-also") for span in spans]


def within(spans: Sequence[tuple[Span, str]], window: Span) -> tuple[tuple[Span, str], ...]:
    """The decorations that show in the window."""
    return tuple((span, kind) for span, kind in spans if span.overlaps(window))
