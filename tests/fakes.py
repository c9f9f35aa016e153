"""Deterministic stand-ins for models, so that tests assert exact results."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from index.terms import terms


class HashEncoder:
    """Bag of hashed words: texts that share words are near each other, on every machine and in every run."""

    dim = 64

    def __init__(self, name: str = "hash") -> None:
        self.name = name
        self.calls = 0  # number of texts encoded so far

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 64) float32, unit norm."""
        self.calls += len(texts)
        vectors = np.zeros((len(texts), self.dim), dtype=np.float32)
        for row, text in enumerate(texts):
            vectors[row, 0] = 1e-3  # a text without words has a direction too
            for word in terms(text):
                vectors[row, int(hashlib.md5(word.encode()).hexdigest(), 16) % self.dim] += 1
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


class FirstWordsEncoder(HashEncoder):
    """Spends little on each of very many passages."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 64) float32, unit norm: of the first 40 characters."""
        return super().encode([text[:40] for text in texts])
