"""What happens when something is asked, clicked, uploaded or removed.

Every handler takes what the browser sent as untrusted: names are looked up, numbers checked, and a tab
reaches no conversation but its own.
"""

from __future__ import annotations

import itertools
import logging
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr

from index.errors import DocumentMissing, QAError
from index.types import Progress
from page.clicks import read_unticked, target
from page.conversation import Conversation, Conversations, State, Turn
from page.library import Library
from page.markup import question_html, turn_html
from page.sources import progress_html, report_html, sentence_html, sources_html
from page.viewer import EMPTY, missing_view, view
from qa.answer import Cited, Done, Retrieved, Text
from qa.ask import ask, clean
from qa.chat import Chat
from qa.settings import Settings

Messages: TypeAlias = list[dict[str, str]]
Value: TypeAlias = dict[str, Any]  # of a gr.HTML: {"html", "nonce"}

FRAME_S = 0.04  # between two repaints of a streaming answer
BROKEN = "Something went wrong inside Citespan. The terminal in which it runs shows what."

_log = logging.getLogger(__name__)
_nonce = itertools.count(1)


def value(html: str) -> Value:
    """The value of a gr.HTML; the nonce makes it new, so that a second click on a chip scrolls again."""
    return {"html": html, "nonce": next(_nonce)}


def send_button() -> Any:
    """The question box with a send button in place of the stop button."""
    return gr.update(submit_btn=True, stop_btn=False)


def messages(turns: Sequence[Turn]) -> Messages:
    """The turns as Gradio's chat shows them."""
    return [
        message
        for turn in turns
        for message in (
            {"role": "user", "content": question_html(turn.question)},
            {"role": "assistant", "content": turn_html(turn)},
        )
    ]


class Handlers:
    """The handlers over one library; the conversations are told apart by the session of each tab."""

    def __init__(self, library: Library, settings: Settings) -> None:
        """Answer from ``library``, as ``settings`` say."""
        self.library = library
        self.settings = settings
        self.conversations = Conversations()

    def conversation(self, request: gr.Request) -> Conversation:
        """The conversation of the tab that makes the request."""
        return self.conversations.of(request.session_hash)

    # -- asking --------------------------------------------------------------------------------------------

    def begin(self, question: str, unticked: str, request: gr.Request) -> tuple[Any, Any]:
        """Take the question: (the box, emptied, with a stop button; the chat, with a turn that searches)."""
        talk = self.conversation(request)
        asked = clean(question)
        if not asked or talk.begin(asked) is None:
            return gr.skip(), gr.skip()
        talk.unticked = read_unticked(unticked)
        return gr.update(value="", submit_btn=False, stop_btn=True), messages(talk.turns)

    def respond(self, request: gr.Request) -> Iterator[Messages]:
        """Stream the answer to the question that ``begin`` took."""
        talk = self.conversation(request)
        turn = talk.claim()
        if turn is None:
            return
        painted = 0.0
        for _ in self._answer(talk, turn):
            if time.monotonic() - painted >= FRAME_S:
                yield messages(talk.turns)
                painted = time.monotonic()
        yield messages(talk.turns)

    def _answer(self, talk: Conversation, turn: Turn) -> Iterator[None]:
        """Bring the turn to its end, pausing after each change; stops early when it is no longer wanted."""
        try:
            chat = talk.chat = talk.chat or Chat(index=self.library.require(), settings=self.settings)
            chat.sources = self._ticked(talk.unticked)
            text, citations = "", []
            for event in chat.stream(turn.question):
                changes: dict[str, Any] = {}
                if isinstance(event, Retrieved):
                    changes = {"hits": event.hits}
                elif isinstance(event, Text):
                    text += event.text
                    changes = {"text": text, "state": State.STREAMING}
                elif isinstance(event, Cited):
                    citations.append(event.citation)
                    changes = {"citations": tuple(citations)}
                elif isinstance(event, Done):
                    answer = event.answer
                    changes = {"state": State.DONE, "text": answer.text, "answer": answer}
                if not talk.change(turn.number, **changes):
                    return
                yield
        except QAError as exc:
            talk.change(turn.number, state=State.FAILED, error=str(exc))
        except Exception:
            _log.exception("while answering a question")
            talk.change(turn.number, state=State.FAILED, error=BROKEN)

    def _ticked(self, unticked: frozenset[str]) -> list[str] | None:
        """The documents to search, as they are now; None for all."""
        if not unticked:
            return None
        return [info.source for info in self.library.documents() if info.source not in unticked]

    def idle(self, request: gr.Request) -> Any:
        """The box with a send button again, unless another answer is on its way."""
        return gr.skip() if self.conversation(request).busy else send_button()

    def stop(self, request: gr.Request) -> tuple[Any, Messages]:
        """End the answer that is on its way: (the box, the chat)."""
        talk = self.conversation(request)
        talk.stop()
        return send_button(), messages(talk.turns)

    def restart(self, request: gr.Request) -> tuple[Any, Messages, Value]:
        """Forget the conversation of this tab: (the box, an empty chat, an empty viewer)."""
        self.conversation(request).forget()
        return send_button(), [], value(EMPTY)

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
        if shown is None:
            return gr.skip()
        talk.shown = shown
        try:
            return value(view(self.library.require(), shown))
        except DocumentMissing as exc:
            return value(missing_view(exc))

    # -- the documents -------------------------------------------------------------------------------------

    def sources(self) -> Value:
        """The list of documents as it is now."""
        return value(sources_html(self.library.documents()))

    def upload(self, files: list[str] | None) -> Iterator[tuple[Any, Any]]:
        """Index the uploaded files: (how it goes, the list of documents)."""
        try:
            for step in self.library.add([Path(file) for file in files or []]):
                if isinstance(step, Progress):
                    yield value(progress_html(step)), gr.skip()
                else:
                    yield value(report_html(step)), self.sources()
        except QAError as exc:
            yield value(sentence_html(str(exc))), self.sources()
        except Exception:
            _log.exception("while indexing uploaded files")
            yield value(sentence_html(BROKEN)), self.sources()

    def remove(self, event: gr.EventData) -> tuple[Value, Value]:
        """Remove a document: (a sentence where that failed, the list of documents)."""
        sent = event._data if isinstance(event._data, dict) else {}
        try:
            self.library.remove(str(sent.get("source", "")))
        except QAError as exc:
            return value(sentence_html(str(exc))), self.sources()
        return value(""), self.sources()

    def leave(self, request: gr.Request) -> None:
        """Forget the conversation of a tab that was closed."""
        self.conversations.drop(request.session_hash)
