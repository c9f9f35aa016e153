"""Starting the page: arguments, a free port, the guarded server."""

from __future__ import annotations

import argparse
import errno
import getpass
import ipaddress
import socket
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
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
SHORT = 10  # characters; a shorter password is remarked upon


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
    parser.add_argument(
        "--name",
        dest="names",
        action="append",
        default=[],
        metavar="HOST",
        help="a further host name of the page, such as that of a proxy before it; repeatable",
    )
    parser.add_argument(
        "--password-file",
        type=Path,
        metavar="FILE",
        help="file with the password in its first line (default: $QA_PASSWORD, else none on this machine)",
    )
    parser.add_argument(
        "--no-api", dest="programs", action="store_false", help="serve the page alone, no programs"
    )
    parser.add_argument(
        "--testset",
        type=Path,
        metavar="FILE",
        help="where corrections go (default: testset.jsonl in the index folder)",
    )
    arguments = parser.parse_args(argv)
    try:
        given = {"index": arguments.index, "model": arguments.model}
        settings = change(read_settings(), given)
        open_to_others = not all(map(is_loopback, [arguments.host, *arguments.names]))
        password = find_password(settings, arguments.password_file, needed=open_to_others)
        access = Terms(tuple(arguments.names), password, arguments.programs)
        return serve(
            settings, host=arguments.host, port=arguments.port, terms=access, testset=arguments.testset
        )
    except QAError as exc:
        _say(str(exc))
        return 3 if isinstance(exc, (IndexDamaged, IndexMismatch, ModelError)) else 2


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms the page is served: under which further names, to whom, and whether to programs too."""

    names: tuple[str, ...] = ()
    password: str = ""  # "": none is asked for
    programs: bool = True


def serve(
    settings: Settings,
    *,
    host: str = HOST,
    port: int | None = None,
    terms: Terms | None = None,
    testset: Path | None = None,
) -> int:
    """Serve the page until Ctrl-C; 0 when it was stopped. Corrections go to ``testset``.

    Raises PortTaken for a port that was asked for, PasswordMissing where others would get in without one, and
    what opening the index raises; a missing index is made by the first upload.
    """
    terms = terms or Terms(password=find_password(settings, None, needed=not is_loopback(host)))
    port = choose_port(host, port)
    load_model(settings)  # a model that cannot be had is said now, not with the first question
    from page.library import Library

    library = Library(settings.index, testset)
    page = launch(library, settings, host=host, port=port, terms=terms)
    try:
        shown = HOST if host in ("0.0.0.0", "::") else host
        _say(f"Citespan is at http://{f'[{shown}]' if ':' in shown else shown}:{port}  (Ctrl-C stops it)")
        if not is_loopback(host):
            _say("Whoever has the password can read and remove the documents.")
            _say("It travels unencrypted: let a network that you trust reach this port, or a proxy with TLS.")
        warm_up(library, settings)
        page.block_thread()
    finally:
        page.close(verbose=False)
        library.close()
    return 0


def launch(library: Library, settings: Settings, *, host: str, port: int, terms: Terms) -> gr.Blocks:
    """The running page, served by threads of its own."""
    from starlette.middleware import Middleware

    from page.access import Access
    from page.guard import LOOPBACK, Guard
    from page.handlers import Handlers
    from page.layout import asset, build, theme
    from page.login import Password
    from page.openai_api import OpenAI
    from page.originals import Originals
    from page.owner import Owner

    page = build(Handlers(library, settings, locked=bool(terms.password)))
    page.queue(default_concurrency_limit=8, max_size=64)
    own = () if is_loopback(host) else (host, socket.gethostname(), f"{socket.gethostname()}.local")
    guard = Middleware(Guard, hosts=LOOPBACK.union(own, terms.names), any_address=not is_loopback(host))
    access = Middleware(
        Access,
        public=public_functions(page),
        password=Password(terms.password) if terms.password else None,
        programs=terms.programs,
    )
    page.launch(
        server_name=host,
        server_port=port,
        share=False,
        prevent_thread_lock=True,
        quiet=True,
        theme=theme(),
        css=asset("style.css") + asset("viewer.css"),
        max_file_size=UPLOAD_LIMIT,
        footer_links=[],
        run_history=False,
        ssr_mode=False,
        mcp_server=False,
        enable_monitoring=False,
        app_kwargs={
            "middleware": [guard, Middleware(Owner), access],
            "routes": [*OpenAI(library, settings).routes(), *Originals(library).routes()],
        },
    )
    return page


def public_functions(page: gr.Blocks) -> dict[str, int]:
    """The names of the functions that programs may call, with their numbers."""
    return {str(fn.api_name): number for number, fn in page.fns.items() if fn.api_visibility == "public"}


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


class PasswordMissing(QAError):
    """The page would be open to others without a password, or the password cannot be read."""


def find_password(settings: Settings, file: Path | None, *, needed: bool) -> str:
    """The password: of the file, else of QA_PASSWORD, else typed where it is needed; "" for none.

    Raises PasswordMissing where it is needed and nobody can type one, or where the file holds none.
    """
    if file is not None:
        try:
            password = file.expanduser().read_text(encoding="utf-8").partition("\n")[0].strip()
        except (OSError, UnicodeDecodeError) as exc:
            raise PasswordMissing(f"The password file {file} cannot be read: {exc}.") from exc
        if not password:
            raise PasswordMissing(f"The first line of {file} is empty: write the password there.")
    else:
        password = settings.password.get_secret_value()
    if not password and needed and sys.stdin.isatty():
        password = getpass.getpass("Choose a password for the page: ")
    if not password and needed:
        raise PasswordMissing(
            "Others could reach this page, so it needs a password: set QA_PASSWORD, or name a file with "
            "--password-file. Without --host and --name, this machine alone can reach it."
        )
    if password and len(password) < SHORT:
        _say(f"The password is short: {SHORT} characters or more are hard to guess.")
    return password


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
