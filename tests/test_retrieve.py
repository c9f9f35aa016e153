"""Fusion of the two scorings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.retrieve import fuse

ids = st.integers(1, 30)
cosines = st.dictionaries(ids, st.floats(-1, 1), max_size=12)
bm25 = st.dictionaries(ids, st.floats(0.01, 50), max_size=12)


@given(cosines, bm25, st.floats(0, 1))
def test_fusion_agrees_with_the_formula_written_as_a_loop(dense, lexical, weight):
    expected = {}
    for passage in range(1, 31):
        if passage in dense or passage in lexical:
            cosine = dense[passage] if passage in dense else min(dense.values()) if dense else 0.0
            words = lexical[passage] / max(lexical.values()) if passage in lexical else 0.0
            expected[passage] = weight * cosine + (1 - weight) * words
    fused = fuse(dense, lexical, weight=weight)
    assert dict(fused) == pytest.approx(expected)
    assert fused == sorted(fused, key=lambda pair: (-pair[1], pair[0]))


def test_a_passage_that_both_retrievers_like_beats_the_favourite_of_one():
    assert fuse({1: 0.6, 2: 0.55, 3: 0.1}, {4: 12.0, 2: 11.0})[0][0] == 2


def test_a_passage_without_a_vector_is_ranked_by_its_words():
    assert fuse({1: 0.3}, {2: 9.0, 1: 1.0})[0][0] == 2


def test_nothing_found_is_an_empty_ranking():
    assert fuse({}, {}) == []
