"""A conversation to take along: as Markdown, as W3C Web Annotations, as one HTML page with its evidence.

Every citation is verified when it is exported: one that stands has its place in the text of today, and one
that does not is exported as it was saved and says so.
"""

from __future__ import annotations

import datetime
import json
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, TypeAlias
from urllib.parse import quote as percent

from index.errors import LoadError
from index.picture import Picture, page_picture
from index.types import Box, Document, Span
from qa.answer import Citation
from qa.cite import collapse, escape, pieces
from qa.reopen import Reopener, Standing
from qa.saved import SavedConversation, SavedTurn

if TYPE_CHECKING:
    from index.index import Index

Format: TypeAlias = Literal["markdown", "json", "html"]
SUFFIXES: dict[Format, str] = {"markdown": "md", "json": "json", "html": "html"}

CONTEXT_CHARS = 400  # of the document on each side of a quote on the evidence page
SELECTOR_CHARS = 40  # of prefix and suffix in a TextQuoteSelector
MAX_PICTURES = 60  # of PDF pages in one file; each has about 100 KB

STATUS = {
    "ok": "",
    "moved": "",
    "changed": "The document has changed: these words no longer stand there.",
    "gone": "These words cannot be found any more: the document was changed or deleted.",
    "removed": "The document was removed, and its words were erased.",
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page of a PDF as a picture, with the boxes of the quote on it."""

    page: int
    picture: Picture
    boxes: tuple[Box, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """A citation with what stands around it, ``before + citation.quote + after``; blank where it does not."""

    citation: Citation
    standing: Standing
    heading: str
    before: str
    after: str
    sheets: tuple[Sheet, ...] = ()

    @property
    def warning(self) -> str:
        """What a reader must know of it; "" for a citation that stands."""
        return STATUS[self.standing.status]


@dataclass(frozen=True, slots=True)
class Exchange:
    """A question, what was said to it, and the evidence for that."""

    number: int  # from 1
    turn: SavedTurn
    evidence: tuple[Evidence, ...]

    @property
    def asked(self) -> str:
        """When it was asked: ISO 8601, UTC."""
        return _time(self.turn.asked)

    @property
    def text(self) -> str:
        """What was said, as the Markdown of an answer."""
        return self.turn.text if self.turn.state != "running" else ""

    @property
    def verdict(self) -> str:
        """How sure the answer was, or why there is none."""
        if self.turn.state == "failed":
            return "No answer"
        if self.turn.state != "done":
            return "Stopped before the end"
        confidence = f"{100 * self.turn.answer['confidence']:.0f} %"
        if self.turn.answer["refused"]:
            return f"Not in the documents (confidence that the best guess was right: {confidence})"
        return f"Confidence {confidence}"


def export(conversation: SavedConversation, index: Index | None, form: Format) -> str:
    """The conversation as the text of one file."""
    if form == "html":
        return evidence_page(conversation, index)
    exchanges = collect(conversation, index, CONTEXT_CHARS)
    return (
        markdown(conversation, exchanges) if form == "markdown" else web_annotations(conversation, exchanges)
    )


def collect(conversation: SavedConversation, index: Index | None, context_chars: int) -> tuple[Exchange, ...]:
    """The turns with their evidence, each citation with so many characters around it."""
    reopener = Reopener(index)
    exchanges = []
    for number, turn in enumerate(conversation.turns, 1):
        evidence: list[Evidence] = []
        if turn.answer:
            found = reopener.reopen(turn.answer, turn.versions)
            for citation, standing in zip(found.citations, found.standing, strict=True):
                evidence.append(_around(citation, standing, index, context_chars))
        exchanges.append(Exchange(number, turn, tuple(evidence)))
    return tuple(exchanges)


def _around(citation: Citation, standing: Standing, index: Index | None, chars: int) -> Evidence:
    if standing.place is None or index is None:
        return Evidence(citation, standing, "", "", "")
    document = index.document(citation.source)
    before = document.text[max(0, citation.start - chars) : citation.start]
    after = document.text[citation.end : citation.end + chars]
    return Evidence(citation, standing, document.heading_path(citation.start), before, after)


# -- Markdown ------------------------------------------------------------------------------------------------


def markdown(conversation: SavedConversation, exchanges: tuple[Exchange, ...]) -> str:
    """The conversation as Markdown: question, answer, then each citation with its quote and its place."""
    parts = [f"# {escape(conversation.title)}"]
    for exchange in exchanges:
        parts += [f"## {exchange.number}. {escape(collapse(exchange.turn.question))}", exchange.text]
        parts.append(f"*{exchange.verdict}.*")
        parts += [_markdown_evidence(evidence) for evidence in exchange.evidence]
    return "\n\n".join(part for part in parts if part.strip()) + "\n"


def _markdown_evidence(evidence: Evidence) -> str:
    citation = evidence.citation
    lines = [f"**[{citation.marker}]** {escape(collapse(where(citation)))}"]
    if evidence.warning:
        lines.append(f"*{evidence.warning}*")
    if citation.quote:
        quoted = "\n".join(f"> {escape(collapse(line))}" for line in citation.quote.splitlines())
        lines.append(quoted)
    return "\n\n".join(lines)


def where(citation: Citation) -> str:
    """Where a citation stands, in words."""
    page = f"page {citation.page}" if citation.page is not None else ""
    if not citation.quote:
        return citation.source
    place = citation.place or page
    return f"{citation.source}{f', {place}' if place else ''}, characters {citation.start} to {citation.end}"


# -- W3C Web Annotation --------------------------------------------------------------------------------------


def web_annotations(conversation: SavedConversation, exchanges: tuple[Exchange, ...]) -> str:
    """The citations as a W3C AnnotationCollection in JSON-LD, one annotation each, with the answers beside.

    A target has a TextQuoteSelector and a TextPositionSelector, which both count in code points, as our
    offsets do. What does not stand any more has ``citespan:status`` and no position.
    """
    items = [_annotation(exchange, evidence) for exchange in exchanges for evidence in exchange.evidence]
    collection = {
        "@context": ["http://www.w3.org/ns/anno.jsonld", {"citespan": "urn:citespan:"}],
        "type": "AnnotationCollection",
        "label": conversation.title,
        "modified": _time(conversation.changed),
        "total": len(items),
        "first": {"type": "AnnotationPage", "startIndex": 0, "items": items},
        "citespan:answers": [
            {
                "question": exchange.turn.question,
                "asked": exchange.asked,
                "state": exchange.turn.state,
                "text": exchange.text,
                "answer": exchange.turn.answer,
            }
            for exchange in exchanges
        ],
    }
    return json.dumps(collection, ensure_ascii=False, indent=2) + "\n"


def _annotation(exchange: Exchange, evidence: Evidence) -> dict[str, Any]:
    citation = evidence.citation
    selectors: list[dict[str, Any]] = []
    if citation.quote:
        quoted = {"type": "TextQuoteSelector", "exact": citation.quote}
        if evidence.standing.place is not None:
            quoted["prefix"] = evidence.before[-SELECTOR_CHARS:]
            quoted["suffix"] = evidence.after[:SELECTOR_CHARS]
        selectors.append(quoted)
    if evidence.standing.place is not None:
        selectors.append({"type": "TextPositionSelector", "start": citation.start, "end": citation.end})
    if evidence.standing.place is not None and citation.page is not None:
        selectors.append({"type": "FragmentSelector", "value": f"page={citation.page}"})
    return {
        "id": f"urn:citespan:{exchange.turn.id}-{citation.marker}",
        "type": "Annotation",
        "motivation": "assessing",
        "created": exchange.asked,
        "body": [
            {
                "type": "TextualBody",
                "purpose": "describing",
                "value": exchange.text,
                "format": "text/markdown",
            },
            {"type": "TextualBody", "purpose": "questioning", "value": exchange.turn.question},
        ],
        "target": {
            "source": percent(citation.source),
            "selector": selectors,
            "citespan:marker": citation.marker,
            "citespan:sha256": citation.sha256,
            "citespan:status": evidence.standing.status,
        },
    }


# -- The evidence page ---------------------------------------------------------------------------------------


def evidence_page(conversation: SavedConversation, index: Index | None) -> str:
    """One HTML page: answers, every quote in its surroundings, pictures of PDF pages, sums of the files.

    It loads nothing and runs no script, so it can be mailed and kept.
    """
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = resources.files("qa").joinpath("evidence.html.jinja").read_text("utf-8")
    exchanges = collect(conversation, index, CONTEXT_CHARS)
    if index is not None:
        exchanges = tuple(_with_sheets(exchanges, index))
    cited = [evidence.citation for exchange in exchanges for evidence in exchange.evidence]
    sums = {(citation.source, citation.sha256) for citation in cited if citation.sha256}
    page = environment.from_string(template).render(
        title=conversation.title,
        exported=_time(datetime.datetime.now(datetime.timezone.utc).timestamp()),
        exchanges=exchanges,
        documents=sorted(sums),
        pieces=pieces,
        where=where,
    )
    return page.encode("utf-8", "replace").decode("utf-8")


def _with_sheets(exchanges: tuple[Exchange, ...], index: Index) -> Iterator[Exchange]:
    """The same exchanges with pictures of the PDF pages, as long as there are not too many."""
    left = MAX_PICTURES
    for exchange in exchanges:
        evidence = []
        for one in exchange.evidence:
            sheets = _sheets(one, index) if left > 0 else ()
            left -= len(sheets)
            evidence.append(Evidence(one.citation, one.standing, one.heading, one.before, one.after, sheets))
        yield Exchange(exchange.number, exchange.turn, tuple(evidence))


def _sheets(evidence: Evidence, index: Index) -> tuple[Sheet, ...]:
    """The pages of a PDF on which a quote stands, if its file is still there to be drawn."""
    if evidence.standing.place is None:
        return ()
    document: Document = index.document(evidence.citation.source)
    path = index.original(document.source) if document.format == "pdf" else None
    if path is None:
        return ()
    boxes = index.boxes(document.source, Span(evidence.citation.start, evidence.citation.end))
    sheets = []
    for page in sorted({box.page for box in boxes}):
        try:
            picture = page_picture(path, document.sha256, page)
        except LoadError:
            continue
        sheets.append(Sheet(page, picture, tuple(box for box in boxes if box.page == page)))
    return tuple(sheets)


def _time(seconds: float) -> str:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc).isoformat(timespec="seconds")
