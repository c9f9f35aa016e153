"""How long an answer takes: ``python -m bench.ask`` puts a section into bench/RESULTS.md.

Warm: ``qa.ask`` over 10,000 passages, those of our own questions and made-up entries, with the time of each
stage. Cold: ``qa ask`` from the shell beside importing torch and sentence-transformers alone, whole processes
by turns.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import qa
from bench.page import corpus
from bench.side_by_side import HERE
from index import Index
from tests.corpus import write
from training.written import read_written

HEADING = "## Asking"
QUESTIONS = 200
COLD = {
    "`qa ask`, a cold process": [sys.executable, "-m", "qa", "--index", "{index}", "ask", "{question}"],
    "`import torch, sentence_transformers`": [sys.executable, "-c", "import torch, sentence_transformers"],
    "`import qa`": [sys.executable, "-c", "import qa"],
    "Python that does nothing": [sys.executable, "-c", "pass"],
}


def make(folder: Path, passages: int) -> tuple[Path, list[str], int]:
    """An index of about so many passages, questions that some of them answer, and how many there are."""
    first = {e.context: e.question for e in reversed(read_written()) if e.answers}
    docs = write(folder / "docs", {f"{place}.txt": text for place, text in enumerate(first)})
    corpus(docs, passages - len(first))
    with Index.open(folder / "index", create=True) as index:
        held = index.add([docs]).passages
    questions = list(first.values())
    return folder / "index", questions[:: len(questions) // QUESTIONS][:QUESTIONS], held


def warm(index: Path, questions: Sequence[str]) -> dict[str, list[float]]:
    """Milliseconds of each stage for each question, after some that are not counted."""
    stages: dict[str, list[float]] = {}
    for number, question in enumerate([*questions[:5], *questions]):
        started = time.perf_counter()
        answer = qa.ask(question, index=index)
        taken = {**answer.timings, "in all": 1e3 * (time.perf_counter() - started)}
        for stage, ms in taken.items():
            stages.setdefault(stage, []).append(ms)
        if number < 5:
            stages.clear()
    stages.pop("total")
    return stages


def cold(index: Path, question: str, rounds: int) -> dict[str, list[float]]:
    """Seconds of whole processes, by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in COLD}
    for _ in range(rounds):
        for name, command in COLD.items():
            filled = [part.format(index=index, question=question) for part in command]
            started = time.perf_counter()
            subprocess.run(filled, check=True, stdout=subprocess.DEVNULL)
            seconds[name].append(time.perf_counter() - started)
    return seconds


def report(held: int, stages: dict[str, list[float]], seconds: dict[str, list[float]]) -> str:
    """The section in Markdown."""
    lines = [
        HEADING,
        "",
        f"`python -m bench.ask`: {len(stages['in all'])} questions over {held} passages, one process, ms:",
        "",
        "| stage | p50 | p95 |",
        "|---|---|---|",
        *(
            f"| {stage} | {np.percentile(ms, 50):.1f} | {np.percentile(ms, 95):.1f} |"
            for stage, ms in stages.items()
        ),
        "",
        f"Whole processes, {len(next(iter(seconds.values())))} by turns, median and range in seconds:",
        "",
        "| | s |",
        "|---|---|",
        *(f"| {name} | {np.median(s):.2f} ({min(s):.2f} to {max(s):.2f}) |" for name, s in seconds.items()),
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    """Write the section in the place of an earlier one, at the end of the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        index, questions, held = make(Path(folder), arguments.passages)
        text = report(held, warm(index, questions), cold(index, questions[0], arguments.rounds))
    print(text)
    results = HERE / "RESULTS.md"
    results.write_text(results.read_text().split(f"\n{HEADING}")[0].rstrip() + f"\n\n{text}")


if __name__ == "__main__":
    main()
