"""What an evaluation looks like: a table for the terminal, a page with every question for the browser."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from qa.evaluate import Evaluation
from qa.figures import Estimate

# figure, name of it, digits after the point
_FIGURES = (
    ("exact_match", "Exact match, %", 1),
    ("answerable.exact_match", "  of answerable questions", 1),
    ("f1", "F1, %", 1),
    ("answerable.f1", "  of answerable questions", 1),
    ("recall@1", "Recall@1, %", 1),
    ("recall@5", "Recall@5, %", 1),
    ("recall@10", "Recall@10, %", 1),
    ("mrr", "Mean reciprocal rank", 3),
    ("citation_precision", "Citation precision, %", 1),
    ("citation_recall", "Citation recall, %", 1),
    ("verbatim", "Verbatim citations, %", 1),
    ("refusal.precision", "Refusal precision, %", 1),
    ("refusal.recall", "Refusal recall, %", 1),
    ("right", "Right when answered, %", 1),
    ("ece", "Calibration error (ECE)", 3),
    ("aurc", "Risk-coverage area (AURC)", 3),
    ("latency_ms.p50", "Latency p50, ms", 1),
    ("latency_ms.p95", "Latency p95, ms", 1),
)

# In the order in which the page offers them, with what they mean.
_VERDICTS = {
    "right": "answered, and right",
    "partly": "answered, and shares words with a right answer",
    "wrong": "answered, and wrong",
    "missed": "refused, though the documents answer it",
    "refused": "refused, and rightly",
    "invented": "answered, though the documents do not answer it",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One figure as text; ``value`` is "-" and ``interval`` empty where there was nothing to count."""

    name: str
    value: str
    interval: str


def rows(evaluation: Evaluation) -> tuple[Row, ...]:
    """Return the figures as text, in the order of reading."""
    return tuple(_row(name, evaluation.figures[figure], digits) for figure, name, digits in _FIGURES)


def _row(name: str, figure: Estimate, digits: int) -> Row:
    if math.isnan(figure.value):
        return Row(name, "-", "")
    low, high = (f"{bound:.{digits}f}" for bound in (figure.low, figure.high))
    return Row(name, f"{figure.value:.{digits}f}", f"{low} to {high}")


def summary(evaluation: Evaluation) -> tuple[str, ...]:
    """Return the sentences that stand over the figures: what was asked of what, and how often answered."""
    total = len(evaluation.results)
    answerable = sum(result.question.answerable for result in evaluation.results)
    refused = sum(result.refused for result in evaluation.results)
    lines = [
        f"{total} questions: {answerable} answerable, {total - answerable} not; "
        f"{total - refused} answered, {refused} refused.",
        f"Answered by {evaluation.model}"
        + (" from each question's own context." if evaluation.oracle else _searched(evaluation)),
    ]
    if evaluation.missing:
        lines.append(lacking(evaluation.missing))
    return tuple(lines)


def lacking(missing: Sequence[str]) -> str:
    """Return the sentence that names gold documents which the index does not hold."""
    names = f"{', '.join(missing[:3])}{', …' if len(missing) > 3 else ''}"
    return f"Documents of the test set that are not in the index: {len(missing)} ({names})."


def _searched(evaluation: Evaluation) -> str:
    searched = f"{evaluation.passages} passages of {evaluation.documents} documents"
    return f"; {searched} were searched with {evaluation.encoder}."


def table(evaluation: Evaluation) -> str:
    """Return the figures and their intervals as aligned lines."""
    lines = [Row("", "value", "95 % interval"), *rows(evaluation)]
    names, values, intervals = (
        max(len(getattr(line, column)) for line in lines) for column in ("name", "value", "interval")
    )
    body = [f"{it.name:<{names}}  {it.value:>{values}}  {it.interval:>{intervals}}".rstrip() for it in lines]
    return "\n".join([*summary(evaluation), "", *body])


def page(evaluation: Evaluation, title: str) -> str:
    """Return one HTML page with the figures and every question. It loads nothing and runs no script."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = resources.files("qa").joinpath("report.html.jinja").read_text("utf-8")
    verdicts = [result.verdict for result in evaluation.results]
    return environment.from_string(template).render(
        title=title,
        summary=summary(evaluation),
        rows=rows(evaluation),
        results=evaluation.results,
        verdicts={
            verdict: (verdicts.count(verdict), meaning)
            for verdict, meaning in _VERDICTS.items()
            if verdict in verdicts
        },
    )
