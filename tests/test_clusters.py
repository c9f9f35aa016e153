"""The clustered index: nearly as good as comparing all, and kept up without being made anew."""

import faiss
import numpy as np
import pytest

from index import vectors as module
from index.clusters import clusters_for
from index.store import Store
from index.vectors import Vectors
from tests.corpus import fill

DIM = 32
COUNT = 600


def near_some(count: int, seed: int) -> np.ndarray:
    """Unit vectors in groups, as those of texts are."""
    random = np.random.default_rng(seed)
    topics = np.random.default_rng(0).standard_normal((20, DIM))
    made = topics[random.integers(20, size=count)] + 0.7 * random.standard_normal((count, DIM))
    return (made / np.linalg.norm(made, axis=1, keepdims=True)).astype(np.float32)


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(module, "EXACT_UP_TO", 500)
    monkeypatch.setattr(module, "_FRESH", 20)


@pytest.fixture
def store(tmp_path, small) -> Store:
    made = fill(tmp_path, {f"{i}.txt": f"text {i}" for i in range(COUNT)})
    encode(made, COUNT, seed=1)
    return made


def encode(store: Store, count: int, seed: int) -> None:
    store.set_vectors([passage.id for passage in store.waiting(count)], near_some(count, seed))


def opened(store: Store, tmp_path) -> Vectors:
    index = Vectors(tmp_path, DIM, store)
    index.catch_up()
    return index


def files(tmp_path) -> dict[str, int]:
    return {path.name: path.stat().st_ino for path in tmp_path.glob("vectors*")}


def exact(store: Store, query: np.ndarray, count: int) -> list[tuple[int, float]]:
    """The obvious loop over what the store holds."""
    scores = [
        (i, float(vector @ query))
        for ids, vectors in store.vectors_after(0, DIM, upto=store.generation())
        for i, vector in zip(ids.tolist(), vectors, strict=True)
    ]
    return sorted(scores, key=lambda pair: (-pair[1], pair[0]))[:count]


def recall(index: Vectors, store: Store) -> float:
    shares = []
    for query in near_some(50, seed=2):
        true = {i for i, _ in exact(store, query, 10)}
        shares.append(len(true & {i for i, _ in index.search(query, 10)}) / 10)
    return float(np.mean(shares))


def test_search_is_exact_up_to_a_size_and_clustered_beyond(tmp_path, small):
    store = fill(tmp_path, {f"{i}.txt": f"text {i}" for i in range(501)})
    encode(store, 500, seed=1)
    opened(store, tmp_path).save()
    (file,) = tmp_path.glob("vectors*")
    assert not isinstance(faiss.read_index(str(file)), faiss.IndexIVF)
    encode(store, 1, seed=3)
    opened(store, tmp_path).save()
    (file,) = tmp_path.glob("vectors*")
    assert isinstance(faiss.read_index(str(file)), faiss.IndexIVF)


def test_clusters_find_what_comparing_all_finds_with_the_same_cosines(tmp_path, store, monkeypatch):
    monkeypatch.setattr("index.clusters.PROBES", 96)
    index = opened(store, tmp_path)
    index.save()
    assert index._clusters is not None
    assert clusters_for(COUNT) == 256, "all clusters are looked into: nothing is proved"
    assert recall(index, store) >= 0.98
    query = near_some(1, seed=2)[0]
    truth = dict(exact(store, query, COUNT))
    found = index.search(query, 10)
    np.testing.assert_allclose([score for _, score in found], [truth[i] for i, _ in found], atol=1e-6)
    assert found == sorted(found, key=lambda pair: (-pair[1], pair[0]))
    assert index.cosines(query, [found[0][0], 10**6]) == {found[0][0]: pytest.approx(truth[found[0][0]])}


def test_few_changes_write_no_file_and_are_found_or_gone_at_once(tmp_path, store):
    opened(store, tmp_path).save()
    before = files(tmp_path)
    fill(tmp_path, {"new.txt": "a new text"})
    encode(store, 1, seed=4)
    (new,) = store.ids_of(["new.txt"]).tolist()
    (old,) = store.ids_of(["7.txt"]).tolist()
    query = near_some(COUNT, seed=1)[7]
    reader = opened(store, tmp_path)
    assert reader.search(query, 1)[0][0] == old
    store.remove("7.txt")
    reader.catch_up()
    reader.save()
    assert files(tmp_path) == before
    for index in (reader, opened(store, tmp_path)):
        assert len(index) == COUNT
        assert index.search(near_some(1, seed=4)[0], 1)[0][0] == new
        assert old not in [i for i, _ in index.search(query, 20)]
        assert set(index.cosines(query, [new, old])) == {new}


def test_many_changes_are_folded_in_without_new_centroids(tmp_path, store, monkeypatch):
    opened(store, tmp_path).save()
    before = files(tmp_path)
    fill(tmp_path, {f"new{i}.txt": f"a new text {i}" for i in range(30)})
    encode(store, 30, seed=4)
    store.remove("7.txt")
    index = opened(store, tmp_path)
    monkeypatch.setattr(module, "write_clusters", lambda *_: pytest.fail("all was clustered anew"))
    index.save()
    assert set(files(tmp_path)).isdisjoint(before)
    (file,) = tmp_path.glob("vectors*")
    assert faiss.read_index(str(file)).ntotal == len(index) == COUNT + 29
    assert recall(index, store) >= 0.98


def test_what_must_be_forgotten_is_in_no_file_after_a_rewrite(tmp_path, store):
    index = opened(store, tmp_path)
    index.save()
    gone = store.ids_of(["7.txt"])
    store.remove("7.txt")
    index.catch_up()
    index.rewrite()
    (file,) = tmp_path.glob("vectors*")
    assert faiss.read_index(str(file)).remove_ids(faiss.IDSelectorBatch(gone)) == 0
    assert len(index) == COUNT - 1


def test_a_search_in_some_documents_looks_into_all_clusters(tmp_path, store, monkeypatch):
    monkeypatch.setattr("index.clusters.PROBES", 1)
    index = opened(store, tmp_path)
    index.save()
    only = store.ids_of(["3.txt", "77.txt", "599.txt"])
    found = index.search(near_some(1, seed=2)[0], 10, only=only)
    assert sorted(i for i, _ in found) == only.tolist()


def test_when_most_is_deleted_the_rest_is_compared_again(tmp_path, store):
    index = opened(store, tmp_path)
    index.save()
    store.remove(*(f"{i}.txt" for i in range(400)))
    index.catch_up()
    index.rewrite()
    assert index._clusters is None
    query = near_some(1, seed=2)[0]
    assert [i for i, _ in index.search(query, 10)] == [i for i, _ in exact(store, query, 10)]
    assert len(opened(store, tmp_path)) == 200


def test_a_reader_goes_on_with_its_clusters_when_another_writes_new_ones(tmp_path, store):
    opened(store, tmp_path).save()
    reader = opened(store, tmp_path)
    query = near_some(1, seed=2)[0]
    before = reader.search(query, 5)
    fill(tmp_path, {f"new{i}.txt": f"a new text {i}" for i in range(30)})
    writer = opened(store, tmp_path)
    encode(store, 30, seed=4)
    writer.catch_up()
    writer.save()
    assert reader.search(query, 5) == before
    reader.catch_up()
    assert reader.search(query, 5) == writer.search(query, 5)
    assert len(reader) == COUNT + 30


@pytest.mark.parametrize("damage", ["emptied", "junk", "cut off"])
def test_clusters_that_cannot_be_read_are_made_anew(tmp_path, store, damage):
    opened(store, tmp_path).save()
    (file,) = tmp_path.glob("vectors*")
    whole = file.read_bytes()
    file.write_bytes({"emptied": b"", "junk": b"junk" * 100, "cut off": whole[: -len(whole) // 2]}[damage])
    assert not len(Vectors(tmp_path, DIM, store))
    (tmp_path / "vectors.draft").write_bytes(b"half a file of a writer that was killed")
    index = opened(store, tmp_path)
    index.save()
    assert index.generation == store.generation()
    assert len(index) == COUNT
    assert recall(index, store) >= 0.98
    assert recall(opened(store, tmp_path), store) >= 0.98
