"""What the viewer marks is what was cited, whatever else is in the document."""

from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_markup import HOSTILE, is_harmless

from index.types import Box, Document, Heading, Span
from page.conversation import Shown
from page.markup import printable
from page.picture import Picture
from page.viewer import WINDOW_CHARS, cut_window, marked, page_html, text_view

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


def spans(text, words):
    return Span(text.index(words), text.index(words) + len(words))


def test_the_mark_is_exactly_the_quote():
    span = spans(TEXT, "has 187 steps & <one> kitchen.\r\nBuilt")
    marks = Marks(marked(document(), Span(0, len(TEXT)), span, []))
    assert marks.strong == "has 187 steps & <one> kitchen.\r\nBuilt"
    assert marks.count == 1
    assert marks.text == TEXT


def test_other_citations_are_marked_softly_and_the_clicked_one_stays_whole():
    clicked, other, overlapping = spans(TEXT, "187 steps"), spans(TEXT, "1874"), spans(TEXT, "steps & <one>")
    marks = Marks(marked(document(), Span(0, len(TEXT)), clicked, [other, overlapping]))
    assert marks.strong == "187 steps"
    assert marks.soft == "steps & <one>1874"
    assert marks.count == 1


ranges = st.tuples(st.integers(0, 80), st.integers(0, 80)).map(lambda pair: Span(min(pair), max(pair)))


@given(st.text(max_size=80), ranges, st.lists(ranges, max_size=4), st.lists(ranges, max_size=3), ranges)
def test_marks_hold_for_any_text_and_any_overlap(text, strong, also, headings, window):
    def clip(span):
        return Span(min(span.start, len(text)), min(span.end, len(text)))

    strong, window = clip(strong), Span(0, len(text)) if clip(strong).overlaps(clip(window)) else clip(window)
    half = len(text) // 2
    titles = tuple(Heading(clip(h), 1, "t") for h in sorted(headings, key=lambda h: h.start))
    whole = document(text, headings=titles, pages=(Span(0, half), Span(half, len(text))))
    marks = Marks(marked(whole, window, strong, [clip(span) for span in also]))
    shown = text[window.start : window.end]
    assert marks.text == printable(shown)
    if strong.overlaps(window):
        assert marks.strong == printable(text[strong.start : strong.end])
        assert marks.count == 1
    else:
        assert marks.count == 0


def test_a_long_document_is_shown_around_the_span():
    text = "line of words\n" * 200_000
    span = Span(1_400_000, 1_400_013)
    html = text_view(document(text), Shown("a.md", span))
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
    assert Marks(text_view(document(text), Shown("a.md"))).count == 0


@pytest.mark.parametrize("bad", HOSTILE)
def test_hostile_documents_and_names_stay_words(bad):
    whole = document(
        bad, source=bad, headings=(Heading(Span(0, len(bad)), 1, bad),), pages=(Span(0, len(bad)),)
    )
    shown = Shown(bad, Span(0, len(bad)), (Span(1, 3),), bad)
    assert is_harmless(text_view(whole, shown))
    box = Box(1, 0.1, 0.2, 0.3, 0.25)
    picture = Picture("data:image/webp;base64,AA==", 10, 10, 1)
    assert is_harmless(page_html(whole, shown, picture, [box], [box], bad))


def test_the_title_spells_out_marks_that_reorder_a_file_name():
    html = text_view(document("words", source="fdp\u202egnp.exe"), Shown("fdp\u202egnp.exe"))
    assert "\u202e" not in html and html.count(r"fdp\u202egnp.exe") == 2  # tooltip and title


def test_boxes_stand_where_the_words_stand():
    whole = document(pages=(Span(0, 20), Span(20, len(TEXT))), format="pdf")
    picture = Picture("data:image/webp;base64,AA==", 10, 10, 2)
    html = page_html(
        whole, Shown("a.md", Span(0, 5), page=2), picture, [Box(2, 0.25, 0.5, 0.75, 0.625)], [], "q"
    )
    assert '<i class="cite-box" style="left:25.000%;top:50.000%;width:50.000%;height:12.500%"></i>' in html
    assert "page 2 of 2" in html
    assert html.count(" disabled") == 1  # there is no next page
