"""Scores of a checkpoint: ``python -m training.score --data FOLDER --weights FILE``, JSON on stdout.

Exact match and F1 follow the official SQuAD script; every question is read on its own paragraph.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from qa.metrics import exact_match, f1
from training.batches import Encoder
from training.corpus import TRAINED, Corpus, load
from training.data import Example, context_key
from training.decode import Reading, read
from training.model import Reader, base_folder, from_reader
from training.negatives import SOURCES, mine


def sample(examples: Sequence[Example], count: int) -> list[Example]:
    """At most `count` examples, the same ones every time, spread over all paragraphs."""
    return sorted(examples, key=lambda e: context_key(f"{e.id} {e.question}"))[:count]


def oracle(model: Reader, encoder: Encoder, examples: Sequence[Example]) -> dict[str, float]:
    """Exact match and F1 of the best span, in percent, on the questions' own paragraphs; and n."""
    readings = read(model, encoder, [(e.question, e.context) for e in examples], top_k=1)
    given = [(answer(e.context, r), e.texts()) for e, r in zip(examples, readings, strict=True)]
    return {
        "n": len(examples),
        "em": round(100 * float(np.mean([exact_match(*pair) for pair in given])), 2),
        "f1": round(100 * float(np.mean([f1(*pair) for pair in given])), 2),
    }


def answer(passage: str, reading: Reading) -> str:
    """The best span's text; empty where the passage has no words."""
    return passage[reading.spans[0].start : reading.spans[0].end] if reading.spans else ""


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
    if path.suffix == ".safetensors":
        return from_reader(path).eval()
    model = Reader()
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
