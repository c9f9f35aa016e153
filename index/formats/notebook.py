"""Jupyter notebooks (ipynb, nbformat 4): the cells in their order, each code cell with what it printed."""

from __future__ import annotations

import json
import re
from typing import Any

from index.errors import LoadError
from index.formats.encoding import decode
from index.formats.parsed import Parsed, Writer, printable
from index.formats.text import markdown_headings

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_UNDERLINE = re.compile(r"\n {0,3}(?:=+|-{2,})[ \t]*(?=\n|\Z)")


def read(data: bytes, name: str) -> Parsed:
    """The words of the cells; headings are those of its Markdown, pictures and widgets are left out."""
    try:
        content = json.loads(decode(data, name))
    except (ValueError, RecursionError) as exc:
        raise LoadError(
            f"{name} is damaged: it is no JSON, as notebooks are. Fetch it or save it in Jupyter again."
        ) from exc
    cells = content.get("cells") if isinstance(content, dict) else None
    if not isinstance(cells, list):
        raise LoadError(f"{name} has no list of cells. Open it in Jupyter and save it as a notebook again.")
    writer = Writer()
    titles: list[str] = []
    for cell in cells:
        if not isinstance(cell, dict):
            continue
        source = _words(cell.get("source"))
        if cell.get("cell_type") == "markdown":
            titles += _write_markdown(source, writer)
            continue
        writer.block(source)
        outputs = cell.get("outputs")
        for output in outputs if isinstance(outputs, list) else ():
            writer.block(_printed(output))
    return writer.finish(titles[0] if titles else "")


def _write_markdown(source: str, writer: Writer) -> list[str]:
    """Append a Markdown cell, headings without their marks; the titles of level 1 come back."""
    source = printable(source)
    headings = markdown_headings(source)
    done = 0
    for heading in headings:
        writer.block(source[done : source.rfind("\n", 0, heading.span.start) + 1])
        writer.heading(heading.title, heading.level)
        line_end = source.find("\n", heading.span.end)
        done = len(source) if line_end < 0 else line_end
        underline = _UNDERLINE.match(source, done)
        done = underline.end() if underline else done
    writer.block(source[done:])
    return [heading.title for heading in headings if heading.level == 1]


def _printed(output: Any) -> str:
    """The text of an output of a code cell; "" where it is a picture or none."""
    if not isinstance(output, dict):
        return ""
    if output.get("output_type") == "error":
        return f"{_words(output.get('ename'))}: {_words(output.get('evalue'))}"
    data = output.get("data")
    if not isinstance(data, dict):
        return _words(output.get("text"))
    pictured = any(str(kind).startswith("image/") for kind in data)  # its text says "<Figure size 640x480>"
    return "" if pictured else _words(data.get("text/plain"))


def _words(lines: Any) -> str:
    """The text that a notebook keeps as one string or as a list of lines; "" where it is neither."""
    text = "".join(line for line in lines if isinstance(line, str)) if isinstance(lines, list) else lines
    return _COLOUR.sub("", text) if isinstance(text, str) else ""
