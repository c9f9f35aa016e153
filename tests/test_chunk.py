"""Passages and sentences: exact offsets, nothing lost, nothing too long, in time that grows with the text."""

from __future__ import annotations

import json
import time
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.chunk import Chunk, chunk, sentences
from index.load import load
from index.sentences import MAX_SENTENCE_CHARS
from index.types import Document, Heading, Span

PROSE = (
    "The tide turned at noon. Nobody in Zürich saw it, e.g. Dr. Meier was asleep! Was he? 他来了。她走了！\n"
)
TEXTS = st.text(
    alphabet=st.one_of(
        st.characters(codec="utf-8"),
        st.sampled_from("\n\r\t \u00a0\x0b\x0c\x1c\x85\u2028.。！?;,|-#*0😀👩\u200d\u0301\ufe0füé漢字ア\0"),
        st.sampled_from("ab "),
    ),
    max_size=1500,
) | st.lists(
    st.sampled_from(
        [
            "\r\n",
            "\n\n",
            "Word. ",
            "a b c ",
            "| x | y |",
            "😀" * 30,
            "e\u0301" * 40,
            "1,2,3",
            "漢字。" * 20,
            "x" * 700,
        ]
    ),
    max_size=40,
).map("".join)


def _document(
    text: str, format: str = "text", headings: tuple[Heading, ...] = (), pages: tuple[Span, ...] = ()
) -> Document:
    return Document("a", "0" * 64, text, format, "", pages, headings)


def _markdown(folder: Path, text: str) -> Document:
    (folder / "a.md").write_bytes(text.encode())
    return load(folder / "a.md", "a.md")


def _words(document: Document, chunks: tuple[Chunk, ...]) -> list[str]:
    return [document.text[item.span.start : item.span.end] for item in chunks]


def _assert_exact(text: str, spans: list[Span], limit: int) -> None:
    """Trimmed, in order, disjoint, not too long, and nothing but white space outside of them."""
    end = 0
    for span in spans:
        piece = text[span.start : span.end]
        assert piece and piece == piece.strip()
        assert len(piece) <= limit
        assert span.start >= end
        assert not text[end : span.start].strip()
        end = span.end
    assert not text[end:].strip()


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_sentences_are_exact_and_hold_everything_that_is_not_blank(text: str) -> None:
    _assert_exact(text, list(sentences(text)), MAX_SENTENCE_CHARS)


@settings(max_examples=200, deadline=None)
@given(TEXTS, st.sampled_from(["text", "markdown", "csv", "tsv", "jsonl"]), st.integers(50, 400))
def test_chunks_are_exact_and_hold_everything_that_is_not_blank(text: str, format: str, limit: int) -> None:
    chunks = chunk(_document(text, format), chunk_chars=limit)
    _assert_exact(text, [item.span for item in chunks], limit)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text("ab. \n😀", max_size=300), min_size=1, max_size=6))
def test_no_chunk_crosses_a_page(texts: list[str]) -> None:
    pages: list[Span] = []
    for words in texts:
        start = pages[-1].end + 2 if pages else 0
        pages.append(Span(start, start + len(words)))
    document = _document("\n\n".join(texts), "pdf", pages=tuple(pages))
    chunks = chunk(document, chunk_chars=100)
    _assert_exact(document.text, [item.span for item in chunks], 100)
    for item in chunks:
        assert item.page is not None
        home = pages[item.page - 1]
        assert home.start <= item.span.start and item.span.end <= home.end


def test_lone_surrogates_do_no_harm() -> None:
    text = "One \ud800 two. Three \udfff."
    assert [text[span.start : span.end] for span in sentences(text)] == ["One \ud800 two.", "Three \udfff."]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith came. He left!", ["Dr. Smith came.", "He left!"]),
        ("他来了。她走了！好？", ["他来了。", "她走了！", "好？"]),
        ("「他来了。」她说。", ["「他来了。」", "她说。"]),
        ("यह एक है। यह दो है।", ["यह एक है।", "यह दो है।"]),
        ("It is 😀 here. 😀 Next one.", ["It is 😀 here.", "😀 Next one."]),
        ("Zürich is a city.\r\n\r\nIt has a lake.", ["Zürich is a city.", "It has a lake."]),
        ("2.1. Storm surges. They came.", ["2.1. Storm surges.", "They came."]),
        ("(2) Each pays. The money flows.", ["(2) Each pays.", "The money flows."]),
        (
            "Die Pacht ist bis zum 31. Januar fällig. Der Rest nicht.",
            ["Die Pacht ist bis zum 31. Januar fällig.", "Der Rest nicht."],
        ),
        ("- apples\n- pears\n1. plums", ["- apples", "- pears", "1. plums"]),
        ("Name | Age\nBob | 42\nAnn | 7", ["Name | Age", "Bob | 42", "Ann | 7"]),
        (
            "Revenue 46,710 44,538\nCost of sales 25,231 24,576",
            ["Revenue 46,710 44,538", "Cost of sales 25,231 24,576"],
        ),
        ("# Title\nSome words follow here.", ["# Title", "Some words follow here."]),
        (
            "This line of prose was wrapped by an editor at some\ncolumn and goes on. Then it\nends.",
            ["This line of prose was wrapped by an editor at some\ncolumn and goes on.", "Then it\nends."],
        ),
        (
            "Storm surges\nThree surges were recorded in the year.",
            ["Storm surges", "Three surges were recorded in the year."],
        ),
        ("", []),
        (" \r\n\t\x0c ", []),
    ],
)
def test_sentences_end_where_a_reader_would_end_them(text: str, expected: list[str]) -> None:
    assert [text[span.start : span.end] for span in sentences(text)] == expected


def test_long_sentence_is_cut_after_a_clause_and_not_within_a_word() -> None:
    text = "word " * 80 + "end of clause; " + "word " * 200
    spans = sentences(text)
    assert text[spans[0].start : spans[0].end].endswith("clause;")
    assert all(text[span.start : span.end].split()[0] in ("word", "end") for span in spans)


def test_accent_stays_with_its_letter_in_a_cut() -> None:
    text = "a" + "e\u0301" * 1000
    assert all(text[span.start] != "\u0301" for span in sentences(text))


def test_chunks_end_with_sentences_also_where_lines_are_wrapped() -> None:
    line = "This sentence is wrapped, and it goes on over the end of the line to show it stays\nwhole here. "
    document = _document(line * 40)
    assert all(
        words.endswith("here.") and words.startswith("This") for words in _words(document, chunk(document))
    )


def test_section_little_over_the_size_is_halved_not_clipped() -> None:
    document = _document(PROSE * 11)
    lengths = [len(item.span) for item in chunk(document)]
    assert len(document.text) > 1000 and len(lengths) == 2
    assert min(lengths) > 350


def test_title_in_plain_text_stays_with_what_follows_it() -> None:
    parts = [f"§ {n} Title of part\n\n{PROSE * (n % 3 + 2)}\n" for n in range(30)]
    document = _document("".join(parts))
    for words in _words(document, chunk(document)):
        assert not words.splitlines()[-1].startswith("§")


def test_chunk_begins_at_a_heading_and_knows_its_path(tmp_path: Path) -> None:
    body = PROSE * 6
    document = _markdown(tmp_path, f"# Harbour\n\n{body}\n## Storms\n\n{body}\n# Locks\r\n\r\n{body}")
    chunks = chunk(document)
    assert [item.heading for item in chunks] == ["Harbour", "Harbour > Storms", "Locks"]
    assert [words.splitlines()[0] for words in _words(document, chunks)] == [
        "# Harbour",
        "## Storms",
        "# Locks",
    ]


def test_small_sections_under_one_top_heading_are_put_together(tmp_path: Path) -> None:
    document = _markdown(
        tmp_path,
        "# Top\n\n## A\n\nSome few words.\n\n## B\n\nSome more words.\n\n# Other\n\n" + "It goes on. " * 20,
    )
    assert [words.split()[1] for words in _words(document, chunk(document))] == ["Top", "Other"]


def test_heading_path_of_every_chunk_is_that_of_the_document(tmp_path: Path) -> None:
    parts = [f"{'#' * (1 + n % 4)} Heading {n}\n\n{PROSE * (n % 7)}\n" for n in range(40)]
    document = _markdown(tmp_path, "".join(parts))
    for item in chunk(document):
        line_end = document.text.index("\n", item.span.start)
        assert item.heading == document.heading_path(line_end)


def test_page_number_alone_is_no_passage() -> None:
    text = PROSE * 3 + "\n5"
    document = _document(
        text, "pdf", pages=(Span(0, len(text)),), headings=(Heading(Span(0, 8), 1, text[:8]),)
    )
    assert len(chunk(document)) == 1


def test_rows_of_a_table_stay_whole_and_carry_the_header() -> None:
    rows = ["city,people,note"] + [
        f'Zürich {n},{n * 1000},"a ""quoted"" note,\nwith a line end"' for n in range(100)
    ]
    document = _document("\r\n".join(rows), "csv")
    chunks = chunk(document)
    assert len(chunks) > 5
    assert chunks[0].heading == "" and {item.heading for item in chunks[1:]} == {"city,people,note"}
    for words in _words(document, chunks)[1:]:
        assert words.startswith("Zürich") and words.endswith('line end"')


def test_first_row_with_numbers_is_no_header() -> None:
    document = _document("\n".join(f"{n},Bern,{n * n}" for n in range(300)), "csv")
    assert {item.heading for item in chunk(document)} == {""}


def test_quote_that_is_never_closed_does_not_swallow_the_table() -> None:
    document = _document("\n".join(["a,b", '5" pipe,x', *(f"row {n},value" for n in range(200))]), "csv")
    assert all(words.count("\n") > 5 for words in _words(document, chunk(document)))


def test_lines_of_jsonl_stay_whole() -> None:
    document = _document("\n".join(json.dumps({"n": n, "text": "words " * 20}) for n in range(50)), "jsonl")
    for words in _words(document, chunk(document)):
        assert all(json.loads(line) for line in words.splitlines())


def test_row_longer_than_a_passage_is_cut() -> None:
    document = _document("name\n" + "word " * 1000, "csv")
    _assert_exact(document.text, [item.span for item in chunk(document)], 1000)


@pytest.mark.parametrize(
    "unit",
    [
        "x",
        "word ",
        " ",
        "\n",
        "\r",
        "他来了。",
        "“",
        "a\n",
        "\n \n",
        "(a. b) ",
        '"',
        "e\u0301",
        "1,2\n",
        "# a\n",
        "<p>",
    ],
)
@pytest.mark.parametrize("format", ["text", "csv"])
def test_time_grows_with_the_text_not_with_its_square(unit: str, format: str) -> None:
    def seconds(size: int) -> float:
        document = _document(unit * (size // len(unit)), format)
        taken = []
        for _ in range(2):
            start = time.thread_time()  # not the time that others had the processor
            chunk(document)
            taken.append(time.thread_time() - start)
        return min(taken)

    assert seconds(400_000) < 12 * max(0.03, seconds(100_000))


def test_too_small_a_size_is_a_programming_mistake() -> None:
    with pytest.raises(ValueError, match="at least 50"):
        chunk(_document("a"), chunk_chars=10)


def test_chunks_of_neighbours_do_not_overlap() -> None:
    document = _document(PROSE * 200)
    chunks = chunk(document)
    assert all(before.span.end <= after.span.start for before, after in pairwise(chunks))


@pytest.mark.parametrize("blank", ["\xa0", "\u202f", "\u2003", "\u3000", "\u2028", "\x85"])
def test_a_blank_of_several_bytes_before_a_full_stop_panics_nobody(blank: str) -> None:
    """sentencex panics over it; a panic is no Exception and would end the program."""
    text = f"Vitamin B {blank}. It is found in seeds. " + "Zürich has many of them. " * 50
    found = [text[span.start : span.end] for span in sentences(text)]
    assert found[-2:] == ["Zürich has many of them."] * 2
    assert "".join("".join(found).split()) == "".join(text.split())
    assert len(chunk(Document("a.txt", "0" * 64, text, "text", ""))) > 1


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_the_kind_of_line_end_changes_no_sentence_and_no_passage(end):
    lines = [
        "The committee met in the town hall on the evening of the fourth of May and",
        "spoke about the roof, which had let in the rain since the storm in the last",
        "week of February. It was agreed that two firms be asked for their price.",
        "",
        "The next meeting is in June.",
    ]
    plain, other = "\n".join(lines), end.join(lines)
    assert [" ".join(plain[s.start : s.end].split()) for s in sentences(plain)] == [
        " ".join(other[s.start : s.end].split()) for s in sentences(other)
    ]
    assert len(sentences(other)) == 3
