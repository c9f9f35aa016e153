"""The body of a chat completion: a stream of server-sent events, or one JSON object."""

from __future__ import annotations

import http.client
import json
import socket
from collections.abc import Iterator
from time import monotonic
from typing import Any

from index.errors import ModelError


class BadReply(ModelError):
    """What came is no whole reply: cut at the limit of tokens, broken off, an error, or nonsense."""


_MOST_BYTES = 8_000_000  # of a reply with all that is around it
_DIES = "its reply breaks off"


def read_reply(response: http.client.HTTPResponse, sock: socket.socket, deadline: float) -> Iterator[str]:
    """Yield the text of a reply, piece by piece, until it ends by itself.

    Raises BadReply where it does not, ModelError where the time is over. Their messages hold
    nothing that the server sent.
    """
    streamed = response.getheader("Content-Type", "").startswith("text/event-stream")
    body = _read(response, sock, deadline)
    if not streamed:
        yield from _piece(_object(b"".join(body)), "message")
        return
    for line in _lines(body):
        if not line.startswith(b"data:"):
            continue
        data = line[5:].strip()
        if data == b"[DONE]":
            return
        event = _object(data)
        yield from _piece(event, "delta")
        if _finished(event):
            return
    raise BadReply(_DIES)


def _read(response: http.client.HTTPResponse, sock: socket.socket, deadline: float) -> Iterator[bytes]:
    """Yield the bytes of the body as they come."""
    total = 0
    while True:
        left = deadline - monotonic()
        if left <= 0:
            raise ModelError("its reply did not come to an end in time")
        try:
            sock.settimeout(left)
            block = response.read1(65_536)
        except TimeoutError as exc:
            raise ModelError("its reply did not come to an end in time") from exc
        except (OSError, ValueError, http.client.HTTPException) as exc:
            raise BadReply(_DIES) from exc
        if not block:
            return
        total += len(block)
        if total > _MOST_BYTES:
            raise BadReply("its reply does not end")
        yield block


def _lines(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        *lines, rest = (rest + block).split(b"\n")
        yield from lines
    yield rest


def _object(data: bytes) -> dict[str, Any]:
    try:
        content = json.loads(data.decode("utf-8", "replace"))
    except (ValueError, RecursionError):
        content = None
    if not isinstance(content, dict):
        raise BadReply("its reply is not one of a chat server")
    if content.get("error"):
        raise BadReply("it reports an error instead of a reply")
    return content


def _choice(content: dict[str, Any]) -> dict[str, Any]:
    choices = content.get("choices")
    first = choices[0] if isinstance(choices, list) and choices else {}
    return first if isinstance(first, dict) else {}


def _piece(content: dict[str, Any], part: str) -> Iterator[str]:
    message = _choice(content).get(part)
    text = message.get("content") if isinstance(message, dict) else None
    if isinstance(text, str) and text:
        yield text


def _finished(content: dict[str, Any]) -> bool:
    reason = _choice(content).get("finish_reason")
    if reason == "length":
        raise BadReply("its reply reached the limit of tokens (QA_MAX_TOKENS)")
    return reason is not None
