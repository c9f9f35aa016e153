"""Half characters: JSON and file names can hold them, but no encoding and no model takes them."""

from __future__ import annotations

import re

_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def storable(text: str) -> str:
    """The text with U+FFFD for each lone surrogate. Its length stays, and so do the offsets in it."""
    return _LONE_SURROGATE.sub("\ufffd", text)
