"""Whatever a file is: it ends in the index, whole, or in a sentence; and the others do not suffer."""

import pytest

import qa
from index import Index
from index.doctor import examine
from tests.adversaries import SECRET, write_all
from tests.corpus import write
from tests.fakes import FirstWordsEncoder
from tests.readers import WordReader


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """An index of the adversaries and of one honest file, the report, and the number of adversaries."""
    folder = tmp_path_factory.mktemp("attacked")
    count = write_all(folder / "docs")
    write(folder / "docs", {"honest.txt": "The lighthouse keeper is called Osei. She has two dogs."})
    with Index.open(folder / ".qa", encoder=FirstWordsEncoder(), create=True) as index:
        report = index.add([folder / "docs"])
        yield index, report, count


def test_there_are_at_least_150_of_them(attacked):
    assert attacked[2] >= 150


def test_each_file_is_indexed_or_named_with_a_sentence(attacked):
    _, report, count = attacked
    links = 2  # a link to a folder is not followed; a folder that is called .txt holds no file
    assert report.added + len(report.failed) == count + 1 - links
    for failure in report.failed:
        assert failure.error.rstrip().endswith((".", "!", "?")), failure
        assert "Traceback" not in failure.error
        assert "\n" not in failure.error
        assert len(failure.error) < 600
    assert len({failure.source for failure in report.failed}) == len(report.failed)


def test_the_honest_file_answers_as_if_it_were_alone(attacked):
    index, _, _ = attacked
    answer = qa.ask(
        "What is the lighthouse keeper called?", index=index, model=WordReader(), min_confidence=0
    )
    assert answer.citations[0].source == "honest.txt"


def test_the_invariant_holds_for_all_that_was_indexed(attacked):
    index, _, _ = attacked
    assert examine(index.path, encoder=FirstWordsEncoder(), repair=False).findings == ()
    cited = 0
    for info in index.documents():
        document = index.document(info.source)
        document.text.encode()  # no lone surrogate came in
        words = " ".join(document.text[:2000].split()[:8])
        answer = qa.ask(
            words or "?", index=index, model=WordReader(), sources=[info.source], min_confidence=0
        )
        for citation in answer.citations:
            assert document.text[citation.start : citation.end] == citation.quote != ""
            cited += 1
    assert cited >= 60


def test_no_document_brought_in_another_file(attacked):
    index, _, _ = attacked
    for info in index.documents():
        assert SECRET not in index.document(info.source).text


def test_nothing_was_written_outside_the_index(attacked):
    index, _, _ = attacked
    outside = {path.name for path in index.path.parent.iterdir()}
    assert outside == {".qa", "docs", "secret.txt"}
