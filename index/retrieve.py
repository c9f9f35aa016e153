"""Hybrid retrieval: what the encoder finds and what the words find, in one ranking."""

from __future__ import annotations

from collections.abc import Mapping

DENSE_WEIGHT = 0.5  # measured: best or near best on encyclopaedia paragraphs, forum posts and reviews alike


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
