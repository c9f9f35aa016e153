"""What may be in a request: how much, for which of Gradio's functions, and no address to fetch.

Gradio downloads a "file" whose path is an address: whoever may upload could make the server ask others.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message, Receive

from page.routes import Asker

BODY_BYTES = 8 << 20  # of a request that is no upload
UPLOAD_BYTES = 2 << 30  # of one upload, all files together

PAGE_ONLY = "Only the page itself may do that. Open it in a browser."


async def checked(request: Request, asker: Asker, public: Mapping[str, int]) -> bytes | None:
    """The body of a request to Gradio, read and found harmless; None where it is none that we read.

    Raises HTTPException for one that is too long, that names a function which the asker may not use, or an
    address that the server would fetch.
    """
    path = request.url.path
    length = request.headers.get("content-length", "")
    if length.isdecimal() and int(length) > (UPLOAD_BYTES if path == "/gradio_api/upload" else BODY_BYTES):
        raise HTTPException(413, "This is too much at once.")
    if request.method != "POST" or path == "/gradio_api/upload":
        return None
    body = await read(request, BODY_BYTES)
    if not path.startswith("/gradio_api/"):
        return body
    try:
        sent = json.loads(body)
    except (ValueError, RecursionError):
        sent = None
    if not isinstance(sent, dict):
        raise HTTPException(422, "Send a JSON object.")
    name = path.removeprefix("/gradio_api/call/").removeprefix("v2/").rstrip("/") if "/call/" in path else ""
    number = sent.get("fn_index")
    if asker < Asker.PAGE and (name or path.endswith("/join")):
        known = name in public if name else type(number) is int and number in public.values()
        if not known:
            raise HTTPException(403, PAGE_ONLY)
    if name in public and "/v2/" not in path and not sent.get("data"):
        example = json.dumps({"data": ["Who approved the budget?"]})
        raise HTTPException(422, f"Send the question as the first value of data: {example}")
    if any(_is_address(value) for value in _paths(sent)):
        raise HTTPException(403, "This page does not fetch addresses.")
    return body


def _paths(value: Any) -> Iterator[str]:
    """Yield what stands under "path" anywhere in a JSON value: what Gradio takes for files."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, dict):
            if isinstance(item.get("path"), str):
                yield item["path"]
            waiting.extend(item.values())
        elif isinstance(item, list):
            waiting.extend(item)


def _is_address(path: str) -> bool:
    """Whether Gradio would fetch this path, or could be led out of its upload folder by it."""
    return "://" in path or path.lstrip().startswith(("//", "\\\\", "data:")) or ".." in path.split("/")


async def read(request: Request, most: int) -> bytes:
    """The body. Raises HTTPException 413 when it is longer than ``most`` bytes."""
    parts, total = [], 0
    async for part in request.stream():
        total += len(part)
        if total > most:
            raise HTTPException(413, "This is too much at once.")
        parts.append(part)
    return b"".join(parts)


def again(body: bytes, receive: Receive) -> Receive:
    """A ``receive`` that gives the body that was read already, and then what comes."""
    given = False

    async def first() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return first


def limited(receive: Receive) -> Receive:
    """A ``receive`` that hangs up on an upload which turns out longer than it may be."""
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        return {"type": "http.disconnect"} if total > UPLOAD_BYTES else message

    return counted
