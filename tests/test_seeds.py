"""The sample corpus and its test set are what they claim to be."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.make_seeds import spans
from index import Index
from index.load import load
from index.types import Document
from tests.fakes import HashEncoder

ROOT = Path(__file__).parents[1]
SEEDS = ROOT / "seeds"
ROWS = [json.loads(line) for line in (ROOT / "seeds.jsonl").read_text(encoding="utf-8").splitlines()]
ANSWERABLE = [row for row in ROWS if row["answers"]]
UNANSWERABLE = [row for row in ROWS if not row["answers"]]
HANDBOOK = "sallowmere-port-handbook.pdf"


@pytest.fixture(scope="module")
def documents() -> dict[str, Document]:
    return {path.name: load(path, path.name) for path in sorted(SEEDS.iterdir())}


def test_every_document_is_indexed_without_failure(tmp_path):
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        report = index.add([SEEDS])
        assert report.failed == ()
        assert {info.source for info in index.documents()} == {path.name for path in SEEDS.iterdir()}
        stored = {row["source"]: index.document(row["source"]).text for row in ANSWERABLE}
    for row in ANSWERABLE:
        assert all(stored[row["source"]][start:end].strip() for start, end in row["spans"])


def test_the_corpus_has_many_documents_in_many_formats():
    suffixes = {path.suffix for path in SEEDS.iterdir()}
    assert len(list(SEEDS.iterdir())) >= 16
    assert len(suffixes) >= 9
    assert {".md", ".txt", ".html", ".pdf", ".docx", ".csv", ".epub", ".jsonl", ".py"} <= suffixes


def test_the_handbook_is_long_and_every_page_of_it_says_something_else(documents):
    handbook = documents[HANDBOOK]
    pages = [handbook.text[page.start : page.end] for page in handbook.pages]
    assert len(pages) >= 30
    assert sum(len(page.split()) >= 200 for page in pages) >= 30
    prose = [line for page in pages for line in page.splitlines() if len(line) > 60]
    lines = Counter(line for line in prose if "Operations Handbook" not in line)  # not the running head
    assert [line for line, count in lines.items() if count > 1] == []


def test_one_text_is_german_in_windows_1252_one_ukrainian_and_one_has_crlf(documents):
    with pytest.raises(UnicodeDecodeError):
        (SEEDS / "gartenordnung-suedhang.txt").read_text(encoding="utf-8")
    assert "Großweiler" in documents["gartenordnung-suedhang.txt"].text
    assert "„Zur Gießkanne“" in documents["gartenordnung-suedhang.txt"].text
    assert "спостереження" in documents["synia-polonyna.md"].text
    log = documents["camp-tern-field-log.txt"].text
    assert log.count("\r\n") == log.count("\n") > 60
    assert "🐻\u200d❄️" in log
    assert "cafe\u0301" in log


def test_there_are_enough_questions_of_both_kinds_and_none_twice():
    assert len(ROWS) >= 130
    assert len(UNANSWERABLE) >= 35
    assert len({row["question"] for row in ROWS}) == len(ROWS)


def test_every_document_is_asked_at_least_four_times_and_the_handbook_all_over(documents):
    asked = Counter(row["source"] for row in ANSWERABLE)
    assert asked.keys() == documents.keys()
    assert min(asked.values()) >= 4
    handbook = documents[HANDBOOK]
    pages = {handbook.page_at(row["spans"][0][0]) for row in ANSWERABLE if row["source"] == HANDBOOK}
    assert asked[HANDBOOK] >= 15
    assert len(pages) >= 15


def test_every_span_holds_an_answer_and_every_answer_has_a_span(documents):
    for row in ANSWERABLE:
        text = documents[row["source"]].text
        quoted = {" ".join(text[start:end].split()) for start, end in row["spans"]}
        assert quoted == {" ".join(answer.split()) for answer in row["answers"]}, row["question"]


def test_unanswerable_questions_have_neither_source_nor_spans():
    for row in UNANSWERABLE:
        assert row["source"] is None
        assert "spans" not in row


def test_half_of_the_questions_are_paraphrases(documents):
    paraphrases = 0
    for row in ANSWERABLE:
        document = documents[row["source"]]
        by_line = document.format in ("csv", "jsonl", "xlsx")
        around = [spans.sentence(document.text, *span, by_line=by_line) for span in row["spans"]]
        paraphrases += max(spans.shared(row["question"], passage) for passage in around) < 0.5
    assert 0.45 <= paraphrases / len(ANSWERABLE) <= 0.55


def test_the_test_set_is_what_the_documents_give_today():
    assert list(spans.rows()) == ROWS
