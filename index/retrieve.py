"""Hybrid retrieval: what the encoder finds and what the words find, in one ranking."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from index.duplicates import collapse_copies
from index.encode import Encoder, embedded_text
from index.store import Store
from index.types import Hit
from index.vectors import Vectors

DENSE_WEIGHT = 0.5  # measured: best or near best on encyclopaedia paragraphs, forum posts and reviews alike
_POOL = 100  # passages that each retriever puts up for fusion, at least
_MOST_POOL = 6400  # and at most, where many of them repeat each other
_ENCODED_NOW = 10  # passages without a vector that a question encodes itself: those it is likeliest to show

Ids = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Retriever:
    """Searches the passages of one store by their words and by their vectors."""

    store: Store
    vectors: Vectors
    encoder: Encoder
    search_words: Callable[[str, int, Ids | None], list[tuple[int, float]]]  # pairs (passage id, BM25)

    def search(self, question: str, top_k: int, only: Ids | None = None) -> tuple[Hit, ...]:
        """Up to ``top_k`` passages, best first no two alike; ``only`` restricts the search to these ids."""
        vector = self.encoder.encode([question])[0]
        pool = max(_POOL, top_k)
        while True:
            found = self._ranking(question, vector, pool, only)
            hits = collapse_copies(found, top_k)
            if len(hits) == top_k or len(found) < pool or pool >= _MOST_POOL:
                return hits
            pool = min(4 * pool, _MOST_POOL)  # copies have filled it

    def _ranking(self, question: str, vector: NDArray[np.float32], pool: int, only: Ids | None) -> list[Hit]:
        """The ``pool`` best passages, copies among them."""
        lexical = dict(self.search_words(question, pool, only))
        dense = dict(self.vectors.search(vector, pool, only=only))
        dense |= self.vectors.cosines(vector, [i for i in lexical if i not in dense])
        dense |= self._cosines_now(vector, [i for i in lexical if i not in dense])
        ranking = fuse(dense, lexical)[:pool]
        passages = self.store.passages([passage for passage, _ in ranking])
        return [Hit(passages[i], score, "hybrid") for i, score in ranking if i in passages]

    def _cosines_now(self, vector: NDArray[np.float32], waiting: list[int]) -> dict[int, float]:
        """The cosines of the first few passages whose vectors are still being made.

        Scores mean the same then as later: who reads them, such as a calibrated reader, can go by them.
        """
        if not waiting:
            return {}
        passages = self.store.passages(waiting[:_ENCODED_NOW])
        vectors = self.encoder.encode([embedded_text(passage) for passage in passages.values()])
        return dict(zip(passages, (vectors @ vector).tolist(), strict=True))


def fuse(
    cosines: Mapping[int, float], bm25: Mapping[int, float], *, weight: float = DENSE_WEIGHT
) -> list[tuple[int, float]]:
    """Merge two scorings into one ranking of (passage id, score), best first.

    score(p) = weight · cosine(p) + (1 - weight) · bm25(p) / max bm25: a convex combination (Bruch et al.,
    TOIS 2023). BM25 has no scale of its own, so the best match by words sets it; a passage that no word found
    has 0 there, and one without a vector yet takes the lowest cosine of the others. Ties go to the lower
    passage id.
    """
    top = max(bm25.values(), default=1.0)
    floor = min(cosines.values(), default=0.0)
    scores = {
        passage: weight * cosines.get(passage, floor) + (1 - weight) * bm25.get(passage, 0.0) / top
        for passage in {**cosines, **bm25}
    }
    return sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))
