"""A language model behind a server that speaks the chat API of OpenAI: Ollama, llama.cpp, vLLM, LM Studio …

The server gets the question and the passages in the body of a request and nowhere else. Only the host that
the user named is contacted: proxies of the environment are ignored, redirects are refused. What the server
can do is found out by trying it.
"""

from __future__ import annotations

import http.client
import json
import re
import socket
import ssl
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import dataclass
from threading import Lock
from time import monotonic, sleep
from typing import Any
from urllib.parse import unquote, urlsplit

from index.errors import ModelError
from qa.forms import Form, LineNumbers, Quotes
from qa.generate import Limits, PromptTooLong, Task
from qa.prompt import Message
from qa.sse import BadReply, read_reply

_CONNECT_S = 10.0
_PAUSES_S = (0.25, 1.0)  # before the second and the third try
_PROBE_TOKENS = 200
_PROBE_WORD = "quagga-47"  # stands in the schema of the probe and nowhere in its words
_PROBE_CHARS = 20_000
_NO_THOUGHTS = {"chat_template_kwargs": {"enable_thinking": False}, "reasoning_effort": "none"}

# What the tokenizers of known models read as control tokens: <|im_end|>, <think>, </s>, <｜User｜>, [INST].
_CONTROL = re.compile(r"<(?=[|｜/A-Za-z_])|\[(?=/?[A-Z_]{3,}\])")
_JOINER = "\u2060"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where chat completions of one model are had: ``scheme://host:port`` + ``path``."""

    scheme: str
    host: str
    port: int
    path: str
    model: str

    @property
    def name(self) -> str:
        """The model and where it runs, for people."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.model} at {self.scheme}://{host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Ability:
    """What a server does: ``constrains`` replies by a schema; takes ``extras`` that turn thinking off."""

    constrains: bool
    extras: bool


class _Rejected(ModelError):
    """The server took the request for a wrong one (HTTP 400, 413, 422)."""


def parse_endpoint(name: str) -> Endpoint:
    """The endpoint of "http://host:port/v1#model". Raises ModelError where the name is no such address."""
    hint = "Name a server and its model like http://127.0.0.1:11434/v1#qwen3."
    try:
        parts = urlsplit(name)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        host = parts.hostname or ""
        host = host if ":" in host else host.encode("idna").decode()
    except (ValueError, UnicodeError) as exc:
        raise ModelError(f"This is no address of a server: {exc}. {hint}") from exc
    model = unquote(parts.fragment).strip()
    if not host or not model:
        raise ModelError(f"The address lacks {'a host' if not host else 'a model after a #'}. {hint}")
    if parts.username is not None or parts.query:
        raise ModelError(
            f"The address must hold no password and no query; a key goes into QA_API_KEY. {hint}"
        )
    path = parts.path.rstrip("/") or "/v1"
    if not re.fullmatch(r"[!-~]+", path):
        raise ModelError(f"The path of the address holds characters that no address may hold. {hint}")
    path = path if path.endswith("/chat/completions") else f"{path}/chat/completions"
    return Endpoint(parts.scheme, host, port, path, model)


_abilities: dict[Endpoint, Ability] = {}
_probing = Lock()


class Server:
    """A model of a server, as a backend of a generator. Safe to share between threads."""

    def __init__(self, address: str, *, key: str = "") -> None:
        """Nothing is contacted yet. Raises ModelError where the address is none."""
        self._endpoint = parse_endpoint(address)
        if key and not re.fullmatch(r"[!-~]+", key):
            raise ModelError("QA_API_KEY holds characters that no key may hold.")
        self._key = key

    @property
    def name(self) -> str:
        """The model and where it runs."""
        return self._endpoint.name

    def form(self, limits: Limits, deadline: float) -> Form:
        """Line numbers where the server keeps its model to a schema, else quotes. Raises ModelError."""
        return LineNumbers() if self._ability(deadline).constrains else Quotes()

    def write(self, task: Task) -> Generator[str, None, None]:
        """The reply, piece by piece; closing the iterator closes the connection.

        Raises ModelError where the reply does not come to its end, PromptTooLong where the server rejects it.
        """
        body = _body(task.messages, task.limits)
        yield from self._reply(body, task.form.schema(task.hits, task.limits.sentences), task.deadline)

    def complete(
        self, messages: Sequence[Message], schema: dict[str, Any], limits: Limits, deadline: float
    ) -> Generator[str, None, None]:
        """A JSON object of this schema where the server keeps its model to one; otherwise like ``write``."""
        yield from self._reply(_body(messages, limits), schema, deadline)

    def _reply(
        self, body: dict[str, Any], schema: dict[str, Any], deadline: float
    ) -> Generator[str, None, None]:
        ability = self._ability(deadline)
        if ability.constrains:
            body["response_format"] = _response_format(schema)
        try:
            with closing(self._request(body, ability.extras, deadline)) as pieces:
                yield from pieces
        except _Rejected as exc:
            _abilities.pop(self._endpoint, None)  # it may be another server by now
            raise PromptTooLong(str(exc)) from exc

    def _ability(self, deadline: float) -> Ability:
        """What the server can do: found out once for each endpoint in a process."""
        with _probing:
            if self._endpoint not in _abilities:
                _abilities[self._endpoint] = self._probe(deadline)
            return _abilities[self._endpoint]

    def _probe(self, deadline: float) -> Ability:
        """Ask for a colour under a schema that allows but one odd word, which nobody replies with unasked."""
        schema = {
            "type": "object",
            "properties": {"colour": {"type": "string", "enum": [_PROBE_WORD]}},
            "required": ["colour"],
            "additionalProperties": False,
        }
        body: dict[str, Any] = {
            "messages": [{"role": "user", "content": 'Name a colour, as JSON like {"colour": "red"}.'}],
            "max_tokens": _PROBE_TOKENS,
            "temperature": 0,
            "stream": True,
            "response_format": _response_format(schema),
        }
        for extras in (True, False):
            reply = ""
            try:
                with closing(self._request(body, extras, deadline)) as pieces:
                    for piece in pieces:
                        reply += piece
                        if len(reply) > _PROBE_CHARS:
                            break
                return Ability(_is_probe_word(reply), extras)
            except (
                BadReply
            ):  # rambling beyond the limit, say: what it does with a question remains to be seen
                return Ability(constrains=False, extras=extras)
            except _Rejected:
                continue
        return Ability(constrains=False, extras=False)

    def _request(self, body: dict[str, Any], extras: bool, deadline: float) -> Generator[str, None, None]:
        """Yield the pieces of a reply. Raises ModelError, whose message never holds what the server sent."""
        content = json.dumps(
            {"model": self._endpoint.model} | body | (_NO_THOUGHTS if extras else {})
        ).encode()
        for pause in (*_PAUSES_S, None):
            with closing(self._connection(deadline)) as connection:
                try:
                    response, sock = self._send(connection, content, deadline)
                    with response:
                        _check(response.status)
                        yield from read_reply(response, sock, deadline)
                    return
                except _Unavailable as exc:
                    if pause is None or monotonic() + pause > deadline:
                        raise ModelError(str(exc)) from exc
            sleep(pause)

    def _connection(self, deadline: float) -> http.client.HTTPConnection:
        host, port = self._endpoint.host, self._endpoint.port
        timeout = max(0.01, min(_CONNECT_S, deadline - monotonic()))
        if self._endpoint.scheme == "https":
            context = ssl.create_default_context()
            return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
        return http.client.HTTPConnection(host, port, timeout=timeout)

    def _send(
        self, connection: http.client.HTTPConnection, content: bytes, deadline: float
    ) -> tuple[http.client.HTTPResponse, socket.socket]:
        """The response, of which the head has come, and what it is read from.

        Raises _Unavailable where another try may help, ModelError where it would not.
        """
        headers = {"Content-Type": "application/json", "Accept": "text/event-stream, application/json"}
        if self._key:
            headers["Authorization"] = f"Bearer {self._key}"
        try:
            connection.connect()
        except ssl.SSLError as exc:
            raise ModelError("its certificate or encryption is not accepted") from exc
        except TimeoutError as exc:
            raise _Unavailable("it cannot be reached (no connection in time)") from exc
        except OSError as exc:
            raise _Unavailable(f"it cannot be reached ({exc.strerror or 'no connection'})") from exc
        try:
            sock = connection.sock  # which http.client forgets when the server is going to close it
            sock.settimeout(max(0.01, deadline - monotonic()))
            connection.request("POST", self._endpoint.path, content, headers)
            return connection.getresponse(), sock
        except TimeoutError as exc:
            raise ModelError("it did not reply in time") from exc
        except (OSError, http.client.HTTPException) as exc:
            raise _Unavailable("it closed the connection without a reply") from exc


class _Unavailable(Exception):
    """The server was not there, or not ready: the same request may succeed a moment later."""


def _check(status: int) -> None:
    """Raise what an HTTP status other than 200 means."""
    if status == 200:
        return
    if status >= 500:
        raise _Unavailable(f"it reports an error of its own (HTTP {status})")
    if status in (400, 413, 422):
        raise _Rejected(f"it rejects the request (HTTP {status}); perhaps the model's context is too short")
    if 300 <= status < 400:
        raise ModelError(f"it redirects to another address (HTTP {status}), which is not followed")
    if status in (401, 403):
        raise ModelError(f"it wants a key (HTTP {status}): set QA_API_KEY")
    if status == 404:
        raise ModelError("it has no such model, or no chat completions at this path (HTTP 404)")
    raise ModelError(f"it replies with HTTP {status}")


def _body(messages: Sequence[Message], limits: Limits) -> dict[str, Any]:
    return {
        "messages": _messages(messages),
        "max_tokens": limits.tokens,
        "temperature": limits.temperature,
        "stream": True,
    }


def _messages(messages: Sequence[Message]) -> list[dict[str, str]]:
    return [{"role": message.role, "content": defuse(message.content)} for message in messages]


def defuse(text: str) -> str:
    """Return a text in which no tokenizer finds a control token: an invisible joiner parts their signs.

    Quotes that were copied with the joiner are found all the same: ``quotes.fold`` sets it aside.
    """
    return _CONTROL.sub(lambda sign: sign[0] + _JOINER, text)


def _response_format(schema: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "json_schema",
        "json_schema": {"name": "reply", "strict": True, "schema": schema},
    }


def _is_probe_word(reply: str) -> bool:
    """Whether the reply is what the schema of the probe demands, behind thoughts or not."""
    try:
        content = json.loads(reply[reply.rfind("</think>") + 8 if "</think>" in reply else 0 :])
    except (ValueError, RecursionError):
        return False
    return bool(content == {"colour": _PROBE_WORD})
