"""The graph that encoder and reader run on: its form on this processor, and what is run together."""

import numpy as np
import openvino as ov
import pytest
from hypothesis import given
from hypothesis import strategies as st

from index import bert
from index.batches import BATCH_TOKENS, batches, padded
from index.encode import MiniLM

TEXTS = ["Who approved the budget?", "The mayor approved the budget in March. " * 8, "Zürich, 東京 🌧️"]


@given(st.lists(st.integers(0, 600)))
def test_every_text_is_in_one_batch_and_batches_fit_the_cache(lengths):
    planned = batches(lengths)
    assert sorted(number for rows in planned for number in rows) == list(range(len(lengths)))
    for rows in planned:
        assert len(rows) == 1 or len(rows) * padded(max(lengths[i] for i in rows)) <= BATCH_TOKENS


@pytest.mark.parametrize(
    ("flags", "fast"),
    [
        ("flags : fpu avx avx2 fma", False),
        ("flags : fpu avx avx2 avx512f avx512_vnni", True),
        ("flags : fpu avx avx2 avx_vnni", True),
        ("Features : fp asimd asimddp", True),
        (None, True),
    ],
)
def test_only_a_processor_that_is_known_to_be_slow_with_eight_bits_is_spared_them(
    flags, fast, tmp_path, monkeypatch
):
    if flags is not None:
        (tmp_path / "cpuinfo").write_text(f"processor : 0\n{flags}\n")
    monkeypatch.setattr(bert, "_CPU_INFO", tmp_path / "cpuinfo")
    assert bert.multiplies_int8() is fast


def test_the_shipped_graph_gives_nearly_the_same_vectors_in_both_forms(monkeypatch):
    vectors, quantised = [], []
    for fast in (True, False):
        monkeypatch.setattr(bert, "multiplies_int8", lambda fast=fast: fast)
        read = bert.read_graph
        monkeypatch.setattr(bert, "read_graph", lambda path, read=read: kept(read(path), quantised))
        vectors.append(MiniLM().encode(TEXTS))
        monkeypatch.setattr(bert, "read_graph", read)
    assert quantised[0] > 0 and quantised[1] == 0
    assert np.einsum("ij,ij->i", *vectors).min() > 0.985


def kept(graph: ov.Model, quantised: list[int]) -> ov.Model:
    """The graph, its number of rounded activations noted."""
    quantised.append(sum(node.get_type_name() == "FakeQuantize" for node in graph.get_ordered_ops()))
    return graph
