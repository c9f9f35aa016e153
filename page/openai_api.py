"""`/v1`: Citespan as a model for chat clients that speak OpenAI's protocol.

Mounted beside the page, behind the same guard: the password is the key. Nothing is remembered between two
requests; a client sends the conversation each time, and follow-ups are understood from it.
"""

from __future__ import annotations

import json
import logging
import secrets
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any

import anyio
from anyio.to_thread import run_sync
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from index.errors import DocumentMissing, QAError
from page.library import Library
from page.openai_form import (
    MODEL,
    BadRequest,
    about,
    annotation,
    chunk,
    completion,
    error,
    history,
    models,
    read_asked,
)
from qa.answer import Cited, Done, Event, Text
from qa.chat import Chat
from qa.settings import Settings

AT_ONCE = 8  # answers that are worked on at the same time; others wait
BROKEN = "Something went wrong inside Citespan. The terminal in which it runs shows what."

_log = logging.getLogger(__name__)


class OpenAI:
    """The handlers over one library."""

    def __init__(self, library: Library, settings: Settings) -> None:
        """Answer from ``library``, as ``settings`` say."""
        self.library = library
        self.settings = settings
        self._limiter = anyio.CapacityLimiter(AT_ONCE)

    def routes(self) -> list[Route]:
        """The addresses, for the server's router."""
        return [
            Route("/v1/models", self.models),
            Route("/v1/models/{name:path}", self.models),
            Route("/v1/chat/completions", self.complete, methods=["POST"]),
            Route("/v1/documents/{source:path}", self.document),
        ]

    async def models(self, request: Request) -> Response:
        """`GET /v1/models`, and one model of it."""
        name = request.path_params.get("name", MODEL)
        if name != MODEL:
            return _failed(
                BadRequest(f"There is no model {name!r} here.", code="model_not_found", status=404)
            )
        listed = models()
        return JSONResponse(listed["data"][0] if "name" in request.path_params else listed)

    async def document(self, request: Request) -> Response:
        """`GET /v1/documents/SOURCE`: the stored text, in which the offsets of citations count."""
        try:
            text = await run_sync(self._text, request.path_params["source"])
        except QAError as exc:
            return _failed(exc)
        return PlainTextResponse(text.encode("utf-8", "replace"), headers={"Cache-Control": "no-store"})

    def _text(self, source: str) -> str:
        return self.library.require().document(source).text

    async def complete(self, request: Request) -> Response:
        """`POST /v1/chat/completions`."""
        ident, created = f"chatcmpl-{secrets.token_hex(12)}", int(time.time())
        base = str(request.base_url)
        try:
            asked = read_asked(_json(await request.body()))
            talk = Chat(index=self.library.require(), settings=self.settings, history=history(asked.before))
            events = talk.stream(asked.question)
            if asked.streamed:
                first = await self._next(events)  # what goes wrong at once still gets its status
                pieces = self._pieces(first, events, ident, created, base)
                return StreamingResponse(
                    pieces, media_type="text/event-stream", headers={"Cache-Control": "no-cache"}
                )
            answer = await run_sync(
                lambda: next(event.answer for event in events if isinstance(event, Done)),
                limiter=self._limiter,
            )
            return JSONResponse(completion(ident, created, answer, base))
        except QAError as exc:
            return _failed(exc)
        except Exception:
            _log.exception("while answering a program")
            return JSONResponse(error(BROKEN, "server_error"), 500)

    async def _next(self, events: Iterator[Event]) -> Event | None:
        return await run_sync(next, events, None, limiter=self._limiter)

    async def _pieces(
        self, first: Event | None, events: Iterator[Event], ident: str, created: int, base: str
    ) -> AsyncIterator[str]:
        """Yield the server-sent events of one answer."""
        text = ""
        yield _sent(chunk(ident, created, {"role": "assistant", "content": ""}))
        event = first
        try:
            while event is not None:
                if isinstance(event, Text):
                    text += event.text
                    yield _sent(chunk(ident, created, {"content": event.text}))
                elif isinstance(event, Cited):
                    made = annotation(event.citation, text, base)
                    yield _sent(chunk(ident, created, {"annotations": [made]}))
                elif isinstance(event, Done):
                    yield _sent(chunk(ident, created, {}, finished=True, citespan=about(event.answer)))
                event = await self._next(events)
        except QAError as exc:
            yield _sent(error(str(exc), "server_error"))
        except Exception:
            _log.exception("while answering a program")
            yield _sent(error(BROKEN, "server_error"))
        finally:
            events.close()  # type: ignore[attr-defined]
        yield "data: [DONE]\n\n"


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise BadRequest("The request is not JSON.") from exc


def _sent(event: dict[str, Any]) -> str:
    return f"data: {json.dumps(event)}\n\n"


def _failed(exc: QAError) -> Response:
    """An error in OpenAI's form, with the status that fits it."""
    if isinstance(exc, BadRequest):
        kind = "invalid_request_error"
        return JSONResponse(error(str(exc), kind, param=exc.param, code=exc.code), exc.status)
    if isinstance(exc, DocumentMissing):
        return JSONResponse(error(str(exc), "invalid_request_error", code="document_missing"), 404)
    return JSONResponse(error(str(exc), "server_error"), 503)
