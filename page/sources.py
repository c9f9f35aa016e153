"""The left pane as HTML: the list of documents with ticks, and how an upload goes."""

from __future__ import annotations

from collections.abc import Sequence

from index.types import DocumentInfo, Failure, Progress, Report
from page.markup import counted, escape, name, sheet, spelled

FILTER_FROM = 8  # documents from which on a filter box is worth its space


def sources_html(documents: Sequence[DocumentInfo]) -> str:
    """The list: a tick, the name (opens the document) and a remove button that asks first."""
    if not documents:
        return '<p class="cs-empty">No documents yet. Add files, then ask about them.</p>'
    tools = ""
    if len(documents) >= FILTER_FROM:
        tools = (
            '<input type="search" class="cs-filter" placeholder="Find a document" '
            'aria-label="Find a document" autocomplete="off" spellcheck="false">'
        )
    head = (
        f'<div class="cs-list-head"><span>{counted(len(documents), "document")}</span>'
        '<button type="button" data-do="all">All</button>'
        '<button type="button" data-do="none">None</button></div>'
    )
    rows = "".join(_row(info) for info in documents)
    return f'{head}{tools}<p class="cs-unticked" role="status" hidden></p><ul class="cs-list">{rows}</ul>'


def _row(info: DocumentInfo) -> str:
    source, shown = escape(info.source), escape(spelled(info.source))
    size = counted(info.pages, sheet(info.source)) if info.pages else counted(info.passages, "passage")
    return (
        f'<li data-source="{source}"><input type="checkbox" checked aria-label="Search in {shown}">'
        f'<button type="button" class="cs-open" data-do="open" title="{shown}">{name(info.source)}'
        f"<small>{size}</small></button>"
        f'<button type="button" class="cs-remove" data-do="ask" aria-label="Remove {shown}">×</button>'
        '<div class="cs-confirm" hidden><span>Remove it from the index?</span>'
        '<button type="button" class="cs-danger" data-do="remove">Remove</button>'
        '<button type="button" data-do="keep">Keep</button></div></li>'
    )


def progress_html(step: Progress) -> str:
    """One step of an upload, with a bar."""
    share = f"{max(4.0, 100 * step.done / max(1, step.total)):.0f}%"
    if step.stage == "encode":
        doing = f"Indexing: {step.done:,} of {counted(step.total, 'passage')}"
    elif step.source:
        doing = f"Reading {name(step.source)} ({min(step.done + 1, step.total):,} of {step.total:,})"
    else:
        doing = "Indexing"
    return (
        f'<div class="cs-upload" role="status"><p>{doing}</p>'
        f'<div class="cs-progress"><i style="width:{share}"></i></div></div>'
    )


def report_html(report: Report) -> str:
    """What an upload did, and a sentence for every file that could not be read."""
    parts = [
        f"{count:,} {word}"
        for count, word in (
            (report.added, "added"),
            (report.updated, "updated"),
            (report.unchanged, "unchanged"),
        )
        if count
    ]
    done = f"<p>{', '.join(parts)}.</p>" if parts else ""
    return f'<div class="cs-upload" role="status">{done}{_failures(report.failed)}</div>'


def _failures(failures: Sequence[Failure]) -> str:
    if not failures:
        return ""
    rows = "".join(f"<li>{_sentence(failure)}</li>" for failure in failures)
    return f'<ul class="cs-failures" role="alert">{rows}</ul>'


def _sentence(failure: Failure) -> str:
    """Why a file failed; most of the sentences begin with its name."""
    if failure.error.startswith(failure.source):
        return name(failure.error)
    return f"{name(failure.source)}: {escape(failure.error)}"


def sentence_html(text: str) -> str:
    """An error sentence where the report would stand."""
    return f'<div class="cs-upload" role="alert"><p class="cs-error">{escape(text)}</p></div>'
