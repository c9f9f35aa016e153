"""What the viewer marks is what was cited, whatever else is in the document."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_markup import HOSTILE, is_harmless

from index.picture import Picture
from index.types import Box, Document, Heading, Span
from page.conversation import Shown
from page.markup import printable
from page.viewer import WINDOW_CHARS, cut_window, draw, page_html, text_view
from page.words import words_for

ENGLISH = words_for("en")

TEXT = "# Zürich 東京 🙂\r\n\r\nThe tower has 187 steps & <one> kitchen.\r\nBuilt in 1874.\r\n"


def document(text=TEXT, **more):
    return Document(
        **({"source": "a.md", "sha256": "0" * 64, "text": text, "format": "text", "title": ""} | more)
    )


class Marks(HTMLParser):
    """All text, that in `<mark>` elements, and that in elements of class cs-also."""

    def __init__(self, html):
        super().__init__(convert_charrefs=True)
        self.text, self.strong, self.soft, self.count, self._open = "", "", "", 0, []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        if tag in {"mark", "span"}:
            self._open.append("mark" if tag == "mark" else dict(attrs).get("class") or "")
        self.count += tag == "mark"

    def handle_endtag(self, tag):
        if tag in {"mark", "span"}:
            self._open.pop()

    def handle_data(self, data):
        self.text += data
        if "mark" in self._open:
            self.strong += data
        if any("cs-also" in name for name in self._open):
            self.soft += data


def drawn(document, window, strong, also):
    return draw(document, window, Shown("a.md", strong, tuple(also)), ENGLISH).html


def spans(text, words):
    return Span(text.index(words), text.index(words) + len(words))


def test_the_mark_is_exactly_the_quote():
    span = spans(TEXT, "has 187 steps & <one> kitchen.\r\nBuilt")
    marks = Marks(drawn(document(), Span(0, len(TEXT)), span, []))
    assert marks.strong == "has 187 steps & <one> kitchen.\r\nBuilt"
    assert marks.count == 1
    assert marks.text == TEXT


def test_other_citations_are_marked_softly_and_the_clicked_one_stays_whole():
    clicked, other, overlapping = spans(TEXT, "187 steps"), spans(TEXT, "1874"), spans(TEXT, "steps & <one>")
    marks = Marks(drawn(document(), Span(0, len(TEXT)), clicked, [other, overlapping]))
    assert marks.strong == "187 steps"
    assert marks.soft == "steps & <one>1874"
    assert marks.count == 1


ranges = st.tuples(st.integers(0, 80), st.integers(0, 80)).map(lambda pair: Span(min(pair), max(pair)))


# Texts in which every format finds its signs.
signs = st.text(alphabet=st.sampled_from(list("ab*_`#>-|[]()\\\"',: \n\r\t1é🙂<&")), max_size=80)
formats = st.sampled_from(["text", "markdown", "csv", "tsv", "xlsx", "python", "jsonl", "pdf"])


@settings(max_examples=400)
@given(
    st.text(max_size=80) | signs,
    formats,
    ranges,
    st.lists(ranges, max_size=4),
    st.lists(ranges, max_size=3),
    ranges,
)
def test_marks_hold_for_any_text_in_any_format_and_any_overlap(text, format, strong, also, headings, window):
    def clip(span):
        return Span(min(span.start, len(text)), min(span.end, len(text)))

    strong, window = clip(strong), Span(0, len(text)) if clip(strong).overlaps(clip(window)) else clip(window)
    half = len(text) // 2
    titles = tuple(Heading(clip(h), 1, "t") for h in sorted(headings, key=lambda h: h.start))
    pages = (Span(0, half), Span(half, len(text)))
    whole = document(text, format=format, headings=titles, pages=pages)
    marks = Marks(drawn(whole, window, strong, [clip(span) for span in also]))
    shown = text[window.start : window.end]
    assert marks.text == printable(shown)
    if strong.overlaps(window):
        assert marks.strong == printable(text[strong.start : strong.end])
        assert marks.count == 1
    else:
        assert marks.count == 0


MARKDOWN = """# Title

A **bold** word, *slanted*, `code` and [a link](https://evil.example/x).

- first
  1. nested
> said

```python
x = "**not bold**"
```
<script>alert(1)</script> ![picture](https://evil.example/y.png)
"""


def test_what_yaml_says_about_a_document_is_no_heading_and_underlines_are_hidden():
    text = "---\ntitle: Zürich 東京 🙂\nowner: Ann\n---\n\nUnderlined\n==========\n\nWords.\n"
    html = drawn(document(text, format="markdown"), Span(0, len(text)), None, ())
    assert 'class="cs-block">---\ntitle: Zürich' in html and "cs-h2" not in html
    assert '<span class="cs-h cs-h1 cs-syn">==========</span>' in html
    assert Marks(html).text == text


def test_markdown_is_drawn_without_its_signs_and_without_links_that_lead_away():
    whole = document(MARKDOWN, format="markdown")
    html = drawn(whole, Span(0, len(MARKDOWN)), None, [])
    for kind, words in [
        ("cs-strong", "bold"),
        ("cs-slanted", "slanted"),
        ("cs-tt", "code"),
        ("cs-link", "a link"),
    ]:
        assert f'<span class="{kind}">{words}</span>' in html
    assert '<span class="cs-h cs-h1 cs-syn"># </span>' in html
    assert '<span class="cs-bullet">-</span>' in html
    assert '<span class="cs-block">x = &quot;**not bold**&quot;\n</span>' in html
    assert "<a " not in html and "<img" not in html and "<script" not in html


def test_a_quote_that_crosses_formatting_is_one_mark_with_all_its_characters():
    whole = document(MARKDOWN, format="markdown")
    marks = Marks(drawn(whole, Span(0, len(MARKDOWN)), spans(MARKDOWN, "A **bold** word, *slanted*"), []))
    assert (marks.strong, marks.count) == ("A **bold** word, *slanted*", 1)


CSV = 'name,note,n\nAda,"first, of all",1\nBob,"said ""no""\nand left",22\n'


@pytest.mark.parametrize(
    ("words", "is_table"),
    [
        ("first, of all", True),  # within a cell
        ('Ada,"first, of all"', True),  # whole cells
        ('Ada,"first, of all",1', True),  # a whole row
        ('Ada,"first, of all",1\nBob,"said ""no""\nand left",22', True),  # whole rows
        ('of all",1', False),  # from within a cell into the next
    ],
)
def test_a_table_is_drawn_around_any_mark_that_does_not_cut_its_cells(words, is_table):
    body = draw(document(CSV, format="csv"), Span(0, len(CSV)), Shown("a.csv", spans(CSV, words)), ENGLISH)
    assert (body.kind == "cs-table") is is_table
    marks = Marks(body.html)
    assert (marks.text, marks.strong, marks.count) == (CSV, words, 1)
    if is_table:
        assert body.html.count('class="cs-row') == 3 and body.html.count('class="cs-cell') == 9


def test_the_cells_of_a_sheet_stand_under_their_names():
    text = "Budget\n\nCode | Item | Sum\nCode: A1 | Sum: 12\nCode: A2 | Item: Rent | Sum: 7"
    body = draw(
        document(text, format="xlsx"), Span(0, len(text)), Shown("a.xlsx", spans(text, "12")), ENGLISH
    )
    assert body.html.count("cs-row-head") == 1 and body.html.count("cs-row-title") == 1
    assert (
        '<span class="cs-cell"></span><span class="cs-cell cs-right"><span class="cs-syn">Sum: </span>'
        in body.html
    )
    assert Marks(body.html).strong == "12"


def test_code_has_the_numbers_of_its_lines():
    text = "a = 1\nb = 2\n\nc = 3\n"
    whole = document(text, format="python")
    assert drawn(whole, Span(6, len(text)), None, []).count("data-line") == 3
    assert 'data-line="4" aria-hidden="true"></i>c = 3' in drawn(whole, Span(6, len(text)), None, [])


def test_every_citation_of_an_answer_can_be_walked_to():
    shown = Shown("a.md", spans(TEXT, "187"), (), "citation", 4, 2, 3)
    html = text_view(document(), shown, ENGLISH)
    assert 'data-do="cite" data-value="4-1" data-way="previous"' in html
    assert 'data-do="cite" data-value="4-3" data-way="next"' in html
    last = text_view(document(), replace(shown, number=3), ENGLISH)
    assert last.count(" disabled>") == 1


def test_a_long_document_is_shown_around_the_span():
    text = "line of words\n" * 200_000
    span = Span(1_400_000, 1_400_013)
    html = text_view(document(text), Shown("a.md", span), ENGLISH)
    assert len(html) < 6 * WINDOW_CHARS
    assert Marks(html).strong == text[1_400_000:1_400_013]
    assert "Earlier text" in html and "Later text" in html


def test_the_buttons_of_a_long_document_lead_through_all_of_it():
    text = "".join(f"{n:06d}\n" for n in range(20_000))
    seen, offset = set(), 0
    while True:
        window = cut_window(text, offset, offset)
        seen.update(text[window.start : window.end].split())
        if window.end == len(text):
            break
        offset = min(len(text), window.end + WINDOW_CHARS)
    assert len(seen) == 20_000


@pytest.mark.parametrize("text", ["", "x", "no line break " * 10_000])
def test_any_text_can_be_shown(text):
    assert Marks(text_view(document(text), Shown("a.md"), ENGLISH)).count == 0


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_documents_and_names_stay_words(bad):
    whole = document(
        bad, source=bad, headings=(Heading(Span(0, len(bad)), 1, bad),), pages=(Span(0, len(bad)),)
    )
    shown = Shown(bad, Span(0, len(bad)), (Span(1, 3),), "citation", 1, 1, 2)
    assert is_harmless(text_view(whole, shown, ENGLISH))
    box = Box(1, 0.1, 0.2, 0.3, 0.25)
    picture = Picture("data:image/webp;base64,AA==", 10, 10, 1)
    assert is_harmless(page_html(whole, shown, picture, [box], [box], bad, ENGLISH))


def test_the_title_spells_out_marks_that_reorder_a_file_name():
    html = text_view(document("words", source="fdp\u202egnp.exe"), Shown("fdp\u202egnp.exe"), ENGLISH)
    assert "\u202e" not in html and html.count(r"fdp\u202egnp.exe") == 2  # tooltip and title


def test_boxes_stand_where_the_words_stand():
    whole = document(pages=(Span(0, 20), Span(20, len(TEXT))), format="pdf")
    picture = Picture("data:image/webp;base64,AA==", 10, 10, 2)
    html = page_html(
        whole, Shown("a.md", Span(0, 5), page=2), picture, [Box(2, 0.25, 0.5, 0.75, 0.625)], [], "q", ENGLISH
    )
    assert '<i class="cite-box" style="left:25.000%;top:50.000%;width:50.000%;height:12.500%"></i>' in html
    assert "page 2 of 2" in html
    assert html.count(" disabled") == 1  # there is no next page
