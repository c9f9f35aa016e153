"""Pages of PDFs as pictures: drawn beside the program that shows them, so that no page can harm it."""

import base64
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from pdf_writer import page, write_pdf

from index import Index, picture
from index.errors import LoadError
from index.limits import Limits
from index.parsing import Parsers
from index.picture import page_picture
from index.types import Span
from page.viewer import Shown, picture_view, view
from page.words import words_for
from tests.fakes import HashEncoder

ENGLISH = words_for("en")
PROJECT = Path(__file__).parent.parent
# A page with words, and with a pattern of some billions of tiles over them: read at once, drawn never.
TILE = b"0 0 0.01 0.01 re f"
ENDLESS = (
    b"%%PDF-1.7\n"
    b"1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n"
    b"2 0 obj<</Type/Pages/Count 1/Kids[3 0 R]>>endobj\n"
    b"3 0 obj<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Contents 5 0 R"
    b"/Resources<</Font<</F 4 0 R>>/Pattern<</P 6 0 R>>>>>>endobj\n"
    b"4 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj\n"
    b"5 0 obj<</Length 100>>stream\nBT /F 12 Tf 72 700 Td (The ferry waits.) Tj ET "
    b"/Pattern cs /P scn 0 0 612 600 re f\nendstream endobj\n"
    b"6 0 obj<</Type/Pattern/PatternType 1/PaintType 1/TilingType 1/BBox[0 0 100 100]/XStep 0.001/YStep 0.001"
    b"/Resources<<>>/Length %d>>stream\n%s\nendstream endobj\n"
    b"trailer<</Root 1 0 R>>\n%%%%EOF" % (len(TILE), TILE)
)
FINE = write_pdf(page("The harbour of Zürich."), page("Page two."))


@pytest.fixture
def drawers(monkeypatch):
    with Parsers(Limits(seconds=5, seconds_per_mb=0), workers=1) as parsers:
        monkeypatch.setattr(picture, "_drawers", lambda: parsers)
        page_picture.cache_clear()
        yield parsers


@pytest.fixture
def index(tmp_path):
    docs = tmp_path / "docs"
    docs.mkdir()
    (docs / "endless.pdf").write_bytes(ENDLESS)
    (docs / "fine.pdf").write_bytes(FINE)
    with Index.open(tmp_path / ".qa", encoder=HashEncoder(), create=True) as opened:
        assert opened.add([docs]).added == 2
        yield opened


def test_a_page_is_drawn_and_its_words_have_boxes(index, drawers):
    path = index.original("fine.pdf")
    drawn = page_picture(path, "sum", 2)
    assert (drawn.width, drawn.height, drawn.pages) == (1100, 1424, 2)
    assert base64.b64decode(drawn.address.partition(",")[2])[8:12] == b"WEBP"
    at = index.document("fine.pdf").text.index("Zürich")
    (box,) = index.boxes("fine.pdf", Span(at, at + 6))
    assert box.page == 1 and 0 < box.left < box.right < 1 and 0 < box.top < box.bottom < 1
    with pytest.raises(LoadError, match=r"Page 3 of fine\.pdf cannot be drawn"):
        page_picture(path, "sum", 3)


def test_a_page_that_is_never_drawn_to_its_end_is_shown_as_text(index, drawers):
    started = time.monotonic()
    with pytest.raises(LoadError, match=r"endless\.pdf was given up after 5 seconds"):
        page_picture(index.original("endless.pdf"), "sum", 1)
    assert "The ferry</mark> waits." in view(index, Shown("endless.pdf", Span(0, 9)), ENGLISH)
    assert time.monotonic() - started < 120, "it is drawn never"
    assert page_picture(index.original("fine.pdf"), "sum", 1).pages == 2


def test_a_page_that_kills_the_process_that_draws_it_kills_nothing_else(index, drawers):
    page_picture(index.original("fine.pdf"), "sum", 1)
    (process,) = drawers._idle

    def kill() -> None:
        while drawers._idle:
            time.sleep(0.01)
        time.sleep(0.5)
        os.kill(process._child.pid, 11)

    killer = threading.Thread(target=kill)
    killer.start()
    with pytest.raises(LoadError, match="given up"):  # by the next process, which is asked again
        page_picture(index.original("endless.pdf"), "sum", 1)
    killer.join()
    assert picture_view(index, index.document("fine.pdf"), Shown("fine.pdf", Span(0, 9)), ENGLISH)


def test_where_no_boxes_can_be_had_the_words_are_shown_as_text(index, drawers, monkeypatch):
    monkeypatch.setattr(Index, "original", lambda index, source: index.location(source))
    index.location("fine.pdf").write_bytes(b"%PDF-1.7 and nothing more")
    assert index.boxes("fine.pdf", Span(0, 9)) == ()
    assert "<mark" in view(index, Shown("fine.pdf", Span(0, 9)), ENGLISH)


def test_the_program_that_shows_pages_never_enters_pdfium(index):
    code = """
import sys
from pathlib import Path
from index.picture import page_boxes, page_picture
from index.types import Document, Span
path = Path(sys.argv[1])
text = "The harbour of Zürich."
assert page_picture(path, "sum", 1).width == 1100
assert page_boxes(path, Document("fine.pdf", "0" * 64, text, "pdf", "", (Span(0, len(text)),)), Span(0, 9))
assert not any(name.startswith("pypdfium2") for name in sys.modules)
"""
    path = str(index.location("fine.pdf"))
    subprocess.run([sys.executable, "-c", code, path], cwd=PROJECT, check=True, timeout=300)
