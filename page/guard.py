"""What a local web server must refuse: other sites that reach it through the user's browser, remote content.

Gradio alone answers any Host (DNS rebinding), takes cross-site uploads, fetches URLs on the path
``/file=http…`` and lets chat messages load remote images. The guard sits before it, as ASGI middleware.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

# Gradio's own scripts need inline and eval; that document text is never script is up to page.markup.
CONTENT_SECURITY_POLICY = "; ".join(
    [
        "default-src 'self'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob:",
        "font-src 'self' data:",
        "style-src 'self' 'unsafe-inline'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
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
    (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]
_FETCHES = re.compile(r"/(?:file|proxy)=\s*(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)


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
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        refusal = self.refusal(scope["path"], scope["headers"])
        if refusal:
            await PlainTextResponse(refusal, status_code=403)(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *_HEADERS]
            await send(message)

        await self.app(scope, receive, with_headers)

    def refusal(self, path: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Why the request is refused, as a sentence; "" where it may pass."""
        fields = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in headers}
        host = fields.get("host", "")
        if not self.knows(host):
            return "This page answers only under the address at which it was started."
        origin = fields.get("origin")
        if origin is not None and urlsplit(origin).netloc.lower() != host.lower():
            return "This page does not take requests that another site makes."
        if fields.get("sec-fetch-site") == "cross-site" and fields.get("sec-fetch-mode") != "navigate":
            return "This page does not take requests that another site makes."
        if _FETCHES.search(unquote(path)):
            return "This page does not fetch addresses."
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
