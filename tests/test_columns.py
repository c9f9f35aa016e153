"""Rows of values are read behind the names of their columns; what is found counts in the stored text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import qa
from index import Index
from index.chunk import chunk
from index.types import Document, Hit, Passage, Span
from qa.columns import read_hits, view
from qa.read import AnswerSpan, Reading

STAFF = (
    'Name,Room,Start_date,Note\nAda Bright,B12,2019-03-04,\n"Okafor, Tom",C07,2021-11-15,"says ""hello"""\n'
)
SEEN = """\
Name | Room | Start_date | Note
Name: Ada Bright | Room: B12 | Start date: 2019-03-04
Name: Okafor, Tom | Room: C07 | Start date: 2021-11-15 | Note: says ""hello"\""""


def passage(text, source="staff.csv", start=0, heading=""):
    return Passage(1, source, Span(start, start + len(text)), text, heading, None)


class Marks:
    """A reader that marks the same words wherever they stand first."""

    name = "marks"

    def __init__(self, *words):
        self.words = words
        self.seen = []

    def read(self, question, passages, *, top_k=3, relevance=None):
        self.seen += passages
        spans = [
            AnswerSpan(number, at, at + len(words), words, 1.0, 0.9)
            for words in self.words
            for number, text in enumerate(passages)
            if (at := text.find(words)) >= 0
        ]
        return Reading(tuple(spans[:top_k]), 0.1)


def found(words, text=STAFF, **place):
    hit = Hit(passage(text, **place), 0.5, "hybrid")
    return [span.text for span in read_hits(Marks(*words), "q", [hit], top_k=3).spans]


def test_each_cell_is_read_behind_the_name_of_its_column():
    assert view(passage(STAFF)).text == SEEN


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_delimiters_and_line_ends(delimiter, line_end):
    rows = [["Name", "Room"], ["Zürich 😀", "B12"], ["東京", "C07"]]
    text = line_end.join(delimiter.join(row) for row in rows)
    assert view(passage(text)).text.splitlines()[1:] == [
        "Name: Zürich 😀 | Room: B12",
        "Name: 東京 | Room: C07",
    ]


def test_later_passages_have_the_names_as_their_heading():
    row = "Ada Bright,B12,2019-03-04,\n"
    seen = view(passage(row, start=900, heading="Name,Room,Start_date,Note"))
    assert seen.text == SEEN.splitlines()[1]


@pytest.mark.parametrize(
    ("text", "source"),
    [
        ("1,2\n3,4\n", "numbers.csv"),  # the first row is one of values
        ("Ada,555-0181\nTom,555-0199\n", "phones.csv"),
        ("one column\nof words\n", "words.csv"),
        (STAFF, "staff.txt"),
        ("", "empty.csv"),
        (",,\n,,\n", "blank.csv"),
    ],
)
def test_what_has_no_names_is_read_as_it_stands(text, source):
    assert view(passage(text, source)).text == text


@pytest.mark.parametrize("row", ["Ada Bright | B12", "| Ada Bright | B12 |"])
def test_a_table_that_goes_on_in_a_further_passage_knows_its_columns(row):
    table = {"source": "plan.html", "start": 900, "heading": "Office > Rooms > Name | Room"}
    assert view(passage(f"{row}\n{row}", **table)).text == "\n".join(["Name: Ada Bright | Room: B12"] * 2)
    mixed = f"{row}\nThe rooms are cleaned\nevery night."
    assert view(passage(mixed, **table)).text == mixed


def test_half_of_a_long_row_is_not_named_wrongly():
    text = "B12,2019-03-04\nAda Bright,B12,2019-03-04,x\n"
    seen = view(passage(text, start=900, heading="Name,Room,Start,Note")).text
    assert seen.splitlines() == [
        "B12 | 2019-03-04",
        "Name: Ada Bright | Room: B12 | Start: 2019-03-04 | Note: x",
    ]


def test_what_is_marked_is_found_in_the_stored_row():
    assert found(["2021-11-15"]) == ["2021-11-15"]
    assert found(["Okafor, Tom"]) == ["Okafor, Tom"]
    assert found(['""hello""']) == ['""hello""']


def test_a_mark_over_several_cells_is_the_one_that_it_covers_most_and_names_are_none():
    assert found(["Room: C07 | Start date: 2021-11-15"]) == ["2021-11-15"]
    assert found(["Start date: 2019"]) == ["2019"]
    assert found(["Start date:"]) == []
    assert found(["C07", "Room: C07", "2021-11-15"]) == ["C07", "2021-11-15"]


@given(
    st.lists(st.lists(st.text(max_size=8), min_size=1, max_size=5), min_size=1, max_size=6),
    st.sampled_from([",", ";", "\t", '"', ',"']),
)
def test_every_cell_that_is_read_stands_in_the_passage(rows, between):
    text = "Name,Room\n" + "\n".join(between.join(row) for row in rows)
    seen = view(passage(text))
    for here, there in seen.cells:
        assert seen.text[here.start : here.end] == text[there.start : there.end]
    ends = [there.end for _, there in seen.cells]
    assert ends == sorted(ends)


def test_a_cell_is_found_by_its_row_and_column(tmp_path):
    (tmp_path / "staff.csv").write_text(STAFF)
    with Index.open(tmp_path / "index", create=True) as index:
        index.add([tmp_path / "staff.csv"])
        marks = Marks("2021-11-15")
        answer = qa.ask("When did Tom Okafor begin?", index=index, model=marks)
        (citation,) = answer.citations
        assert (
            index.document(citation.source).text[citation.start : citation.end]
            == citation.quote
            == "2021-11-15"
        )
        assert "**2021-11-15**" in answer.text and "Start date: 2021-11-15" in marks.seen[0]


@pytest.mark.parametrize(("suffix", "delimiter"), [("csv", ","), ("tsv", "\t")])
def test_passages_of_a_long_table_all_know_their_columns(tmp_path, suffix, delimiter):
    rows = [["Name", "Room"], *([f"Person {n}", f"B{n}"] for n in range(300))]
    text = "\n".join(delimiter.join(row) for row in rows)
    document = Document(f"long.{suffix}", "0" * 64, text, suffix, "", (), (), ())
    parts = chunk(document)
    assert len(parts) > 3
    for part in parts:
        words = text[part.span.start : part.span.end]
        seen = view(passage(words, document.source, part.span.start, part.heading)).text
        assert seen.count("Room: B") == words.count("Person") > 0
