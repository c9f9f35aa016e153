"""A chat server on 127.0.0.1 whose behaviour a test chooses, good or bad."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Request = dict  # the JSON of a request


@dataclass
class ChatServer:
    """Replies with ``reply(request)``; as a server that keeps to a schema where ``constrains``."""

    reply: Callable[[Request], str] = lambda request: '{"answer": null}'
    constrains: bool = False
    rambles: bool = False  # reaches the limit of tokens where no schema keeps it short
    extras: bool = True  # takes fields that it does not know
    streams: bool = True
    status: Callable[[Request], int] = lambda request: 200
    headers: dict[str, str] = field(default_factory=dict)
    raw: Callable[[BaseHTTPRequestHandler, Request], None] | None = None  # writes to the socket itself
    requests: list[Request] = field(default_factory=list)
    heads: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    hung_up: threading.Event = field(default_factory=threading.Event)  # the client went before the end
    port: int = 0

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1#tiny"

    @property
    def answering(self) -> list[Request]:
        """The requests that were no probes."""
        return [request for request in self.requests if "Name a colour" not in json.dumps(request)]

    def answer(self, handler: BaseHTTPRequestHandler, request: Request) -> None:
        self.requests.append(request)
        self.heads.append((handler.path, dict(handler.headers)))
        known = {"model", "messages", "max_tokens", "temperature", "stream", "response_format"}
        status = self.status(request) if self.extras or request.keys() <= known else 422
        if status != 200:
            handler.send_response(status)
            for name, value in self.headers.items():
                handler.send_header(name, value)
            handler.end_headers()
            handler.wfile.write(b'{"error": {"message": "\x1b[31msecret"}}')
            return
        if self.raw is not None and request in self.answering:
            self.raw(handler, request)
            return
        text = self.reply(request) if request in self.answering else self.probed(request)
        if self.streams:
            handler.send_response(200)
            handler.send_header("Content-Type", "text/event-stream; charset=utf-8")
            handler.end_headers()
            handler.wfile.write(b": a comment\r\n\r\n")
            for piece in [text[at : at + 7] for at in range(0, len(text), 7)]:
                send_piece(handler, piece)
            if self.rambles and request not in self.answering:
                send_piece(handler, " and", finish_reason="length")
            handler.wfile.write(b"data: [DONE]\n\n")
        else:
            handler.send_response(200)
            handler.send_header("Content-Type", "application/json")
            handler.end_headers()
            message = {"role": "assistant", "content": text}
            handler.wfile.write(json.dumps({"choices": [{"message": message}]}).encode())

    def probed(self, request: Request) -> str:
        if not self.constrains or "response_format" not in request:
            return '{"colour": "green"}'
        schema = request["response_format"]["json_schema"]["schema"]
        return json.dumps({"colour": schema["properties"]["colour"]["enum"][0]})


def send_piece(handler: BaseHTTPRequestHandler, text: str, **choice: object) -> None:
    event = {"choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None, **choice}]}
    handler.wfile.write(b"data: " + json.dumps(event).encode() + b"\r\n\r\n")
    handler.wfile.flush()


@contextmanager
def serving(server: ChatServer) -> Iterator[ChatServer]:
    """Run the server in threads of its own, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            try:
                server.answer(self, json.loads(body))
            except OSError:
                server.hung_up.set()

        def log_message(self, *args: object) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    server.port = http.server_port
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
