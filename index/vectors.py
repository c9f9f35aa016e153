"""The FAISS index: dense search by cosine, derived from the vectors in the store."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Sequence
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index.store import Store

_FILE = re.compile(r"vectors-(\d+)\.faiss")


class Vectors:
    """Exact search over all vectors, kept as float16 just as the store keeps them.

    ``generation`` is the store's generation up to which this index is complete. The file on disk carries it
    in its name and is only ever replaced as a whole, so that a crash leaves the old one or the new one.
    """

    def __init__(self, folder: Path, dim: int) -> None:
        """The newest readable index in ``folder``, or an empty one: ``catch_up`` does the rest."""
        self._folder = folder
        self._dim = dim
        self._lock = threading.Lock()
        self.generation = 0
        self._index = _empty(dim)
        for generation, path in self._files():
            with contextlib.suppress(
                RuntimeError
            ):  # damaged: an older one or none will do, as it can be rebuilt
                index = faiss.read_index(str(path))
                if index.d == dim:
                    self._index, self.generation = index, generation
                    break

    def __len__(self) -> int:
        return int(self._index.ntotal)

    def catch_up(self, store: Store) -> None:
        """Take over what was stored or deleted since ``generation``; touches memory only."""
        now = store.generation()
        if now == self.generation:
            return
        with self._lock:
            if now < self.generation:  # another database was put in the place of ours
                self._index, self.generation = _empty(self._dim), 0
            ids, vectors = store.vectors_after(self.generation, self._dim)
            gone = store.deleted_after(self.generation)
            if len(gone) and self._index.ntotal:
                self._index.remove_ids(faiss.IDSelectorBatch(gone))
            if len(ids):
                self._index.add_with_ids(vectors, ids)
            self.generation = now

    def search(
        self, vector: NDArray[np.float32], top_k: int, *, only: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Up to ``top_k`` pairs (passage id, cosine), best first; ``only`` restricts the search to these ids.

        Ties go to the lower id. ``vector`` is (dim,) and of unit norm.
        """
        params = None if only is None else faiss.SearchParameters(sel=faiss.IDSelectorBatch(only))  # type: ignore[call-arg]
        with self._lock:
            scores, ids = self._index.search(vector[np.newaxis, :], top_k, params=params)
        found = [
            (int(i), float(s)) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0
        ]  # -1 is padding
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def cosines(self, vector: NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        """The cosine of each of these passages; one that has no vector yet is left out."""
        found = {}
        with self._lock:
            for passage in ids:
                with contextlib.suppress(RuntimeError):  # raised for an id that is not in the index
                    found[passage] = float(vector @ self._index.reconstruct(passage))
        return found

    def save(self) -> None:
        """Write the index beside the store and drop the files of earlier generations."""
        path = self._folder / f"vectors-{self.generation}.faiss"
        if path.exists():
            return
        draft = self._folder / "vectors.draft"
        with self._lock:
            faiss.write_index(self._index, str(draft))
        draft.replace(path)
        for _, old in self._files():
            if old != path:
                old.unlink(missing_ok=True)

    def _files(self) -> list[tuple[int, Path]]:
        named = ((_FILE.fullmatch(path.name), path) for path in self._folder.iterdir())
        return sorted(((int(m[1]), path) for m, path in named if m), reverse=True)


def _empty(dim: int) -> faiss.Index:
    flat = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexIDMap2(flat)
