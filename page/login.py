"""The password: whether it was given, how often it was not, and the page that asks for it.

Gradio's own login has none of this: it compares in constant time, but lets anybody try as often as they like.
"""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from hashlib import sha256

from page.markup import escape
from page.words import Words

TRIES = 5  # wrong ones that one address has in a minute
TRIES_OF_ALL = 300  # wrong ones in a minute from all addresses together
MINUTE_S = 60.0
SESSION_S = 30 * 24 * 3600
_MOST = 10_000  # addresses, and sessions, that are remembered


class Password:
    """A password that is compared in constant time, and that no one can try out quickly."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.monotonic) -> None:
        """Take ``secret`` as the password; ValueError where it is empty."""
        if not secret:
            raise ValueError("a password has at least one character")
        self._digest = _digest(secret)
        self._clock = clock
        self._wrong: OrderedDict[str, deque[float]] = (
            OrderedDict()
        )  # address -> when it was wrong, oldest first
        self._wrong_of_all: deque[float] = deque()

    def wait_s(self, address: str) -> float:
        """Seconds for which this address may not try; 0 where it may."""
        now = self._clock()
        mine = self._wrong.get(network(address), deque())
        return max(_wait(mine, TRIES, now), _wait(self._wrong_of_all, TRIES_OF_ALL, now))

    def fits(self, given: str, address: str) -> bool:
        """Whether this is the password; a wrong try of the address is remembered. Ask ``wait_s`` first."""
        if hmac.compare_digest(_digest(given), self._digest):
            return True
        known = self._wrong.setdefault(network(address), deque(maxlen=TRIES))
        self._wrong.move_to_end(network(address))
        while len(self._wrong) > _MOST:
            self._wrong.popitem(last=False)
        for tries in (known, self._wrong_of_all):
            tries.append(self._clock())
        while len(self._wrong_of_all) > TRIES_OF_ALL:
            self._wrong_of_all.popleft()
        return False


def network(address: str) -> str:
    """What counts as one address: an IPv4 address, or the /64 of an IPv6 one, all of which one user has."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def _digest(text: str) -> bytes:
    return sha256(text.encode("utf-8", "surrogatepass")).digest()


def _wait(tries: deque[float], most: int, now: float) -> float:
    """Seconds until fewer than ``most`` tries lie within a minute."""
    if len(tries) < most:
        return 0.0
    return max(0.0, tries[-most] + MINUTE_S - now)


class Sessions:
    """The browsers that have logged in; each has a random token for thirty days, or until the server ends."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Nobody has logged in yet."""
        self._clock = clock
        self._ends: OrderedDict[str, float] = OrderedDict()  # token -> when it ends, oldest first

    def begin(self) -> str:
        """The token of a new session."""
        token = secrets.token_urlsafe(32)
        self._ends[token] = self._clock() + SESSION_S
        while len(self._ends) > _MOST:
            self._ends.popitem(last=False)
        return token

    def holds(self, token: str) -> bool:
        """Whether this is the token of a session that has not ended."""
        return self._ends.get(token, 0.0) > self._clock()

    def end(self, token: str) -> None:
        """End the session."""
        self._ends.pop(token, None)


_PAGE = """<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta name="robots" content="noindex"><title>Citespan</title><style>
:root {{ color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif }}
body {{ min-height: 100vh; margin: 0; display: grid; place-items: center;
  color: light-dark(#1c1917, #f5f5f4); background: light-dark(#fafaf9, #1c1917) }}
form {{ width: min(20rem, 88vw); display: grid; gap: .75rem }}
h1 {{ margin: 0; font-size: 1.5rem }} p {{ margin: 0 }}
input, button {{ font: inherit; padding: .55rem .7rem; border-radius: .4rem; border: 1px solid #78716c }}
button {{ color: #fff; background: #0f766e; border-color: #0f766e; cursor: pointer }}
:focus-visible {{ outline: 3px solid light-dark(#0d9488, #5eead4); outline-offset: 2px }}
[role=alert] {{ color: light-dark(#b91c1c, #fca5a5) }}
</style></head><body><main><form method="post" action="{action}">
<h1>Citespan</h1>{fields}</form></main></body></html>
"""


def login_html(words: Words, *, said: str = "") -> str:
    """The page that asks for the password; ``said`` is what was wrong with the last one, "" at first.

    It needs neither a script nor another file.
    """
    wrong = f'<p role="alert" id="said">{escape(said)}</p>' if said else ""
    described = ' aria-describedby="said" aria-invalid="true"' if said else ""
    fields = (
        f'<label for="password">{escape(words("login.password"))}</label>'
        f'<input id="password" name="password" type="password" autocomplete="current-password"{described}'
        f" required autofocus>{wrong}<button>{escape(words('login.enter'))}</button>"
    )
    return _PAGE.format(language=escape(words.language), action="/login", fields=fields)


def logout_html(words: Words) -> str:
    """The page that ends the session with one click."""
    fields = f"<button>{escape(words('login.leave'))}</button>"
    return _PAGE.format(language=escape(words.language), action="/logout", fields=fields)
