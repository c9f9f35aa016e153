"""`qa mcp`: the documents as tools for agents, over the Model Context Protocol on stdin and stdout.

Three tools: ``ask`` (an answer with its citations), ``search`` (passages), ``read`` (a part of a document's
stored text, in which all offsets count). They change nothing. https://modelcontextprotocol.io/specification
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Annotated, Any, ParamSpec, TypeVar

from pydantic import Field

from index.errors import ModelError, QAError
from qa.answer import hit_to_dict
from qa.ask import ask, choose_sources, clean, load_model

if TYPE_CHECKING:
    from mcp.server import MCPServer

    from index.index import Index
    from qa.settings import Settings

READ_CHARS = 20_000  # of a document, at most, in one reply
_INSTRUCTIONS = """The documents of the user. `ask` answers from them alone, with exact quotes, or says that
they do not answer: where `refused` is true, say so and do not answer from elsewhere. Show the quote of a
citation when you rely on it."""

P = ParamSpec("P")
R = TypeVar("R")

Sources = Annotated[
    list[str] | None, Field(description="names of documents, as in a citation's source; all when left out")
]


def run(index: Index, settings: Settings) -> None:
    """Serve until the client closes our input. Raises ModelError where the package ``mcp`` is missing."""
    server(index, settings).run("stdio")


def server(index: Index, settings: Settings) -> MCPServer:
    """The server with its three tools. Raises ModelError where it or the model cannot be had."""
    try:
        from mcp.server import MCPServer
        from mcp.types import ToolAnnotations
    except ImportError as exc:
        raise ModelError(
            "qa mcp needs the package mcp. Install it with: pip install 'citespan[mcp]'"
        ) from exc
    load_model(settings)  # one that cannot be had is said now, not with the first question
    tools = MCPServer(
        "citespan", title="Citespan", version=_version(), instructions=_INSTRUCTIONS, log_level="WARNING"
    )
    harmless = ToolAnnotations(read_only_hint=True, open_world_hint=False)

    @tools.tool(name="ask", annotations=harmless)
    @_told
    def ask_documents(
        question: Annotated[str, Field(description="the question, in plain language")],
        sources: Sources = None,
    ) -> dict[str, Any]:
        """Answer a question from the user's documents, with the exact words behind it, or refuse.

        The text holds markers such as [1]; citations[].quote are the words, citations[].source, start and end
        where they stand. refused is true when the documents do not answer the question.
        """
        return ask(question, index=index, sources=sources, settings=settings).to_dict()

    @tools.tool(name="search", annotations=harmless)
    @_told
    def search_documents(
        question: Annotated[str, Field(description="what to look for, in plain language")],
        top_k: Annotated[int, Field(ge=1, le=50, description="how many passages")] = 10,
        sources: Sources = None,
    ) -> dict[str, Any]:
        """Find the passages of the user's documents that fit a question best, best first."""
        only = choose_sources(sources, index)
        hits = index.search(clean(question), top_k=top_k, sources=only)
        return {"hits": [hit_to_dict(hit) | {"text": hit.passage.text} for hit in hits]}

    @tools.tool(name="read", annotations=harmless)
    @_told
    def read_document(
        source: Annotated[str, Field(description="the document, as a citation or a passage names it")],
        start: Annotated[int, Field(ge=0, description="first character")] = 0,
        end: Annotated[int | None, Field(ge=0, description="character after the last one")] = None,
    ) -> dict[str, Any]:
        """Read the stored text of a document, or the part of it from start to end.

        A reply holds 20,000 characters at most; next is where to go on, null at the end of what was asked.
        """
        text = index.document(source).text
        wanted = len(text) if end is None else min(end, len(text))
        first = min(start, wanted)
        last = min(wanted, first + READ_CHARS)
        return {
            "source": source,
            "start": first,
            "end": last,
            "characters": len(text),
            "next": last if last < wanted else None,
            "text": text[first:last],
        }

    return tools


def _version() -> str:
    try:
        return version("citespan")
    except PackageNotFoundError:  # a source folder, not installed
        return ""


def _told(tool: Callable[P, R]) -> Callable[P, R]:
    """The tool, which tells the agent in a sentence what the user can do about an error."""
    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    def told(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return tool(*args, **kwargs)
        except QAError as exc:
            raise ToolError(str(exc)) from exc

    return told
