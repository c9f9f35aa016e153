"""Generating: a language model writes the sentences, and what it cites is verified before anybody sees it."""

from __future__ import annotations

from collections.abc import Generator as Steps
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, Protocol

from index.characters import storable
from index.errors import ModelError
from index.types import Hit
from qa.answer import Citation, Cited, Text
from qa.cite import cite, collapse, escape
from qa.compose import Finding, locate
from qa.followup import SCHEMA, is_faithful, read_rewriting, show_history
from qa.forms import Form
from qa.prompt import FIELDS, Message, Template, load_template
from qa.replies import ReplyReader
from qa.support_weights import WEAK_BELOW

if TYPE_CHECKING:
    from index.index import Index
    from qa.settings import Settings


_REWRITE_TOKENS = 160
_REWRITE_CHARS = 4000  # of a reply that should be one line
_REWRITE_S = 30.0


class PromptTooLong(ModelError):
    """A model did not take the prompt; with fewer passages it may."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one answer may cost, and how freely it is worded."""

    sentences: int = 5
    tokens: int = 1024
    seconds: float = 180.0
    temperature: float = 0.0  # 0: always the most probable word


@dataclass(frozen=True, slots=True)
class Task:
    """What a backend is asked to write. ``hits`` are the passages that the messages show, in that order."""

    messages: tuple[Message, ...]
    hits: tuple[Hit, ...]
    form: Form
    limits: Limits
    deadline: float  # by time.monotonic()


class Backend(Protocol):
    """A language model, in this process or behind a server."""

    @property
    def name(self) -> str:
        """Name that answers carry."""

    def form(self, limits: Limits, deadline: float) -> Form:
        """The form in which it cites best. Raises ModelError where it cannot be used."""

    def write(self, task: Task) -> Steps[str, None, None]:
        """The reply, piece by piece; closing the iterator stops the model.

        Raises ModelError where the reply does not come to its end, PromptTooLong before its first piece.
        """

    def complete(
        self, messages: Sequence[Message], schema: dict[str, Any], limits: Limits, deadline: float
    ) -> Steps[str, None, None]:
        """A JSON object of this schema, as far as the model can be kept to one; otherwise like ``write``."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A sentence that a model wrote, and where the words stand that it cites: at least one place."""

    text: str  # one line, without markup
    findings: tuple[Finding, ...]
    support: float = 1.0  # 0..1, how likely the sentence is true where its quotes are (qa.support)


@dataclass(frozen=True, slots=True)
class Draft:
    """An answer that is being written.

    ``claims`` yields its sentences, each as soon as it is complete and verified; closing it stops the model.
    None at all is a refusal: the model found no answer, or none of its quotes exists. It raises ModelError
    where the model fails or replies nonsense; the sentences before that stand.
    """

    model: str  # the model and the version of the prompt that it was given
    claims: Steps[Claim, None, None]


class Generator:
    """Answers by a language model: ``backend`` writes, and only sentences with verified quotes come out."""

    def __init__(
        self, backend: Backend, limits: Limits | None = None, *, prompts: Path | None = None
    ) -> None:
        """``prompts`` is a folder with the user's own templates. Raises ModelError where one is wrong."""
        self._backend = backend
        self._limits = limits or Limits()
        self._templates: dict[str, Template] = {name: load_template(name, prompts) for name in FIELDS}

    @property
    def name(self) -> str:
        """Name of the language model."""
        return self._backend.name

    def draft(self, question: str, index: Index, hits: Sequence[Hit]) -> Draft:
        """Begin an answer from the hits, of which there must be one. Raises ModelError as ``claims`` does."""
        deadline = monotonic() + self._limits.seconds
        form = self._backend.form(self._limits, deadline)
        stamp = self._templates[form.prompt].stamp
        return Draft(
            f"{self.name}, prompt {stamp}", self._claims(question, index, tuple(hits), form, deadline)
        )

    def rewrite(self, question: str, turns: Sequence[tuple[str, str]]) -> str:
        """A follow-up question so that it can be understood alone.

        ``turns`` are question and answer ("" for a refusal), oldest first. Raises ModelError where the model
        fails, or where what it writes says other things than were said.
        """
        deadline = monotonic() + min(self._limits.seconds, _REWRITE_S)
        values = {"history": show_history(turns), "question": collapse(storable(question))}
        messages = self._templates["rewrite"].render(values)
        limits = replace(self._limits, tokens=min(self._limits.tokens, _REWRITE_TOKENS), temperature=0.0)
        reply = ""
        with closing(self._backend.complete(messages, SCHEMA, limits, deadline)) as pieces:
            for piece in pieces:
                reply += piece
                if len(reply) > _REWRITE_CHARS:
                    break
        rewritten = read_rewriting(reply)
        if not is_faithful(rewritten, question, turns):
            raise ModelError("its rewriting of the question is not of use")
        return rewritten

    @property
    def rewriting(self) -> str:
        """The version of the prompt that rewrites questions."""
        return self._templates["rewrite"].stamp

    def _claims(
        self, question: str, index: Index, hits: tuple[Hit, ...], form: Form, deadline: float
    ) -> Steps[Claim, None, None]:
        while True:
            try:
                yield from self._written(self._task(question, hits, form, deadline), index)
                return
            except PromptTooLong:
                if len(hits) == 1:
                    raise
                hits = hits[: len(hits) // 2]

    def _task(self, question: str, hits: tuple[Hit, ...], form: Form, deadline: float) -> Task:
        values = {
            "passages": form.show(hits),
            "question": collapse(storable(question)),
            "most": str(self._limits.sentences),
        }
        messages = self._templates[form.prompt].render(values)
        return Task(messages, hits, form, self._limits, deadline)

    def _written(self, task: Task, index: Index) -> Iterator[Claim]:
        reply = ReplyReader()
        given = 0
        with closing(self._backend.write(task)) as pieces:
            for piece in pieces:
                for sentence in reply.feed(piece):
                    findings = tuple(locate(index, task.hits, task.form.evidence(sentence, task.hits)))
                    if collapse(sentence.text) and findings and given < task.limits.sentences:
                        given += 1
                        yield Claim(collapse(sentence.text), findings)
                if reply.ended:
                    break
        if reply.state not in ("complete", "refused"):
            raise ModelError(_UNREADABLE if not given else _CUT_SHORT)


_UNREADABLE = "its reply is not in the form that it was asked for"
_CUT_SHORT = "its reply breaks off"


WEAK_NOTE = " (weakly supported)"


def write_claims(claims: Iterator[Claim]) -> Iterator[tuple[Text | Cited, ...]]:
    """Yield the events of each sentence: its text with markers, and the citation of each new marker.

    The sentences make one paragraph. Words that are cited again keep their marker. A sentence that its quotes
    hardly support says so.
    """
    markers: dict[tuple[str, int, int], int] = {}
    for number, claim in enumerate(claims):
        events: list[Text | Cited] = []
        words = (" " if number else "") + escape(claim.text)
        fresh: set[int] = set()
        for finding in claim.findings:
            place = (finding.document.source, finding.span.start, finding.span.end)
            known = place in markers
            marker = markers.setdefault(place, len(markers) + 1)
            if marker in fresh:
                continue
            fresh.add(marker)
            events.append(Text(f"{words} [{marker}]"))
            words = ""
            if not known:
                events.append(Cited(_citation(finding, marker)))
        if is_weak(claim.support):
            events.append(Text(WEAK_NOTE))
        yield tuple(events)


def is_weak(support: float) -> bool:
    """Whether a sentence with this support is shown as weakly supported."""
    return support < WEAK_BELOW


def _citation(finding: Finding, marker: int) -> Citation:
    return cite(finding.document, finding.span.start, finding.span.end, marker)


def load_generator(settings: Settings) -> Generator:
    """The generator that the settings name, with their limits and prompts. Raises ModelError.

    "http://host:port/v1#model" is a model of an OpenAI-compatible server, anything else a folder with a
    transformers model, or the id of one that was downloaded.
    """
    backend: Backend
    if settings.model.startswith(("http://", "https://")):
        from qa.server import Server

        backend = Server(settings.model, key=settings.api_key.get_secret_value())
    else:
        from qa.local_llm import load_local

        backend = load_local(settings.model)
    limits = Limits(settings.max_sentences, settings.max_tokens, settings.timeout_s, settings.temperature)
    return Generator(backend, limits, prompts=settings.prompts)
