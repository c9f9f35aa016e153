"""Scores into probabilities: ``python -m training.calibrate --data FOLDER --weights FILE --out FILE``.

Fits two small logistic models on the development questions, each read on the passages BM25 finds for it, and
reports how well they hold on questions they were not fitted on.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from training.batches import Encoder
from training.data import Example, context_key, load
from training.decode import read
from training.model import Reader, base_folder
from training.negatives import SOURCES, Bm25, pieces, unique
from training.score import auroc, f1, sample, weights

PASSAGES = 8
RIGHT = 0.5  # an answer counts as right from this F1 on

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Case:
    """A question read over its retrieved passages: the best span's score and share, and what was true.

    `score` is the best span's log-odds against its passage's null; `share` is `score` minus the log of the
    summed weights of all spans of all passages (0 or less).
    """

    group: str
    score: float
    share: float
    right: bool


def logistic(features: Floats, labels: Floats, *, ridge: float = 1e-3, rounds: int = 30) -> Floats:
    """Weights (k,) of a logistic regression of labels (n,) on features (n, k), by Newton's method."""
    w = np.zeros(features.shape[1])
    for _ in range(rounds):
        p = 1 / (1 + np.exp(-features @ w))
        slope = features.T @ (labels - p) - ridge * w
        curve = (features * (p * (1 - p))[:, None]).T @ features + ridge * np.eye(len(w))
        w = w + np.linalg.solve(curve, slope)
    return w


def expected_calibration_error(confidence: Floats, right: Floats, *, bins: int = 10) -> float:
    """Mean absolute gap of confidence and accuracy over bins of equal width, weighted by size (0 to 1)."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = (abs(confidence[places == b].sum() - right[places == b].sum()) for b in range(bins))
    return float(sum(gaps) / len(right))


def cases(
    model: Reader, encoder: Encoder, asked: Sequence[Example], pool: Sequence[Example]
) -> tuple[list[Case], list[tuple[float, bool]]]:
    """Every question over its `PASSAGES` best passages; and (odds, has the answer) of all those passages.

    A third of the questions are read without their own passage, as users ask what the documents do not say.
    """
    found: list[Case] = []
    answerable: list[tuple[float, bool]] = []
    for source in SOURCES:
        own = [e for e in asked if e.source == source]
        texts = unique(piece for e in pool if e.source == source for piece in pieces(e.context))
        if not own or not texts:
            continue
        index = Bm25(texts)
        retrieved = [
            [texts[i] for i in index.best(e.question, 4 * PASSAGES) if not withheld(e, texts[i])][:PASSAGES]
            for e in own
        ]
        readings = read(
            model,
            encoder,
            [(e.question, p) for e, ps in zip(own, retrieved, strict=True) for p in ps],
            top_k=1,
        )
        at = 0
        for example, passages in zip(own, retrieved, strict=True):
            mine = list(zip(passages, readings[at : at + len(passages)], strict=True))
            at += len(passages)
            if not mine:
                continue
            passage, best = max(mine, key=lambda pair: pair[1].spans[0].score)
            span = best.spans[0]
            total = float(np.logaddexp.reduce([r.odds for _, r in mine]))
            right = not absent(example) and f1(passage[span.start : span.end], example.texts()) >= RIGHT
            found.append(Case(example.group, span.score, span.score - total, right))
            answerable += [(r.odds, holds_answer(example, p)) for p, r in mine]
    return found, answerable


def absent(example: Example) -> bool:
    """True for the third of the questions whose own passage is withheld: nothing found there is right."""
    return int(context_key(f"absent {example.id} {example.question}")[:8], 16) % 3 == 0


def withheld(example: Example, passage: str) -> bool:
    """True for the question's own passages where those are to be absent."""
    return absent(example) and passage in example.context


def holds_answer(example: Example, passage: str) -> bool:
    """True when the passage is part of the question's own context and one of the answers stands in it."""
    return passage in example.context and any(text in passage for text in example.texts())


def half(group: str) -> bool:
    """Which half a paragraph belongs to: calibration is fitted on one and tested on the other."""
    return int(context_key(f"half {group}")[:8], 16) % 2 == 0


def table(found: Sequence[Case]) -> tuple[Floats, Floats]:
    """Features (n, 3): score, share, 1; and labels (n,)."""
    features = np.array([(c.score, c.share, 1.0) for c in found])
    return features, np.array([float(c.right) for c in found])


def sigmoid(x: Floats) -> Floats:
    """The logistic function."""
    return np.asarray(1 / (1 + np.exp(-x)))


def fit(found: Sequence[Case], answerable: Sequence[tuple[float, bool]]) -> dict[str, dict[str, float]]:
    """The shipped probabilities, each the `sigmoid` of a weighted sum.

    ``calibration``: the best answer is right, scale * score + bias. ``joint``: the same from score and share
    together. ``passage``: a passage holds the answer, scale * odds + bias.
    """
    features, right = table(found)
    alone = logistic(features[:, [0, 2]], right)
    joint = logistic(features, right)
    odds, held = np.array(answerable, dtype=np.float64).T
    passage = logistic(np.stack((odds, np.ones_like(odds)), axis=1), held)
    return {
        "calibration": named(("scale", "bias"), alone),
        "joint": named(("score", "share", "bias"), joint),
        "passage": named(("scale", "bias"), passage),
    }


def named(names: Sequence[str], values: Floats) -> dict[str, float]:
    """The values under their names, to five places."""
    return {name: round(float(value), 5) for name, value in zip(names, values, strict=True)}


def quality(found: Sequence[Case], fitted: dict[str, dict[str, float]]) -> dict[str, float]:
    """How well the fitted confidences hold on `found`."""
    features, right = table(found)
    figures: dict[str, float] = {"n": len(found), "right": round(float(right.mean()), 4)}
    for kind, columns in (("calibration", [0, 2]), ("joint", [0, 1, 2])):
        confidence = sigmoid(features[:, columns] @ np.array(list(fitted[kind].values())))
        wrong = confidence[right == 0].tolist()
        figures[f"{kind}_ece"] = round(expected_calibration_error(confidence, right), 4)
        figures[f"{kind}_auroc"] = round(auroc(confidence[right == 1].tolist(), wrong), 4)
    return figures


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.calibrate", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the published question sets")
    parser.add_argument("--weights", type=Path, required=True, help="reader.safetensors or checkpoint.pt")
    parser.add_argument("--out", type=Path, required=True, help="JSON file for the calibration")
    parser.add_argument("--count", type=int, default=400, help="questions per set at most")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    corpus, encoder, model = load(options.data), Encoder(base_folder()), weights(options.weights)
    asked = [e for s in SOURCES for e in sample([e for e in corpus.dev if e.source == s], options.count)]
    found, answerable = cases(model, encoder, asked, [*corpus.train, *corpus.dev])
    first = [c for c in found if half(c.group)]
    second = [c for c in found if not half(c.group)]
    test, _ = cases(model, encoder, sample(corpus.test, options.count), corpus.test)
    report = {
        "held_out_half": quality(second, fit(first, answerable)),
        "xquad": quality(test, fit(found, answerable)),
    }
    shipped = {**fit(found, answerable), "report": report}
    options.out.write_text(json.dumps(shipped, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
