"""What a question gets: an answer, its citations, and the events that it is streamed as."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from index.types import Hit

MARKER = re.compile(r"\[(\d+)\]")
"""A citation marker in an answer's text; document words in it are escaped, so it finds nothing else."""


@dataclass(frozen=True, slots=True)
class Citation:
    """The exact words behind a part of an answer: ``index.document(source).text[start:end] == quote``.

    Made by ``qa.cite.cite`` alone, which cuts the quote out of the document.
    """

    marker: int  # from 1: stands as [1] in the answer's text
    source: str
    sha256: str  # of the file's bytes, of the version that was cited
    start: int  # character in the stored text
    end: int
    quote: str
    page: int | None  # from 1, of the first character; None where the format has no pages
    place: str = field(default="", compare=False)  # such as "p. 12" or "Sheet1 row 88": see index.place


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence that a language model wrote: ``answer.text[start:end]``, with its markers."""

    start: int
    end: int
    support: float  # 0..1, how likely it is true where the words that it cites are
    weak: bool  # True: it is shown as weakly supported; one without support is not shown at all


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer, or a refusal: ``{int(n) for n in MARKER.findall(text)} == {c.marker for c in citations}``.

    ``text`` is Markdown of one or more paragraphs; ``qa.cite.pieces`` takes it apart. Document words in it
    are escaped and their white space is collapsed: only ``citations`` are verbatim. A refusal cites nothing.
    """

    question: str
    text: str
    refused: bool  # True when the documents do not support an answer; text then says so
    confidence: float  # 0..1, the probability that the answer is right; of a refusal: that the best guess was
    citations: tuple[Citation, ...]  # markers 1, 2, 3, …
    hits: tuple[Hit, ...]  # what the model was shown, best first; of a refusal: the nearest passages
    timings: dict[str, float]  # stage (retrieve, read, cite, total) -> milliseconds
    model: str  # name of the reader or generator
    searched: str = ""  # what was searched for, where the question alone did not say it: a follow-up
    sentences: tuple[Sentence, ...] = ()  # of a generator, in order; a reader writes none

    def __post_init__(self) -> None:
        markers = [citation.marker for citation in self.citations]
        if markers != list(range(1, len(markers) + 1)):
            raise ValueError(f"citations are marked {markers}, not 1, 2, 3, …")
        if {int(number) for number in MARKER.findall(self.text)} != set(markers):
            raise ValueError(f"the markers in {self.text!r} are not those of its citations, {markers}")
        if self.refused and markers:
            raise ValueError("a refusal cites nothing")

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``qa ask --json``, as plain Python values.

        A follow-up has "searched" besides, an answer by a language model "sentences".
        """
        further: dict[str, Any] = {"searched": self.searched} if self.searched else {}
        if self.sentences:
            further["sentences"] = [
                {"start": it.start, "end": it.end, "support": float(it.support), "weak": it.weak}
                for it in self.sentences
            ]
        return {
            "question": self.question,
            "text": self.text,
            "refused": self.refused,
            "confidence": float(self.confidence),
            "citations": [
                {
                    "marker": citation.marker,
                    "source": citation.source,
                    "sha256": citation.sha256,
                    "start": citation.start,
                    "end": citation.end,
                    "quote": citation.quote,
                    "page": citation.page,
                }
                for citation in self.citations
            ],
            "hits": [hit_to_dict(hit) for hit in self.hits],
            "timings": {stage: float(ms) for stage, ms in self.timings.items()},
            "model": self.model,
        } | further


def hit_to_dict(hit: Hit) -> dict[str, Any]:
    """The JSON of a passage that was found: its place and score, without its words."""
    return {
        "source": hit.passage.source,
        "start": hit.passage.span.start,
        "end": hit.passage.span.end,
        "page": hit.passage.page,
        "score": float(hit.score),
    }


@dataclass(frozen=True, slots=True)
class Retrieved:
    """First event: the passages that the model is about to be shown, best first."""

    hits: tuple[Hit, ...]
    searched: str = ""  # what was searched for, where the question alone did not say it: a follow-up
    type: ClassVar[Literal["retrieved"]] = "retrieved"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece to append: the pieces of one answer, joined, are its text."""

    text: str
    type: ClassVar[Literal["text"]] = "text"


@dataclass(frozen=True, slots=True)
class Cited:
    """The citation of a marker that the text has just shown."""

    citation: Citation
    type: ClassVar[Literal["citation"]] = "citation"


@dataclass(frozen=True, slots=True)
class Done:
    """Last event: the whole answer."""

    answer: Answer
    type: ClassVar[Literal["done"]] = "done"


Event: TypeAlias = Retrieved | Text | Cited | Done
