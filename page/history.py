"""The list of conversations, what can be done with a turn, and the notices about both, as HTML."""

from __future__ import annotations

from collections.abc import Sequence

from page.conversation import State, Turn
from page.markup import escape
from page.words import Words
from qa.conversations import TITLE_CHARS
from qa.export import SUFFIXES
from qa.saved import Entry

SHOWN = 200  # conversations in the list: the latest


def history_html(entries: Sequence[Entry], current: int, words: Words, problem: str = "") -> str:
    """The list: each opens, is renamed in place, exported and deleted; ``problem`` is why none is kept."""
    said = f'<p class="cs-error" role="alert">{escape(problem)}</p>' if problem else ""
    if not entries:
        return said
    rows = "".join(_row(entry, entry.id == current, words) for entry in entries[:SHOWN])
    title = words.html("history.title")
    return f'{said}<details class="cs-history" open><summary>{title}</summary><ul>{rows}</ul></details>'


def _row(entry: Entry, current: bool, words: Words) -> str:
    title = escape(entry.title)
    forms = "".join(
        f'<option value="{form}">{words.html(f"history.export_{form}")}</option>' for form in SUFFIXES
    )
    here = ' aria-current="true"' if current else ""
    return (
        f'<li data-conversation="{entry.id}"{here}>'
        f'<button type="button" class="cs-talk" data-do="talk-open" title="{title}" dir="auto">'
        f'{title}</button><input class="cs-title" value="{title}" maxlength="{TITLE_CHARS}" dir="auto" '
        f'aria-label="{_label("rename", title, words)}" hidden>'
        f'<button type="button" data-do="talk-rename" aria-label="{_label("rename", title, words)}" '
        f'title="{words.html("history.rename_short")}">✎</button>'
        f'<select class="cs-export" aria-label="{_label("export", title, words)}" '
        f'title="{words.html("history.export_short")}"><option value="">⤓</option>{forms}</select>'
        f'<button type="button" data-do="talk-delete" aria-label="{_label("delete", title, words)}" '
        f'title="{words.html("history.delete_short")}">×</button></li>'
    )


def _label(key: str, title: str, words: Words) -> str:
    return words.html(f"history.{key}", title=title)


def notice_html(words: Words, said: str = "", action: str = "", value: int = 0) -> str:
    """What was just done, with a button that takes it back; and, until a question is edited, hidden, that."""
    undo = ""
    if action:
        undo = (
            f'<button type="button" data-do="talk-act" data-action="{action}" data-value="{value}">'
            f"{words.html('history.undo')}</button>"
        )
    hidden = "" if said else " hidden"
    return (
        f'<div class="cs-notice" role="status"{hidden}><span dir="auto">{escape(said)}</span>{undo}'
        '<button type="button" data-do="talk-dismiss" '
        f'aria-label="{words.html("history.dismiss")}">×</button></div>'
        '<div class="cs-notice" id="cs-editing" role="status" hidden><span>'
        f'{words.html("history.editing")}</span><button type="button" data-do="talk-unedit">'
        f"{words.html('history.cancel')}</button></div>"
    )


def correct_html(words: Words, said: str = "") -> str:
    """The strip under the viewer in which a wrong answer becomes a test case; hidden until asked for."""
    hidden = "" if said else " hidden"
    return (
        f'<div class="cs-correct" role="group" aria-label="{words.html("correct.label")}"{hidden}>'
        f'<p role="status" dir="auto">{escape(said or words("correct.how"))}</p>'
        '<div class="cs-correct-buttons">'
        f'<button type="button" data-do="talk-correct" disabled>{words.html("correct.this")}</button>'
        f'<button type="button" data-do="talk-nothing">{words.html("correct.nothing")}</button>'
        f'<button type="button" data-do="talk-close" aria-label="{words.html("correct.close")}">×</button>'
        "</div></div>"
    )


def actions_html(turn: Turn, words: Words) -> str:
    """What can be done with an answer, as links: Gradio's chat keeps no buttons in a message."""
    if turn.running:
        return ""
    links = [_link("retry", turn.number, words)]
    if turn.state is State.DONE:
        links += [
            _link("good", turn.number, words, on=turn.rating > 0),
            _link("wrong", turn.number, words, on=turn.rating < 0),
        ]
    return f'<span class="cs-acts">{"".join(links)}</span>'


def asked_html(bubble: str, turn: Turn, words: Words) -> str:
    """The bubble of a question with the links that edit it or take it back."""
    if turn.running:
        return f'<div class="cs-asked">{bubble}</div>'
    links = _link("edit", turn.number, words) + _link("back", turn.number, words)
    return f'<div class="cs-asked">{bubble}<span class="cs-acts">{links}</span></div>'


def _link(action: str, number: int, words: Words, *, on: bool = False) -> str:
    chosen = " cs-chosen" if on else ""
    key = f"turn.{action}_on" if on else f"turn.{action}"
    return (
        f'<a class="cs-act cs-{action}{chosen}" href="#{action}-{number}" title="{words.html(key)}">'
        f"{words.html(f'turn.{action}_short')}</a>"
    )
