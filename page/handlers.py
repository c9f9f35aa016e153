"""What happens when something is asked, clicked, uploaded or removed.

Every handler takes what the browser sent as untrusted: names are looked up, numbers checked, and a tab
reaches no conversation but its own.
"""

from __future__ import annotations

import itertools
import logging
import threading
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr

from index.errors import DocumentMissing, QAError
from page.brand import brand_html, foot_html, top_html, welcome_html
from page.clicks import is_number, read_unticked, target
from page.conversation import Conversation, Conversations, Shown, State, Turn
from page.examples import examples
from page.history import asked_html, correct_html
from page.keeping import Kept, reopened
from page.library import Library
from page.owner import owner_of
from page.sources import sources_html
from page.suggest import SUGGESTED, TRIED, candidates
from page.turns import question_html, turn_html
from page.uploads import Batches, sentence_html
from page.viewer import empty_view, missing_view, view
from page.words import Words, words_of
from qa.answer import Cited, Done, Retrieved, Text
from qa.ask import ask, clean
from qa.chat import Chat
from qa.reopen import Reopener
from qa.saved import SavedConversation
from qa.settings import Settings

Messages: TypeAlias = list[dict[str, str]]
Value: TypeAlias = dict[str, Any]  # of a gr.HTML: {"html", "nonce"}

FRAME_S = 0.04  # between two repaints of a streaming answer
LIST_S = 0.4  # between two repaints of an upload

_log = logging.getLogger(__name__)
_nonce = itertools.count(1)


def value(html: str) -> Value:
    """The value of a gr.HTML; the nonce makes it new, so that a second click on a chip scrolls again."""
    return {"html": html, "nonce": next(_nonce)}


def send_button() -> Any:
    """The question box with a send button in place of the stop button."""
    return gr.update(submit_btn=True, stop_btn=False)


def messages(turns: Sequence[Turn], words: Words) -> Messages:
    """The turns as Gradio's chat shows them."""
    return [
        message
        for turn in turns
        for message in (
            {"role": "user", "content": asked_html(question_html(turn.question), turn, words)},
            {"role": "assistant", "content": turn_html(turn, words)},
        )
    ]


class Handlers:
    """The handlers over one library; the conversations are told apart by the session of each tab."""

    def __init__(self, library: Library, settings: Settings, *, locked: bool = False) -> None:
        """Answer from ``library``, as ``settings`` say; ``locked`` where browsers have logged in."""
        self.library = library
        self.locked = locked
        self.settings = settings
        self.conversations = Conversations()
        self.batches = Batches()
        self._removing = threading.Lock()

    def conversation(self, request: gr.Request) -> Conversation:
        """The conversation of the tab that makes the request, with what other tabs have changed in it."""
        owner = owner_of(request)
        talk = self.conversations.of(
            request.session_hash, owner, lambda: Conversation(Kept(self.library.conversations, owner))
        )
        news = talk.kept.news() if talk.kept and not talk.busy else None
        if news is not None:
            self.load(talk, news)
        return talk

    def load(self, talk: Conversation, saved: SavedConversation) -> None:
        """Show the turns that were kept, each citation verified against the documents as they are."""
        talk.reload(saved, partial(reopened, reopener=Reopener(self.library.index())))

    # -- asking --------------------------------------------------------------------------------------------

    def begin(
        self, question: str, unticked: str, request: gr.Request, instead_of: str = ""
    ) -> tuple[Any, Any]:
        """Take the question: (the box, emptied, with a stop button; the chat, with a turn that searches).

        ``instead_of`` is the number of the turn that was edited, "" for none.
        """
        talk = self.conversation(request)
        asked = clean(question)
        replaced = int(instead_of) if is_number(instead_of) else 0
        if not asked or talk.begin(asked, replaced) is None:
            return gr.skip(), gr.skip()
        talk.unticked = read_unticked(unticked)
        return gr.update(value="", submit_btn=False, stop_btn=True), messages(talk.turns, words_of(request))

    def respond(self, request: gr.Request) -> Iterator[Any]:
        """Stream the answer to the question that ``begin`` took."""
        talk = self.conversation(request)
        turn = talk.claim()
        if turn is None:
            yield gr.skip()  # a generator without a step would empty the chat
            return
        words = words_of(request)
        painted = 0.0
        for _ in self._answer(talk, turn, words):
            if time.monotonic() - painted >= FRAME_S:
                yield self._chat(talk, request)
                painted = time.monotonic()
        yield self._chat(talk, request)

    def _chat(self, talk: Conversation, request: gr.Request) -> Any:
        """The chat, unless the tab has gone on to another conversation meanwhile.

        The request may be older than the last switch of the language.
        """
        if self.conversation(request) is not talk:
            return gr.skip()
        return messages(talk.turns, talk.words or words_of(request))

    def _answer(self, talk: Conversation, turn: Turn, words: Words) -> Iterator[None]:
        """Bring the turn to its end, pausing after each change; stops early when it is no longer wanted."""
        try:
            if talk.chat is None:
                talk.chat = Chat(
                    index=self.library.require(), settings=self.settings, history=talk.understood
                )
            chat, index = talk.chat, self.library.index()
            chat.sources = self._ticked(talk.unticked)
            text, citations = "", []
            for event in chat.stream(turn.question):
                changes: dict[str, Any] = {}
                if isinstance(event, Retrieved):
                    changes = {"hits": event.hits, "searched": event.searched}
                elif isinstance(event, Text):
                    text += event.text
                    changes = {"text": text, "state": State.STREAMING}
                elif isinstance(event, Cited):
                    citations.append(event.citation)
                    changes = {"citations": tuple(citations)}
                elif isinstance(event, Done):
                    answer = event.answer
                    changes = {"state": State.DONE, "text": answer.text, "answer": answer}
                if not talk.change(turn.number, index, **changes):
                    return
                yield
        except QAError as exc:
            talk.change(turn.number, state=State.FAILED, error=str(exc))
        except Exception:
            _log.exception("while answering a question")
            talk.change(turn.number, state=State.FAILED, error=words("page.broken"))
        finally:
            talk.change(turn.number, self.library.index(), state=State.STOPPED)  # the browser has left

    def _ticked(self, unticked: frozenset[str]) -> list[str] | None:
        """The documents to search, as they are now; None for all."""
        if not unticked:
            return None
        return [info.source for info in self.library.documents() if info.source not in unticked]

    def idle(self, request: gr.Request) -> Any:
        """The box with a send button again, unless another answer is on its way."""
        return gr.skip() if self.conversation(request).busy else send_button()

    def suggest(self, request: gr.Request) -> Any:
        """The chat with questions that could follow, each of which the documents answer.

        They are looked for once for each answer: a rating or a new title changes nothing about them.
        """
        talk, words = self.conversation(request), words_of(request)
        turns = talk.turns
        if not turns or turns[-1].following is not None:
            return gr.skip()
        found: list[str] = []
        try:
            index = self.library.require()
            for question in itertools.islice(candidates(turns, index, words), TRIED):
                if talk.busy or len(found) == SUGGESTED:
                    break
                if not ask(question, index=index, settings=self.settings).refused:
                    found.append(question)
        except QAError:
            return gr.skip()
        talk.suggest(turns[-1].number, tuple(found))
        return self._chat(talk, request) if found and not talk.busy else gr.skip()

    def stop(self, request: gr.Request) -> tuple[Any, Messages]:
        """End the answer that is on its way: (the box, the chat)."""
        talk = self.conversation(request)
        talk.stop(self.library.index())
        return send_button(), messages(talk.turns, words_of(request))

    def restart(self, request: gr.Request) -> tuple[Any, Messages, Value]:
        """Begin a new conversation in this tab: (the box, an empty chat, an empty viewer)."""
        self.conversation(request).stop(self.library.index())
        self.conversations.drop(request.session_hash, owner_of(request))
        return send_button(), [], value(empty_view(words_of(request)))

    def ask(self, question: str) -> dict[str, Any]:
        """Answer a question from the indexed documents, with the exact passages that the answer rests on.

        Args:
            question: The question in plain language.
        """
        if not isinstance(question, str):
            raise gr.Error("The question must be a text.", print_exception=False)
        try:
            return ask(question, index=self.library.require(), settings=self.settings).to_dict()
        except QAError as exc:
            raise gr.Error(str(exc), print_exception=False) from exc

    # -- looking -------------------------------------------------------------------------------------------

    def show(self, event: gr.EventData, request: gr.Request) -> Any:
        """What the viewer shows after a click; nothing changes on a request that makes no sense."""
        talk = self.conversation(request)
        sent = event._data if isinstance(event._data, dict) else {}
        shown = target(talk, str(sent.get("action", "")), str(sent.get("value", "")))
        click = str(sent.get("click", ""))
        if shown is None or not talk.look(shown, int(click) if is_number(click) else 0):
            return gr.skip()
        shows = self._view(shown, words_of(request))
        return shows if talk.shown is shown else gr.skip()  # there was another click meanwhile

    def _view(self, shown: Shown, words: Words) -> Value:
        try:
            return value(view(self.library.require(), shown, words))
        except DocumentMissing:
            return value(missing_view(shown.source, words))

    # -- the documents -------------------------------------------------------------------------------------

    def sources(self, request: gr.Request) -> Value:
        """The list of documents as it is now."""
        return value(sources_html(self.library.documents(), words_of(request)))

    def upload(self, files: list[str] | None, request: gr.Request) -> Iterator[tuple[Any, Any]]:
        """Index the uploaded files: (how it goes with each, the list of documents)."""
        words, tab = words_of(request), request.session_hash or ""
        paths = [Path(file) for file in files or []]
        batch = self.batches.begin(tab, [path.name for path in paths])

        def painted() -> tuple[Any, Any]:
            documents = self.library.documents()
            return value(self.batches.html(tab, documents, words)), value(sources_html(documents, words))

        yield painted()  # it may have to wait for another upload
        last = time.monotonic()
        try:
            for step in self.library.add(paths):
                batch.advance(step)
                if batch.report or time.monotonic() - last >= LIST_S:
                    yield painted()
                    last = time.monotonic()
        except QAError as exc:
            self.batches.drop(tab, batch)
            yield value(sentence_html(str(exc))), self.sources(request)
        except Exception:
            _log.exception("while indexing uploaded files")
            self.batches.drop(tab, batch)
            yield value(sentence_html(words("page.broken"))), self.sources(request)

    def remove(self, event: gr.EventData, request: gr.Request) -> tuple[Value, Value]:
        """Remove a document: (a sentence where that failed, the list of documents)."""
        sent = event._data if isinstance(event._data, dict) else {}
        source = str(sent.get("source", ""))
        with self._removing:  # one after the other, so that the list which comes last is the last one
            try:
                self.library.remove(source)
            except QAError as exc:
                return value(sentence_html(str(exc))), self.sources(request)
            return value(""), self.sources(request)

    # -- the language --------------------------------------------------------------------------------------

    def dress(self, request: gr.Request) -> tuple[Any, ...]:
        """What the fixed parts say in the browser's language: (brand, upload button, sources, language
        switch, bar, new conversation, chat, question).
        """
        words = words_of(request)
        documents = self.library.documents()
        questions = examples([info.source for info in documents], words)
        return (
            value(brand_html(words)),
            gr.update(label=words("sources.add")),
            value(sources_html(documents, words)),
            value(foot_html(words, locked=self.locked)),
            value(top_html(words)),
            gr.update(value=words("chat.new")),
            gr.update(
                placeholder=welcome_html(words), examples=[{"text": question} for question in questions]
            ),
            gr.update(placeholder=words("chat.placeholder"), label=words("chat.question")),
        )

    def redraw(self, request: gr.Request) -> tuple[Messages, Any, Value]:
        """The chat, the viewer and what stands under it in the browser's language, after it was switched."""
        talk = self.conversation(request)
        words = talk.words = words_of(request)
        viewer = value(empty_view(words)) if talk.shown is None else self._view(talk.shown, words)
        return messages(talk.turns, words), viewer, value(correct_html(words))

    def leave(self, request: gr.Request) -> None:
        """Let go of the conversation of a tab that was closed."""
        self.batches.drop(request.session_hash or "")
        self.conversations.drop(request.session_hash, owner_of(request))
