"""Confidence as the product has it: ``python -m training.calibrate --reader FOLDER --data FOLDER``.

Development questions, answerable or not, are asked of an index that holds the development paragraphs of all
sets together, with the product's own retrieval; for every third question its own paragraph is hidden. Two
logistic regressions set the calibration of ``config.json``: the first on all candidate spans, for how much
the search counts beside the reader's odds (Yang et al., NAACL 2019); the second on the best span of each
question, for its probability.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterable, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from index import Index
from qa.calibrate import Floats
from qa.figures import calibration_error
from qa.metrics import is_right
from qa.span_reader import Calibration, SpanReader
from training.corpus import Corpus, load
from training.data import Example, context_key
from training.negatives import SOURCES
from training.score import auroc, sample

PASSAGES = 8


@dataclass(frozen=True, slots=True)
class Candidate:
    """The best span of one retrieved passage: the reader's log-odds, the search's relevance, the truth."""

    odds: float
    relevance: float
    right: bool


@dataclass(frozen=True, slots=True)
class Asked:
    """A question with one candidate for each of its passages, in the order of the search."""

    group: str
    candidates: tuple[Candidate, ...]


def ask_all(corpus: Corpus, reader: SpanReader, count: int) -> list[Asked]:
    """At most `count` development questions of each set, asked of one index of all development paragraphs.

    Scores are the reader's odds as they are: its own calibration plays no part.
    """
    contexts = list(dict.fromkeys(example.context for example in (*corpus.dev, *corpus.unanswerable)))
    sources = {context: f"{number:05}.txt" for number, context in enumerate(contexts)}
    plain = copy(reader)
    plain.config = reader.config.model_copy(update={"calibration": Calibration(scale=1.0, bias=0.0)})
    sets = [*([e for e in corpus.dev if e.source == s] for s in SOURCES), list(corpus.unanswerable)]
    with tempfile.TemporaryDirectory() as folder:
        documents = Path(folder, "documents")
        documents.mkdir()
        for context, name in sources.items():
            (documents / name).write_text(context, encoding="utf-8")
        with Index.open(Path(folder, "index"), create=True) as index:
            index.add([documents])
            chosen = [example for examples in sets for example in sample(examples, count)]
            return [ask(index, plain, example, sources) for example in chosen]


def held_out(asked: Sequence[Asked]) -> dict[str, float]:
    """`quality` on the questions of one half of the paragraphs, calibrated on those of the other."""
    first = [question for question in asked if half(question.group)]
    return quality([question for question in asked if not half(question.group)], fit(first))


def ask(index: Index, reader: SpanReader, example: Example, sources: dict[str, str]) -> Asked:
    """Read what the search finds; the question's own paragraph is left out where it is to be absent."""
    own = sources[example.context]
    hits = [
        hit
        for hit in index.search(example.question, top_k=4 * PASSAGES)
        if not (absent(example) and hit.passage.source == own)
    ][:PASSAGES]
    found = []
    for hit in hits:
        for span in reader.read(example.question, [hit.passage.text], top_k=1).spans:
            right = hit.passage.source == own and is_right(span.text, example.texts())
            found.append(Candidate(span.score, hit.score, right))
    return Asked(example.group, tuple(found))


def fit(asked: Sequence[Asked]) -> Calibration:
    """The calibration under which the best spans of these questions are as often right as they claim."""
    candidates = [c for question in asked for c in question.candidates]
    odds_weight, relevance_weight, _ = logistic(*_table(candidates))
    ratio = float(relevance_weight / odds_weight)
    best = [_best(question, ratio) for question in asked if question.candidates]
    joint = np.array([[c.odds + ratio * c.relevance, 1.0] for c in best])
    scale, bias = logistic(joint, np.array([float(c.right) for c in best]))
    usual = float(np.median([c.relevance for c in best if c.right]))
    return Calibration(
        scale=_places(scale),
        bias=_places(bias),
        relevance=_places(scale * ratio),
        usual=_places(usual),
    )


def quality(asked: Sequence[Asked], calibration: Calibration) -> dict[str, float]:
    """How often the best span is right with and without the search's say, and how well confidence holds."""
    ratio = calibration.relevance / calibration.scale
    asked = [question for question in asked if question.candidates]
    best = [_best(question, ratio) for question in asked]
    right = np.array([float(c.right) for c in best])
    weights = np.array([calibration.scale, calibration.relevance, calibration.bias])
    confidence = 1 / (1 + np.exp(-_table(best)[0] @ weights))
    alone = np.mean([_best(question, 0.0).right for question in asked])
    return {
        "n": len(best),
        "right": _places(right.mean()),
        "right_by_odds_alone": _places(alone),
        "ece": _places(calibration_error(confidence, right)(np.ones((1, len(right))))[0]),
        "auroc": _places(auroc(confidence[right == 1].tolist(), confidence[right == 0].tolist())),
    }


def absent(example: Example) -> bool:
    """True for the third of the questions whose own passage is hidden: nothing found there is right."""
    return int(context_key(f"absent {example.id} {example.question}")[:8], 16) % 3 == 0


def half(group: str) -> bool:
    """Which half a paragraph belongs to: calibration is fitted on one and tested on the other."""
    return int(context_key(f"half {group}")[:8], 16) % 2 == 0


def logistic(features: Floats, labels: Floats, *, ridge: float = 1e-3, rounds: int = 30) -> Floats:
    """Weights (k,) of a logistic regression of labels (n,) on features (n, k), by Newton's method."""
    w = np.zeros(features.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-features @ w))
        slope = features.T @ (labels - p) - ridge * w
        curve = (features * (p * (1 - p))[:, None]).T @ features + ridge * np.eye(len(w))
        w = w + np.linalg.solve(curve, slope)
    return w


def _best(question: Asked, ratio: float) -> Candidate:
    return max(question.candidates, key=lambda c: c.odds + ratio * c.relevance)


def _table(candidates: Iterable[Candidate]) -> tuple[Floats, Floats]:
    """Features (n, 3): odds, relevance, 1; and labels (n,)."""
    rows = [(c.odds, c.relevance, 1.0, float(c.right)) for c in candidates]
    table = np.array(rows, dtype=np.float64)
    return table[:, :3], table[:, 3]


def _places(value: float | np.floating[Any]) -> float:
    return round(float(value), 4)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__)
    parser.add_argument("--reader", type=Path, required=True, help="folder of an exported reader")
    parser.add_argument("--data", type=Path, required=True, help="folder with the published question sets")
    parser.add_argument("--count", type=int, default=250, help="questions per set at most")
    options = parser.parse_args(argv)
    asked = ask_all(load(options.data), SpanReader(options.reader), options.count)
    report = {"held_out_half": held_out(asked), "all": quality(asked, fit(asked))}
    path = options.reader / "config.json"
    config = json.loads(path.read_text(encoding="utf-8")) | {"calibration": fit(asked).model_dump()}
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1), config["calibration"])


if __name__ == "__main__":
    main()
