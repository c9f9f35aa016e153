"""What a model replied: sentences with quotes, out of JSON that may be wrapped, sloppy or cut short."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

_MOST_CHARS = 400_000  # of a reply; more is no answer
_MOST_QUOTES = 3  # of a sentence; further ones are left out

_START = re.compile(r'"answer"\s*:\s*(?:(?P<null>null)|(?P<list>\[)|(?P<other>[^\s\[n]))')
_BARE = re.compile(r"\s*(?:```\w*\s*)?(?P<list>\[)\s*\{")
_THOUGHT = re.compile(r"\s*<think>")
_BLANK = re.compile(r"[\s,]*")
_REFERENCE = re.compile(r"\s*\[\d+(?:[.,;\s]+\d+)*\]")
_NUMBER = re.compile(r"\d{1,9}")


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence as a model wrote it. Nothing in it has been verified: its quotes may be invented."""

    text: str
    quotes: tuple[
        tuple[int, str], ...
    ]  # passage from 1 (0: none was named), and its words or a line's number


class ReplyReader:
    """Takes a reply piece by piece and gives each sentence as soon as it is complete.

    ``state`` is "waiting" for the answer to begin, in its "sentences", "refused" (null, or an empty list),
    "complete", or "broken" (what follows cannot be read; the sentences before it stand).
    """

    def __init__(self) -> None:
        self.state: Literal["waiting", "sentences", "refused", "complete", "broken"] = "waiting"
        self._text = ""
        self._at = 0
        self._read = 0
        self._decoder = json.JSONDecoder(strict=False)  # line ends within strings are forgiven

    def feed(self, piece: str) -> Iterator[Sentence]:
        """Yield the sentences that the piece completes."""
        self._text += piece
        if self.state == "waiting":
            self._begin()
            piece = self._text
        if self.state == "sentences" and ("}" in piece or "]" in piece):
            for item in self._items():
                self._read += 1
                yield item
        if len(self._text) > _MOST_CHARS and self.state in ("waiting", "sentences"):
            self.state = "broken"

    @property
    def ended(self) -> bool:
        """Whether nothing that may still come could matter."""
        return self.state in ("refused", "complete", "broken")

    def _begin(self) -> None:
        """Find where the answer begins, behind thoughts, a code fence or other words."""
        if _THOUGHT.match(self._text):
            self._at = self._text.find("</think>") + 1
            if not self._at:
                return
        found = _START.search(self._text, self._at) or _BARE.match(self._text, self._at)
        if found is None:
            return
        groups = found.groupdict()
        if groups.get("null"):
            self.state = "refused"
        elif groups.get("list"):
            self.state, self._at = "sentences", found.end("list")
        else:
            self.state = "broken"

    def _items(self) -> Iterator[Sentence]:
        while True:
            blank = _BLANK.match(self._text, self._at)
            self._at = blank.end() if blank else self._at
            following = self._text[self._at : self._at + 1]
            if following == "]":
                self.state = "complete" if self._read else "refused"
            elif following not in ("{", ""):
                self.state = "broken"
            if following != "{":
                return
            try:
                item, self._at = self._decoder.raw_decode(self._text, self._at)
            except RecursionError:
                self.state = "broken"
                return
            except ValueError:
                return  # not complete yet
            yield read_sentence(item)


def read_sentence(item: Mapping[str, object]) -> Sentence:
    """Return the sentence of one item; what cannot be read as a quote of it is left out."""
    text = item.get("text")
    quotes = item.get("quotes")
    found = [_read_quote(quote) for quote in (quotes if isinstance(quotes, list) else [quotes])]
    return Sentence(
        _clean(_REFERENCE.sub("", text)) if isinstance(text, str) else "",
        tuple(dict.fromkeys((number, words) for number, words in found if words))[:_MOST_QUOTES],
    )


def _read_quote(quote: object) -> tuple[int, str]:
    if isinstance(quote, str):
        return 0, _clean(quote)
    if not isinstance(quote, dict) or not isinstance(quote.get("quote"), str):
        return 0, ""
    number = _NUMBER.search(str(quote.get("passage")))
    return int(number[0]) if number else 0, _clean(quote["quote"])


def _clean(words: str) -> str:
    """Words without lone surrogates, which nothing can encode, and without the joiners of the prompt."""
    return re.sub("[\ud800-\udfff]", "\ufffd", words.replace("\u2060", "")).strip()
