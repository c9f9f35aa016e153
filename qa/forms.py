"""The two forms in which a model can be asked to cite: by the words themselves, or by numbers of lines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

from index.characters import storable
from index.chunk import sentences
from index.types import Hit, Span
from qa.cite import collapse
from qa.quotes import find_in
from qa.read import AnswerSpan
from qa.replies import Sentence

_MOST_QUOTES = 3
_LINE = re.compile(r"\[?\s*(\d{1,4}\.\d{1,5})\s*\]?")


class Form(Protocol):
    """How passages are shown to a model, and how its citations are found in them again."""

    @property
    def prompt(self) -> str:
        """Name of the template that asks for this form."""

    def show(self, hits: Sequence[Hit]) -> str:
        """The passages as the prompt has them, numbered from 1."""

    def schema(self, hits: Sequence[Hit], most: int) -> dict[str, Any]:
        """JSON schema of a reply of at most ``most`` sentences."""

    def evidence(self, sentence: Sentence, hits: Sequence[Hit]) -> Iterator[AnswerSpan]:
        """The places of the sentence's citations; one that cannot be found is left out."""


class Quotes:
    """The model copies the words. They are looked up, repaired where only typing differs, or dropped."""

    prompt = "answer"

    def show(self, hits: Sequence[Hit]) -> str:
        """The passages, each under a line that names it."""
        return "\n\n".join(
            f"{_title(number, hit)}\n{storable(hit.passage.text)}" for number, hit in enumerate(hits, 1)
        )

    def schema(self, hits: Sequence[Hit], most: int) -> dict[str, Any]:
        """A schema without the words themselves: what constrains them is a grammar."""
        quote = {"passage": {"type": "integer"}, "quote": {"type": "string"}}
        return _answer_schema(_object(quote), most)

    def evidence(self, sentence: Sentence, hits: Sequence[Hit]) -> Iterator[AnswerSpan]:
        """The words in the passage that was named, else in the first that has exactly them."""
        passages = [hit.passage.text for hit in hits]
        for number, words in sentence.quotes:
            if found := find_in(words, number - 1, passages):
                yield _place(found[0], found[1].span, passages[found[0]])


class LineNumbers:
    """The model names numbered sentences, which it cannot get wrong in the wording."""

    prompt = "answer-ids"

    def show(self, hits: Sequence[Hit]) -> str:
        """The passages, each under a line that names it, one sentence a line with its number."""
        blocks = []
        for number, hit in enumerate(hits, 1):
            text = storable(hit.passage.text)
            lines = [f"[{key}] {collapse(text[s.start : s.end])}" for key, s in _lines(number, hit).items()]
            blocks.append("\n".join([_title(number, hit), *lines]))
        return "\n\n".join(blocks)

    def schema(self, hits: Sequence[Hit], most: int) -> dict[str, Any]:
        """A schema that takes no other numbers than those of the lines."""
        keys = [key for number, hit in enumerate(hits, 1) for key in _lines(number, hit)]
        return _answer_schema({"type": "string", "enum": keys}, most)

    def evidence(self, sentence: Sentence, hits: Sequence[Hit]) -> Iterator[AnswerSpan]:
        """The sentences of those numbers."""
        for _, words in sentence.quotes:
            key = _LINE.fullmatch(words)
            number = int(key[1].partition(".")[0]) if key else 0
            if key and 1 <= number <= len(hits):
                span = _lines(number, hits[number - 1]).get(key[1])
                if span is not None:
                    yield _place(number - 1, span, hits[number - 1].passage.text)


def _title(number: int, hit: Hit) -> str:
    """One line that names a passage: where it stands helps to understand it."""
    passage = hit.passage
    page = f", page {passage.page}" if passage.page is not None else ""
    heading = f": {passage.heading}" if passage.heading else ""
    return collapse(storable(f"Passage {number} ({passage.source}{page}{heading})"))


def _lines(number: int, hit: Hit) -> dict[str, Span]:
    """The sentences of a passage by their numbers: "2.1", "2.2", …"""
    spans = [span for span in sentences(hit.passage.text) if hit.passage.text[span.start : span.end].strip()]
    return {f"{number}.{line}": span for line, span in enumerate(spans, 1)}


def _place(number: int, span: Span, text: str) -> AnswerSpan:
    return AnswerSpan(number, span.start, span.end, text[span.start : span.end], 1.0, 1.0)


def _answer_schema(quote: dict[str, Any], most: int) -> dict[str, Any]:
    item = _object({"quotes": _array(quote, _MOST_QUOTES), "text": {"type": "string"}})
    return _object({"answer": {"anyOf": [{"type": "null"}, _array(item, most)]}})


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _array(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 1, "maxItems": most}
