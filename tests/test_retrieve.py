"""Fusion of the two scorings, and scores while vectors are still being made."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import Index
from index.index import DATABASE
from index.retrieve import fuse
from tests.corpus import write
from tests.fakes import HashEncoder

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


@pytest.mark.parametrize("share", [0, 0.3, 1])
def test_scores_mean_the_same_while_vectors_are_still_being_made(tmp_path, share):
    texts = {f"{i}.txt": f"Lighthouse {i} was built by keeper {i * 7}." for i in range(40)}
    folder = tmp_path / ".qa"
    with Index.open(folder, encoder=HashEncoder(), create=True) as index:
        index.add([write(tmp_path / "docs", texts)])
        later = index.search("Who built lighthouse 7?", top_k=5)
    for file in folder.glob("vectors*"):
        file.unlink()
    with closing(sqlite3.connect(folder / DATABASE)) as db, db:
        db.execute("UPDATE passages SET vector = NULL, encoded = NULL WHERE id > ?", (40 * share,))
    with Index.open(folder, encoder=HashEncoder()) as index:
        early = index.search("Who built lighthouse 7?", top_k=5)
    assert early[0].passage == later[0].passage
    assert early[0].score == pytest.approx(later[0].score, abs=2e-3)
    assert len(early) == 5
