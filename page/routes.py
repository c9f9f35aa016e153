"""Every address that the server answers, and who may use it. All others do not exist.

Gradio registers some ninety routes: for sound, video, an editor that writes code, monitoring, and for files
and addresses that the server would fetch. The page needs few. ``tests/test_routes.py`` holds that each has
been decided, so that a new version of Gradio opens nothing by itself.
"""

from __future__ import annotations

import re
from enum import IntEnum


class Asker(IntEnum):
    """Who makes a request; a later one may do all that an earlier one may."""

    ANYONE = 0
    PROGRAM = 1  # knows the password; where there is none, any program on this machine
    PAGE = 2  # a browser that has opened the page, and has logged in where there is a password


_API = "/gradio_api"
_WORD = r"[A-Za-z0-9_-]{1,64}"

# What a browser needs before it has logged in, the same for everybody; and what Gradio asks itself at start.
_ANYONE = (
    ("GET", r"/(?:assets|static|svelte)/.+"),
    ("GET", r"/(?:favicon\.ico|theme\.css|manifest\.json|robots\.txt)"),
    ("GET", rf"{_API}/(?:theme\.css|startup-events)"),
    ("GET POST", r"/login"),
)
# What gradio_client and the clients of OpenAI use. page.bodies keeps Gradio's private functions private.
_PROGRAM = (
    ("GET", r"/"),
    ("GET", r"/config/?"),
    ("GET", rf"{_API}/info/?"),
    ("GET", rf"{_API}/openapi\.json"),
    ("POST", rf"{_API}/call/(?:v2/)?{_WORD}/?"),
    ("GET", rf"{_API}/call/(?:v2/)?{_WORD}/{_WORD}"),
    ("POST", rf"{_API}/queue/join"),
    ("GET", rf"{_API}/queue/data"),
    ("GET", rf"{_API}/heartbeat/{_WORD}"),
    ("POST", rf"{_API}/(?:cancel|reset)/?"),
    ("GET", r"/v1/models(?:/.+)?"),
    ("POST", r"/v1/chat/completions"),
    ("GET", r"/v1/documents/.+"),
)
# What the page alone does. A path with a scheme, which the server would fetch, is no file.
_PAGE = (
    ("POST", rf"{_API}/run/{_WORD}/?"),
    ("POST", rf"{_API}/upload"),
    ("GET", rf"{_API}/upload_progress"),
    ("GET", rf"{_API}/file=(?!\s*(?:[A-Za-z][A-Za-z0-9+.-]+:|[/\\]{{2}})).+"),
    ("GET POST", r"/logout"),
    ("GET", r"/original"),
)
_RULES = tuple(
    (asker, frozenset(methods.replace("GET", "GET HEAD").split()), re.compile(path, re.DOTALL))
    for asker, rules in ((Asker.ANYONE, _ANYONE), (Asker.PROGRAM, _PROGRAM), (Asker.PAGE, _PAGE))
    for methods, path in rules
)


def needed(method: str, path: str) -> Asker | None:
    """Who may make this request at the least; None where the server has nothing at this address."""
    for asker, methods, pattern in _RULES:
        if method in methods and pattern.fullmatch(path):
            return asker
    return None
