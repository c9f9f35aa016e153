"""Evaluation: every question of a test set is answered and searched for, and figures sum up how that went."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from index.squad import fingerprint
from qa.ask import choose, clean
from qa.chat import Chat
from qa.figures import (
    Estimate,
    Figure,
    among,
    calibration_error,
    estimate,
    quantile,
    ratio,
    risk_coverage_area,
)
from qa.judge import Result, judge
from qa.metrics import recall_at, reciprocal_rank
from qa.oracle import own_context
from qa.testset import Question, missing_sources

if TYPE_CHECKING:
    from index.index import Index
    from index.types import DocumentInfo
    from qa.generate import Generator
    from qa.read import Reader
    from qa.settings import Settings

RANKED = 10  # passages in the ranking that recall@k and MRR judge


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The results of a test set and the figures over them; "a.b" is figure b of group a."""

    results: tuple[Result, ...]
    figures: dict[str, Estimate]
    oracle: bool
    model: str
    encoder: str  # "" where there is no index
    documents: int  # in the index
    passages: int  # in the index
    missing: tuple[str, ...]  # gold sources that the index does not hold, where they were searched for

    def to_dict(self) -> dict[str, Any]:
        """The JSON of ``qa eval --json``; a figure that has nothing to count is null."""
        values = {name: _rounded(figure.value) for name, figure in self.figures.items()}
        bounds = {name: [_rounded(f.low), _rounded(f.high)] for name, f in self.figures.items()}
        answerable = sum(result.question.answerable for result in self.results)
        content = {"n": len(self.results)} | _grouped(values)
        content["answerable"] = {"n": answerable} | content["answerable"]
        return content | {
            "intervals": _grouped(bounds),
            "unanswerable": len(self.results) - answerable,
            "answered": sum(not result.refused for result in self.results),
            "oracle": self.oracle,
            "model": self.model,
            "encoder": self.encoder,
            "index": {
                "documents": self.documents,
                "passages": self.passages,
                "missing": list(self.missing),
            },
        }


def evaluate(
    testset: Sequence[Question],
    index: Index | None,
    *,
    oracle: bool = False,
    alone: bool = False,
    model: str | Reader | Generator | None = None,
    top_k: int | None = None,
    min_confidence: float | None = None,
    settings: Settings | None = None,
    on_progress: Callable[[int], None] | None = None,
) -> Evaluation:
    """Return how every question of a test set went, with figures and their 95 % intervals.

    With ``oracle`` nothing is searched and the reader gets each question's own context (``qa.oracle``);
    ``index`` may then be None if every question brings one. The questions of a conversation that come before
    one are asked first, unless ``alone``; neither they nor their answers are judged. For the gold source of a
    question with its own context see ``with_sources``. The other arguments are those of ``ask``;
    ``on_progress`` gets the number of questions done. Models are loaded before the clock starts. Raises
    QAError as ``ask`` does, ValueError where there is no question, or no index though one is needed.
    """
    if not testset:
        raise ValueError("a test set without questions has no figures")
    chosen = choose(settings, model, top_k=top_k, min_confidence=min_confidence)
    infos = index.documents() if index is not None else ()
    testset = with_sources(testset, infos)
    results: list[Result] = []
    model_name = ""
    for question in testset:
        corpus = own_context(question, index) if oracle else index
        if corpus is None:
            raise ValueError("without an index, every question needs its own context, and oracle=True")
        for _ in range(1 if results else 2):  # the first time loads the models
            # All that an answer uses of an index is in Corpus.
            chat = Chat(index=corpus, model=model, settings=chosen)  # type: ignore[arg-type]
            for earlier in () if alone else question.before:
                chat.ask(earlier)
            start = perf_counter()
            answer = chat.ask(question.question)
            latency_ms = 1000 * (perf_counter() - start)
        # The search comes second, so that nothing it leaves in a cache makes the answer look fast.
        searched = chat.history[-1].searched if question.question.strip() else ""
        ranking = () if oracle else corpus.search(clean(searched), top_k=RANKED)
        results.append(judge(question, answer, ranking, corpus, latency_ms))
        model_name = answer.model
        if on_progress:
            on_progress(len(results))
    return Evaluation(
        results=tuple(results),
        figures=estimate(figures(results, searched=not oracle), len(results)),
        oracle=oracle,
        model=model_name,
        encoder=index.encoder.name if index is not None else "",
        documents=len(infos),
        passages=sum(info.passages for info in infos),
        missing=() if oracle else missing_sources(testset, infos),
    )


def with_sources(testset: Iterable[Question], documents: Iterable[DocumentInfo]) -> tuple[Question, ...]:
    """Return the questions, each that brings its own context with the document that holds it as its source.

    Two SQuAD files can share a title, so the text decides and not the name: the source is the document that
    holds exactly the context; of several the one that the question names, else the first; and where none
    does, it stays.
    """
    holders: dict[tuple[str, int], list[str]] = {}
    for info in documents:
        holders.setdefault((info.sha256, info.characters), []).append(info.source)
    return tuple(_with_source(question, holders) for question in testset)


def _with_source(question: Question, holders: Mapping[tuple[str, int], Sequence[str]]) -> Question:
    if question.context is None:
        return question
    held = holders.get((fingerprint(question.context), len(question.context)), ())
    return question if not held or question.source in held else replace(question, source=held[0])


def figures(results: Sequence[Result], *, searched: bool = True) -> dict[str, Figure]:
    """Return the figures of `qa eval` over results; those of the search are undefined unless ``searched``.

    - exact_match, f1: over all questions; to refuse an unanswerable one is right (SQuAD 2.0).
    - answerable.exact_match, .f1: over answerable questions.
    - recall@k, mrr: over questions whose gold place is known; MRR looks at 10 passages.
    - citation_precision: share of citations that overlap a gold place of the question's source, over the
      answered questions whose gold place is known.
    - citation_recall: share of the questions whose gold place is known that some citation overlaps.
    - verbatim: share of citations whose quote is the document's text at their offsets.
    - refusal.precision, .recall: share of refused questions that are unanswerable, and the reverse.
    - right: share of answered questions whose answer is right (``metrics.is_right``).
    - ece, aurc: over answered questions, against "right"; to answer an unanswerable question is wrong.
    - latency_ms.p50, .p95: of one ``ask``.
    """
    answerable = _column(result.question.answerable for result in results)
    refused = _column(result.refused for result in results)
    located = _column(result.located for result in results)
    ranked = located * searched
    exact, best_f1 = (_column(getattr(result, name) for result in results) for name in ("exact_match", "f1"))
    citations = _column(result.citations for result in results)
    supporting = _column(result.supporting for result in results)
    confidence = _column(result.confidence for result in results)
    right = _column(result.right for result in results)
    latency_ms = _column(result.latency_ms for result in results)
    given = refused == 0
    return {
        "exact_match": ratio(exact, scale=100),
        "f1": ratio(best_f1, scale=100),
        "answerable.exact_match": ratio(exact * answerable, answerable, scale=100),
        "answerable.f1": ratio(best_f1 * answerable, answerable, scale=100),
        **{
            f"recall@{k}": ratio(_column(recall_at(r.rank, k) for r in results) * ranked, ranked, scale=100)
            for k in (1, 5, RANKED)
        },
        "mrr": ratio(_column(reciprocal_rank(result.rank) for result in results) * ranked, ranked),
        "citation_precision": ratio(supporting * located, citations * located, scale=100),
        "citation_recall": ratio((supporting > 0) * located, located, scale=100),
        "verbatim": ratio(_column(result.verbatim for result in results), citations, scale=100),
        "refusal.precision": ratio(refused * (1 - answerable), refused, scale=100),
        "refusal.recall": ratio(refused * (1 - answerable), 1 - answerable, scale=100),
        "right": ratio(right, given, scale=100),
        "ece": among(given, calibration_error(confidence[given], right[given])),
        "aurc": among(given, risk_coverage_area(confidence[given], right[given])),
        "latency_ms.p50": quantile(latency_ms, 0.5),
        "latency_ms.p95": quantile(latency_ms, 0.95),
    }


def _column(values: Iterable[float]) -> NDArray[np.float64]:
    return np.array(list(values), dtype=np.float64)


def _grouped(flat: Mapping[str, Any]) -> dict[str, Any]:
    """Return {"a.b": 1, "c": 2} as {"a": {"b": 1}, "c": 2}."""
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        group, _, member = name.rpartition(".")
        (nested.setdefault(group, {}) if group else nested)[member] = value
    return nested


def _rounded(value: float) -> float | None:
    return None if math.isnan(value) else round(value, 4)
