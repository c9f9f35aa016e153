"""The left pane as HTML: the list of documents with ticks."""

from __future__ import annotations

from collections.abc import Sequence

from index.types import DocumentInfo
from page.markup import escape, name, sheet, spelled
from page.words import Words

FILTER_FROM = 9  # documents from which on a filter box is worth its space


def sources_html(documents: Sequence[DocumentInfo], words: Words) -> str:
    """The list: a tick, the name with its size (opens the document), and a button that removes it."""
    if not documents:
        return f'<p class="cs-empty">{words.html("sources.none")}</p>'
    find = ""
    if len(documents) >= FILTER_FROM:
        label = words.html("sources.find")
        find = (
            f'<input type="search" class="cs-filter" placeholder="{label}" '
            f'aria-label="{label}" autocomplete="off" spellcheck="false">'
            f'<p class="cs-unfound" role="status" hidden>{words.html("sources.nothing")}</p>'
        )
    head = (
        f'<div class="cs-list-head"><h2>{escape(words.counted(len(documents), "document"))}</h2>'
        f'<button type="button" data-do="all">{words.html("sources.all")}</button>'
        f'<button type="button" data-do="none">{words.html("sources.clear")}</button></div>'
    )
    # The browser counts the ticks, and says so in these words.
    only = words.html("sources.only", ticked="{ticked}", all="{all}")
    note = (
        f'<p class="cs-unticked" role="status" hidden data-only="{only}" '
        f'data-none="{words.html("sources.unticked")}"></p>'
    )
    said = words.html("sources.removed", source="{source}")
    removing = (
        f'<p class="cs-removing" role="status" hidden data-said="{said}"><bdi></bdi>'
        f'<button type="button" data-do="undo">{words.html("sources.undo")}</button></p>'
    )
    rows = "".join(_row(info, words) for info in documents)
    return f'{head}{find}{note}{removing}<ul class="cs-list">{rows}</ul>'


def _row(info: DocumentInfo, words: Words) -> str:
    source, shown = escape(info.source), escape(spelled(info.source))
    noun, count = (sheet(info.source), info.pages) if info.pages else ("passage", info.passages)
    size = escape(words.counted(count, noun))
    tick = words.html("sources.search_in", source=shown)
    remove = words.html("sources.remove", source=shown)
    return (
        f'<li data-source="{source}"><input type="checkbox" checked aria-label="{tick}">'
        f'<button type="button" class="cs-open" data-do="open" title="{shown}">{name(info.source)}'
        f"<small>{size}</small></button>"
        f'<button type="button" class="cs-remove" data-do="remove" aria-label="{remove}" title="{remove}">'
        "×</button></li>"
    )
