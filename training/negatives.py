"""Passages that look right and are not: what BM25 confuses a question with, without the answer in it."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from training.data import Example

# PolicyQA asks the same few questions of every policy: other passages answer them too.
SOURCES = ("amazon", "reddit", "qamr", "covidqa", "written", "xquad")
PIECE_CHARS = 900

_WORD = re.compile(r"\w+")


def pieces(context: str, size: int = PIECE_CHARS) -> list[str]:
    """The context in parts of about `size` characters, cut at spaces; short contexts come back whole."""
    if len(context) <= 2 * size:
        return [context]
    cuts = [0]
    while len(context) - cuts[-1] > size:
        space = context.find(" ", cuts[-1] + size)
        if space < 0:
            break
        cuts.append(space + 1)
    return [context[a:b].strip() for a, b in zip(cuts, [*cuts[1:], len(context)], strict=True)]


def plain(text: str) -> str:
    """Words of `text` in lower case between single spaces, with a space at both ends."""
    words = " ".join(_WORD.findall(text.lower()))
    return f" {words} "


class Bm25:
    """Okapi BM25 (Robertson & Zaragoza, 2009) over a list of passages, as an inverted index in memory."""

    def __init__(self, passages: Sequence[str], *, k1: float = 1.2, b: float = 0.75) -> None:
        """Weigh every word of every passage; `b`: how much length counts, `k1`: how far repeats do."""
        bags = [Counter(_WORD.findall(passage.lower())) for passage in passages]
        lengths = np.array([bag.total() for bag in bags], dtype=np.float32)
        norm = k1 * (1 - b + b * lengths / max(float(lengths.mean()), 1.0))
        postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for number, bag in enumerate(bags):
            for word, count in bag.items():
                postings[word].append((number, count))
        self.size = len(passages)
        self.weights: dict[str, tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]] = {}
        for word, found in postings.items():
            numbers, counts = np.array(found, dtype=np.int64).T
            idf = np.log1p((self.size - len(found) + 0.5) / (len(found) + 0.5))
            weights = idf * counts * (k1 + 1) / (counts + norm[numbers])
            self.weights[word] = numbers, weights.astype(np.float32)

    def best(self, question: str, top_k: int) -> list[int]:
        """Numbers of the `top_k` passages with the highest scores; ties go to the earlier passage."""
        scores = np.zeros(self.size, dtype=np.float32)
        for word in set(_WORD.findall(question.lower())):
            if word in self.weights:
                numbers, weights = self.weights[word]
                scores[numbers] += weights
        few = np.argpartition(-scores, min(top_k, self.size - 1))[: 2 * top_k]
        return sorted((int(i) for i in few), key=lambda i: (-scores[i], i))[:top_k]


def mine(
    questions: Sequence[Example], passages: Sequence[Example], *, keep: int = 6
) -> dict[tuple[str, str], tuple[str, ...]]:
    """(source, question id) -> up to `keep` passages of the same source, best BM25 score first.

    `passages` gives the pool (every context once, long ones in pieces). A passage that contains one of the
    question's answers as words, or that is part of its own context, is no negative.
    """
    mined: dict[tuple[str, str], tuple[str, ...]] = {}
    by_source: dict[str, list[Example]] = defaultdict(list)
    for example in questions:
        by_source[example.source].append(example)
    for source in SOURCES:
        pool = unique(piece for e in passages if e.source == source for piece in pieces(e.context))
        if not pool or not by_source[source]:
            continue
        index = Bm25(pool)
        words = [plain(passage) for passage in pool]
        for example in by_source[source]:
            answers = {plain(text) for text in example.texts()}
            fine = [
                pool[i]
                for i in index.best(example.question, keep * 4)
                if pool[i] not in example.context and not any(answer in words[i] for answer in answers)
            ]
            mined[(source, example.id)] = tuple(fine[:keep])
    return mined


def unique(texts: Iterable[str]) -> list[str]:
    """The texts without repetitions, in order of first appearance."""
    return list(dict.fromkeys(texts))
