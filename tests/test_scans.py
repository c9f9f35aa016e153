"""Pages that are pictures: said to need OCR, or read by Tesseract where it is installed."""

import io
import os
import shutil
import sys
from pathlib import Path

import pypdfium2
import pytest
from PIL import Image, ImageDraw, ImageFont

from index import Index
from index.errors import LoadError
from index.formats import ocr
from index.load import load
from index.picture import page_boxes
from index.types import Span
from tests.fakes import HashEncoder
from tests.pdf_writer import page, write_pdf

WORDS = "The lighthouse was built in Brackenford"


def scan(*lines: str) -> bytes:
    """A PDF of one page, which is a picture of the lines."""
    picture = Image.new("L", (1240, 500), 255)
    for number, line in enumerate(lines):
        font = ImageFont.load_default(size=44)
        ImageDraw.Draw(picture).text((80, 80 + 90 * number), line, font=font, fill=0)
    buffer = io.BytesIO()
    picture.save(buffer, "PDF", resolution=150)
    return buffer.getvalue()


def joined(*parts: bytes) -> bytes:
    """One PDF with the pages of all."""
    whole = pypdfium2.PdfDocument.new()
    for part in parts:
        source = pypdfium2.PdfDocument(part)
        whole.import_pages(source)
        source.close()
    buffer = io.BytesIO()
    whole.save(buffer)
    whole.close()
    return buffer.getvalue()


@pytest.fixture
def mixed(tmp_path) -> Path:
    """Page 1 has text, page 2 is a picture of words, page 3 is blank, page 4 has text."""
    path = tmp_path / "mixed.pdf"
    first, blank, last = (write_pdf(page(*lines)) for lines in (["First page"], [], ["Last"]))
    path.write_bytes(joined(first, scan(WORDS), blank, last))
    return path


@pytest.fixture
def no_tesseract(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    ocr.languages.cache_clear()
    yield
    ocr.languages.cache_clear()


@pytest.fixture
def tesseract(monkeypatch, tmp_path):
    """The real one where there is one; else a program that says what it would."""
    if shutil.which("tesseract") is None:
        fake = tmp_path / "bin" / "tesseract"
        fake.parent.mkdir()
        fake.write_text(
            f"#!{sys.executable}\nimport sys\n"
            "listing = '--list-langs' in sys.argv\n"
            f"print('List of languages:\\neng\\nosd' if listing else {WORDS!r})\n"
            "listing or sys.exit(not sys.stdin.buffer.read().startswith(b'P5'))\n"
        )
        fake.chmod(0o755)
        monkeypatch.setenv("PATH", f"{fake.parent}{os.pathsep}{os.environ['PATH']}")
    ocr.languages.cache_clear()
    yield
    ocr.languages.cache_clear()


def test_a_scan_without_tesseract_is_said_to_need_it(no_tesseract, tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(scan(WORDS))
    with pytest.raises(LoadError, match=r"probably a scan and needs OCR\. Install Tesseract"):
        load(path, "scan.pdf")


def test_scanned_pages_among_others_are_named_and_the_others_are_indexed(no_tesseract, mixed):
    document = load(mixed, "mixed.pdf")
    assert document.text.split() == ["First", "page", "Last"]
    assert "without page 2" in document.unread
    assert "Tesseract" in document.unread


def test_with_tesseract_the_words_of_a_picture_are_found_on_their_page(tesseract, mixed):
    steps = []
    document = load(mixed, "mixed.pdf", on_step=lambda: steps.append(1))
    at = document.text.index("lighthouse")
    assert (document.page_at(at), document.unread, len(steps)) == (2, "", 1)
    assert "Brackenford" in document.text
    assert document.text[document.pages[3].start :].strip() == "Last"
    assert page_boxes(mixed, document, Span(at, at + 10)) == ()


def test_a_page_that_tesseract_cannot_read_does_not_lose_the_others(tesseract, mixed, monkeypatch):
    monkeypatch.setattr(ocr, "_PAGE_S", 0.0001)
    document = load(mixed, "mixed.pdf")
    assert document.text.split() == ["First", "page", "Last"]
    assert "without page 2" in document.unread


def test_what_was_read_in_part_is_named_in_each_run_and_read_again_when_tesseract_is_there(
    mixed, tmp_path, monkeypatch, request
):
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as index:
        parsers = _parsers_in_this_process(monkeypatch)
        with monkeypatch.context() as patch:
            patch.setattr(ocr, "languages", lambda: "")
            first, second = index.add([mixed]), index.add([mixed])
        assert (first.added, second.added, second.unchanged) == (1, 0, 1)
        assert first.failed == second.failed
        assert "without page 2" in first.failed[0].error
        request.getfixturevalue("tesseract")
        third = index.add([mixed])
        assert (third.updated, third.failed) == (1, ())
        assert index.search("lighthouse")[0].passage.page == 2
        assert parsers.files == 3
        assert index.add([mixed]).unchanged == 1


class _InThisProcess:
    """Stands for ``Parsers`` where a test changes what the reader finds."""

    files = 0

    def read_all(self, files):
        from index.chunk import chunk
        from index.parser_process import Loaded

        for path, source in files:
            self.files += 1
            document = load(path, source)
            yield Loaded(document, chunk(document))


def _parsers_in_this_process(monkeypatch) -> _InThisProcess:
    parsers = _InThisProcess()
    monkeypatch.setattr("index.build.shared_parsers", lambda: parsers)
    return parsers
