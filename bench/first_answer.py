"""How soon a large file that was just dropped can be asked about: ``python -m bench.first_answer``.

A PDF of 300 pages is made of the passages in ``training/questions/``. A fresh process opens a new index, adds
the file and asks, again and again, until an answer is right and cites the page where it stands. Seconds count
from the start of that process, so loading all libraries and models is in them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import qa
from index import Index
from qa.answer import Answer
from tests.pdf_writer import page, write_pdf
from training.data import Example
from training.written import read_written

PAGES = 300
ASKED = 20  # questions, about pages all over the file
_LINE_CHARS = 92
_LINES = 29  # a page, as in a report with wide line spacing


def material() -> tuple[bytes, list[dict[str, Any]]]:
    """The PDF, and questions about it, each with its page and the words that answer it."""
    passages: dict[str, list[Example]] = {}
    for example in read_written():
        if example.context.isascii():
            passages.setdefault(example.context, []).append(example)
    pages: list[list[str]] = [[]]
    asked = []
    for context, examples in passages.items():
        lines = [*textwrap.wrap(context, _LINE_CHARS), ""]
        if len(pages[-1]) + len(lines) > _LINES:
            if len(pages) == PAGES:
                break
            pages.append([])
        pages[-1] += lines
        first = next(e for e in examples if e.answers)
        words = [first.context[start:end] for start, end in first.answers]
        asked.append({"question": first.question, "page": len(pages), "answers": words})
    if len(pages) < PAGES:
        raise SystemExit(f"There are passages for {len(pages)} pages only, not {PAGES}.")
    return write_pdf(*(page(*lines, size=10) for lines in pages)), asked[:: len(asked) // ASKED][:ASKED]


def is_right(answer: Answer, case: dict[str, Any]) -> bool:
    """Whether words that answer the question are cited from the page where they stand."""
    quotes = [" ".join(c.quote.split()) for c in answer.citations if c.page == case["page"]]
    return any(words in quote for quote in quotes for words in case["answers"])


def drop(pdf: Path, cases: Sequence[dict[str, Any]], started: float) -> dict[str, Any]:
    """Seconds until the first right answer, and until all vectors are there; right answers then and there."""
    found: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, Index.open(folder, create=True) as index:
        done = threading.Event()
        writer = threading.Thread(target=lambda: (index.add([pdf]), done.set()))
        writer.start()
        while not found:
            for case in cases:
                if is_right(qa.ask(case["question"], index=index), case):
                    found = {"first": time.time() - started, "before_all": not done.is_set()}
                    break
        found["early"] = sum(is_right(qa.ask(c["question"], index=index), c) for c in cases)
        found["early_before_all"] = not done.is_set()
        writer.join()
        found["all"] = time.time() - started
        found["late"] = sum(is_right(qa.ask(c["question"], index=index), c) for c in cases)
    return found


def main() -> None:
    """Print each round as it ends, and the medians."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--child", nargs=3, metavar=("PDF", "CASES", "STARTED"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        pdf, cases, started = arguments.child
        print(json.dumps(drop(Path(pdf), json.loads(Path(cases).read_text()), float(started))))
        return
    with tempfile.TemporaryDirectory() as folder:
        pdf, cases = Path(folder, "dropped.pdf"), Path(folder, "cases.json")
        data, asked = material()
        pdf.write_bytes(data)
        cases.write_text(json.dumps(asked))
        rounds = []
        for _ in range(arguments.rounds):
            command = [sys.executable, "-m", "bench.first_answer", "--child", pdf, cases, str(time.time())]
            output = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
            rounds.append(json.loads(output))
            print(rounds[-1], flush=True)
    for name in ("first", "all"):
        print(f"{name}: median {median(r[name] for r in rounds):.1f} s of {len(rounds)} rounds")


if __name__ == "__main__":
    main()
