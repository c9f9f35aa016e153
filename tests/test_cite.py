"""Citations are slices, and document words never look like our markup."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.types import Document, Span
from qa.answer import MARKER, Answer
from qa.cite import cite, collapse, escape, pieces, without_markup

TEXT = "Zürich 東京 🌧️\r\nThe harbour [1] costs **5 €**.\fPage two."
DOCUMENT = Document("a.pdf", "ab" * 32, TEXT, "pdf", "", (Span(0, 44), Span(45, len(TEXT))))

MARKUP = st.text(
    st.sampled_from("*_`[]()<>&;#+-=~$|\\!.:0123456789٣ab é東\t\n\r\x1b\u2028\u202e🌧"), max_size=40
)


@settings(deadline=None)
@given(st.integers(0, len(TEXT) - 1), st.integers(1, len(TEXT)))
def test_a_quote_is_the_text_at_its_offsets(start, end):
    if start >= end or not TEXT[start:end].strip():
        with pytest.raises(ValueError):
            cite(DOCUMENT, start, end, 1)
        return
    citation = cite(DOCUMENT, start, end, 1)
    assert TEXT[citation.start : citation.end] == citation.quote
    assert citation.sha256 == DOCUMENT.sha256
    assert citation.page == (1 if start < 45 else 2)


@pytest.mark.parametrize(("start", "end"), [(-3, 4), (3, 3), (5, 2), (0, len(TEXT) + 1), (12, 14)])
def test_nothing_is_cited_outside_the_text_nor_a_blank(start, end):
    with pytest.raises(ValueError):
        cite(DOCUMENT, start, end, 1)


@settings(deadline=None)
@given(MARKUP)
def test_words_come_back_from_their_markdown(words):
    line = collapse(words)
    assert "".join(piece.text for piece in pieces(escape(line))) == line
    assert all(piece.kind == "plain" for piece in pieces(escape(line)))
    assert without_markup(escape(line)) == line


@settings(deadline=None)
@given(MARKUP, MARKUP, MARKUP)
def test_only_our_own_bold_and_markers_are_read_back(before, words, after):
    before, words, after = collapse(before), collapse(words) or "x", collapse(after)
    text = f"{escape(before)}**{escape(words)}**{escape(after)} [1]"
    assert MARKER.findall(text) == ["1"]
    found = [(piece.kind, piece.text) for piece in pieces(text)]
    expected = [("plain", before)] if before else []
    assert found == [*expected, ("bold", words), ("plain", f"{after} "), ("marker", "1")]


@settings(deadline=None)
@given(MARKUP)
def test_a_line_has_no_controls_and_only_single_blanks(words):
    line = collapse(words)
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u202a-\u202e]|\s\s|^\s|\s$", line)


@pytest.mark.parametrize(
    "words",
    [
        "The budget (2021) was 5.3 million €, snake_case stays; it's 20% - or 1/3!",
        "2 < 3 and 5 > 4 & so on, see https://example.org/a_b?c=1&d=2",
        "In Zürich kostet es 5 $; 東京は晴れ。",
    ],
)
def test_plain_prose_is_not_escaped(words):
    assert escape(words) == words


@pytest.mark.parametrize(
    ("words", "markdown"),
    [
        ("as shown in [3]", r"as shown in \[3\]"),
        ("[link](http://x)", r"\[link\](http://x)"),
        ("**bold** and `code`", r"\*\*bold\*\* and \`code\`"),
        ("<img src=x> &amp; <b>", r"\<img src=x> \&amp; \<b>"),
        ("# no heading", r"\# no heading"),
        ("- no list", r"\- no list"),
        ("3. no list", r"3\. no list"),
        ("> no quote", r"\> no quote"),
        ("-5 degrees", "-5 degrees"),
        ("___so___", r"\_\_\_so\_\_\_"),
        ("_so_ called", r"\_so\_ called"),
        (r"C:\new\*", r"C:\new\\\*"),
    ],
)
def test_markup_in_documents_is_shown_as_it_stands(words, markdown):
    assert escape(words) == markdown


def answer(text, citations=(), refused=False):
    return Answer("q", text, refused, 0.5, tuple(citations), (), {}, "reader")


def test_markers_and_citations_are_a_bijection():
    first, second = cite(DOCUMENT, 0, 6, 1), cite(DOCUMENT, 7, 9, 2)
    assert answer("a [1] b [2] c [1]", [first, second]).citations == (first, second)
    for text, citations in [
        ("a", [first]),
        ("a [1] [2]", [first]),
        ("a [2]", [second]),
        ("a [1]", [first, first]),
    ]:
        with pytest.raises(ValueError):
            answer(text, citations)


def test_a_refusal_cites_nothing():
    with pytest.raises(ValueError):
        answer("no [1]", [cite(DOCUMENT, 0, 6, 1)], refused=True)
