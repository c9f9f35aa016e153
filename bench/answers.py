"""Answering side by side: ``python -m bench.answers`` appends to bench/RESULTS.md.

The shipped reader, as an int8 graph, beside the same weights in float32 in haystack's extractive reader. Both
read the same eight passages, which our search finds among the passages of our own held-out questions; whole
processes, by turns.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import qa
from bench.side_by_side import HERE, OURS, QUIET, environment
from index import Index
from index.bert import read_weights
from index.encode import minilm_folder
from qa.metrics import exact_match, f1
from tests.corpus import write
from training.data import Example, is_dev
from training.written import read_written

PEER = "haystack-reader"
HEADING = "## Answering"
_WORDS = "embeddings.word_embeddings.weight"
_PASSAGES = 8


def cases(examples: list[Example], count: int) -> list[dict[str, Any]]:
    """Questions with eight passages each, the best that our search finds among all of theirs."""
    texts = list(dict.fromkeys(e.context for e in examples))
    asked = [e for e in examples if e.answers][:: max(1, len(examples) // count)][:count]
    with tempfile.TemporaryDirectory() as folder:
        docs = write(Path(folder, "docs"), {f"{place}.txt": text for place, text in enumerate(texts)})
        with Index.open(Path(folder, "index"), create=True) as index:
            index.add([docs])
            return [
                {
                    "question": e.question,
                    "passages": [h.passage.text for h in index.search(e.question, top_k=_PASSAGES)],
                    "answers": e.texts(),
                }
                for e in asked
            ]


def write_model(folder: Path) -> None:
    """The shipped weights, in float32, as a model that transformers loads."""
    from safetensors.numpy import save_file

    base = minilm_folder()
    shipped = read_weights(Path(qa.__file__).parent / "reader" / "reader.safetensors")
    shipped[_WORDS] = read_weights(base / "model.safetensors")[_WORDS]
    names = {"span.weight": "qa_outputs.weight", "span.bias": "qa_outputs.bias"}
    tensors = {names.get(n, f"bert.{n}"): np.ascontiguousarray(t, np.float32) for n, t in shipped.items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = json.loads((base / "config.json").read_text()) | {"architectures": ["BertForQuestionAnswering"]}
    (folder / "config.json").write_text(json.dumps(config))
    for name in ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json", "vocab.txt"):
        if (base / name).exists():
            (folder / name).write_bytes((base / name).read_bytes())


def ours(path: Path) -> dict[str, Any]:
    """What ``bench/peers/read.py`` measures, for Citespan."""
    reader = qa.load_reader()
    given = json.loads(path.read_text())
    answers, wall_ms, cpu_ms = [], [], []
    for case in [given[0], *given]:
        wall, cpu = time.perf_counter(), time.process_time()
        spans = reader.read(case["question"], case["passages"], top_k=1).spans
        wall_ms.append(1e3 * (time.perf_counter() - wall))
        cpu_ms.append(1e3 * (time.process_time() - cpu))
        answers.append(spans[0].text if spans else "")
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    return {"answers": answers[1:], "ms": wall_ms[1:], "cpu_ms": cpu_ms[1:], "peak_mb": peak_mb}


def figures(found: dict[str, Any], given: list[dict[str, Any]]) -> list[float]:
    """Exact match and F1 in percent, median and 95th percentile of the wall, processor ms, peak MB."""
    pairs = [(words, case["answers"]) for words, case in zip(found["answers"], given, strict=True)]
    return [
        100 * float(np.mean([exact_match(*pair) for pair in pairs])),
        100 * float(np.mean([f1(*pair) for pair in pairs])),
        median(found["ms"]),
        float(np.percentile(found["ms"], 95)),
        median(found["cpu_ms"]),
        found["peak_mb"],
    ]


def report(rounds: dict[str, list[list[float]]], count: int, alike: float) -> str:
    """The section of bench/RESULTS.md: medians over the rounds, with the least and the most."""
    lines = ["| | EM | F1 | p50 ms | p95 ms | CPU ms | peak MB |", "|---|---|---|---|---|---|---|"]
    for name, rows in rounds.items():
        columns = zip(*rows, strict=True)
        cells = [f"{median(c):.4g} ({min(c):.4g} to {max(c):.4g})" for c in columns]
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    told = (
        f"`python -m bench.answers`: {count} own held-out questions, eight passages each, the same for both; "
        f"{len(next(iter(rounds.values())))} rounds by turns.\n"
        "Haystack's extractive reader runs the weights of our reader in float32 on torch, Citespan its int8\n"
        f"graph; neither is told what the search thinks of a passage. Same words: {alike:.0f} %.\n"
        "Compare the times: haystack gives the model no token types and ranks spans by raw scores, not by\n"
        "their odds against no answer. Weights trained with both answer worse there, which is not its fault."
    )
    return "\n".join([HEADING, "", told, "", *lines, ""])


def main() -> None:
    """Print each process as it ends; put the section into bench/RESULTS.md."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", type=Path, default=Path(".bench"), help="where peers are installed")
    parser.add_argument("--ours", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        print(json.dumps(ours(arguments.ours)))
        return
    python = environment(PEER, arguments.environments)
    if python is None:
        raise SystemExit("Haystack's reader could not be installed.")
    given = cases([e for e in read_written() if is_dev(e.group)], arguments.questions)
    rounds: dict[str, list[list[float]]] = {OURS: [], "haystack": []}
    said: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as folder:
        path, model = Path(folder, "cases.json"), Path(folder, "model")
        path.write_text(json.dumps(given))
        model.mkdir()
        write_model(model)
        commands = {
            OURS: [sys.executable, "-m", "bench.answers", "--ours", str(path)],
            "haystack": [str(python.absolute()), str(HERE / "peers" / "read.py"), str(model), str(path)],
        }
        for _ in range(arguments.rounds):
            for name, command in commands.items():
                done = subprocess.run(
                    command, check=True, stdout=subprocess.PIPE, text=True, env=os.environ | QUIET
                )
                found = json.loads(done.stdout.splitlines()[-1])
                said[name] = found["answers"]
                rounds[name].append(figures(found, given))
                print(name, rounds[name][-1], flush=True)
    alike = 100 * float(np.mean([a == b for a, b in zip(*said.values(), strict=True)]))
    results = HERE / "RESULTS.md"
    before = results.read_text().split(f"\n{HEADING}")[0] if results.exists() else ""
    results.write_text(before + "\n" + report(rounds, len(given), alike))


if __name__ == "__main__":
    main()
