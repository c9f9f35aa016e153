"""Asking: one path from a question to an answer, as a stream of events."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from threading import Lock
from time import perf_counter
from typing import TYPE_CHECKING

from index.errors import DocumentMissing, ModelError
from qa.answer import Answer, Cited, Done, Event, Retrieved, Text
from qa.read import Reader, load_reader

if TYPE_CHECKING:
    from collections.abc import Generator as Steps

    from index.index import Index
    from index.types import Hit
    from qa.generate import Generator
    from qa.settings import Settings

REFUSAL = "The documents do not answer this question."
NO_QUESTION = "There is no question yet. Ask something about your documents."
NO_DOCUMENTS = "The index holds no documents yet. Add some with: qa index PATH"
NO_SOURCES = "No document is selected. Select at least one and ask again."

BUILT_IN = "reader"
_LOG = logging.getLogger("qa")
_QUESTION_CHARS = 2000  # the encoder and the reader see no more of a question


def ask(
    question: str,
    *,
    index: str | Path | Index | None = None,
    model: str | Reader | Generator | None = None,
    top_k: int | None = None,
    sources: str | Collection[str] | None = None,
    min_confidence: float | None = None,
    settings: Settings | None = None,
) -> Answer:
    """The answer to a question, with the exact words behind it: ``stream``, collected."""
    events = stream(
        question,
        index=index,
        model=model,
        top_k=top_k,
        sources=sources,
        min_confidence=min_confidence,
        settings=settings,
    )
    return next(event.answer for event in events if isinstance(event, Done))


def stream(
    question: str,
    *,
    index: str | Path | Index | None = None,
    model: str | Reader | Generator | None = None,
    top_k: int | None = None,
    sources: str | Collection[str] | None = None,
    min_confidence: float | None = None,
    settings: Settings | None = None,
    searched: str | None = None,
) -> Iterator[Event]:
    """Yield Retrieved, Text pieces with a Cited after each marker, and Done with the whole answer.

    ``index`` is a folder or an open index; ``model`` a name, a reader or a generator. What is not given comes
    from ``settings``, and these from the environment. ``sources`` limits the search to these documents, or
    to one. ``searched`` is what is looked for where the question alone does not say it (a follow-up). Raises
    QAError where there is no usable index or model, or no document of a name in ``sources``, ValueError where
    a number is out of its range; a question without an answer is no error. A generator that fails is none
    either: it is logged as a warning, and the built-in reader answers.
    """
    if not isinstance(question, str):
        raise TypeError(f"The question must be a str, not {type(question).__name__}.")
    chosen = _choose(settings, model=model, top_k=top_k, min_confidence=min_confidence)
    chosen_model = model if model is not None and not isinstance(model, str) else load_model(chosen)
    opened = open_index(chosen.index if index is None else index)
    only = choose_sources(sources, opened)
    return _answer(clean(question), clean(searched or question), opened, chosen_model, only, chosen)


def choose_sources(sources: str | Collection[str] | None, index: Index) -> tuple[str, ...] | None:
    """The documents to search, each once; None means all, a name by itself that document alone.

    Raises DocumentMissing for a name that is not in the index: nothing found in it would look like no answer.
    """
    if sources is None:
        return None
    chosen = tuple(dict.fromkeys([sources] if isinstance(sources, str) else sources))
    known = {info.source for info in index.documents()} if chosen else frozenset()
    for source in chosen:
        if source not in known:
            raise DocumentMissing(f"There is no document {source} in the index. `qa list` shows all.")
    return chosen


def _answer(
    question: str,
    searched: str,
    index: Index,
    model: Reader | Generator,
    sources: Collection[str] | None,
    settings: Settings,
) -> Iterator[Event]:
    """The events of one answer; the times are of our own work, not of who waits between two events."""
    from qa.calibrate import read_calibration
    from qa.compose import locate, write
    from qa.generate import Generator

    clock = _Clock()
    searched = searched[:_QUESTION_CHARS].strip()
    hits = index.search(searched, top_k=settings.top_k, sources=sources) if searched else ()
    clock.lap("retrieve")
    yield Retrieved(hits)

    reader = load_reader() if isinstance(model, Generator) else model
    name = model.name
    if isinstance(model, Generator) and hits:
        parts, name, failed = yield from _generate(searched, index, model, hits, clock)
        if parts or not failed:
            clock.start()
            refused = not parts
            if refused:
                parts = [Text(REFUSAL)]
                yield parts[0]
            confidence = _support(searched, index, reader, hits, parts)
            clock.lap("check")
            yield _done(question, parts, refused, confidence, hits, clock, name)
            return
        name = f"{reader.name} ({name} failed: {failed})"

    clock.start()
    spans = settings.evidence_sentences + 3  # a few more than are shown: some repeat each other
    passages = [hit.passage.text for hit in hits]
    relevance = [hit.score for hit in hits]
    reading = reader.read(searched, passages, top_k=spans, relevance=relevance) if hits else None
    clock.lap("read")
    calibration = read_calibration(index)
    findings = list(locate(index, hits, reading.spans)) if reading else []
    confidence = calibration.probability(findings[0].probability) if findings else 0.0
    asked_for = settings.min_confidence
    refused = not findings or confidence < (calibration.min_confidence if asked_for is None else asked_for)
    if refused:
        parts = [Text(_refusal(searched, index, sources, hits))]
    else:
        paragraphs = write(findings, further=settings.evidence_sentences)
        parts = [event for text, citation in paragraphs for event in (Text(text), Cited(citation))]
    clock.lap("cite")
    yield from parts
    yield _done(question, parts, refused, confidence, hits, clock, name)


def _generate(
    searched: str, index: Index, generator: Generator, hits: tuple[Hit, ...], clock: _Clock
) -> Steps[Event, None, tuple[list[Text | Cited], str, str]]:
    """Yield what a generator says; return these events, its name, and what went wrong ("": nothing)."""
    from qa.generate import write_claims

    parts: list[Text | Cited] = []
    name = generator.name
    try:
        clock.start()
        draft = generator.draft(searched, index, hits)
        name = draft.model
        with closing(draft.claims) as claims:
            for events in write_claims(claims):
                clock.lap("generate")
                parts += events
                yield from events
                clock.start()
        clock.lap("generate")
    except ModelError as exc:
        clock.lap("generate")
        shown = (
            "What it had written until then is shown." if parts else "The built-in reader answers instead."
        )
        _LOG.warning("%s failed: %s. %s", generator.name, exc, shown)
        return parts, f"{name}, cut short" if parts else generator.name, str(exc)
    return parts, name, ""


def _support(
    searched: str, index: Index, reader: Reader, hits: Sequence[Hit], parts: Sequence[Text | Cited]
) -> float:
    """The reader's probability 0..1 that the passages which are cited, or all where none is, answer."""
    from qa.calibrate import read_calibration

    places = [part.citation for part in parts if isinstance(part, Cited)]
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
    relevance = [hit.score for hit in cited]
    reading = reader.read(searched, [hit.passage.text for hit in cited], top_k=1, relevance=relevance)
    return read_calibration(index).probability(reading.spans[0].probability) if reading.spans else 0.0


def _done(
    question: str,
    parts: Sequence[Text | Cited],
    refused: bool,
    confidence: float,
    hits: tuple[Hit, ...],
    clock: _Clock,
    model: str,
) -> Done:
    """The last event: the whole answer."""
    return Done(
        Answer(
            question=question,
            text="".join(part.text for part in parts if isinstance(part, Text)),
            refused=refused,
            confidence=float(confidence),
            citations=tuple(part.citation for part in parts if isinstance(part, Cited)),
            hits=hits,
            timings=clock.stages | {"total": sum(clock.stages.values())},
            model=model,
        )
    )


def _refusal(searched: str, index: Index, sources: Collection[str] | None, hits: tuple[Hit, ...]) -> str:
    """The sentence that says why there is no answer."""
    if not searched:
        return NO_QUESTION
    if hits:
        return REFUSAL
    if not index.documents():
        return NO_DOCUMENTS
    return NO_SOURCES if sources is not None and not sources else REFUSAL


def clean(question: str) -> str:
    """The question without lone surrogates, control characters and outer blanks, which no model takes."""
    valid = question.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x08\x0e-\x1f\x7f]", " ", valid).strip()


class _Clock:
    """Milliseconds of each stage, between ``start`` (or the last lap) and ``lap``."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self.start()

    def start(self) -> None:
        self._at = perf_counter()

    def lap(self, stage: str) -> None:
        now = perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + 1000 * (now - self._at)
        self._at = now


def _choose(
    settings: Settings | None, *, model: object, top_k: int | None, min_confidence: float | None
) -> Settings:
    """The settings, with the arguments that were given in their place."""
    from qa.settings import change, read_settings

    named = model if isinstance(model, str) else None
    given = {"top_k": top_k, "min_confidence": min_confidence, "model": named}
    return change(settings or read_settings(), given)


def load_model(settings: Settings) -> Reader | Generator:
    """The model that the settings name. Raises ModelError where there is none."""
    if settings.model == BUILT_IN:
        return load_reader()
    from qa.generate import load_generator

    return load_generator(settings)


_open: dict[Path, tuple[int, Index]] = {}  # folder -> its inode, and the index that is open on it
_opening = Lock()


def open_index(index: str | Path | Index) -> Index:
    """The open index of a folder, each time the same; an index that is open already comes back as it is.

    A folder that was deleted and made again is opened again. Raises IndexMissing where there is no index.
    """
    if not isinstance(index, (str, Path)):
        return index
    from index.index import Index

    folder = Path(index).expanduser().resolve()
    with _opening:
        inode = folder.stat().st_ino if folder.exists() else -1
        known = _open.pop(
            folder, None
        )  # one that is stale is not closed: another thread may still read from it
        opened = known[1] if known and known[0] == inode else Index.open(folder)
        _open[folder] = (inode, opened)
        return opened
