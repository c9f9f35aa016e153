"""How well support tells true sentences from false ones: ``python -m bench.support --data FOLDER``.

``FOLDER`` holds the public question sets in their published formats (training/README.md names them). Only
paragraphs that the reader was never trained on are used: half of them fit the weights, which are written to
qa/support_weights.py, the other half, and XQuAD, give the figures, which are written to bench/SUPPORT.md.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from bench.pairs import KINDS, UNRELATED, Pair, make_pairs, read_development
from index.chunk import sentences
from index.types import Span
from qa.read import Reader, load_reader
from qa.support import NAMES, Evidence, measure, surroundings
from training.data import read_squad

HERE = Path(__file__).parent
RIDGE = 1.0
MAY_HELP = {"covered_by_quotes", "covered_by_sentences", "covered_around", "covered_pairs", "probe"}
"""Features of which more never speaks against a sentence; of all others more never speaks for it."""
DROPPED, WEAK = 0.05, 0.2  # shares of the true sentences that fall below the two thresholds when fitting
Floats = NDArray[np.float64]


def features(pairs: Sequence[Pair], reader: Reader) -> Floats:
    """(pairs, features) float64."""
    rows = []
    for pair in pairs:
        cited = [s for s in sentences(pair.context) if s.overlaps(pair.quote)] or [pair.quote]
        whole = Span(min(pair.quote.start, cited[0].start), max(pair.quote.end, cited[-1].end))
        proof = Evidence(
            pair.context[pair.quote.start : pair.quote.end],
            pair.context[whole.start : whole.end],
            surroundings(pair.context, whole),
        )
        found = measure(pair.text, proof, reader)
        rows.append([getattr(found, name) for name in NAMES])
    return np.array(rows, dtype=np.float64)


def fit(rows: Floats, true: Floats) -> Floats:
    """Weights of the features and the bias (features + 1,): ridge logistic regression with fixed signs."""
    padded = np.c_[rows, np.ones(len(rows))]

    def loss(weights: Floats) -> float:
        odds = padded @ weights
        return float((np.logaddexp(0, odds) - true * odds).sum() + RIDGE * (weights[:-1] ** 2).sum() / 2)

    free = (None, None)
    signs = [free if n == "probed" else (0, None) if n in MAY_HELP else (None, 0) for n in NAMES]
    start = np.zeros(padded.shape[1])
    return np.asarray(minimize(loss, start, method="L-BFGS-B", bounds=[*signs, free]).x)


def auroc(scores: Floats, true: Floats) -> float:
    """The probability that a true sentence scores higher than a false one; ties count half."""
    above, below = np.sort(scores[true == 1]), scores[true == 0]
    wins = len(above) - np.searchsorted(above, below, side="right")
    ties = np.searchsorted(above, below, side="right") - np.searchsorted(above, below, side="left")
    return float((wins + ties / 2).mean() / len(above))


def interval(score: Callable[[NDArray[np.intp]], float], groups: Sequence[str]) -> tuple[float, float]:
    """The 95 % bootstrap interval of a figure, with whole paragraphs drawn again."""
    random = np.random.default_rng(0)
    members: dict[str, list[int]] = {}
    for row, group in enumerate(groups):
        members.setdefault(group, []).append(row)
    blocks = [np.array(rows) for rows in members.values()]
    drawn = [
        score(np.concatenate([blocks[at] for at in random.integers(len(blocks), size=len(blocks))]))
        for _ in range(500)
    ]
    return float(np.nanpercentile(drawn, 2.5)), float(np.nanpercentile(drawn, 97.5))


def table(pairs: Sequence[Pair], scores: Floats) -> list[str]:
    """Rows of Markdown: AUROC of all pairs and of each kind of falsehood."""
    true = np.array([pair.kind == "true" for pair in pairs], dtype=np.float64)
    lines = []
    for name, kinds in (("one fact changed", KINDS), *((kind, (kind,)) for kind in (*KINDS, UNRELATED))):
        false = [row for row, pair in enumerate(pairs) if pair.kind in kinds]
        rows = np.array(
            [row for one in false for row in (one - 1, one)]
        )  # behind the true one it was made of
        chosen, labels = scores[rows], true[rows]
        value = auroc(chosen, labels)
        low, high = interval(
            lambda drawn, s=chosen, t=labels: auroc(s[drawn], t[drawn]), [pairs[row].group for row in rows]
        )
        lines.append(f"| {name} | {int((labels == 0).sum())} | {value:.3f} | {low:.3f} to {high:.3f} |")
    return lines


def main() -> None:
    """Make the pairs, fit, write the weights and the table."""
    parser = argparse.ArgumentParser(description="Fit and measure support.")
    parser.add_argument("--data", type=Path, required=True, help="folder with the public question sets")
    data = parser.parse_args().data
    reader = load_reader()
    pairs = make_pairs(read_development(data), per_context=4)
    fitting = [pair for pair in pairs if int(hashlib.sha256(pair.group.encode()).hexdigest(), 16) % 2 == 0]
    held_out = [pair for pair in pairs if int(hashlib.sha256(pair.group.encode()).hexdigest(), 16) % 2]
    other = make_pairs(read_squad(data / "xquad.en.json", "xquad"), per_context=6)
    rows = features(fitting, reader)
    true = np.array([pair.kind == "true" for pair in fitting], dtype=np.float64)
    weights = fit(rows, true)

    def chances(found: Floats) -> Floats:
        return np.asarray(1 / (1 + np.exp(-(found @ weights[:-1] + weights[-1]))))

    fitted = chances(rows)[true == 1]
    drop, weak = (float(np.quantile(fitted, share)) for share in (DROPPED, WEAK))
    held = chances(features(held_out, reader))
    text = ["# Does the quote support the sentence?", ""]
    text += [
        f"`python -m bench.support --data FOLDER`, with {reader.name}. Pairs of one true and one false "
        "sentence, each with its quote, made by rule from paragraphs of Amazon reviews, Reddit posts, "
        "Wikipedia and news sentences and medical articles that the reader was never trained on "
        f"(bench/pairs.py). Half of the paragraphs ({len(fitting)} sentences) fitted the weights; the "
        "figures are of the other half, and of XQuAD, of which nothing was fitted. 95 % intervals by "
        "drawing whole paragraphs again. A language model words its sentences more freely than these "
        "rules do: expect more true ones to look weak.",
        "",
    ]
    for title, made, scores in (
        ("The held-out half", held_out, held),
        ("XQuAD, English", other, chances(features(other, reader))),
    ):
        truth = np.array([pair.kind == "true" for pair in made])
        text += [f"## {title}: {len(made)} sentences, half of them true", ""]
        text += [
            "| falsehood | sentences | AUROC | 95 % interval |",
            "|---|---|---|---|",
            *table(made, scores),
            "",
        ]
        text += ["| support | of the true sentences | of the false ones |", "|---|---|---|"]
        for name, low, high in (
            ("dropped", 0.0, drop),
            ("shown as weakly supported", drop, weak),
            ("shown", weak, 2.0),
        ):
            among = (scores >= low) & (scores < high)
            text.append(
                f"| {name} | {100 * among[truth].mean():.0f} % | {100 * among[~truth].mean():.0f} % |"
            )
        text.append("")
    text += ["What the weights rest on, in the order of qa/support.py:", ""]
    text += [f"- {name}: {weight:.2f}" for name, weight in zip((*NAMES, "bias"), weights, strict=True)]
    (HERE / "SUPPORT.md").write_text("\n".join(text) + "\n", "utf-8")
    body = "".join(f'    "{name}": {weight + 0:.4f},\n' for name, weight in zip(NAMES, weights, strict=False))
    reached = auroc(held, np.array([float(pair.kind == "true") for pair in held_out]))
    (HERE.parent / "qa" / "support_weights.py").write_text(
        f'''"""Weights of the logistic model of support: written by ``python -m bench.support``, not by hand.

Fitted on {len(fitting)} sentences, half of them true, about development paragraphs of public question sets
(SQuADShifts, QAMR, COVID-QA), with {reader.name}. Held out: {len(held_out)} sentences, AUROC
{reached:.3f} (bench/SUPPORT.md).
"""

BIAS = {weights[-1]:.4f}
WEIGHTS = {{
{body}}}

DROP_BELOW = {drop:.3f}  # {100 * DROPPED:.0f} % of the true sentences that were fitted have less support
WEAK_BELOW = {weak:.3f}  # {100 * WEAK:.0f} % of them
''',
        "utf-8",
    )
    print("\n".join(text))


if __name__ == "__main__":
    main()
