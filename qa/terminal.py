"""Words on a terminal: results on stdout, all else on stderr, and nothing in them that steers it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from typing import Any

# Shown as \x1b and the like: controls drive a terminal (move the cursor, set its title), and the marks of
# bidirectional text reorder what stands after them.
_CONTROLS = [*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029, *range(0x202A, 0x202F), *range(0x2066, 0x206A)]
_LINE = {code: chr(code).encode("unicode_escape").decode("ascii") for code in _CONTROLS}
_TEXT = {code: shown for code, shown in _LINE.items() if chr(code) not in "\n\t"}

BOLD, DIM = "1", "2"


def show(text: str) -> None:
    """Write a line of the result to stdout."""
    sys.stdout.write(text + "\n")


def show_json(content: Mapping[str, Any]) -> None:
    """Write the result as one line of JSON, in ASCII: it survives every encoding and lone surrogates."""
    show(json.dumps(content, allow_nan=False))


def say(text: str) -> None:
    """Write a line that is not the result to stderr."""
    sys.stderr.write(text + "\n")


def visible(text: str) -> str:
    """Return document text with its control characters made visible, except ends of lines and tabs."""
    return text.replace("\r\n", "\n").translate(_TEXT)


def visible_line(text: str) -> str:
    """Return a name as one line: all control characters are made visible."""
    return text.translate(_LINE)


def paint(text: str, style: str) -> str:
    """Return the text in a style (BOLD, DIM) where stdout is a terminal and NO_COLOR is not set."""
    if not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return text
    return f"\x1b[{style}m{text}\x1b[0m"
