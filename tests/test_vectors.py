"""The dense index against brute force, and how it keeps up with the store."""

import numpy as np

from index.vectors import Vectors
from tests.corpus import fill


def unit(rows: int, dim: int, seed: int = 0) -> np.ndarray:
    vectors = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def filled(tmp_path, count: int, dim: int = 32):
    store = fill(tmp_path, {f"{i}.txt": f"text {i}" for i in range(count)})
    ids = [passage.id for passage in store.waiting(count)]
    vectors = unit(count, dim)
    store.set_vectors(ids, vectors)
    return store, ids, vectors


def test_search_equals_the_obvious_loop(tmp_path):
    store, ids, vectors = filled(tmp_path, 50)
    index = Vectors(tmp_path, 32, store)
    index.catch_up()
    for query in unit(5, 32, seed=1):
        scores = [
            (float(query @ v.astype(np.float16).astype(np.float32)), i)
            for v, i in zip(vectors, ids, strict=True)
        ]
        expected = [i for _, i in sorted(scores, key=lambda pair: (-pair[0], pair[1]))][:10]
        found = index.search(query, 10)
        assert [i for i, _ in found] == expected
        np.testing.assert_allclose(
            [s for _, s in found], sorted((s for s, _ in scores), reverse=True)[:10], atol=1e-5
        )


def test_asking_for_more_than_there_is_returns_what_there_is(tmp_path):
    store, ids, vectors = filled(tmp_path, 3)
    index = Vectors(tmp_path, 32, store)
    index.catch_up()
    assert sorted(i for i, _ in index.search(vectors[0], 10)) == ids


def test_search_can_be_restricted_to_passages(tmp_path):
    store, ids, vectors = filled(tmp_path, 20)
    index = Vectors(tmp_path, 32, store)
    index.catch_up()
    only = np.array(ids[5:8])
    assert sorted(i for i, _ in index.search(vectors[0], 10, only=only)) == ids[5:8]


def test_cosines_of_given_passages_are_exact_and_unknown_ids_are_left_out(tmp_path):
    store, ids, vectors = filled(tmp_path, 5)
    index = Vectors(tmp_path, 32, store)
    index.catch_up()
    found = index.cosines(vectors[0], [ids[0], ids[3], 999])
    assert set(found) == {ids[0], ids[3]}
    np.testing.assert_allclose([found[ids[0]], found[ids[3]]], [1, vectors[0] @ vectors[3]], atol=2e-3)


def test_a_saved_index_takes_over_only_what_is_new(tmp_path):
    store, ids, vectors = filled(tmp_path, 10)
    index = Vectors(tmp_path, 32, store)
    index.catch_up()
    index.save()
    again = Vectors(tmp_path, 32, store)
    assert (again.generation, len(again)) == (store.generation(), 10)
    store.remove("3.txt")
    again.catch_up()
    assert ids[3] not in [i for i, _ in again.search(vectors[3], 10)]
    again.save()
    assert len(list(tmp_path.glob("vectors-*.faiss"))) == 1


def test_a_damaged_file_is_rebuilt_from_the_store(tmp_path):
    store, ids, vectors = filled(tmp_path, 10)
    index = Vectors(tmp_path, 32, store)
    index.catch_up()
    index.save()
    (file,) = tmp_path.glob("vectors-*.faiss")
    file.write_bytes(b"junk" * 10)
    rebuilt = Vectors(tmp_path, 32, store)
    rebuilt.catch_up()
    assert [i for i, _ in rebuilt.search(vectors[4], 1)] == [ids[4]]


def test_an_empty_index_finds_nothing(tmp_path):
    store = fill(tmp_path, {})
    assert Vectors(tmp_path, 32, store).search(unit(1, 32)[0], 5) == []
