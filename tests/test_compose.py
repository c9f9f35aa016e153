"""From findings to what is shown: evidence that agrees, lists that read as lists, markers at their words."""

from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.chunk import sentences
from index.types import Document, Hit, Passage, Span
from page.turns import answer_html
from page.words import words_for
from qa.answer import MARKER
from qa.cite import pieces, without_markup
from qa.compose import Finding, locate, write
from qa.read import AnswerSpan
from qa.verify import verify

LOAN = (
    "The interest is 4.5% p.a. and falls due each quarter. A late fee of £4 is charged. "
    "Berg Bank lends the money. Anna Berg signed. The rate of 4.5% holds until May. It ends in 2031."
)
LISTS = (
    "The parties shall:\n\n(a) meet once a year;\n\n(b) keep separate books.\n\n"
    "Founders:\n* Mira Stone\n* Tom Hale\n* Ivo Lund\n\n"
    "Steps:\n1. Close the valve.\n2. Open the drain."
)


def document(text, kind="text"):
    return Document("a.txt", "ab" * 32, text, kind, "")


def finding(text, words, probability, kind="text", source="a.txt"):
    """A finding of the words where they first stand in the text."""
    start = text.index(words)
    span = Span(start, start + len(words))
    parts = [part for part in sentences(text) if part.overlaps(span)]
    whole = Span(min(span.start, parts[0].start), max(span.end, parts[-1].end))
    return Finding(Document(source, "ab" * 32, text, kind, ""), span, whole, probability)


def written(text, found, kind="text", **options):
    """The text of an answer and what it cites, in the order of the markers; every citation is a slice."""
    findings = [finding(text, words, probability, kind) for words, probability in found.items()]
    parts = list(write(findings, **{"further": 5} | options))
    shown, citations = "".join(part for part, _ in parts), [citation for _, citation in parts]
    assert [citation.marker for citation in citations] == list(range(1, len(parts) + 1))
    assert {int(number) for number in MARKER.findall(shown)} == {c.marker for c in citations}
    assert all(text[c.start : c.end] == c.quote for c in citations)
    return shown, [citation.quote for citation in citations]


@pytest.mark.parametrize(
    ("answer", "other"),
    [("4.5%", "£4"), ("Berg Bank", "Berg"), ("4.5% p.a.", "A late fee"), ("2031", "4.5% holds")],
)
def test_one_word_or_digit_that_coincides_is_no_agreement(answer, other):
    _, quotes = written(LOAN, {answer: 0.9, other: 0.5})
    assert quotes == [answer]


def test_a_whole_number_that_stands_in_another_sentence_agrees():
    text = "It costs 308 euros. In 2020 the price was 308. They paid 3,080."
    _, quotes = written(text, {"308 euros": 0.9, "was 308": 0.5, "3,080": 0.5})
    assert quotes == ["308 euros", "In 2020 the price was 308."]


def test_what_agrees_but_is_far_less_probable_is_no_evidence():
    text = "Ada Lindqvist chairs the board. Ada Lindqvist swims."
    findings = [finding(text, "Ada Lindqvist", 0.9)]
    swims = Span(text.rindex("Ada"), text.rindex(" swims"))
    for probability, shown in ((0.3, 2), (0.2, 1)):
        other = Finding(document(text), swims, Span(swims.start, len(text)), probability)
        assert len(list(write([*findings, other], further=5))) == shown


def test_beside_a_guess_that_is_hardly_probable_another_guess_is_no_evidence():
    assert len(written(LOAN, {"Berg Bank": 0.9, "2031": 0.8})[1]) == 2
    assert len(written(LOAN, {"Berg Bank": 0.3, "2031": 0.29})[1]) == 1


def test_each_marker_stands_behind_its_own_bold_words_and_the_best_answer_is_marked_1():
    text = "In 1913 Ada Lind and Tom Hale (a smith) of Zürich 東京 founded it."
    shown, quotes = written(text, {"Tom Hale": 0.9, "Ada Lind": 0.8, "東京": 0.7}, several=True)
    assert (
        shown == "In 1913 **Ada Lind** [2] and **Tom Hale** [1] (a smith) of Zürich **東京** [3] founded it."
    )
    assert quotes == ["Tom Hale", "Ada Lind", "東京"]


def test_a_marker_before_a_bracket_is_no_link():
    shown, _ = written("Use sin(x) and cos(y).", {"sin": 0.9, "cos": 0.9}, several=True)
    assert shown == "Use **sin** [1] (x) and **cos** [2] (y)."


def test_the_page_draws_markers_between_words_as_chips_and_items_on_lines():
    shown, _ = written(LISTS, {"Mira Stone\n* Tom Hale": 0.9}, several=True)
    html = answer_html(shown, 1, {}, words_for("en"))
    assert "<br>- <strong>Tom Hale</strong> [1]</p>" in html and "*" not in html


def test_an_item_of_a_list_is_shown_without_its_sign_but_cited_where_it_stands():
    shown, quotes = written(LISTS, {"Tom Hale": 0.9})
    assert (shown, quotes) == ("**Tom Hale** [1]", ["Tom Hale"])
    assert written(LISTS, {"* Ivo Lund": 0.9}) == ("**Ivo Lund** [1]", ["* Ivo Lund"])
    assert written(LISTS, {"Open the drain": 0.9})[0] == "**Open the drain**. [1]"


def test_a_number_that_counts_nothing_stays():
    text = "Zürich ruht.\n\n3. Oktober ist Feiertag."
    assert written(text, {"Feiertag": 0.9})[0] == r"3\. Oktober ist **Feiertag**. [1]"


def test_signs_in_code_stay():
    assert written("- x\n- y", {"x": 0.9}, kind="code")[0] == r"\- **x** [1]"


def test_several_items_are_shown_as_a_list_with_one_citation():
    shown, quotes = written(LISTS, {"Mira Stone\n* Tom Hale\n* Ivo": 0.9})
    assert shown == "- **Mira Stone**\n- **Tom Hale**\n- **Ivo** Lund [1]"
    assert quotes == ["Mira Stone\n* Tom Hale\n* Ivo"]


def test_rows_are_shown_one_on_a_line():
    text = "Name,Badge,Place\nRoth,D-2,Hall\nFenn,D-3,Attic"
    shown, _ = written(text, {"Roth,D-2,Hall\nFenn": 0.9}, kind="csv")
    assert shown == "- **Roth,D-2,Hall**\n- **Fenn**,D-3,Attic [1]"


@pytest.mark.parametrize("gap", ["\n\n", "\r\n\r\n", "\n \t\n", "\f"])
def test_bold_never_crosses_a_blank_line_and_what_is_shown_is_cited(gap):
    text = f"House rules{gap}No pets at all. Quiet please."
    shown, quotes = written(text, {f"rules{gap}No pets at all": 0.9})
    assert (shown, quotes) == ("**No pets at all**. [1]", ["No pets at all"])


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_whatever_is_found_in_lists_each_line_of_bold_is_in_one_paragraph(data):
    start = data.draw(st.integers(0, len(LISTS) - 1))
    words = LISTS[start : data.draw(st.integers(start + 1, len(LISTS)))].strip()
    if words:
        shown, (quote,) = written(LISTS, {words: 0.9})
        assert "\n\n" not in quote and "\n\n" not in shown
        assert any(piece.kind == "bold" for piece in pieces(shown))


def test_signs_function_words_and_words_of_the_question_are_no_items():
    text = "(a) The founders may or shall meet between April and June, Mira Stone and Tom Hale said in May."
    found = {
        "Mira Stone": 0.9,
        "(a)": 0.9,
        "shall": 0.9,
        "between": 0.9,
        "may": 0.9,
        "founders": 0.9,
        "Tom Hale": 0.8,
        "in May": 0.7,
    }
    _, quotes = written(text, found, several=True, question="Who are the founders?", further=0)
    assert quotes == ["Mira Stone", "Tom Hale", "in May"]


def test_words_that_touch_an_answer_are_no_further_answer():
    shown, _ = written(LOAN, {"Bank": 0.9, "Berg": 0.8}, several=True, further=0)
    assert shown == "Berg **Bank** lends the money. [1]"


def test_a_document_is_read_once_for_all_its_findings():
    text = "Ada chairs. Tom swims."
    read = []

    def of(source):
        read.append(source)
        return document(text)

    hits = [Hit(Passage(1, "a.txt", Span(0, len(text)), text, "", None), 1.0, "dense")]
    spans = [AnswerSpan(0, 0, 3, "Ada", 1.0, 0.9), AnswerSpan(0, 12, 15, "Tom", 0.5, 0.8)]
    assert [it.words for it in locate(SimpleNamespace(document=of), hits, spans)] == ["Ada", "Tom"]
    assert read == ["a.txt"]


def test_words_with_a_marker_behind_each_are_verified_in_their_sentence():
    text = "In 1913 Ada Lind and Tom Hale founded it. Tom Hale sang."
    findings = [finding(text, words, 0.9) for words in ("Tom Hale", "Ada Lind")]
    parts = list(write(findings, further=0, several=True))
    answer = {
        "text": "".join(part for part, _ in parts),
        "citations": [
            {"marker": c.marker, "source": c.source, "sha256": c.sha256}
            | {"start": c.start, "end": c.end, "quote": c.quote}
            for _, c in parts
        ],
    }
    assert without_markup(answer["text"]) == "In 1913 Ada Lind [2] and Tom Hale [1] founded it."
    moved = f"Tom Hale rows. {text}"
    assert [(it.status, it.start) for it in verify(answer, None, text_of=lambda _: moved)] == [
        ("moved", moved.index("Tom Hale founded")),
        ("moved", moved.index("Ada Lind")),
    ]
