"""One turn of the chat as HTML: the question, and the answer with what is needed to judge it at a glance.

A turn becomes one HTML element without a line break: Markdown, which Gradio's chat runs over every message,
leaves such a block alone. Of attributes its sanitiser keeps ``class``, ``href``, ``title`` and ``dir``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence

from index.types import Hit
from page.conversation import State, Turn
from page.history import actions_html
from page.markup import BREAK, at_page, escape, name, one_line, place, shorten
from page.words import Words
from qa.answer import Answer, Citation, Sentence
from qa.ask import NO_DOCUMENTS, NO_QUESTION, NO_SOURCES, REFUSAL
from qa.cite import pieces
from qa.reopen import Stale

SNIPPET_CHARS = 180  # of a passage in the list of the nearest ones
COPIES = 5  # of a passage that are named
PLACE_CHARS = 60  # of a heading or a sheet beside a citation
QUOTE_CHARS = 240  # of a quote in the tooltip of its chip
_HIGH, _MEDIUM = 0.8, 0.5  # confidence from which on an answer is called so
_MARKDOWN = re.compile(r"^\s{0,3}#{1,6}\s+|\*\*|`+", re.MULTILINE)
_BLANK_LINE = re.compile(r"\n\s*\n")
_SENTENCES = {
    REFUSAL: "answer.refusal",
    NO_QUESTION: "answer.no_question",
    NO_DOCUMENTS: "answer.no_documents",
    NO_SOURCES: "answer.no_sources",
}


def question_html(question: str) -> str:
    """The bubble of a question."""
    return f'<div class="cs-question" dir="auto">{one_line(question)}</div>'


def turn_html(turn: Turn, words: Words) -> str:
    """The answer of a turn in its present state: searching, streaming, done, stopped or failed."""
    citations = {citation.marker: citation for citation in turn.citations}
    text = answer_html(turn.text, turn.number, citations, words)
    if turn.state is State.FAILED:
        said = one_line(turn.error)
        foot = _foot(actions_html(turn, words))
        return f'<div class="cs-answer cs-failed" role="alert"><p class="cs-text">{said}</p>{foot}</div>'
    if turn.state is State.SEARCHING:
        return f'<div class="cs-answer cs-busy"><p class="cs-note">{_searching(turn, words)}</p></div>'
    if turn.state is State.STOPPED:
        note = words.html("chat.stopped")
        foot = _foot(actions_html(turn, words))
        return f'<div class="cs-answer cs-stopped">{text}<p class="cs-note">{note}</p>{foot}</div>'
    if turn.answer is None:
        return f'<div class="cs-answer cs-streaming">{text}</div>'
    return _finished(turn, turn.answer, words)


def chip(turn: int, citation: Citation, words: Words) -> str:
    """The numbered link to a citation: ``#cite-<turn>-<marker>``; its tooltip is the quote."""
    where = shorten(place(citation.source, citation.page, words), QUOTE_CHARS)
    quote = shorten(citation.quote, QUOTE_CHARS)
    title = escape(words("answer.quote", quote=quote, place=where) if quote else where)
    kind = "cs-chip"
    if isinstance(citation, Stale):
        kind += " cs-stale"
        title = f"{words.html(f'turn.stale_{citation.status}')} {title}"
    return f'<a class="{kind}" href="#cite-{turn}-{citation.marker}" title="{title}">{citation.marker}</a>'


def answer_html(
    text: str,
    turn: int,
    citations: Mapping[int, Citation],
    words: Words,
    sentences: Sequence[Sentence] = (),
) -> str:
    """The paragraphs of an answer, with a chip for every marker that has a citation yet.

    ``sentences`` that are weakly supported get a wavy line and say so.
    """
    runs: list[str] = []
    for part, weak in _parts(text, sentences):
        inside = _runs(part, turn, citations, words)
        if weak:
            title = words.html("answer.unsupported")
            inside = [f'<span class="cs-weak" title="{title}">', *inside, "</span>"]
        runs += inside
    paragraphs = (part for part in _BLANK_LINE.split("".join(runs)) if part.strip())
    return "".join(f'<p class="cs-text" dir="auto">{BREAK.sub("<br>", part)}</p>' for part in paragraphs)


def _parts(text: str, sentences: Sequence[Sentence]) -> Iterator[tuple[str, bool]]:
    """Yield the text in parts, each with whether it is a sentence that is weakly supported."""
    at = 0
    for sentence in sentences:
        if sentence.weak and sentence.start >= at:
            yield text[at : sentence.start], False
            yield text[sentence.start : sentence.end], True
            at = sentence.end
    yield text[at:], False


def _runs(text: str, turn: int, citations: Mapping[int, Citation], words: Words) -> list[str]:
    """The pieces of a text as HTML, in order."""
    runs: list[str] = []
    for piece in pieces(text):
        citation = citations.get(int(piece.text)) if piece.kind == "marker" else None
        if citation is not None:
            # A word joiner instead of the blank: the chip stays on the line of the word that it supports.
            runs[-1:] = [run.rstrip(" ") for run in runs[-1:]]
            runs += ["\u2060", chip(turn, citation, words)]
        elif piece.kind == "marker":
            runs.append(f"[{piece.text}]")
        elif piece.kind == "bold":
            runs.append(f"<strong>{escape(piece.text)}</strong>")
        else:
            runs.append(escape(piece.text))
    return runs


def confidence_words(answer: Answer, words: Words) -> tuple[str, str]:
    """How sure the answer is, in words, and the level (high, medium, low, none) that styles them."""
    if answer.refused:
        level = "none"
    elif answer.confidence >= _HIGH:
        level = "high"
    else:
        level = "medium" if answer.confidence >= _MEDIUM else "low"
    return words(f"answer.{level}"), level


def _searching(turn: Turn, words: Words) -> str:
    if not turn.hits:
        return words.html("chat.searching")
    documents = len({hit.passage.source for hit in turn.hits})
    return words.html(
        "chat.reading",
        passages=escape(words.counted(len(turn.hits), "passage")),
        documents=escape(words.counted(documents, "document")),
    )


def _finished(turn: Turn, answer: Answer, words: Words) -> str:
    citations = {citation.marker: citation for citation in answer.citations}
    if answer.refused:
        key = _SENTENCES.get(answer.text)
        said = words.html(key) if key else answer_html(answer.text, turn.number, {}, words)
        body = f'<p class="cs-text">{said}</p>' if key else said
    else:
        body = answer_html(answer.text, turn.number, citations, words, answer.sentences)
    kind = "cs-refused" if answer.refused else "cs-supported"
    copy = f'<a class="cs-copy" href="#copy-{turn.number}">{words.html("answer.copy")}</a>'
    parts = (
        _badge(answer, words),
        _searched(turn, words),
        body,
        _references(turn.number, answer.citations, words),
        _nearest(turn.number, answer.hits, answer.refused, words),
        _foot(_details(answer, words) + ("" if answer.refused else copy) + actions_html(turn, words)),
        _suggestions(turn, words),
    )
    return f'<div class="cs-answer {kind}">{"".join(parts)}</div>'


def _foot(parts: str) -> str:
    return f'<div class="cs-foot">{parts}</div>'


def _badge(answer: Answer, words: Words) -> str:
    """Confidence in words, by a sign and in colour, with the probability beside it."""
    said, level = confidence_words(answer, words)
    key = "answer.confidence_none" if answer.refused else "answer.confidence"
    title = escape(words(key, share=round(100 * answer.confidence)))
    share = "" if answer.refused else f'<span class="cs-share">{round(100 * answer.confidence)} %</span>'
    return (
        f'<div class="cs-head"><span class="cs-badge cs-{level}" title="{title}">{escape(said)}</span>'
        f"{share}</div>"
    )


def _searched(turn: Turn, words: Words) -> str:
    """What was looked for, where that is not the question as it was typed."""
    if not turn.searched or turn.searched == turn.question:
        return ""
    label = words.html("answer.searched")
    return f'<p class="cs-searched">{label} <q dir="auto">{one_line(turn.searched)}</q></p>'


def _references(turn: int, citations: Iterable[Citation], words: Words) -> str:
    rows = [
        f'<a class="cs-ref" href="#ref-{turn}-{citation.marker}">'
        f'<span class="cs-num">{citation.marker}</span>'
        f"{name(citation.source)}{_place(citation, words)}{_stale(citation, words)}</a>"
        for citation in citations
    ]
    return f'<div class="cs-refs">{"".join(rows)}</div>' if rows else ""


def _stale(citation: Citation, words: Words) -> str:
    """What became of words that no longer stand where they were cited; "" for all others."""
    if not isinstance(citation, Stale):
        return ""
    return f'<span class="cs-stale-note">{words.html(f"turn.{citation.status}")}</span>'


def _nearest(turn: int, hits: tuple[Hit, ...], refused: bool, words: Words) -> str:
    if not hits:
        return ""
    rows = [
        f'<li><a href="#hit-{turn}-{rank}">{name(hit.passage.source)}'
        f"{_page(hit.passage.source, hit.passage.page, words)}</a>"
        f'<span class="cs-snippet" dir="auto">{_snippet(hit)}</span>'
        f"{_copies(hit, words)}</li>"
        for rank, hit in enumerate(hits, 1)
    ]
    title = words.html("answer.nearest", n=str(len(rows)))
    opened = " open" if refused else ""
    return f'<details class="cs-nearest"{opened}><summary>{title}</summary><ol>{"".join(rows)}</ol></details>'


def _snippet(hit: Hit) -> str:
    """The beginning of a passage as HTML, without the signs of Markdown that the viewer hides as well."""
    text = hit.passage.text
    if hit.passage.source.lower().endswith((".md", ".markdown")):
        text = _MARKDOWN.sub("", text)
    return escape(shorten(text, SNIPPET_CHARS))


def _copies(hit: Hit, words: Words) -> str:
    """Which other documents say the same, so that they were left out of the list; "" where none does."""
    if not hit.also:
        return ""
    listed = ", ".join(name(source) for source in hit.also[:COPIES])
    more = len(hit.also) - COPIES
    if more > 0:
        listed = words.html("answer.also_more", sources=listed, n=words.number(more))
    return f'<span class="cs-copies">{words.html("answer.also", sources=listed)}</span>'


def _details(answer: Answer, words: Words) -> str:
    """Who answered and how long that took; opened, each stage by itself."""
    total = answer.timings.get("total", sum(answer.timings.values()))
    model = name(answer.model)
    rows = [(words.html("answer.model"), model)]
    for stage, ms in answer.timings.items():
        key = f"stage.{stage}"
        rows.append((words.html(key) if key in words.texts else escape(stage), duration(ms, words)))
    listed = "".join(f"<dt>{label}</dt><dd>{said}</dd>" for label, said in rows)
    title = words.html("answer.details")
    return (
        f'<details class="cs-facts"><summary title="{title}">{model} · {duration(total, words)}</summary>'
        f"<dl>{listed}</dl></details>"
    )


def _suggestions(turn: Turn, words: Words) -> str:
    """Questions that could follow, each as a link that asks it."""
    rows = [
        f'<li><a class="cs-ask" href="#ask-{turn.number}-{number}" dir="auto">{one_line(question)}</a></li>'
        for number, question in enumerate(turn.following or (), 1)
    ]
    title = words.html("chat.next")
    return f'<div class="cs-next"><p>{title}</p><ul>{"".join(rows)}</ul></div>' if rows else ""


def _place(citation: Citation, words: Words) -> str:
    """Where in its file a citation stands: pages and slides by the page's own words, rows as they are."""
    if not citation.place or citation.place.startswith(("p. ", "slide ")):
        return _page(citation.source, citation.page, words)
    return f'<span class="cs-page">{escape(shorten(citation.place, PLACE_CHARS))}</span>'


def _page(source: str, page: int | None, words: Words) -> str:
    return "" if page is None else f'<span class="cs-page">{escape(at_page(source, page, words))}</span>'


def duration(ms: float, words: Words) -> str:
    """A time as HTML: "82 ms", from one second on "1.2 s"."""
    if ms >= 950:
        return words.html("duration.s", n=words.decimal(ms / 1000))
    return words.html("duration.ms", n=words.number(round(ms)))
