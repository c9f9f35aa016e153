"""Nothing that a document, a file name or a model says becomes markup."""

from dataclasses import replace
from functools import reduce
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from index.types import DocumentInfo, Failure, Hit, Passage, Progress, Report, Span
from page.clicks import pair, read_unticked
from page.conversation import State, Turn
from page.markup import escape, printable, shorten
from page.sources import sources_html
from page.turns import answer_html, confidence_words, question_html, turn_html
from page.uploads import Batches, Stage, Upload, advance, sentence_html, uploads_html
from page.words import words_for
from qa.answer import Answer, Citation
from qa.cite import escape as as_markdown

ENGLISH = words_for("en")
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
    *("a", "b", "bdi", "blockquote", "br", "button", "dd", "details", "div", "dl", "dt", "h2", "header", "i"),
    *("img", "input", "label", "li", "mark", "nav", "ol", "p", "path", "q", "small", "span", "strong"),
    *("summary", "svg", "ul"),
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
        and all(link.startswith(("#", "data:image/webp;base64,", "/original?source=")) for link in links)
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
        *(turn_html(turn, ENGLISH) for turn in turns),
        question_html(bad),
        sources_html([info] * 9, ENGLISH),
        uploads_html([Upload(bad, stage, 0.5, bad) for stage in Stage], [info], ENGLISH, [report]),
        sentence_html(bad),
    ]
    for piece in pieces:
        assert is_harmless(piece), piece


def test_marks_that_reorder_a_file_name_are_spelled_out():
    bad = "fdp\u202egnp.\u2066exe"
    info = DocumentInfo(bad, "0" * 64, 1, 1, 0)
    turn = turn_html(answered("Words. [1]", [citation(source=bad)], hits=[hit("words", bad)]), ENGLISH)
    row = sources_html([info], ENGLISH)
    for piece in (turn, row.replace(f'data-source="{bad}"', "")):
        assert "\u202e" not in piece and "\u2066" not in piece
    assert turn.count(r"fdp\u202egnp.\u2066exe") == 3  # tooltip of the chip, reference, passage
    assert f'data-source="{bad}"' in row  # by which it is removed


@pytest.mark.parametrize("bad", HOSTILE)
def test_a_message_is_one_block_without_a_line_break(bad):
    for html in (question_html(bad), turn_html(answered(as_markdown(bad), hits=[hit(bad, bad)]), ENGLISH)):
        assert html.startswith("<div ")
        assert "\n" not in html and "\r" not in html


def test_markers_become_chips_that_say_where_they_lead():
    html = answer_html(
        "**Bold.** [1] More. [2] And [3].", 7, {1: citation(), 2: citation(2, "b.md", page=None)}, ENGLISH
    )
    parsed = Parsed(html)
    links = [value for name, value in parsed.attributes if name == "href"]
    assert links == ["#cite-7-1", "#cite-7-2"]
    assert ("title", "“the words” (a.pdf, page 4)") in parsed.attributes
    assert ("title", "“the words” (b.md)") in parsed.attributes
    assert parsed.text == "Bold.\u20601 More.\u20602 And [3]."
    assert "<strong>Bold.</strong>" in html


def test_brackets_of_a_document_are_no_chips():
    html = answer_html(as_markdown("see note [1] there") + " [1]", 1, {1: citation()}, ENGLISH)
    assert html.count("#cite-1-1") == 1
    assert "note [1] there" in Parsed(html).text


def test_paragraphs_of_an_answer_stay_apart():
    assert answer_html("One.\n\nTwo.", 1, {}, ENGLISH).count("<p ") == 2


def test_a_refusal_looks_different_and_shows_what_was_near():
    refused = turn_html(answered("No.", refused=True, confidence=0.05, hits=[hit("near words")]), ENGLISH)
    given_ = turn_html(answered("Yes [1].", [citation()], hits=[hit("near words")]), ENGLISH)
    assert "cs-refused" in refused and "Not in your documents" in refused and "<details" in refused
    assert '<details class="cs-nearest" open' in refused and " open" not in given_
    assert "cs-supported" in given_ and "Well supported" in given_
    assert 'href="#hit-3-1"' in refused


@pytest.mark.parametrize(
    ("confidence", "level"), [(0.95, "high"), (0.8, "high"), (0.6, "medium"), (0.2, "low")]
)
def test_confidence_is_said_in_words(confidence, level):
    turn = answered("x [1]", [citation()], confidence=confidence)
    assert turn.answer is not None
    assert confidence_words(turn.answer, ENGLISH)[1] == level


@given(st.text(), st.integers(2, 60))
def test_shortened_text_fits(text, chars):
    assert len(shorten(text, chars)) <= chars
    assert shorten("a b", 10) == "a b"


def test_an_upload_says_what_failed_and_why():
    report = Report(2, 0, 1, 0, (Failure("x.pdf", "x.pdf is encrypted."), Failure("up/y", "No.")), 3, 9, 1.0)
    uploads = advance([Upload("a.pdf"), Upload("x.pdf"), Upload("y")], report)
    html = uploads_html(uploads, [DocumentInfo("a.pdf", "0" * 64, 1, 7, 3)], ENGLISH, [report])
    said = Parsed(html).text
    assert "2 added, 1 unchanged, 2 not added" in said
    assert said.endswith("x.pdfis encrypted.yNo.a.pdf3 pages")  # what failed comes first


@pytest.mark.parametrize("sent", ["", "[", "7", "{}", "null", '"a"', "[1, null, {}]"])
def test_a_malformed_list_of_ticks_unticks_nothing(sent):
    assert read_unticked(sent) == frozenset()
    assert read_unticked('["a.md", 3]') == {"a.md"}


@pytest.mark.parametrize("sent", ["", "1", "1-", "-1", "a-b", "1-2-3", "1--2", "9" * 30 + "-1", "²-1"])
def test_a_malformed_citation_number_leads_nowhere(sent):
    assert pair(sent) is None
    assert pair("12-3") == (12, 3)


def test_an_upload_is_told_file_by_file():
    uploads = (Upload("a.pdf"), Upload("b.txt"), Upload("c.txt"))

    def stages(*steps):
        return [upload.stage.value for upload in reduce(advance, steps, uploads)]

    first, second = Progress("a.pdf", "read", 0, 3), Progress("up/b.txt", "read", 1, 3)
    ended = Progress("", "read", 3, 3)
    assert stages(first) == ["reading", "waiting", "waiting"]
    assert stages(first, second) == ["indexing", "reading", "waiting"]
    assert stages(first, second, ended)[:2] == ["indexing", "indexing"]
    held = [DocumentInfo("a.pdf", "0" * 64, 1, 7, 3)]
    encoded = advance(reduce(advance, (first, second), uploads), Progress("a.pdf", "encode", 30, 40))
    assert [upload.share for upload in encoded] == [0.75, 0.0, 0.0]
    assert "a.pdf3 pages · 75 % indexed" in Parsed(uploads_html(encoded, held, ENGLISH)).text
    unread = Parsed(uploads_html(encoded, [], ENGLISH)).text
    assert "a.pdfread" in unread and "indexed" not in unread, "what cannot be read cannot be asked"


def test_files_that_are_added_during_an_upload_are_shown_with_it():
    batches = Batches()

    def said():
        return Parsed(batches.html("tab", [], ENGLISH)).text

    first = batches.begin("tab", ["a.pdf"])
    first.advance(Progress("a.pdf", "read", 0, 1))
    second = batches.begin("tab", ["b.txt"])
    assert said() == "a.pdfreadingb.txtwaiting"
    first.advance(Report(0, 0, 0, 0, (Failure("a.pdf", "a.pdf is encrypted."),), 0, 0, 0.1))
    assert "is encrypted." in said() and "b.txtwaiting" in said()
    second.advance(Report(1, 0, 0, 0, (), 1, 1, 0.1))
    assert said().startswith("1 added, 1 not added") and "is encrypted." in said()
    batches.begin("tab", ["c.txt"])
    assert said() == "c.txtwaiting"
    assert Parsed(batches.html("another", [], ENGLISH)).text == ""


def test_a_passage_says_where_else_it_stands():
    copied = replace(hit("near words"), also=("b.pdf", *(f"c{n}.pdf" for n in range(6))))
    said = Parsed(turn_html(answered("Yes [1].", [citation()], hits=[copied, hit("alone")]), ENGLISH)).text
    assert "near words" + "also in b.pdf, c0.pdf, c1.pdf, c2.pdf, c3.pdf and 2 more" in said
    assert said.count("also in") == 1


def test_the_beginning_of_a_passage_is_shown_without_the_signs_of_markdown():
    text = "## Membership\n\n**Who** pays `dues`? # 3 and C#"
    shown = [hit(text, "a.md"), hit(text, "a.txt")]
    said = Parsed(turn_html(answered("No.", refused=True, hits=shown), ENGLISH)).text
    assert "Membership Who pays dues? # 3 and C#" in said
    assert "## Membership **Who** pays `dues`? # 3 and C#" in said
