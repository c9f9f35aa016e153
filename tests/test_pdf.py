"""PDF: text, pages, headings, and a box for every character."""

from __future__ import annotations

import random
from pathlib import Path

import pypdfium2
import pytest
from pdf_writer import Page, page, write_pdf

from index.errors import LoadError
from index.formats import pdf
from index.load import load
from index.picture import page_boxes
from index.types import Box, Document, Span


def _load(folder: Path, data: bytes, name: str = "a.pdf") -> Document:
    (folder / name).write_bytes(data)
    return load(folder / name, name)


def _boxes(folder: Path, document: Document, words: str) -> tuple[Box, ...]:
    start = document.text.index(words)
    return page_boxes(folder / document.source, document, Span(start, start + len(words)))


def _sentence(i: int) -> str:
    return f"Sentence {i} of the body stands here in small letters."


def test_each_page_is_the_span_of_its_text(tmp_path: Path) -> None:
    document = _load(tmp_path, write_pdf(page("Zürich first."), page("Second page."), title="Täst 😀"))
    texts = [document.text[span.start : span.end] for span in document.pages]
    assert texts == ["Zürich first.", "Second page."]
    assert document.text == "\n\n".join(texts)
    assert (document.format, document.title) == ("pdf", "Täst 😀")
    assert document.page_at(document.text.index("Second")) == 2


def test_text_index_is_the_character_index_of_pdfium() -> None:
    data = write_pdf(page("Zürich is here.", "It goes on.", "", "A new para-", "graph."))
    parsed = pdf.read(data, "a.pdf")
    text_page = pypdfium2.PdfDocument(data)[0].get_textpage()
    assert len(parsed.text) == text_page.count_chars()
    for i, character in enumerate(parsed.text):
        code = pypdfium2.raw.FPDFText_GetUnicode(text_page, i)
        assert chr(code) == character or code in (0x02, 0x0A, 0x0D, 0xFFFE)


def test_line_end_becomes_a_blank_and_a_line_feed(tmp_path: Path) -> None:
    assert _load(tmp_path, write_pdf(page("one", "two"))).text == "one \ntwo"


def test_hyphen_at_a_line_end_is_one_hyphen(tmp_path: Path) -> None:
    assert _load(tmp_path, write_pdf(page("a third-", "party tool"))).text == "a third-party tool"


def test_wide_gap_between_lines_is_a_paragraph(tmp_path: Path) -> None:
    lines = [
        "First paragraph one.",
        "First two.",
        "First three.",
        "First four.",
        "",
        "Second one.",
        "Second two.",
    ]
    text = _load(tmp_path, write_pdf(page(*lines))).text
    assert "First four.\n\nSecond one. \nSecond two." in text
    assert text.count("\n\n") == 1


@pytest.mark.parametrize("rotate", [0, 90, 180, 270])
def test_box_stands_where_the_page_shows_the_words(tmp_path: Path, rotate: int) -> None:
    lines = ((100, 700, 20, "Hello World"), (100, 400, 20, "other words"))
    document = _load(tmp_path, write_pdf(Page(lines, rotate=rotate, crop=(50, 100, 562, 792))))
    (box,) = _boxes(tmp_path, document, "Hello")
    shown = pypdfium2.PdfDocument(tmp_path / "a.pdf")[0].render(scale=1).to_numpy()[:, :, 0] < 128
    height, width = shown.shape
    inside = shown[
        int(box.top * height) : int(box.bottom * height) + 1,
        int(box.left * width) : int(box.right * width) + 1,
    ]
    assert inside.sum() > 50  # the ink of five letters
    assert (box.right - box.left) * (box.bottom - box.top) < 0.01
    whole = _boxes(tmp_path, document, "Hello World")[0]
    assert (whole.left <= box.left, whole.top <= box.top, whole.right >= box.right) == (True, True, True)


def test_span_over_lines_and_pages_gets_one_box_a_line(tmp_path: Path) -> None:
    document = _load(tmp_path, write_pdf(page("one two", "three four"), page("five six", "seven")))
    boxes = page_boxes(tmp_path / "a.pdf", document, Span(4, len(document.text)))
    assert [box.page for box in boxes] == [1, 1, 2, 2]
    assert boxes[0].top < boxes[1].top and boxes[0].left > boxes[1].left
    assert all(0 <= box.left < box.right <= 1 and 0 <= box.top < box.bottom <= 1 for box in boxes)


def test_hyphenated_word_gets_a_box_on_each_line(tmp_path: Path) -> None:
    document = _load(tmp_path, write_pdf(page("goes on in the sec-", "ond line")))
    assert len(_boxes(tmp_path, document, "sec-ond")) == 2


def test_emoji_is_one_character_and_boxes_after_it_stay_right(tmp_path: Path) -> None:
    plain = _load(tmp_path, write_pdf(page("xAy A z")), "plain.pdf")
    emoji = _load(tmp_path, write_pdf(page("xAy A z"), to_unicode="😀"), "emoji.pdf")
    assert emoji.text == "x😀y 😀 z"
    assert len(emoji.text) == len(plain.text)
    for i in range(len(plain.text)):
        span = Span(i, i + 1)
        assert page_boxes(tmp_path / "plain.pdf", plain, span) == page_boxes(
            tmp_path / "emoji.pdf", emoji, span
        )


@pytest.mark.parametrize("code", ["\x00", "\x07", "\x1f"])
def test_control_characters_become_blanks(tmp_path: Path, code: str) -> None:
    assert _load(tmp_path, write_pdf(page("xAy"), to_unicode=code)).text == "x y"


def test_lone_surrogate_becomes_the_replacement_character() -> None:
    assert "\ud83d".translate(pdf._REPLACED) == "\ufffd"


def test_headings_come_from_the_outline(tmp_path: Path) -> None:
    pages = page("1. Storm surges", _sentence(1)), page("Repairs of  the gate", _sentence(2))
    outline = (("Storm surges", 0), ("Repairs of the gate", 1))
    document = _load(tmp_path, write_pdf(*pages, outline=outline))
    assert [heading.title for heading in document.headings] == ["Storm surges", "Repairs of the gate"]
    assert document.heading_path(document.text.index("Sentence 2")) == "Repairs of the gate"


def test_larger_lines_are_headings_and_running_heads_are_not(tmp_path: Path) -> None:
    pages = [
        Page(
            (
                (72, 760, 16, f"ACME Report page {n}"),
                (72, 700, 18, f"Chapter about {word}"),
                *((72, 660 - 15 * i, 10, _sentence(i)) for i in range(12)),
                (72, 30, 10, f"{n}"),
            )
        )
        for n, word in enumerate(["tides", "storms", "locks", "repairs"], 1)
    ]
    document = _load(tmp_path, write_pdf(*pages))
    assert [heading.title for heading in document.headings] == [
        f"Chapter about {word}" for word in ("tides", "storms", "locks", "repairs")
    ]
    for heading in document.headings:
        assert document.text[heading.span.start : heading.span.end] == heading.title


def test_text_of_one_size_has_no_headings(tmp_path: Path) -> None:
    assert _load(tmp_path, write_pdf(page(*(_sentence(i) for i in range(20))))).headings == ()


def test_name_of_a_file_is_no_title(tmp_path: Path) -> None:
    assert _load(tmp_path, write_pdf(page("words"), title="Microsoft Word - draft.doc")).title == ""


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (write_pdf(page("hello"), password="secret"), "protected by a password"),
        (write_pdf(page()), "OCR"),
        (write_pdf(), "no pages"),
        (write_pdf(page("hello"))[:300], "damaged"),
        (b"%PDF-1.7\njunk", "damaged"),
        (b"these are only words", "no PDF file by its content"),
    ],
)
def test_bad_pdf_is_refused_with_a_sentence(tmp_path: Path, data: bytes, reason: str) -> None:
    with pytest.raises(LoadError, match=reason):
        _load(tmp_path, data)


def test_damaged_bytes_never_raise_anything_but_load_errors() -> None:
    data = write_pdf(page("some words", "and more"), page("second page"), outline=(("some words", 0),))
    dice = random.Random(7)
    for _ in range(200):
        damaged = bytearray(data)
        for _ in range(dice.randint(1, 20)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        try:
            parsed = pdf.read(bytes(damaged), "a.pdf")
        except LoadError:
            continue
        parsed.text.encode("utf-8")


def test_pdf_named_txt_is_a_pdf(tmp_path: Path) -> None:
    assert _load(tmp_path, write_pdf(page("words")), "a.txt").format == "pdf"
