"""What a local web server must refuse: other sites that reach it through the user's browser, remote content.

Gradio alone answers any Host (DNS rebinding), takes cross-site uploads, and lets chat messages load remote
images. The guard stands before it, as ASGI middleware.
"""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

# Gradio's components need eval. Inline scripts run only with the nonce of their page, so that an element or
# an event attribute that got past page.markup would not run either.
_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self' 'nonce-{nonce}' 'unsafe-eval'",
        "connect-src 'self'",
        "worker-src 'self' blob:",
        "frame-src 'none'",
        "frame-ancestors 'none'",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
    ]
)
_HEADERS = [
    (b"referrer-policy", b"same-origin"),  # without any, browsers send forms with the origin "null"
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"permissions-policy", b"camera=(), microphone=(), geolocation=(), payment=(), usb=()"),
]
_SCRIPT = re.compile(rb"<script(?=[\s>])")


def content_security_policy(nonce: str) -> str:
    """The policy of one reply, in which inline scripts need this nonce."""
    return _POLICY.format(nonce=nonce)


class Guard:
    """ASGI middleware: 403 for what the page never sends itself, a content security policy for the rest."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str] = LOOPBACK, any_address: bool = False) -> None:
        """Guard ``app``: ``hosts`` are the names it answers to; ``any_address`` adds every literal address.

        A name is what DNS rebinding needs, so literal addresses are safe where the server listens on all.
        """
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.any_address = any_address

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "websocket":  # the page has none
            await send({"type": "websocket.close", "code": 1008})
            return
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        sending = _Sending(send, scope)
        refusal = self.refusal(scope["headers"])
        if refusal:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, sending)
        else:
            await self.app(scope, receive, sending)

    def refusal(self, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Why the request is refused, as a sentence; "" where it may pass."""
        fields: dict[str, str] = {}
        for name, value in headers:
            key = name.decode("latin-1").lower()
            if key in ("host", "origin", "x-forwarded-host") and key in fields:
                return f"This request has more than one {key} header."
            fields[key] = value.decode("latin-1")
        host = fields.get("host", "")
        if not self.knows(host) or not self.knows(fields.get("x-forwarded-host", host)):
            return "This page answers only under the address at which it was started."
        origin = fields.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "This page does not take requests that another site makes."
        if fields.get("sec-fetch-site") == "cross-site" and fields.get("sec-fetch-mode") != "navigate":
            return "This page does not take requests that another site makes."
        return ""

    def knows(self, host: str) -> bool:
        """Whether the Host header (name, or name and port) names this server."""
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in self.hosts:
            return True
        if not self.any_address:
            return False
        try:
            ipaddress.ip_address(name)
        except ValueError:
            return False
        return True


class _Sending:
    """Sends a reply with our headers, and puts the nonce of its policy into the scripts of the page."""

    def __init__(self, send: Send, scope: Scope) -> None:
        self._send = send
        self._nonce = secrets.token_urlsafe(16)
        self._rewrites = scope["path"] == "/" and scope["method"] == "GET"
        self._start: Message = {}
        self._body: list[bytes] = []

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            policy = content_security_policy(self._nonce).encode()
            headers = [*message.get("headers", ()), *_HEADERS, (b"content-security-policy", policy)]
            self._start = {**message, "headers": headers}
            if not self._rewrites:
                await self._send(self._start)
        elif self._rewrites and message["type"] == "http.response.body":
            self._body.append(message.get("body", b""))
            if not message.get("more_body", False):
                await self._send_page()
        else:
            await self._send(message)

    async def _send_page(self) -> None:
        body = _SCRIPT.sub(b'<script nonce="' + self._nonce.encode() + b'"', b"".join(self._body))
        kept = [
            pair for pair in self._start["headers"] if pair[0].lower() not in (b"content-length", b"etag")
        ]
        headers = [*kept, (b"content-length", str(len(body)).encode()), (b"cache-control", b"no-store")]
        await self._send({**self._start, "headers": headers})
        await self._send({"type": "http.response.body", "body": body})
