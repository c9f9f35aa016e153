"""What speed rests on, as counts and ratios: they are the same on every machine, seconds are not."""

import faiss
import numpy as np
import pytest

from index import Index, build
from index import vectors as vectors_module
from index.batches import BATCH_TOKENS, padded
from index.encode import load_encoder, pad
from index.parsing import Parsers
from tests.corpus import write
from tests.fakes import HashEncoder

TEXTS = {f"{i}.txt": f"Lighthouse number {i} was built by keeper {i * 7}." for i in range(40)}


@pytest.fixture
def docs(tmp_path):
    return write(tmp_path / "docs", TEXTS)


def statements(index: Index, question: str) -> int:
    """Number of statements that a search runs in the database."""
    seen: list[str] = []
    index._store._db.set_trace_callback(seen.append)
    try:
        index.search(question, top_k=5)
    finally:
        index._store._db.set_trace_callback(None)
    return len(seen)


def test_a_question_is_one_text_for_the_encoder(index):
    index.search("warm")
    before = index.encoder.calls
    index.search("Who built lighthouse 7?")
    assert index.encoder.calls == before + 1


def test_a_question_takes_as_many_statements_whatever_the_number_of_documents(index, tmp_path):
    index.search("warm")
    few = statements(index, "lighthouse")
    index.add([write(tmp_path / "more", {f"more{i}.txt": f"Another lighthouse {i}." for i in range(120)})])
    index.search("warm")
    assert statements(index, "lighthouse") <= few


def test_indexing_encodes_each_new_passage_once_and_reads_no_file_twice(index, docs, monkeypatch):
    read: list[str] = []
    read_all = Parsers.read_all

    def counted(parsers, files):
        chosen = list(files)
        read.extend(source for _, source in chosen)
        return read_all(parsers, chosen)

    monkeypatch.setattr(Parsers, "read_all", counted)
    before = index.encoder.calls
    write(docs, {"new.txt": "A new lighthouse stands at the pier."})
    index.add([docs])
    assert (read, index.encoder.calls - before) == (["new.txt"], 1)
    index.add([docs])
    assert (read, index.encoder.calls - before) == (["new.txt"], 1)


def test_words_are_committed_far_less_often_than_files_are_stored(tmp_path, docs, monkeypatch):
    commits = []
    catch_up = build.Terms.catch_up
    monkeypatch.setattr(
        build.Terms, "catch_up", lambda words, store: (commits.append(words), catch_up(words, store))
    )
    monkeypatch.setattr("index.behind._PAUSE_S", 3600.0)
    with Index.open(tmp_path / "fresh", encoder=HashEncoder(), create=True) as index:
        opened = len(commits)
        index.add([docs])
    assert len(commits) - opened <= 4 < len(TEXTS)


def test_passages_are_padded_by_little():
    texts = [text * (3 + i % 13) for i, text in enumerate(4 * list(TEXTS.values()))]
    encoder = load_encoder()
    encoder.load()
    lengths = [len(e.ids) for e in encoder._tokenizer.encode_batch_fast(texts)]
    sizes = []

    def run(_, batches):
        for ids, _mask in batches:
            sizes.append(ids.size)
            yield np.zeros((len(ids), encoder.dim), dtype=np.float32)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("index.bert.run", run)
        encoder.encode(texts)
    assert sum(lengths) <= sum(sizes) <= 1.25 * sum(lengths)
    assert max(sizes) <= max(BATCH_TOKENS, padded(max(lengths)))
    assert pad([[1] * 17])[0].shape == (1, 32)


def test_a_large_index_compares_a_question_with_a_part_of_the_vectors(tmp_path, monkeypatch):
    monkeypatch.setattr(vectors_module, "EXACT_UP_TO", 30)
    monkeypatch.setattr("index.clusters.PROBES", 4)
    docs = write(tmp_path / "large", {f"{i}.txt": f"Lighthouse {i} of keeper {i * 7}" for i in range(300)})
    with Index.open(tmp_path / "fresh", encoder=HashEncoder(), create=True) as index:
        index.add([docs])
        assert index._vectors._clusters is not None
        stats = faiss.cvar.indexIVF_stats
        stats.reset()
        index.search("Who kept lighthouse 7?")
        assert 0 < stats.ndis <= len(index._vectors) / 4
