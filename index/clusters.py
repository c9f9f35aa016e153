"""Clustered vectors: dense search in collections too large to compare a question with every passage.

An inverted file (Sivic and Zisserman, ICCV 2003; Jégou et al., TPAMI 2011): each vector lies in the cluster
of its nearest centroid, four bits for two numbers, laid out so that a search compares 32 at a time (André et
al., VLDB 2015), and looks into the nearest clusters alone. What it finds are candidates; their exact cosines
come from the store.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from math import ceil, log2, sqrt
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

PROBES = 256  # clusters that a search looks into; measured, see bench/SCALE.md
_SAMPLE = 48  # vectors a cluster that the centroids are made of
_ROUNDS = 8  # of k-means
Vectors = Iterable[tuple[NDArray[np.int64], NDArray[np.float32]]]  # batches of ids (n,) and vectors (n, dim)


class Clusters:
    """An inverted file in memory, a quarter of a byte for a number of each vector."""

    def __init__(self, index: faiss.IndexIVFPQFastScan) -> None:
        """Use an index that was read from a file of ``write_clusters``."""
        self._index: Any = index

    def __len__(self) -> int:
        return int(self._index.ntotal)

    @property
    def outgrown(self) -> bool:
        """Whether new centroids are due: more than twice the vectors that so many clusters are for."""
        return len(self) > 2 * (int(self._index.nlist) // 8) ** 2

    def ids(self) -> NDArray[np.int64]:
        """Ids of all vectors, in no order."""
        lists = self._index.invlists
        sizes = [lists.list_size(i) for i in range(self._index.nlist)]
        parts = [faiss.rev_swig_ptr(lists.get_ids(i), size).copy() for i, size in enumerate(sizes) if size]
        return np.concatenate(parts) if parts else np.empty(0, dtype=np.int64)

    def candidates(
        self,
        vector: NDArray[np.float32],
        count: int,
        *,
        only: NDArray[np.int64] | None,
        without: NDArray[np.int64],
    ) -> NDArray[np.int64]:
        """Ids of up to ``count`` passages that are probably the nearest to ``vector``, (dim,), in no order.

        ``only`` restricts the search to these ids, and then looks into all clusters; ``without`` are passed
        over.
        """
        selected: Any = None
        if only is not None:
            selected = faiss.IDSelectorBatch(np.setdiff1d(only, without))
        elif len(without):
            unwanted = faiss.IDSelectorBatch(without)
            selected = faiss.IDSelectorNot(unwanted)
        probes = PROBES if only is None else self._index.nlist
        params = faiss.SearchParametersIVF(nprobe=probes, sel=selected)  # type: ignore[call-arg]
        _, ids = self._index.search(vector[np.newaxis, :], count, params=params)
        return np.asarray(ids[0][ids[0] >= 0])  # -1 is padding


def clusters_for(count: int) -> int:
    """The number of clusters for so many vectors: the power of two at or above 8·√count."""
    return int(2 ** ceil(log2(8 * sqrt(max(count, 1)))))


def write_clusters(path: Path, dim: int, count: int, read: Callable[[], Vectors]) -> None:
    """Cluster ``count`` vectors into a file at ``path``; ``read`` gives all of them, and is called twice."""
    faiss.omp_set_num_threads(os.cpu_count() or 1)
    clusters = clusters_for(count)
    centroids = faiss.IndexFlatIP(dim)
    index: Any = faiss.IndexIVFPQFastScan(
        centroids, dim, clusters, dim // 2 if dim % 2 == 0 else dim, 4, faiss.METRIC_INNER_PRODUCT
    )
    index.cp.niter = _ROUNDS
    index.cp.max_points_per_centroid = 2 * _SAMPLE  # never sampled again
    for training in (index.cp, index.pq.cp):
        training.min_points_per_centroid = 1  # a warning on stdout otherwise
    step = max(1, count // (_SAMPLE * clusters))
    index.train(np.concatenate([vectors[::step] for _, vectors in read()]))
    _add(index, read())
    faiss.write_index(index, str(path))


def fold(path: Path, draft: Path, gone: NDArray[np.int64], fresh: Vectors) -> None:
    """Write the clusters of ``path`` to ``draft``, without the vectors of ``gone`` and with ``fresh``."""
    index: Any = faiss.read_index(str(path))
    if len(gone):
        index.remove_ids(faiss.IDSelectorBatch(gone))
    _add(index, fresh)
    faiss.write_index(index, str(draft))


def _add(index: Any, batches: Vectors) -> None:
    for ids, vectors in batches:
        index.add_with_ids(vectors, ids)
