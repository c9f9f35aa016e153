"""Rows and cells of delimited text, beside what Python's own csv module reads."""

from __future__ import annotations

import csv
import io

from hypothesis import given
from hypothesis import strategies as st

from index.cells import bare, cell_spans, delimiter_of, row_spans
from index.types import Span

CELLS = st.text(st.sampled_from('ab 7,;|"\n\t'), max_size=6)


def words_of(text: str, delimiter: str, *, quoted: bool = True) -> list[list[str]]:
    """Every cell's words, row by row."""
    return [
        [
            text[span.start : span.end]
            for span in (bare(text, cell) for cell in cell_spans(text, row, delimiter))
        ]
        for row in row_spans(text, Span(0, len(text)), quoted=quoted)
    ]


@given(st.lists(st.lists(CELLS, min_size=2, max_size=4), min_size=1, max_size=5), st.sampled_from(",;|"))
def test_what_the_csv_module_writes_is_read_cell_by_cell(rows: list[list[str]], delimiter: str) -> None:
    file = io.StringIO()
    csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(rows)
    read = words_of(file.getvalue(), delimiter)
    assert [[cell.replace('""', '"') for cell in row] for row in read] == [
        [cell.strip() for cell in row] for row in rows
    ]


def test_a_quotation_mark_within_a_cell_is_one_of_its_characters() -> None:
    assert words_of('5 " pipe,blue,"a, b"\n', ",") == [['5 " pipe', "blue", "a, b"]]


def test_empty_cells_count_and_empty_lines_do_not() -> None:
    assert words_of("a;;b;\n\n\r\n;c;;", ";") == [["a", "", "b", ""], ["", "c", "", ""]]


def test_a_line_end_belongs_to_its_quoted_cell_alone() -> None:
    text = 'a,"one\ntwo"\rb,three'
    assert words_of(text, ",") == [["a", "one\ntwo"], ["b", "three"]]
    assert words_of(text, ",", quoted=False) == [["a", '"one'], ['two"'], ["b", "three"]]


def test_a_quotation_mark_that_is_never_closed_takes_no_more_than_its_line() -> None:
    text = 'a,"one\n' + "b,two\n" * 60
    assert [len(row) for row in words_of(text, ",")] == [2] * 61


def test_rows_are_those_of_the_window() -> None:
    text = "a,b\nc,d\ne,f"
    assert [text[row.start : row.end] for row in row_spans(text, Span(4, 9))] == ["c,d", "e"]


def test_the_delimiter_is_the_most_frequent_one() -> None:
    assert [delimiter_of(line) for line in ("a;b;c,d", "a\tb", "a | b", "word")] == [";", "\t", "|", ","]
