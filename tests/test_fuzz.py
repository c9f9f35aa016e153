"""Damaged files, thought up by hypothesis: each becomes a document that keeps its promises, or a sentence.

FUZZ_EXAMPLES says how many files each test tries; `make torture` tries many more than a usual run.
"""

import json
import os
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from index.chunk import chunk, sentences
from index.errors import LoadError
from index.load import load
from index.types import Document
from tests.corpus import SEEDS

FORMATS = sorted({path.suffix: path for path in sorted(SEEDS.iterdir())}.values())
tries = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "20")),
    deadline=None,
    suppress_health_check=[*HealthCheck],
)
edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.binary(max_size=12)), max_size=6
)


def check(document: Document) -> None:
    """All that citations stand on: what is stored can be stored, and passages cover it without overlap."""
    text = document.text
    assert text.encode().decode() == text
    for heading in document.headings:
        assert 0 <= heading.span.start <= heading.span.end <= len(text)
    chunks = chunk(document)
    assert all(a.span.end <= b.span.start for a, b in pairwise(chunks))
    covered = "".join(text[c.span.start : c.span.end] for c in chunks)
    assert "".join(covered.split()) == "".join(text.split())
    for piece in chunks[:5]:
        words = text[piece.span.start : piece.span.end]
        assert all(0 <= s.start < s.end <= len(words) for s in sentences(words))


@pytest.mark.parametrize("path", FORMATS, ids=lambda path: path.suffix)
@tries
@given(edits=edits, keep=st.floats(0.1, 1))
def test_a_damaged_file_is_a_whole_document_or_a_sentence(tmp_path_factory, path, edits, keep):
    data = bytearray(path.read_bytes())
    del data[int(len(data) * keep) :]
    for place, gone, new in edits:
        at = int(place * len(data))
        data[at : at + gone] = new
    read(tmp_path_factory, path.name, bytes(data))


@pytest.mark.parametrize("suffix", [".txt", ".html", ".md", ".rtf", ".eml", ".ipynb", ".csv", ".jsonl"])
@tries
@given(data=st.binary(max_size=600) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_whole_document_or_a_sentence(tmp_path_factory, suffix, data):
    read(tmp_path_factory, f"a{suffix}", data)


def read(tmp_path_factory, name: str, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / f"fuzz-{name}"
    path.write_bytes(data)
    try:
        document = load(path, name)
    except LoadError as exc:
        assert str(exc).rstrip().endswith((".", "?", "!"))
        return
    check(document)
    json.dumps([heading.title for heading in document.headings]).encode()
