"""An answer by a language model: what it writes, as far as what it cites supports it."""

from __future__ import annotations

import logging
from collections.abc import Generator as Steps
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from index.errors import ModelError
from index.types import Hit
from qa.answer import Cited, Event, Sentence, Text
from qa.calibrate import read_calibration
from qa.clock import Clock
from qa.columns import read_hits
from qa.generate import Claim, Generator, is_weak, write_claims
from qa.read import Reader
from qa.support import evidence, support
from qa.support_weights import DROP_BELOW

if TYPE_CHECKING:
    from index.index import Index
    from qa.settings import Settings

_LOG = logging.getLogger("qa")


@dataclass(slots=True)
class Written:
    """What a generator made of a question so far; ``failed`` says what went wrong ("": nothing)."""

    model: str
    parts: list[Text | Cited] = field(default_factory=list)
    sentences: tuple[Sentence, ...] = ()
    failed: str = ""


def generate(
    searched: str,
    index: Index,
    generator: Generator,
    hits: tuple[Hit, ...],
    clock: Clock,
    reader: Reader,
    settings: Settings,
) -> Steps[Event, None, Written]:
    """Yield what a generator says, sentence by sentence as far as its quotes support it; return all of it."""
    written = Written(generator.name)
    least = DROP_BELOW if settings.min_support is None else settings.min_support
    kept: list[float] = []
    dropped = 0

    def supported(claims: Iterator[Claim]) -> Iterator[Claim]:
        nonlocal dropped
        for claim in claims:
            clock.lap("generate")
            score = support(claim.text, evidence(claim.findings), reader)
            clock.lap("check")
            if score < least:
                dropped += 1
                continue
            kept.append(score)
            yield replace(claim, support=score)

    length = 0
    try:
        clock.start()
        draft = generator.draft(searched, index, hits)
        written.model = draft.model
        with closing(draft.claims) as claims:
            for events in write_claims(supported(claims)):
                start = length + bool(length)  # behind the blank that parts two sentences
                length += sum(len(event.text) for event in events if isinstance(event, Text))
                written.sentences += (Sentence(start, length, kept[-1], is_weak(kept[-1])),)
                written.parts += events
                yield from events
                clock.start()
        clock.lap("generate")
        if dropped and not written.parts:
            written.failed = "no sentence that it wrote is supported by what it cites"
            _LOG.warning("%s: %s. The built-in reader answers instead.", generator.name, written.failed)
    except ModelError as exc:
        clock.lap("generate")
        shown = "What it had written until then is shown."
        shown = shown if written.parts else "The built-in reader answers instead."
        _LOG.warning("%s failed: %s. %s", generator.name, exc, shown)
        written.model = f"{written.model}, cut short" if written.parts else generator.name
        written.failed = str(exc)
    return written


def confidence(searched: str, index: Index, reader: Reader, hits: Sequence[Hit], written: Written) -> float:
    """The probability 0..1 that a generated answer is right.

    Two things must hold: the cited passages (all, where none is cited) answer the question, which the reader
    tells; and the sentences say what they cite, which is their mean support. The confidence is the geometric
    mean of the two, as the index's calibration reads it; no particular language model was measured for it.
    """
    places = [part.citation for part in written.parts if isinstance(part, Cited)]
    cited = [
        hit
        for hit in hits
        if not places
        or any(
            hit.passage.source == place.source
            and place.start < hit.passage.span.end
            and hit.passage.span.start < place.end
            for place in places
        )
    ]
    reading = read_hits(reader, searched, cited, top_k=1)
    if not reading.spans:
        return 0.0
    answers = reading.spans[0].probability
    if written.sentences:
        answers = (answers * sum(it.support for it in written.sentences) / len(written.sentences)) ** 0.5
    return read_calibration(index).probability(answers)
