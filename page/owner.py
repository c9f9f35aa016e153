"""Whose conversations are whose: a random name that each browser keeps in a cookie no script can read."""

from __future__ import annotations

import re
import secrets
from http.cookies import SimpleCookie
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

COOKIE = "citespan_owner"
_AGE_S = 400 * 24 * 3600  # as long as browsers keep a cookie; every visit begins it anew
_NAME = re.compile(r"[A-Za-z0-9_-]{43}")

# A browser that comes by a link of another site sends no strict cookie. This page brings it here by itself.
_AGAIN = '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0"><title>Citespan</title>'


def owner_of(request: Any) -> str:
    """The name of the browser that makes a request; "" where it has none, as a program has not."""
    cookies = getattr(request, "cookies", None) or {}
    found = str(cookies.get(COOKIE, ""))
    return found if _NAME.fullmatch(found) else ""


class Owner:
    """ASGI middleware: gives every browser that opens the page its name, and keeps it from running out."""

    def __init__(self, app: ASGIApp) -> None:
        """Stand before ``app``."""
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the answer to a page load carries the cookie."""
        if scope["type"] != "http" or scope["path"] != "/" or scope["method"] != "GET":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        owner = owner_of(request)
        if not owner and request.headers.get("sec-fetch-site") == "cross-site":
            await HTMLResponse(_AGAIN, headers={"Cache-Control": "no-store"})(scope, receive, send)
            return
        cookie = _cookie(owner or secrets.token_urlsafe(32), secure=request.url.scheme == "https")

        async def with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), (b"set-cookie", cookie)]}
            await send(message)

        await self.app(scope, receive, with_cookie)


def _cookie(owner: str, *, secure: bool) -> bytes:
    jar = SimpleCookie({COOKIE: owner})
    for name, value in {"path": "/", "max-age": _AGE_S, "httponly": True, "samesite": "Strict"}.items():
        jar[COOKIE][name] = value
    if secure:
        jar[COOKIE]["secure"] = True
    return jar[COOKIE].OutputString().encode("latin-1")
