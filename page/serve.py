"""Starting the page: arguments, a free port, the guarded server."""

from __future__ import annotations

import argparse
import errno
import ipaddress
import socket
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import IndexDamaged, IndexMismatch, ModelError, QAError
from qa.ask import load_model
from qa.settings import Settings, change, read_settings

if TYPE_CHECKING:
    import gradio as gr

    from page.library import Library

HOST = "127.0.0.1"
PORT = 7860
PORTS_TRIED = 20  # from the default one upwards
UPLOAD_LIMIT = "500mb"


def main(argv: Sequence[str] | None = None) -> int:
    """The exit code, after the page was served: 0 stopped, 2 usage or port, 3 no usable index or model."""
    parser = argparse.ArgumentParser(prog="app.py", description="Ask your documents in the browser.")
    parser.add_argument(
        "--index", type=Path, metavar="DIR", help="index folder (default: $QA_INDEX, else .qa)"
    )
    parser.add_argument("--model", metavar="NAME", help="what answers (default: the built-in reader)")
    parser.add_argument(
        "--host", default=HOST, help="address to listen on (default: %(default)s, this machine alone)"
    )
    parser.add_argument("--port", type=int, help=f"port to listen on (default: {PORT}, or the next free one)")
    arguments = parser.parse_args(argv)
    try:
        given = {"index": arguments.index, "model": arguments.model}
        settings = change(read_settings(), given)
        return serve(settings, host=arguments.host, port=arguments.port)
    except QAError as exc:
        _say(str(exc))
        return 3 if isinstance(exc, (IndexDamaged, IndexMismatch, ModelError)) else 2


def serve(settings: Settings, *, host: str = HOST, port: int | None = None) -> int:
    """Serve the page until Ctrl-C; 0 when it was stopped.

    Raises PortTaken for a port that was asked for, and what opening the index raises; a missing index
    is made by the first upload.
    """
    port = choose_port(host, port)
    load_model(settings)  # a model that cannot be had is said now, not with the first question
    from page.library import Library

    library = Library(settings.index)
    page = launch(library, settings, host=host, port=port)
    try:
        shown = HOST if host in ("0.0.0.0", "::") else host
        _say(f"Citespan is at http://{f'[{shown}]' if ':' in shown else shown}:{port}  (Ctrl-C stops it)")
        if not is_loopback(host):
            _say("Everyone who can reach this machine over the network can read and remove the documents.")
        warm_up(library, settings)
        page.block_thread()
    finally:
        page.close(verbose=False)
        library.close()
    return 0


def launch(library: Library, settings: Settings, *, host: str, port: int) -> gr.Blocks:
    """The running page, served by threads of its own."""
    from starlette.middleware import Middleware

    from page.guard import LOOPBACK, Guard
    from page.handlers import Handlers
    from page.layout import asset, build, theme

    page = build(Handlers(library, settings))
    page.queue(default_concurrency_limit=8, max_size=64)
    hosts = LOOPBACK if is_loopback(host) else LOOPBACK | {host, socket.gethostname().lower()}
    guard = Middleware(Guard, hosts=hosts, any_address=not is_loopback(host))
    page.launch(
        server_name=host,
        server_port=port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        theme=theme(),
        css=asset("style.css"),
        max_file_size=UPLOAD_LIMIT,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        app_kwargs={"middleware": [guard]},
    )
    return page


def warm_up(library: Library, settings: Settings) -> None:
    """Load the models in the background, so that the first question does not wait for them."""

    def load() -> None:
        from qa.ask import ask

        index = library.index()
        if index is not None:
            try:
                ask("warm up", index=index, settings=settings)
            except QAError as exc:
                _say(str(exc))

    threading.Thread(target=load, name="warm-up", daemon=True).start()


class PortTaken(QAError):
    """The port that was asked for is not free, or is none."""


def choose_port(host: str, port: int | None) -> int:
    """The port to listen on: the one that was asked for, else the first free one from 7860 on."""
    if port is not None:
        if not 0 < port < 65536:
            raise PortTaken(f"{port} is no port: choose a number from 1 to 65535.")
        if not is_free(host, port):
            raise PortTaken(f"Port {port} is taken by another program. Choose another with --port.")
        return port
    for candidate in range(PORT, PORT + PORTS_TRIED):
        if is_free(host, candidate):
            if candidate != PORT:
                _say(f"Port {PORT} is taken by another program, so the page is at {candidate}.")
            return candidate
    raise PortTaken(f"The ports {PORT} to {PORT + PORTS_TRIED - 1} are all taken. Choose one with --port.")


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there; raises PortTaken when the address is not one of this machine."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as exc:
            if exc.errno in (errno.EADDRINUSE, errno.EACCES):
                return False
            raise PortTaken(
                f"Cannot listen on {host}: {exc.strerror or exc}. Choose another --host."
            ) from exc
    return True


def is_loopback(host: str) -> bool:
    """Whether only programs on this machine can reach a server on ``host``."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
