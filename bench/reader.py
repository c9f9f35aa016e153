"""Figures of the shipped reader: ``python -m bench.reader --data FOLDER`` writes bench/READER.md and a chart.

``FOLDER`` holds the public question sets in their published formats (training/README.md names them); training
has not seen the development splits, and XQuAD not at all.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

import qa
from index import Index
from index.bert import compile_graph, multiplies_int8
from qa.columns import read_hits
from qa.evaluate import evaluate
from qa.figures import Estimate, Figure, estimate, ratio
from qa.metrics import exact_match, f1
from qa.span_reader import SpanReader
from qa.testset import read_testset
from training.calibrate import ask_all, held_out
from training.corpus import TEST_ONLY, load
from training.data import Example
from training.negatives import mine
from training.score import auroc, sample
from training.written import is_table

HERE = Path(__file__).parent
SEEDS = HERE.parent / "seeds"
SETS = {
    "xquad": "XQuAD, English (whole, never trained on)",
    "reddit": "SQuADShifts Reddit",
    "amazon": "SQuADShifts Amazon",
    "qamr": "QAMR",
    "policyqa": "PolicyQA",
    "covidqa": "COVID-QA",
    "written": "our own: encyclopaedia prose, workplace documents",
    "tables": "our own: tables, forms, records",
}
LONG = {"covidqa": 5}  # documents of thousands of words: so many times fewer questions


def float32(reader: SpanReader) -> SpanReader:
    """The same reader on the graph that its trained weights give, before quantisation."""
    plain = SpanReader(Path(qa.__file__).parent / "reader")
    plain.config = reader.config
    plain.__dict__["_model"] = compile_graph(plain.graph())
    return plain


def kind(example: Example) -> str:
    """The key in ``SETS``."""
    return "tables" if is_table(example) else example.source


def given_context(reader: SpanReader, examples: Sequence[Example]) -> dict[str, Estimate]:
    """Official exact match and F1 when each question is read on its own context."""
    exact, overlap = [], []
    for example in examples:
        spans = reader.read(example.question, [example.context], top_k=1).spans
        words = spans[0].text if spans else ""
        exact.append(exact_match(words, example.texts()))
        overlap.append(f1(words, example.texts()))
    figures: dict[str, Figure] = {"em": ratio(exact, scale=100), "f1": ratio(overlap, scale=100)}
    return estimate(figures, len(examples))


def answerable(reader: SpanReader, examples: Sequence[Example], pool: Sequence[Example]) -> float:
    """AUROC of the best span's score: a question's own passage against the one BM25 puts next."""
    mined = mine(examples, pool, keep=1)
    asked = [e for e in examples if mined.get((e.source, e.id))]
    own = [reader.read(e.question, [e.context], top_k=1).spans[0].score for e in asked]
    wrong = [reader.read(e.question, [mined[(e.source, e.id)][0]], top_k=1).spans[0].score for e in asked]
    return auroc(own, wrong)


def latency_ms(reader: SpanReader, passages: Sequence[str], *, questions: int = 40) -> tuple[float, float]:
    """Median and 95th percentile of reading a question over eight passages."""
    times = []
    for number in range(questions):
        eight = [passages[(8 * number + i) % len(passages)] for i in range(8)]
        start = perf_counter()
        reader.read("Who was the first to do it, and in which year?", eight, top_k=5)
        times.append(1000 * (perf_counter() - start))
    return float(np.median(times)), float(np.percentile(times, 95))


def on_seeds(reader: SpanReader) -> tuple[dict[str, float], NDArray[np.float64]]:
    """Retrieval before and after the reader's say on the sample corpus; the risk-coverage curve (2, n)."""
    testset = read_testset(HERE.parent / "seeds.jsonl")
    with TemporaryDirectory() as folder, Index.open(Path(folder, ".qa"), create=True) as index:
        index.add([SEEDS])
        evaluation = evaluate(testset, index, model=reader, min_confidence=0)
        first = {"by search": 0, "by search and reader": 0}
        known = [question for question in testset if question.spans]
        for question in known:
            hits = index.search(question.question, top_k=8)
            spans = read_hits(reader, question.question, hits, top_k=1).spans
            for name, number in (("by search", 0), ("by search and reader", spans[0].passage)):
                passage = hits[number].passage
                first[name] += passage.source == question.source and any(
                    passage.span.overlaps(gold) for gold in question.spans
                )
    sure = np.array([result.confidence for result in evaluation.results])
    wrong = 1 - np.array([float(result.right) for result in evaluation.results])
    order = np.argsort(-sure, kind="stable")
    answered = np.arange(1, len(order) + 1)
    curve = np.stack([answered / len(order), np.cumsum(wrong[order]) / answered])
    return {name: 100 * count / len(known) for name, count in first.items()}, curve


def draw(curve: NDArray[np.float64], path: Path) -> None:
    """The risk-coverage curve as a PNG."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), dpi=150)
    axes.plot(100 * curve[0], 100 * curve[1], color="#0f6b66", linewidth=2)
    axes.set(xlabel="questions answered, %", ylabel="of these wrong, %", xlim=(0, 100), ylim=(0, 100))
    axes.set_title("Sample corpus: the surer the answer, the fewer are wrong")
    axes.grid(alpha=0.3)
    figure.tight_layout()
    figure.savefig(path)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.reader", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the published question sets")
    parser.add_argument("--count", type=int, default=600, help="questions per set at most; XQuAD is whole")
    options = parser.parse_args(argv)
    corpus = load(options.data)
    sets = {name: [e for e in (*corpus.test, *corpus.dev) if kind(e) == name] for name in SETS}
    chosen = {
        name: examples if name == TEST_ONLY else sample(examples, options.count // LONG.get(name, 1))
        for name, examples in sets.items()
    }
    shipped = SpanReader(Path(qa.__file__).parent / "reader")
    plain = float32(shipped)
    activations = "eight bits" if multiplies_int8() else "float on the rounded weights, for want of VNNI"
    lines = [
        "# The shipped reader",
        "",
        f"`{shipped.name}`, {os.cpu_count()} cores ({platform.machine()}), activations in {activations}. "
        "Regenerate with `make bench-reader DATA=FOLDER`.",
        "",
        "Each question read on its own context; official exact match and F1, 95 % bootstrap intervals.",
        "",
        "| questions | n | exact match | F1 | F1 in float32 |",
        "|---|---|---|---|---|",
    ]
    for name, examples in chosen.items():
        eight, full = given_context(shipped, examples), given_context(plain, examples)
        lines.append(
            f"| {SETS[name]} | {len(examples)} | {_span(eight['em'])} | {_span(eight['f1'])} "
            f"| {full['f1'].value:.1f} |"
        )
        print(lines[-1], flush=True)
    lines += ["", "| own passage or the one that BM25 confuses it with | AUROC |", "|---|---|"]
    pool = [*corpus.train, *corpus.dev, *corpus.test]
    for name in ("xquad", "reddit", "amazon", "qamr", "written"):
        lines.append(f"| {SETS[name]} | {answerable(shipped, chosen[name][:400], pool):.3f} |")
    held = held_out(ask_all(corpus, shipped, options.count // 4))
    paragraphs = list(dict.fromkeys(example.context for example in corpus.test))
    ranked, curve = on_seeds(shipped)
    config = json.loads((Path(qa.__file__).parent / "reader" / "config.json").read_text(encoding="utf-8"))
    lines += [
        "",
        "| speed | as shipped | float32 |",
        "|---|---|---|",
        "| a question over 8 encyclopaedia paragraphs, p50 / p95 ms | "
        + " | ".join("{:.0f} / {:.0f}".format(*latency_ms(r, paragraphs)) for r in (shipped, plain))
        + " |",
        "",
        "| sample corpus: the first passage holds the answer | % |",
        "|---|---|",
        *(f"| {name} | {value:.1f} |" for name, value in ranked.items()),
        "",
        "| development questions over the product's own search, a third without their passage | |",
        "|---|---|",
        f"| questions, of the half of the paragraphs that calibration was not fitted on | {held['n']} |",
        f"| expected calibration error | {held['ece']:.3f} |",
        f"| AUROC of confidence: right or not | {held['auroc']:.3f} |",
        f"| right without and with the search's say, % | {100 * held['right_by_odds_alone']:.1f}, "
        f"{100 * held['right']:.1f} |",
        "",
        f"Calibration, fitted on development questions: `{json.dumps(config['calibration'])}`.",
        "",
        "![Risk-coverage curve](risk_coverage.png)",
    ]
    draw(curve, HERE / "risk_coverage.png")
    (HERE / "READER.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _span(figure: Estimate) -> str:
    return f"{figure.value:.1f} ({figure.low:.1f} to {figure.high:.1f})"


if __name__ == "__main__":
    main()
