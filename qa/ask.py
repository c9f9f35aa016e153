"""Asking: one path from a question to an answer, as a stream of events."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from index.errors import DocumentMissing
from qa.answer import Answer, Cited, Done, Event, Retrieved, Sentence, Text
from qa.clock import Clock
from qa.read import Reader, load_reader

if TYPE_CHECKING:
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
    chosen = choose(settings, model, top_k=top_k, min_confidence=min_confidence)
    chosen_model = pick_model(model, chosen)
    opened = open_index(chosen.index if index is None else index)
    only = choose_sources(sources, opened)
    return _answer(clean(question), clean(searched or question), opened, chosen_model, only, chosen)


def pick_model(model: str | Reader | Generator | None, settings: Settings) -> Reader | Generator:
    """The model that was given, or else the one that the settings name. Raises ModelError."""
    return load_model(settings) if model is None or isinstance(model, str) else model


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
    from qa.columns import read_hits
    from qa.compose import locate, write
    from qa.generate import Generator
    from qa.several import wants_several

    clock = Clock()
    searched = searched[:_QUESTION_CHARS].strip()
    hits = index.search(searched, top_k=settings.top_k, sources=sources) if searched else ()
    clock.lap("retrieve")
    told = "" if searched == question[:_QUESTION_CHARS].strip() else searched
    yield Retrieved(hits, told)

    reader = load_reader() if isinstance(model, Generator) else model
    name = model.name
    if isinstance(model, Generator) and hits:
        from qa.written import confidence as confidence_of
        from qa.written import generate

        written = yield from generate(searched, index, model, hits, clock, reader, settings)
        parts, name = written.parts, written.model
        if parts or not written.failed:
            clock.start()
            refused = not parts
            if refused:
                parts = [Text(REFUSAL)]
                yield parts[0]
            confidence = confidence_of(searched, index, reader, hits, written)
            clock.lap("check")
            said = _Said(question, told, hits, name, written.sentences)
            yield _done(said, parts, refused, confidence, clock)
            return
        name = f"{reader.name} ({name} failed: {written.failed})"

    clock.start()
    spans = settings.evidence_sentences + 8  # more than are shown: some repeat each other, some make a list
    reading = read_hits(reader, searched, hits, top_k=spans) if hits else None
    clock.lap("read")
    calibration = read_calibration(index)
    findings = list(locate(index, hits, reading.spans)) if reading else []
    confidence = calibration.probability(findings[0].probability) if findings else 0.0
    asked_for = settings.min_confidence
    refused = not findings or confidence < (calibration.min_confidence if asked_for is None else asked_for)
    if refused:
        parts = [Text(_refusal(searched, index, sources, hits))]
    else:
        several = wants_several(searched)
        paragraphs = write(findings, further=settings.evidence_sentences, several=several, question=searched)
        parts = [event for text, citation in paragraphs for event in (Text(text), Cited(citation))]
    clock.lap("cite")
    yield from parts
    yield _done(_Said(question, told, hits, name), parts, refused, confidence, clock)


@dataclass(frozen=True, slots=True)
class _Said:
    """What an answer tells of how it came about."""

    question: str
    searched: str
    hits: tuple[Hit, ...]
    model: str
    sentences: tuple[Sentence, ...] = ()


def _done(said: _Said, parts: Sequence[Text | Cited], refused: bool, confidence: float, clock: Clock) -> Done:
    """The last event: the whole answer."""
    return Done(
        Answer(
            question=said.question,
            text="".join(part.text for part in parts if isinstance(part, Text)),
            refused=refused,
            confidence=float(confidence),
            citations=tuple(part.citation for part in parts if isinstance(part, Cited)),
            hits=said.hits,
            timings=clock.stages | {"total": sum(clock.stages.values())},
            model=said.model,
            searched=said.searched,
            sentences=said.sentences,
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


def choose(
    settings: Settings | None,
    model: object = None,
    *,
    top_k: int | None = None,
    min_confidence: float | None = None,
) -> Settings:
    """The settings, or those of the environment, with the arguments that were given in their place."""
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


_open: dict[Path, tuple[tuple[int, int], Index]] = {}  # folder -> its database's device and inode, the index
_opening = Lock()


def open_index(index: str | Path | Index) -> Index:
    """The open index of a folder, each time the same; an index that is open already comes back as it is.

    An index that was deleted and made again is opened again: as long as the old database is open, no other
    file has its inode. Raises IndexMissing where there is no index.
    """
    if not isinstance(index, (str, Path)):
        return index
    from index.files import real_path
    from index.index import DATABASE, Index

    folder = real_path(index)
    with _opening:
        known = _open.pop(folder, None)  # a stale one is not closed: another thread may still read from it
        if known and known[0] == _identity(folder / DATABASE):
            opened = known[1]
        else:
            opened = Index.open(folder, create=False)
        _open[folder] = (_identity(folder / DATABASE), opened)
        return opened


def _identity(file: Path) -> tuple[int, int]:
    """Device and inode of a file; (0, 0) where there is none."""
    try:
        status = file.stat()
    except OSError:
        return 0, 0
    return status.st_dev, status.st_ino
