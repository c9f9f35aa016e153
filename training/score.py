"""Scores of a checkpoint: ``python -m training.score --data FOLDER --weights FILE``, JSON on stdout.

Exact match and F1 follow the official SQuAD script; every question is read on its own paragraph.
"""

from __future__ import annotations

import argparse
import json
import re
import string
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from training.batches import Encoder
from training.data import TRAINED, Corpus, Example, context_key, load
from training.decode import Reading, read
from training.model import Reader, base_folder, load_named
from training.negatives import SOURCES, mine

_ARTICLES = re.compile(r"\b(a|an|the)\b")


def normal(text: str) -> str:
    """The text in lower case without punctuation and articles, as the official script compares it."""
    kept = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return " ".join(_ARTICLES.sub(" ", kept).split())


def exact(prediction: str, golds: Sequence[str]) -> float:
    """1 when the prediction equals any gold answer after `normal`, else 0."""
    return float(any(normal(prediction) == normal(gold) for gold in golds))


def f1(prediction: str, golds: Sequence[str]) -> float:
    """The best word F1 of the prediction against the gold answers, 0 to 1."""
    return max(_f1(normal(prediction).split(), normal(gold).split()) for gold in golds)


def _f1(predicted: list[str], gold: list[str]) -> float:
    same = sum((Counter(predicted) & Counter(gold)).values())
    return 0.0 if same == 0 else 2 * same / (len(predicted) + len(gold))


def sample(examples: Sequence[Example], count: int) -> list[Example]:
    """At most `count` examples, the same ones every time, spread over all paragraphs."""
    return sorted(examples, key=lambda e: context_key(f"{e.id} {e.question}"))[:count]


def oracle(model: Reader, encoder: Encoder, examples: Sequence[Example]) -> dict[str, float]:
    """Exact match and F1 in percent on the questions' own paragraphs, and n.

    ``em`` and ``f1`` are those of the best span, ``consensus_em`` and ``consensus_f1`` those of `consensus`.
    """
    readings = read(model, encoder, [(e.question, e.context) for e in examples], top_k=20)
    figures: dict[str, float] = {"n": len(examples)}
    for prefix, chosen in (("", answer), ("consensus_", consensus)):
        given = [(chosen(e.context, r), e.texts()) for e, r in zip(examples, readings, strict=True)]
        figures[f"{prefix}em"] = round(100 * float(np.mean([exact(*pair) for pair in given])), 2)
        figures[f"{prefix}f1"] = round(100 * float(np.mean([f1(*pair) for pair in given])), 2)
    return figures


def answer(passage: str, reading: Reading) -> str:
    """The best span's text; empty where the passage has no words."""
    return passage[reading.spans[0].start : reading.spans[0].end] if reading.spans else ""


def consensus(passage: str, reading: Reading) -> str:
    """The span with the highest expected F1 when each span is right with its share of the weight.

    Minimum Bayes risk decoding (Kumar & Byrne, 2004): where start and end leave several lengths open, it
    prefers the span that agrees most with the others. The best span wins ties.
    """
    if not reading.spans:
        return ""
    texts = [passage[s.start : s.end] for s in reading.spans]
    words = [normal(text).split() for text in texts]
    scores = np.array([s.score for s in reading.spans])
    shares = np.exp(scores - scores.max())
    expected = [sum(p * _f1(mine, other) for p, other in zip(shares, words, strict=True)) for mine in words]
    return texts[int(np.argmax(expected))]


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """The share of (positive, negative) pairs where the positive scores higher; ties count half."""
    scores = np.concatenate([positive, negative])
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n, m = len(positive), len(negative)
    return float((ranks[:n].sum() - n * (n + 1) / 2) / (n * m))


def quick(model: Reader, encoder: Encoder, corpus: Corpus, count: int) -> dict[str, dict[str, float]]:
    """`oracle` on `count` development questions of each set; with XQuAD, for the report only."""
    sets = {source: [e for e in corpus.dev if e.source == source] for source in TRAINED}
    sets["xquad"] = list(corpus.test)
    cost = {"covidqa": 20}  # articles of some twenty windows each
    return {
        name: oracle(model, encoder, sample(found, -(-count // cost.get(name, 1))))
        for name, found in sets.items()
        if found
    }


def answerable(
    model: Reader, encoder: Encoder, examples: Sequence[Example], pool: Sequence[Example]
) -> dict[str, float]:
    """AUROC of the passage's odds: a question's own paragraph against the one BM25 puts next."""
    mined = mine(examples, pool, keep=1)
    asked = [e for e in examples if mined.get((e.source, e.id))]
    own = read(model, encoder, [(e.question, e.context) for e in asked])
    wrong = read(model, encoder, [(e.question, mined[(e.source, e.id)][0]) for e in asked])
    by_sum = auroc([r.odds for r in own], [r.odds for r in wrong])
    by_span = auroc([r.spans[0].score for r in own], [r.spans[0].score for r in wrong])
    return {"n_pairs": len(asked), "auroc": round(by_sum, 4), "auroc_best_span": round(by_span, 4)}


def weights(path: Path) -> Reader:
    """The model of an exported ``reader.safetensors`` or the averaged one of a checkpoint."""
    model = Reader()
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        load_named(model, load_file(path))
    else:
        state = torch.load(path, weights_only=True, map_location="cpu")
        model.load_state_dict({**state["model"], **state["average"]})
    return model.eval()


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.score", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the published question sets")
    parser.add_argument("--weights", type=Path, required=True, help="reader.safetensors or checkpoint.pt")
    parser.add_argument("--count", type=int, default=100_000, help="questions per set at most")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(argv)
    torch.set_num_threads(options.threads)
    corpus, encoder, model = load(options.data), Encoder(base_folder()), weights(options.weights)
    figures: dict[str, dict[str, float]] = quick(model, encoder, corpus, options.count)
    pool = [*corpus.train, *corpus.dev, *corpus.test]
    for source in (s for s in SOURCES if s != "covidqa"):  # whole articles: nothing to compare a passage with
        asked = [e for e in (*corpus.dev, *corpus.test) if e.source == source]
        figures.setdefault(source, {}).update(answerable(model, encoder, sample(asked, options.count), pool))
    json.dump(figures, sys.stdout, indent=1)


if __name__ == "__main__":
    main()
