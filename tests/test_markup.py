"""Nothing that a document, a file name or a model says becomes markup."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import DocumentInfo, Failure, Hit, Passage, Progress, Report, Span
from page.clicks import pair, read_unticked
from page.conversation import State, Turn
from page.markup import answer_html, confidence_words, escape, printable, question_html, shorten, turn_html
from page.sources import progress_html, report_html, sentence_html, sources_html
from qa.answer import Answer, Citation
from qa.cite import escape as as_markdown

HOSTILE = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "' onmouseover='alert(1)",
    "${alert(1)} {{value}} \\x3cimg src=x onerror=alert(1)\\x3e",
    "![x](https://evil.example/x.png) [x](javascript:alert(1))",
    "</p></div><iframe src=https://evil.example>",
    "`​``mermaid\ngraph TD; A[<img src=https://evil.example/x>]\n```",
    "<style>@import 'https://evil.example'</style>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "\u202egnp.exe\u202c \x00 \ud800 line\r\nbreak\n\n# heading",
]
OURS = {
    *("a", "b", "bdi", "br", "button", "blockquote", "details", "div", "h2", "header", "i", "img", "input"),
    *("label", "li", "mark", "nav", "ol", "p", "path", "small", "span", "strong", "summary", "svg", "ul"),
}


class Parsed(HTMLParser):
    """The elements, attributes and visible text of a piece of HTML."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_data(self, data):
        self.text += data


def is_harmless(html: str) -> bool:
    """Whether the HTML holds our own elements alone, none of which runs, loads or leads away."""
    parsed = Parsed(html)
    links = [value for name, value in parsed.attributes if name in {"href", "src"}]
    return (
        set(parsed.tags) <= OURS
        and not any(name.startswith("on") for name, _ in parsed.attributes)
        and all(link.startswith(("#", "data:image/webp;base64,")) for link in links)
    )


def citation(marker=1, source="a.pdf", quote="the words", page=4):
    return Citation(marker, source, "0" * 64, 10, 10 + len(quote), quote, page)


def answered(text, citations=(), *, refused=False, confidence=0.9, hits=()):
    answer = Answer(
        "q", text, refused, confidence, tuple(citations), tuple(hits), {"read": 12.0, "total": 20.0}, "reader"
    )
    return Turn(3, "q", State.DONE, text, tuple(hits), tuple(citations), answer)


def hit(text, source="a.pdf"):
    return Hit(Passage(1, source, Span(5, 5 + len(text)), text, "", 2), 1.0, "hybrid")


@given(st.text())
def test_escaped_text_reads_as_it_was(text):
    assert Parsed(f"<p>{escape(text)}</p>").text.replace("\r", "") == printable(text).replace("\r", "")
    assert set(Parsed(f"<p>{escape(text)}</p>").tags) == {"p"}


@given(st.text(alphabet=st.characters()))
def test_printable_keeps_length_and_can_be_sent(text):
    assert len(printable(text)) == len(text)
    printable(text).encode("utf-8")


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_words_stay_words_in_every_place(bad):
    words = as_markdown(" ".join(bad.split()))
    turns = [
        answered(f"{words} [1]", [citation(source=bad, quote=bad)], hits=[hit(bad, bad)]),
        answered(words, refused=True, confidence=0.1, hits=[hit(bad, bad)]),
        answered(bad.replace("[", "(").replace("]", ")")),
        Turn(1, bad, State.FAILED, error=bad),
        Turn(1, bad, State.STOPPED, text=bad),
        Turn(1, bad, State.STREAMING, text=bad),
        Turn(1, bad, State.SEARCHING, hits=(hit(bad, bad),)),
    ]
    info = DocumentInfo(bad, "0" * 64, 1, 1, 0)
    report = Report(1, 0, 0, 0, (Failure(bad, bad),), 1, 1, 0.1)
    pieces = [
        *map(turn_html, turns),
        question_html(bad),
        sources_html([info] * 9),
        progress_html(Progress(bad, "read", 0, 2)),
        report_html(report),
        sentence_html(bad),
    ]
    for piece in pieces:
        assert is_harmless(piece), piece


def test_marks_that_reorder_a_file_name_are_spelled_out():
    bad = "fdp\u202egnp.\u2066exe"
    info = DocumentInfo(bad, "0" * 64, 1, 1, 0)
    turn = turn_html(answered("Words. [1]", [citation(source=bad)], hits=[hit("words", bad)]))
    row = sources_html([info])
    for piece in (turn, row.replace(f'data-source="{bad}"', "")):
        assert "\u202e" not in piece and "\u2066" not in piece
    assert turn.count(r"fdp\u202egnp.\u2066exe") == 4  # tooltip and label of the chip, reference, passage
    assert f'data-source="{bad}"' in row  # by which it is removed


@pytest.mark.parametrize("bad", HOSTILE)
def test_a_message_is_one_block_without_a_line_break(bad):
    for html in (question_html(bad), turn_html(answered(as_markdown(bad), hits=[hit(bad, bad)]))):
        assert html.startswith("<div ")
        assert "\n" not in html and "\r" not in html


def test_markers_become_chips_that_say_where_they_lead():
    html = answer_html(
        "**Bold.** [1] More. [2] And [3].", 7, {1: citation(), 2: citation(2, "b.md", page=None)}
    )
    parsed = Parsed(html)
    links = [value for name, value in parsed.attributes if name == "href"]
    assert links == ["#cite-7-1", "#cite-7-2"]
    assert ("aria-label", "Citation 1: a.pdf, page 4") in parsed.attributes
    assert ("title", "“the words” (b.md)") in parsed.attributes
    assert parsed.text == "Bold.\u20601 More.\u20602 And [3]."
    assert "<strong>Bold.</strong>" in html


def test_brackets_of_a_document_are_no_chips():
    html = answer_html(as_markdown("see note [1] there") + " [1]", 1, {1: citation()})
    assert html.count("#cite-1-1") == 1
    assert "note [1] there" in Parsed(html).text


def test_paragraphs_of_an_answer_stay_apart():
    assert answer_html("One.\n\nTwo.", 1, {}).count("<p ") == 2


def test_a_refusal_looks_different_and_shows_what_was_near():
    refused = turn_html(answered("No.", refused=True, confidence=0.05, hits=[hit("near words")]))
    given_ = turn_html(answered("Yes [1].", [citation()], hits=[hit("near words")]))
    assert "cs-refused" in refused and "Not in your documents" in refused and "<details" in refused
    assert " open" in refused and " open" not in given_
    assert "cs-supported" in given_ and "Well supported" in given_
    assert 'href="#hit-3-1"' in refused


@pytest.mark.parametrize(
    ("confidence", "level"), [(0.95, "high"), (0.8, "high"), (0.6, "medium"), (0.2, "low")]
)
def test_confidence_is_said_in_words(confidence, level):
    turn = answered("x [1]", [citation()], confidence=confidence)
    assert turn.answer is not None
    assert confidence_words(turn.answer)[1] == level


@given(st.text(), st.integers(2, 60))
def test_shortened_text_fits(text, chars):
    assert len(shorten(text, chars)) <= chars
    assert shorten("a b", 10) == "a b"


def test_an_upload_says_what_failed_and_why():
    html = report_html(
        Report(2, 0, 1, 0, (Failure("x.pdf", "x.pdf is encrypted."), Failure("y", "No.")), 3, 9, 1.0)
    )
    assert Parsed(html).text == "2 added, 1 unchanged.x.pdf is encrypted.y: No."


@pytest.mark.parametrize("sent", ["", "[", "7", "{}", "null", '"a"', "[1, null, {}]"])
def test_a_malformed_list_of_ticks_unticks_nothing(sent):
    assert read_unticked(sent) == frozenset()
    assert read_unticked('["a.md", 3]') == {"a.md"}


@pytest.mark.parametrize("sent", ["", "1", "1-", "-1", "a-b", "1-2-3", "1--2", "9" * 30 + "-1", "²-1"])
def test_a_malformed_citation_number_leads_nowhere(sent):
    assert pair(sent) is None
    assert pair("12-3") == (12, 3)
