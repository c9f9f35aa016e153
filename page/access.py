"""Who may do what: the password where there is one, and for programs only what is meant for them.

ASGI middleware behind page.guard. A browser has a session, in a cookie that scripts cannot read and other
sites cannot send; a program sends the password as a bearer token, as clients of OpenAI send their key. Gradio
only hides its "private" functions; here they are refused to whoever has not opened the page.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from math import ceil
from urllib.parse import parse_qs

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from page.bodies import PAGE_ONLY, again, checked, limited, read
from page.login import SESSION_S, Password, Sessions, login_html, logout_html
from page.routes import Asker, needed
from page.words import words_of

_FORM_BYTES = 16 << 10

NOTHING = "There is nothing at this address."
LOGIN = "This needs the password. Send it as a bearer token, or log in on the page."


class Access:
    """ASGI middleware: lets a request pass to ``app``, or answers it with what is missing."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        public: Mapping[str, int],
        password: Password | None = None,
        programs: bool = True,
    ) -> None:
        """Guard ``app``: ``public`` are the names of Gradio's functions for programs, with their numbers.

        Without a password every browser may come in; without ``programs`` only browsers may.
        """
        self.app = app
        self.public = public
        self.password = password
        self.programs = programs
        self.sessions = Sessions()
        self._open = secrets.token_urlsafe(32)  # the session of every browser where there is no password

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer it."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            outcome = await self._answer(request)
            if isinstance(outcome, Asker):
                body = await checked(request, outcome, self.public)
                receive = limited(receive) if body is None else again(body, receive)
                await self.app(scope, receive, self._giving(request, send))
                return
        except HTTPException as exc:
            outcome = refused(request.url.path, exc.status_code, exc.detail, exc.headers)
        except ClientDisconnect:
            return
        await outcome(scope, receive, send)

    async def _answer(self, request: Request) -> Response | Asker:
        """Our own reply, or who asks what may pass. Raises HTTPException for what may not."""
        path, method = request.url.path, request.method
        needs = needed(method, path)
        if needs is None or (path.startswith("/v1/") and not self.programs):
            raise HTTPException(404, NOTHING)
        if path == "/login":
            return await self._login(request)
        asker = self._asker(request)
        if path == "/" and asker < Asker.PAGE and self.password is None:
            return asker  # the page opens; _giving adds the session
        if asker >= needs:
            return await self._logout(request) if path == "/logout" else asker
        if path in ("/", "/logout") and self.password is not None:
            return _page(login_html(words_of(request)), 401)
        if asker is Asker.ANYONE:
            raise HTTPException(401, LOGIN, {"WWW-Authenticate": "Bearer"})
        raise HTTPException(403, PAGE_ONLY)

    def _asker(self, request: Request) -> Asker:
        """Who makes the request. Raises HTTPException for a wrong bearer token."""
        token = request.cookies.get(cookie(request), "")
        if self.password is None:
            if secrets.compare_digest(token.encode(), self._open.encode()):
                return Asker.PAGE
            return Asker.PROGRAM if self.programs else Asker.ANYONE
        if self.sessions.holds(token):
            return Asker.PAGE
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not self.programs:
            return Asker.ANYONE
        if not _tries(self.password, given.strip(), request):
            raise HTTPException(401, "The password is wrong.", {"WWW-Authenticate": "Bearer"})
        return Asker.PROGRAM

    async def _login(self, request: Request) -> Response:
        if self.password is None:
            return RedirectResponse("/", 303)
        words = words_of(request)
        if request.method != "POST":
            return _page(login_html(words), 200)
        form = parse_qs((await read(request, _FORM_BYTES)).decode("utf-8", "replace"), keep_blank_values=True)
        try:
            right = _tries(self.password, form.get("password", [""])[0], request)
        except HTTPException as exc:
            said = words("login.wait", n=(exc.headers or {})["Retry-After"])
            return _page(login_html(words, said=said), exc.status_code, exc.headers)
        if not right:
            return _page(login_html(words, said=words("login.wrong")), 401)
        response = RedirectResponse("/", 303)
        self._set(response, request, self.sessions.begin(), SESSION_S)
        return response

    async def _logout(self, request: Request) -> Response:
        if request.method != "POST":
            return _page(logout_html(words_of(request)), 200)
        self.sessions.end(request.cookies.get(cookie(request), ""))
        response = RedirectResponse("/", 303)
        response.delete_cookie(cookie(request), path="/")
        return response

    def _giving(self, request: Request, send: Send) -> Send:
        """``send``, which gives a browser that opens the page its session where none needs a password."""
        if request.url.path != "/" or self.password is not None:
            return send
        giver = Response()
        self._set(giver, request, self._open, None)
        cookies = [pair for pair in giver.raw_headers if pair[0] == b"set-cookie"]

        async def give(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message.get("headers", ()), *cookies]}
            await send(message)

        return give

    def _set(self, response: Response, request: Request, token: str, age_s: int | None) -> None:
        response.set_cookie(
            cookie(request),
            token,
            max_age=age_s,
            path="/",
            httponly=True,
            samesite="strict",
            secure=request.url.scheme == "https",
        )


def cookie(request: Request) -> str:
    """The name of the cookie: with the port, because the servers of one machine share their cookies."""
    server = request.scope.get("server") or ("", 0)
    return f"citespan_session_{server[1] or 0}"


def _tries(password: Password, given: str, request: Request) -> bool:
    """Whether the password is right. Raises HTTPException 429 where the address has to wait."""
    address = request.client.host if request.client else ""
    wait_s = ceil(password.wait_s(address))
    if wait_s > 0:
        said = f"Too many wrong passwords. Try again in {wait_s} s."
        raise HTTPException(429, said, {"Retry-After": str(wait_s)})
    return password.fits(given, address)


def _page(html: str, status: int, headers: Mapping[str, str] | None = None) -> Response:
    return HTMLResponse(html, status, {**(headers or {}), "Cache-Control": "no-store"})


def refused(path: str, status: int, said: str, headers: Mapping[str, str] | None = None) -> Response:
    """A refusal in the form that the clients of this address read."""
    if path.startswith("/v1/"):
        kind = {401: "authentication_error", 429: "rate_limit_error"}.get(status, "invalid_request_error")
        code = {401: "invalid_api_key", 429: "rate_limit_exceeded"}.get(status)
        error = {"message": said, "type": kind, "param": None, "code": code}
        return JSONResponse({"error": error}, status, headers)
    if path.startswith("/gradio_api/"):
        return JSONResponse({"detail": said}, status, headers)
    return PlainTextResponse(said, status, headers)
