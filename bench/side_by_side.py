"""Citespan beside what a user would pick instead: ``make bench``.

All get the same passages and questions (``training/questions/``, made for the reader; no encoder was trained
on them) and the same all-MiniLM-L6-v2, and run as whole processes, by turns, several rounds. A peer gets
strings in memory; Citespan gets a folder of text files, which it reads, cuts and commits. Each peer has an
environment of its own, pinned in ``bench/peers/``. Writes bench/RESULTS.md and bench/side_by_side.png.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from training.written import read_written

HERE = Path(__file__).parent
PEERS = ("sentence-transformers", "txtai", "haystack", "llama-index", "langchain")
OURS = "Citespan"
TOP_K = 5
_BREATH_S = 4  # for the other programs, between two processes that let them do nothing
QUIET = {"HF_HUB_OFFLINE": "1", "HAYSTACK_TELEMETRY_ENABLED": "False", "TOKENIZERS_PARALLELISM": "true"}
HIGHER_IS_BETTER = ("passages/s", "recall@5")
COLUMNS = (
    ("passages/s", "passages a second until the index is stored, imports and loading the model included"),
    ("CPU s", "processor seconds until then"),
    ("query ms", "median of the time to find five passages"),
    ("CPU ms", "the same in processor time"),
    ("peak MB", "peak memory"),
    ("recall@5", "share of the questions whose own passage is found, in percent"),
)


def environment(peer: str, home: Path) -> Path | None:
    """The interpreter of a peer's environment, which is made where it is missing; None where that fails."""
    folder, pins = home / f"env-{peer}", HERE / "peers" / f"{peer}.txt"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    if not pins.exists():
        return None
    if not ready.exists() or ready.read_text() != pins.read_text():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        if subprocess.run([*pip, "-c", HERE.parent / "constraints.txt", "-r", pins]).returncode:
            return None
        ready.write_text(pins.read_text())
    return python


def material(count: int) -> tuple[list[str], list[str]]:
    """``count`` passages, and for each, at the same place, a question that it answers."""
    first = {e.context: e.question for e in reversed(read_written()) if e.answers}
    pairs = list(first.items())[:count]
    return [passage for passage, _ in pairs], [question for _, question in pairs]


def ours(passages: Path, questions: Path, folder: Path) -> dict[str, Any]:
    """What ``bench/peers/run.py`` measures, for Citespan."""
    docs = folder / "docs"
    docs.mkdir()
    for place, text in enumerate(json.loads(passages.read_text())):
        (docs / f"{place}.txt").write_text(text)

    started = time.perf_counter()
    from index import Index
    from index.parsing import shared_parsers

    index = Index.open(folder / "index", create=True)
    index.add([docs])
    index_s = time.perf_counter() - started
    shared_parsers().close()  # their processor time is known once they have ended
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    index_cpu_s = time.process_time() + children.ru_utime + children.ru_stime
    index.search("The first question is not counted.", top_k=TOP_K)
    found, query_ms, query_cpu_ms = [], [], []
    for question in json.loads(questions.read_text()):
        wall, cpu = time.perf_counter(), time.process_time()
        hits = index.search(question, top_k=TOP_K)
        query_ms.append(1e3 * (time.perf_counter() - wall))
        query_cpu_ms.append(1e3 * (time.process_time() - cpu))
        found.append([int(hit.passage.source.removesuffix(".txt")) for hit in hits])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "index_s": index_s,
        "index_cpu_s": index_cpu_s,
        "query_ms": query_ms,
        "query_cpu_ms": query_cpu_ms,
        "found": found,
        "peak_mb": peak / 1e3,
    }


def run(
    name: str, python: Path, passages: Path, questions: Path, *, real_time: bool
) -> dict[str, float] | None:
    """The figures of one whole process, by column; None where it fails."""
    with tempfile.TemporaryDirectory() as folder:
        files = [str(passages), str(questions), folder]
        if name == OURS:
            command = [str(python), "-m", "bench.side_by_side", "--ours", *files]
        else:
            from index.encode import minilm_folder

            command = [str(python), str(HERE / "peers" / "run.py"), name, str(minilm_folder()), *files]
        if real_time:
            command = ["chrt", "-r", "1", *command]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, env=os.environ | QUIET)
    if done.returncode:
        return None
    figures = json.loads(done.stdout.splitlines()[-1])
    hits = [place in found[:TOP_K] for place, found in enumerate(figures["found"])]
    return {
        "passages/s": len(hits) / figures["index_s"],
        "CPU s": figures["index_cpu_s"],
        "query ms": median(figures["query_ms"]),
        "CPU ms": median(figures["query_cpu_ms"]),
        "peak MB": figures["peak_mb"],
        "recall@5": 100 * sum(hits) / len(hits),
    }


def report(
    rounds: dict[str, list[dict[str, float]]], missing: Sequence[str], count: int, load: float, ahead: str
) -> str:
    """The table in Markdown: medians, with the least and the most in brackets."""
    lines = ["| | " + " | ".join(name for name, _ in COLUMNS) + " |", "|---" * (1 + len(COLUMNS)) + "|"]
    for name, figures in rounds.items():
        cells = []
        for column, _ in COLUMNS:
            values = [figure[column] for figure in figures]
            cells.append(f"{median(values):.4g} ({min(values):.4g} to {max(values):.4g})")
        lines.append(f"| {name} | " + " | ".join(cells) + " |")
    told = [f"- *{name}*: {what}." for name, what in COLUMNS]
    rounds_each = len(next(iter(rounds.values())))
    absent = [f"\nNot measured, as it could not be installed or did not run here: {', '.join(missing)}."]
    return "\n".join(
        [
            "# Side by side",
            "",
            f"`make bench`: {count} passages and as many questions; {rounds_each} rounds by turns, whole",
            f"processes{ahead}; medians, with least and most in brackets. {os.cpu_count()} cores of",
            f"{processor()}, Python {platform.python_version()}; load average {load:.1f}.",
            "",
            *lines,
            "",
            *told,
            "",
            *wins(rounds),
            *(absent if missing else []),
            "",
        ]
    )


def wins(rounds: dict[str, list[dict[str, float]]]) -> list[str]:
    """Sentences that say in what a peer is better than we are."""
    said = []
    for column, _ in COLUMNS:
        medians = {name: median(figure[column] for figure in figures) for name, figures in rounds.items()}
        sign = 1 if column in HIGHER_IS_BETTER else -1
        better = {name: value for name, value in medians.items() if sign * (value - medians[OURS]) > 0}
        if better:
            told = ", ".join(f"{name} ({value:.4g})" for name, value in better.items())
            said.append(f"Better than Citespan in *{column}* ({medians[OURS]:.4g}): {told}.")
    ways = "Citespan searches by words and by vectors, the others by vectors alone."
    return [ways, *(said or ["No peer is better in any column."])]


def processor() -> str:
    """The name of the processor, as far as the system tells it."""
    with suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "")
    return platform.processor() or platform.machine()


def chart(rounds: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Bars of the processor time that indexing and a question take."""
    import matplotlib

    matplotlib.use("svg" if path.suffix == ".svg" else "agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(1, 2, figsize=(9, 2.6), layout="constrained")
    names = list(reversed(rounds))
    for axis, column, title in zip(
        axes, ("CPU s", "CPU ms"), ("Indexing, processor seconds", "A question, processor ms"), strict=True
    ):
        values = [median(figures[column] for figures in rounds[name]) for name in names]
        colours = ["#0b6e4f" if name == OURS else "#9aa5b1" for name in names]
        axis.bar_label(axis.barh(names, values, color=colours), fmt="%.3g", padding=3)
        axis.set_title(title, loc="left", fontsize=10)
        axis.spines[["top", "right"]].set_visible(False)
        axis.margins(x=0.15)
    figure.savefig(path, dpi=120)


def main() -> None:
    """Print each process as it ends; write the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--passages", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--environments", type=Path, default=Path(".bench"), help="where peers are installed")
    parser.add_argument("--real-time", action="store_true", help="measure ahead of all other programs")
    parser.add_argument("--ours", nargs=3, type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.ours:
        print(json.dumps(ours(*arguments.ours)))
        return
    arguments.environments.mkdir(exist_ok=True)
    pythons = {OURS: Path(sys.executable)}
    for peer in PEERS:
        if python := environment(peer, arguments.environments):
            pythons[peer] = python.absolute()
    rounds: dict[str, list[dict[str, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        files = Path(folder, "passages.json"), Path(folder, "questions.json")
        for file, strings in zip(files, material(arguments.passages), strict=True):
            file.write_text(json.dumps(strings))
        loads = []
        for _ in range(arguments.rounds):
            for name, python in pythons.items():
                loads.append(os.getloadavg()[0])
                figures = run(name, python, *files, real_time=arguments.real_time)
                time.sleep(_BREATH_S if arguments.real_time else 0)
                print(name, figures, flush=True)
                if figures:
                    rounds.setdefault(name, []).append(figures)
    missing = [peer for peer in PEERS if peer not in rounds]
    ahead = " at real-time priority" if arguments.real_time else ""
    text = report(rounds, missing, arguments.passages, median(loads), ahead)
    (HERE / "RESULTS.md").write_text(text + "\n![Processor time, side by side](side_by_side.png)\n")
    chart(rounds, HERE / "side_by_side.png")


if __name__ == "__main__":
    main()
