"""Search at scale: ``python -m bench.scale --folder FOLDER``: build time, size, memory, latency, recall.

The vectors are those of our own passages and sentences (``training/questions/``), each many times, moved by
noise of their own covariance, some a little and some far; dense questions are the real ones of that set. The
texts are synthetic: words by Zipf's law, which is what search by words depends on. Both go through the store,
the word index and the vector index of an index folder, and a fresh process opens and asks it.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from index import Index
from index.chunk import Chunk, sentences
from index.encode import load_encoder
from index.files import Original
from index.index import DATABASE, WORDS
from index.store import Store
from index.terms import Terms
from index.types import Document, Span
from index.vectors import Vectors
from training.written import read_written

DIM = 384
ASKED = 200
_NOISE = 0.33, 1.33  # least and most length of the noise beside a vector of length 1: cosines .95 to .6
_A_DOCUMENT = 1000  # passages
_SETTLED = 50  # documents between two commits of words and vectors
_WORDS = 90  # a passage
_VOCABULARY = 300_000
_STRIDE = 7  # of the questions that are asked: 8,134 are more than is needed
Floats = NDArray[np.float32]


def base(folder: Path) -> tuple[Floats, Floats]:
    """Unit vectors of our own passages and sentences, and of questions; encoded once."""
    files = folder / "texts.npy", folder / "questions.npy"
    if not all(file.exists() for file in files):
        examples = read_written()
        contexts = list(dict.fromkeys(e.context for e in examples))
        texts = [*contexts, *(c[s.start : s.end] for c in contexts for s in sentences(c))]
        asked = [e.question for e in examples if e.answers][::_STRIDE]
        for file, strings in zip(files, (texts, asked), strict=True):
            np.save(file, load_encoder().encode(strings))
    return np.load(files[0]), np.load(files[1])


def vectors(texts: Floats, count: int) -> Iterator[Floats]:
    """Yield (1000, 384) unit vectors, ``count`` in all: real ones with noise that lies as they do."""
    random = np.random.default_rng(7)
    spread = np.linalg.cholesky(np.cov(texts.T) + 1e-6 * np.eye(DIM)).T.astype(np.float32)
    spread /= np.sqrt(np.trace(np.cov(texts.T)))
    for _ in range(count // _A_DOCUMENT):
        drawn = texts[random.integers(len(texts), size=_A_DOCUMENT)]
        noise = random.standard_normal((_A_DOCUMENT, DIM), dtype=np.float32) @ spread
        drawn = drawn + random.uniform(*_NOISE, size=(_A_DOCUMENT, 1)).astype(np.float32) * noise
        yield drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


class Writer:
    """Passages of made-up words, the n-th as frequent as 1/n (Zipf)."""

    def __init__(self) -> None:
        letters = "aeioubcdfglmnprst"
        self._random = np.random.default_rng(11)
        spelled = self._random.integers(len(letters), size=(_VOCABULARY, 9))
        lengths = np.minimum(9, 2 + np.log2(1 + np.arange(_VOCABULARY)) / 2).astype(int)
        self._words = np.array(
            ["".join(letters[i] for i in s[:n]) for s, n in zip(spelled, lengths, strict=True)]
        )
        self._upto = np.cumsum(1 / np.arange(1, _VOCABULARY + 1))

    def passage(self) -> str:
        """One passage."""
        drawn = np.searchsorted(self._upto, self._random.random(_WORDS) * self._upto[-1])
        return " ".join(self._words[drawn])


def build(folder: Path, count: int, cache: Path) -> dict[str, float]:
    """Seconds of processor time that the parts of writing ``count`` passages take; makes the index."""
    texts, asked = base(cache)
    folder.mkdir(parents=True)
    Index.open(folder, create=True).close()
    store, words = Store(folder / DATABASE), Terms.create(folder / WORDS)
    dense = Vectors(folder, DIM, store)
    writer = Writer()
    spent = {"store": 0.0, "words": 0.0, "vectors": 0.0}
    best = np.full((ASKED, 10), -1.0, dtype=np.float32)
    nearest = np.zeros((ASKED, 10), dtype=np.int64)
    questions: list[str] = []
    for number, made in enumerate(vectors(texts, count)):
        passages = [writer.passage() for _ in made]
        asked_of = [] if number % max(1, count // _A_DOCUMENT // ASKED) else passages
        questions += [" ".join(p.split()[:9]) for p in asked_of[: max(1, ASKED * _A_DOCUMENT // count)]]
        started = time.process_time()
        ends = np.cumsum([len(passage) + 1 for passage in passages]).tolist()
        chunks = [Chunk(Span(e - len(p) - 1, e - 1), "", None) for e, p in zip(ends, passages, strict=True)]
        text = "\n".join(passages)
        source = f"{number:05}.txt"
        store.put(
            Document(source=source, sha256=source, text=text, format="text", title=""),
            chunks,
            Original(folder / "none" / source, len(text), 0, 0),
        )
        ids = [passage.id for passage in store.waiting(_A_DOCUMENT)]
        store.set_vectors(ids, made)
        spent["store"] += time.process_time() - started
        scores = np.hstack([best, asked[:ASKED] @ made.astype(np.float16).astype(np.float32).T])
        known = np.hstack([nearest, np.tile(np.array(ids), (ASKED, 1))])
        order = np.argsort(-scores, axis=1)[:, :10]
        best, nearest = np.take_along_axis(scores, order, 1), np.take_along_axis(known, order, 1)
        if (number + 1) % _SETTLED == 0 or (number + 1) * _A_DOCUMENT >= count:
            started = time.process_time()
            words.catch_up(store)
            spent["words"] += time.process_time() - started
            started = time.process_time()
            dense.catch_up()
            dense.save()
            spent["vectors"] += time.process_time() - started
    store.close()
    np.save(folder / "nearest.npy", nearest)
    (folder / "questions.json").write_text(json.dumps(questions))
    return spent


def ask(folder: Path, cache: Path) -> dict[str, float]:
    """What a fresh process measures: milliseconds, megabytes, recall."""
    asked = base(cache)[1][:ASKED]
    nearest = np.load(folder / "nearest.npy")
    questions = json.loads((folder / "questions.json").read_text())
    load_encoder().encode(["The model is loaded before the clock starts."])
    without = _memory()
    started = time.perf_counter()
    index = Index.open(folder, create=False)
    index._vectors.catch_up()
    opened = time.perf_counter() - started
    found, dense = [], []
    for vector in asked:
        started = time.perf_counter()
        hits = index._vectors.search(vector, 20)
        dense.append(time.perf_counter() - started)
        found.append([passage for passage, _ in hits][:10])
    hybrid = []
    for question in questions:
        started = time.perf_counter()
        index.search(question, top_k=10)
        hybrid.append(time.perf_counter() - started)
    shares = [len(set(mine) & set(true)) / 10 for mine, true in zip(found, nearest.tolist(), strict=True)]
    return {
        "open_ms": 1e3 * opened,
        **_percentiles("dense", dense),
        **_percentiles("hybrid", hybrid),
        "recall@10": float(np.mean(shares)),
        "resident_mb": _memory(),
        "resident_before_mb": without,
    }


def _percentiles(name: str, seconds: Sequence[float]) -> dict[str, float]:
    return {f"{name}_p{p}_ms": float(1e3 * np.percentile(seconds, p)) for p in (5, 50, 95)}


def _memory() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmRSS")).split()[1]) / 1e3


def main() -> None:
    """Print one JSON line a size."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, required=True, help="for the indexes; 1,000,000 take 4 GB")
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--ask", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    cache = arguments.folder
    cache.mkdir(parents=True, exist_ok=True)
    if arguments.ask:
        print(json.dumps(ask(arguments.ask, cache)))
        return
    for size in arguments.sizes:
        folder = cache / f"{size}"
        figures: dict[str, Any] = {"passages": size}
        if not folder.exists():
            figures |= {f"{part}_cpu_s": seconds for part, seconds in build(folder, size, cache).items()}
        parts = {
            "db": folder.glob(f"{DATABASE}*"),
            "words": (folder / WORDS).iterdir(),
            "vectors": folder.glob("*.faiss"),
        }
        figures |= {f"{part}_bytes_each": sum(map(os.path.getsize, f)) / size for part, f in parts.items()}
        command = [sys.executable, "-m", "bench.scale", "--folder", str(cache), "--ask", str(folder)]
        asked = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        print(json.dumps(figures | json.loads(asked)), flush=True)


if __name__ == "__main__":
    main()
