"""What happens with whole conversations and past turns: open, rename, delete, edit, rate, export, correct.

One event brings them all. What the browser sent is untrusted: the store looks every number up under the
browser's own name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, TypeAlias

import gradio as gr

from index.errors import QAError
from page.clicks import is_number
from page.conversation import Conversation, Turn
from page.handlers import Handlers, Messages, Value, messages, send_button, value
from page.history import correct_html, history_html, notice_html
from page.keeping import Kept
from page.owner import owner_of
from page.viewer import empty_view
from page.words import Words, words_of
from qa.ask import clean
from qa.corrections import add_case, find_words
from qa.export import SUFFIXES, export
from qa.saved import Entry, SavedConversation
from qa.testset import Question

Sent: TypeAlias = dict[str, Any]  # of the browser: {"action", "value", …}

_FILE_NAME = re.compile(r"[^\w.-]+")
_TYPES = {"markdown": "text/markdown", "json": "application/ld+json", "html": "text/html"}


@dataclass(frozen=True, slots=True)
class Changed:
    """What changes on the page; a part that is None stays as it is."""

    chat: Messages | None = None
    question: Any = None
    viewer: Value | None = None
    notice: Value | None = None
    correct: Value | None = None

    def outputs(self, history: Any) -> tuple[Any, ...]:
        """(history, chat, question, viewer, notice, correct), as the event puts them out."""
        parts = (self.chat, self.question, self.viewer, self.notice, self.correct)
        return (history, *(gr.skip() if part is None else part for part in parts))


class Acts:
    """The handlers of the list of conversations and of the links under questions and answers."""

    def __init__(self, handlers: Handlers) -> None:
        """Work on the conversations of ``handlers``."""
        self.handlers = handlers
        self.library = handlers.library
        self.store = handlers.library.conversations

    # -- when a tab opens ----------------------------------------------------------------------------------

    def arrive(self, request: gr.Request) -> tuple[Any, ...]:
        """The conversation that changed last, in a tab that has none yet; outputs as of ``act``."""
        owner, words = owner_of(request), words_of(request)
        said = ""
        if owner and not self.handlers.conversation(request).turns:
            try:
                self.store.purge(owner)
                entries = self.store.entries(owner)
                if entries:
                    self._enter(self.store.read(owner, entries[0].id), request)
            except QAError as exc:  # the page is usable without what was kept
                said = str(exc)
        changed = replace(self._all(self.handlers.conversation(request), words), viewer=None)
        if said:
            changed = replace(changed, notice=value(notice_html(words, said)))
        return changed.outputs(self._history(request))

    def listed(self, request: gr.Request) -> Value:
        """The list of conversations as it is now."""
        return self._history(request)

    def settled(self, request: gr.Request) -> tuple[Value, Value]:
        """(The list of conversations, the notice) once a question has been asked."""
        talk = self.handlers.conversation(request)
        return self._history(request), self._notice(talk, words_of(request))

    def _history(self, request: gr.Request) -> Value:
        owner = owner_of(request)
        talk = self.handlers.conversation(request)
        problem = (talk.kept.problem if talk.kept else "") or self.library.unkept
        entries: tuple[Entry, ...] = ()
        try:
            entries = self.store.entries(owner) if owner else ()
        except QAError as exc:
            problem = str(exc)
        return value(history_html(entries, talk.kept.id if talk.kept else 0, words_of(request), problem))

    def _notice(self, talk: Conversation, words: Words) -> Value:
        if talk.kept and talk.kept.undoable:
            return value(notice_html(words, words("history.replaced"), "undo"))
        return value(notice_html(words))

    def _all(self, talk: Conversation, words: Words) -> Changed:
        return Changed(
            chat=messages(talk.turns, words),
            question=gr.skip() if talk.busy else send_button(),
            viewer=value(empty_view(words)),
            notice=self._notice(talk, words),
            correct=value(correct_html(words)),
        )

    def _enter(self, saved: SavedConversation, request: gr.Request) -> Conversation:
        """Make a kept conversation that of the tab; an answer that is on its way in the old one ends."""
        owner = owner_of(request)
        self.handlers.conversation(request).stop()
        talk = Conversation(Kept(self.store, owner, saved))
        self.handlers.load(talk, saved)
        self.handlers.conversations.put(request.session_hash, owner, talk)
        return talk

    # -- one event for all ---------------------------------------------------------------------------------

    def act(self, event: gr.EventData, request: gr.Request) -> tuple[Any, ...]:
        """Do what was clicked: (history, chat, question, viewer, notice, correct)."""
        sent = event._data if isinstance(event._data, dict) else {}
        words = words_of(request)
        actions: dict[str, Callable[[int, Sent, gr.Request, Words], Changed]] = {
            "open": self._open,
            "rename": self._rename,
            "delete": self._delete,
            "restore": self._restore,
            "retry": self._retry,
            "back": self._back,
            "undo": self._undo,
            "good": partial(self._rate, rating=1),
            "wrong": partial(self._rate, rating=-1),
            "correct": self._correct,
            "nothing": self._correct,
        }
        action = actions.get(str(sent.get("action", "")))
        number = str(sent.get("value", ""))
        if action is None or not is_number(number):
            return Changed().outputs(gr.skip())
        try:
            changed = action(int(number), sent, request, words)
        except QAError as exc:
            changed = Changed(notice=value(notice_html(words, str(exc))))
        return changed.outputs(self._history(request))

    def _open(self, conversation: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        return self._all(self._enter(self.store.read(owner_of(request), conversation), request), words)

    def _rename(self, conversation: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        self.store.rename(owner_of(request), conversation, clean(str(sent.get("title", ""))[:1000]))
        return Changed()

    def _delete(self, conversation: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        owner, talk = owner_of(request), self.handlers.conversation(request)
        self.store.purge(owner)  # one that was deleted before is gone for good
        title = self.store.read(owner, conversation).title
        changed = Changed()
        if talk.kept and talk.kept.id == conversation:
            talk.stop()
            self.handlers.conversations.drop(request.session_hash, owner)
            changed = self._all(self.handlers.conversation(request), words)
        self.store.delete(owner, conversation)
        said = words("history.deleted", title=title)
        return replace(changed, notice=value(notice_html(words, said, "restore", conversation)))

    def _restore(self, conversation: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        self.store.restore(owner_of(request), conversation)
        return self._open(conversation, sent, request, words)

    def _retry(self, number: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        talk = self.handlers.conversation(request)
        turn = talk.turn(number)
        if turn is None or talk.begin(turn.question, number) is None:
            return Changed()
        return Changed(
            chat=messages(talk.turns, words),
            question=gr.update(submit_btn=False, stop_btn=True),
            notice=self._notice(talk, words),
        )

    def _back(self, number: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        """Drop a turn and those after it; its question is in the box again, unless something is there."""
        talk = self.handlers.conversation(request)
        turn = talk.turn(number)
        if turn is None or talk.busy:
            return Changed()
        talk.drop(number)
        box = None if sent.get("typed") else gr.update(value=turn.question)
        return replace(self._all(talk, words), question=box)

    def _undo(self, number: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        talk = self.handlers.conversation(request)
        talk.stop()
        saved = talk.kept.undo() if talk.kept else None
        if saved is None:
            return Changed()
        self.handlers.load(talk, saved)
        return self._all(talk, words)

    def _rate(self, number: int, sent: Sent, request: gr.Request, words: Words, *, rating: int) -> Changed:
        """Keep a rating; the same a second time takes it back."""
        talk = self.handlers.conversation(request)
        turn = talk.turn(number)
        if turn is None or turn.running:
            return Changed()
        talk.rate(number, 0 if turn.rating == rating else rating)
        return Changed(chat=messages(talk.turns, words))

    # -- corrections ---------------------------------------------------------------------------------------

    def _correct(self, number: int, sent: Sent, request: gr.Request, words: Words) -> Changed:
        """Add a test case: the words that were selected answer the question, or nothing does."""
        talk = self.handlers.conversation(request)
        turn = talk.turn(number)
        if turn is None:
            return Changed()
        case = self._case(talk, turn, sent)
        if case is None:
            return Changed(correct=value(correct_html(words, words("correct.lost"))))
        count = add_case(self.library.testset, case)
        said = words("correct.added", file=str(self.library.testset), n=words.number(count))
        if turn.rating >= 0:
            talk.rate(number, -1)
        return Changed(chat=messages(talk.turns, words), correct=value(correct_html(words, said)))

    def _case(self, talk: Conversation, turn: Turn, sent: Sent) -> Question | None:
        before = tuple(earlier.question for earlier in talk.turns if earlier.number < turn.number)
        if sent.get("action") == "nothing":
            return Question(turn.question, (), None, (), before=before)
        if talk.shown is None:
            return None
        document = self.library.require().document(talk.shown.source)
        selected, left, right = (str(sent.get(key, ""))[:4000] for key in ("words", "before", "after"))
        place = find_words(document, selected, left, right)
        if place is None:
            return None
        answer = document.text[place.start : place.end]
        return Question(turn.question, (answer,), document.source, (place,), before=before)

    # -- exports -------------------------------------------------------------------------------------------

    def export(self, event: gr.EventData, request: gr.Request) -> Any:
        """A file for the browser to save, as the value of a panel that shows nothing."""
        sent = event._data if isinstance(event._data, dict) else {}
        form, number = sent.get("form"), str(sent.get("value", ""))
        if form not in SUFFIXES or not is_number(number):
            return gr.skip()
        try:
            saved = self.store.read(owner_of(request), int(number))
            text = export(saved, self.library.index(), form)
        except QAError as exc:
            raise gr.Error(str(exc), print_exception=False) from exc
        stem = _FILE_NAME.sub("-", saved.title).strip("-.")[:60] or "conversation"
        return value("") | {"file": {"name": f"{stem}.{SUFFIXES[form]}", "type": _TYPES[form], "text": text}}
