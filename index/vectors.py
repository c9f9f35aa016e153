"""The FAISS index: dense search by cosine, derived from the vectors in the store."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import faiss
import numpy as np
from numpy.typing import NDArray

from index.clusters import Clusters, fold, write_clusters
from index.errors import IndexNotWritable
from index.store import Store

EXACT_UP_TO = 100_000  # vectors: comparing all takes 2.6 ms there and misses none (bench/SCALE.md)
_FRESH = 10_000  # vectors beside the clusters, at least, before these are written anew
_FRESH_SHARE = 0.02  # the same as a share of the clusters
_SPARE = 30  # candidates beyond those asked for: four bits for two numbers order nearly as cosines do
_FILE = re.compile(r"vectors-(\d+)\.faiss")


class Vectors:
    """Dense search over all vectors: exact while they are few, by clusters from ``EXACT_UP_TO`` on.

    ``generation`` is the store's generation up to which this index is complete. The file on disk carries its
    own in its name and is only ever replaced as a whole, so that a crash leaves the old one or the new one.
    It holds either all vectors, as float16 just as the store keeps them, or clusters, a quarter of that:
    then what came after them is compared exactly, from memory, until there is so much of it that they are
    written anew. Cosines are those of the stored vectors in either case.
    """

    def __init__(self, folder: Path, dim: int, store: Store) -> None:
        """The newest readable index in ``folder``, or an empty one: ``catch_up`` does the rest."""
        self._folder = folder
        self._dim = dim
        self._store = store
        self._lock = threading.Lock()
        self._forget()
        self._load(0)

    def __len__(self) -> int:
        clustered = 0 if self._clusters is None else len(self._clusters) - len(self._gone)
        return clustered + int(self._fresh.ntotal)

    def _forget(self) -> None:
        self.generation = self._written = 0
        self._fresh = _empty(self._dim)
        self._clusters: Clusters | None = None
        self._gone = np.empty(0, dtype=np.int64)  # in the clusters, but deleted since

    def _load(self, newer_than: int) -> None:
        for generation, path in self._files():
            if generation <= newer_than:
                return
            with contextlib.suppress(RuntimeError):  # damaged: an older one or none will do, as it is derived
                index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP | faiss.IO_FLAG_READ_ONLY)
                if index.d != self._dim:
                    continue
                clusters = Clusters(index) if isinstance(index, faiss.IndexIVFPQFastScan) else None
                if clusters is None and isinstance(index, faiss.IndexIVF):
                    continue  # of an earlier version
                self._forget()
                self._clusters = clusters
                if clusters is None:
                    self._fresh = index
                self.generation = self._written = generation
                return

    def catch_up(self) -> None:
        """Take over what was stored or deleted since ``generation``; touches memory only."""
        if self._store.generation() == self.generation:
            return
        with self._lock:
            now = self._store.generation()  # another thread may have caught up further meanwhile
            if now < self.generation:  # another database was put in the place of ours
                self._forget()
            if self._fresh.ntotal > self._room():  # another process may have clustered them
                self._load(self._written)
            for ids, vectors in self._store.vectors_after(self.generation, self._dim, upto=now):
                self._fresh.add_with_ids(vectors, ids)
            gone = self._store.deleted_after(self.generation)
            if len(gone):
                if self._fresh.ntotal:
                    self._fresh.remove_ids(faiss.IDSelectorBatch(gone))
                if self._clusters is not None:
                    self._gone = np.union1d(self._gone, np.intersect1d(gone, self._clusters.ids()))
            self.generation = now

    def search(
        self, vector: NDArray[np.float32], top_k: int, *, only: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """Up to ``top_k`` pairs (passage id, cosine), best first; ``only`` restricts the search to these ids.

        Ties go to the lower id. ``vector`` is (dim,) and of unit norm.
        """
        params = None if only is None else faiss.SearchParameters(sel=faiss.IDSelectorBatch(only))  # type: ignore[call-arg]
        near = np.empty(0, dtype=np.int64)
        faiss.omp_set_num_threads(1)  # one question gains nothing from more, and would wait for the slowest
        with self._lock:
            scores, ids = self._fresh.search(vector[np.newaxis, :], top_k, params=params)
            if self._clusters is not None:
                near = self._clusters.candidates(vector, top_k + _SPARE, only=only, without=self._gone)
        found = {int(i): float(s) for i, s in zip(ids[0], scores[0], strict=True) if i >= 0}  # -1 is padding
        found |= self._stored_cosines(vector, near)
        return sorted(found.items(), key=lambda pair: (-pair[1], pair[0]))[:top_k]

    def cosines(self, vector: NDArray[np.float32], ids: Sequence[int]) -> dict[int, float]:
        """The cosine of each of these passages; one that has no vector yet is left out."""
        if self._clusters is not None:
            return self._stored_cosines(vector, np.array(ids, dtype=np.int64))
        found = {}
        with self._lock:
            for passage in ids:
                with contextlib.suppress(RuntimeError):  # raised for an id that is not in the index
                    found[passage] = float(vector @ self._fresh.reconstruct(passage))
        return found

    def holds(self, passage: int, vector: NDArray[np.float32]) -> bool:
        """Whether this is the vector of the passage, number for number; clustered ones are taken on trust."""
        with self._lock:
            try:
                return bool(np.array_equal(self._fresh.reconstruct(passage), vector))
            except RuntimeError:  # raised for an id that is not in the index
                return self._clusters is not None

    def _stored_cosines(self, vector: NDArray[np.float32], ids: NDArray[np.int64]) -> dict[int, float]:
        if not len(ids):
            return {}
        known, vectors = self._store.vectors(ids, self._dim)
        return dict(zip(known.tolist(), (vectors @ vector).tolist(), strict=True))

    @property
    def crowded(self) -> bool:
        """Whether so much came since the last ``save`` that questions take longer for it."""
        return len(self) > EXACT_UP_TO and self._fresh.ntotal + len(self._gone) > self._room()

    def save(self) -> None:
        """Write the index beside the store, as far as that is due.

        Few changes since clusters were written need no new file: they are in the store.
        """
        if self._clusters is None or self.crowded:
            self.rewrite()

    def rewrite(self) -> None:
        """Write the index beside the store, so that no vector of a deleted passage is left in any file.

        Questions are answered from the old one meanwhile. Needs the write lock of the folder. Raises
        IndexNotWritable.
        """
        try:
            self._rewrite()
        except (RuntimeError, OSError) as exc:  # FAISS reports a full disk as RuntimeError
            raise IndexNotWritable(
                f"The index of vectors could not be written to {self._folder}: no space is left, or it may "
                f"only be read. The documents are safe: free some space and run the command again."
            ) from exc

    def _rewrite(self) -> None:
        draft = self._folder / "vectors.draft"
        with self._lock:
            count, gone, clusters = len(self), self._gone, self._clusters
            old, path = self._path(self._written), self._path(self.generation)
            upto = self.generation
            few = count <= (EXACT_UP_TO if clusters is None else EXACT_UP_TO // 2)
            if path.exists():
                return
            if few:
                self._compare_all()
                faiss.write_index(self._fresh, str(draft))
                draft.replace(path)
                self._written = upto
        if not few:
            if clusters is not None and not clusters.outgrown and old.exists():
                fold(old, draft, gone, self._read(self._written, upto))
            else:
                write_clusters(draft, self._dim, count, lambda: self._read(0, upto))
            draft.replace(path)
            with self._lock:
                self._load(self._written)
        for _, earlier in self._files():
            if earlier != path:
                with contextlib.suppress(OSError):  # on Windows while a reader has it mapped
                    earlier.unlink(missing_ok=True)

    def _compare_all(self) -> None:
        """Leave the clusters, which few vectors do not need."""
        if self._clusters is not None:
            self._fresh = _empty(self._dim)
            for ids, vectors in self._read(0, self.generation):
                self._fresh.add_with_ids(vectors, ids)
            self._clusters, self._gone = None, np.empty(0, dtype=np.int64)

    def _read(self, after: int, upto: int) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        return self._store.vectors_after(after, self._dim, upto=upto)

    def _room(self) -> int:
        """Number of changes that may be beside the clusters."""
        return max(_FRESH, int(_FRESH_SHARE * len(self)))

    def _path(self, generation: int) -> Path:
        return self._folder / f"vectors-{generation}.faiss"

    def _files(self) -> list[tuple[int, Path]]:
        named = ((_FILE.fullmatch(path.name), path) for path in self._folder.iterdir())
        return sorted(((int(m[1]), path) for m, path in named if m), reverse=True)


def _empty(dim: int) -> faiss.Index:
    flat = faiss.IndexScalarQuantizer(dim, faiss.ScalarQuantizer.QT_fp16, faiss.METRIC_INNER_PRODUCT)
    return faiss.IndexIDMap2(flat)
