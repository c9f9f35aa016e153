"""What a language model makes of a follow-up: taken where it says no more than the conversation did."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from index.characters import storable
from qa.cite import collapse, without_markup
from qa.quotes import fold

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"question": {"type": "string", "minLength": 1, "maxLength": 300}},
    "required": ["question"],
    "additionalProperties": False,
}
"""JSON schema of the reply that is asked for."""

_TURNS = 3  # of the conversation that are shown: the last
_ANSWER_CHARS = 300  # of each answer that are shown
_MOST_CHARS = 300
_MOST_WORDS = 40
_KEPT = 0.5  # share of the question's own words of substance that must remain
_WORD = re.compile(r"[^\W_]+")
_NUMBER = re.compile(r"\d+")
_NAME = re.compile(r"(?<=[\w,;] )[^\W\d_a-zß-ÿа-яёіїєґ][\w'’-]+")
_CODE = re.compile(r"[{}<>\[\]|]|https?:|```")


def show_history(turns: Sequence[tuple[str, str]]) -> str:
    """The last turns (question, answer in Markdown; "" for a refusal) as the prompt has them."""
    lines = []
    for question, answer in turns[-_TURNS:]:
        said = re.sub(r"\s*\[\d+\]", "", collapse(without_markup(answer)))[:_ANSWER_CHARS]
        lines += [f"Question: {collapse(storable(question))}", f"Answer: {storable(said) or 'none'}"]
    return "\n".join(lines)


def read_rewriting(reply: str) -> str:
    """The question in a reply, in JSON that may be wrapped or sloppy, or as a single line; else ""."""
    reply = reply.rpartition("</think>")[2].strip()
    if found := re.search(r'"question"\s*:\s*("(?:[^"\\]|\\.)*")', reply):
        try:
            return collapse(str(json.loads(found[1], strict=False)))
        except ValueError:
            return ""
    line = reply.strip("` \n\"'“”")
    return "" if "\n" in line or '"question"' in line else collapse(line)


def is_faithful(rewritten: str, question: str, turns: Sequence[tuple[str, str]]) -> bool:
    """Whether a rewriting may be searched for.

    It must be short plain words, keep most of the question's, share some with question or conversation, and
    bring no number and no name that neither of them has.
    """
    known = " ".join([question, *(f"{asked} {without_markup(answer)}" for asked, answer in turns)])
    mine, own = (_words(text) for text in (rewritten, question))
    if not mine or len(rewritten) > _MOST_CHARS or len(rewritten.split()) > _MOST_WORDS:
        return False
    if _CODE.search(rewritten) and not _CODE.search(question):
        return False
    if set(_NUMBER.findall(rewritten)) - set(_NUMBER.findall(known)):
        return False
    said = _words(known)
    if any(_words(name) - said for name in _NAME.findall(rewritten)):
        return False
    kept = {word for word in own if len(word) > 3 and word not in _LEANING}
    if kept and len(kept & mine) < _KEPT * len(kept):
        return False
    return bool(mine & said)


_LEANING_WORDS = "that this these those they them their theirs hers what when where which there then about"
_LEANING = frozenset(_LEANING_WORDS.split())


def _words(text: str) -> set[str]:
    return set(_WORD.findall(fold(text)[0]))
