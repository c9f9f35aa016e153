"""The interface speaks every language of its catalogue, and nothing but its catalogue."""

import re
import string
from dataclasses import replace
from html.parser import HTMLParser

import pytest

from index.types import Document, DocumentInfo, Failure, Hit, Passage, Report, Span
from page.brand import brand_html, foot_html, top_html, welcome_html
from page.conversation import Shown, State, Turn
from page.sources import sources_html
from page.turns import turn_html
from page.uploads import Stage, Upload, uploads_html
from page.viewer import empty_view, missing_view, text_view
from page.words import COOKIE, DEFAULT, Words, languages, words_for, words_of
from qa.answer import Answer, Citation, Sentence
from qa.ask import REFUSAL

ENGLISH = languages()[DEFAULT]


def names(template):
    """The names of the values that a template takes."""
    return {field for _, field, _, _ in string.Formatter().parse(template) if field is not None}


def test_english_comes_first_and_german_is_there():
    assert next(iter(languages())) == "en" and "de" in languages()


@pytest.mark.parametrize("words", languages().values(), ids=lambda words: words.language)
def test_every_language_has_the_same_keys_and_values(words):
    assert list(words.texts) == list(ENGLISH.texts)
    for key, text in words.texts.items():
        assert names(text) == names(ENGLISH.texts[key]), key
        assert text.strip(), key


@pytest.mark.parametrize(
    ("wanted", "accepted", "language"),
    [
        ("", "", "en"),
        ("de", "", "de"),
        ("de", "en-GB,en;q=0.9", "de"),
        ("", "de-AT,de;q=0.9,en;q=0.8", "de"),
        ("", "en;q=0.5, de;q=0.9", "de"),
        ("", "fr, de;q=0", "en"),
        ("xx", "tlh;q=1,de;q=0.1", "de"),
        ("../../etc/passwd", "de;q=,;;,q=x", "en"),
        ("", "," * 10_000, "en"),
    ],
)
def test_the_switch_wins_over_the_browser_and_the_browser_over_english(wanted, accepted, language):
    assert words_for(wanted, accepted).language == language


def test_a_request_says_which_language_it_wants():
    class Request:
        cookies = {COOKIE: "de"}  # noqa: RUF012
        headers = {"accept-language": "en"}  # noqa: RUF012

    assert words_of(Request()).language == "de"
    assert words_of(object()).language == "en"


def test_numbers_and_nouns_follow_the_language():
    german = languages()["de"]
    assert ENGLISH.counted(1, "passage") == "1 passage"
    assert ENGLISH.counted(12_345, "passage") == "12,345 passages"
    assert german.counted(12_345, "passage") == "12.345 Abschnitte"
    assert (ENGLISH.decimal(1.25), german.decimal(1.35)) == ("1.2", "1,4")


def test_words_become_html_that_shows_them():
    words = Words("xx", {"key": '<"{value}">'})
    assert words.html("key", value="<b>kept</b>") == "&lt;&quot;<b>kept</b>&quot;&gt;"
    assert words("key", value=1) == '<"1">'


def unspoken():
    """A language of which every word is a sign: what is left in letters was never in the catalogue."""
    texts = {
        key: "§" + "".join(f"{{{name}}}" for name in sorted(names(text)))
        for key, text in ENGLISH.texts.items()
    }
    return Words("xx", texts)


class Readable(HTMLParser):
    """What a piece of HTML shows or says: its text, and the attributes that are read out or hovered."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.said = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.said += [value for name, value in attrs if name in {"aria-label", "title", "placeholder", "alt"}]

    def handle_data(self, data):
        self.said.append(data)


def test_no_word_of_the_page_is_written_anywhere_but_in_the_catalogue():
    words, text = unspoken(), "7 8 9\n1 2 3\n"
    passage = Passage(1, "0.pdf", Span(0, 5), "7 8 9", "", 1)
    hits, cited = (Hit(passage, 1.0, "hybrid"),), (Citation(1, "0.pdf", "0" * 64, 0, 5, "7 8 9", 1),)
    timings = {"retrieve": 1.0, "read": 2.0, "cite": 1.0, "generate": 1.0, "check": 1.0, "total": 2000.0}
    answer = Answer("1?", "7 [1]", False, 0.9, cited, hits, timings, "0", "2?", (Sentence(0, 5, 0.2, True),))
    refusal = Answer("1?", REFUSAL, True, 0.1, (), hits, timings, "0")
    turns = [
        Turn(1, "1?", state, "7 [1]", hits, cited, answer if state is State.DONE else None, "0")
        for state in State
    ]
    turns.append(replace(turns[2], answer=refusal, text=REFUSAL, citations=()))
    turns.append(replace(turns[2], searched="2?", following=("3?",)))
    info = [DocumentInfo(f"{number}.pdf", "0" * 64, 9, 2, number) for number in range(12)]
    report = Report(1, 1, 1, 0, (Failure("1.pdf", "0"),), 3, 9, 1.0)
    document = {
        "source": "0.pdf",
        "sha256": "0" * 64,
        "text": text,
        "title": "",
        "pages": (Span(0, 6), Span(6, 12)),
    }
    shown = Shown("0.pdf", Span(0, 1), (Span(2, 3),), "citation", 1, 1, 2)
    long = Document(**{**document, "text": "7 8 9\n" * 20_000, "pages": ()}, format="text")
    said = [
        *(turn_html(turn, words) for turn in turns),
        sources_html(info, words),
        sources_html((), words),
        *(uploads_html([Upload("1.pdf", stage, 0.5, "0")], info, words, [report]) for stage in Stage),
        *(page(words) for page in (brand_html, top_html, welcome_html, foot_html, empty_view)),
        missing_view("0.pdf", words),
        *(
            text_view(Document(**document, format=format), replace(shown, as_text=as_text), words)
            for format in ("text", "markdown", "csv", "python", "pdf")
            for as_text in (False, True)
        ),
        text_view(long, Shown("0.pdf", Span(60_000, 60_001), (), "passage", 1, 1, 2), words),
    ]
    ours = re.compile(
        "|".join(["Citespan", r"\d+\.pdf", *(other("language") for other in languages().values())])
    )
    for html in said:
        for text in Readable(html).said:
            assert not re.search(r"[A-Za-z]{2,}", ours.sub("", text)), (text, html)
