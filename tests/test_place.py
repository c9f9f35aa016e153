"""Citations say where they stand in the words of their format, and cells are found by row and column."""

from pathlib import Path

import pytest

from index.chunk import chunk
from index.load import load
from index.place import place
from index.types import Document
from page.library import Library
from qa.cli import main
from tests import office_writer
from tests.corpus import write
from tests.pdf_writer import page, write_pdf

BROKEN_CHAPTER = "<div>" * 5000


def at(folder: Path, name: str, content: bytes | str, words: str) -> str:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    document = load(path, name)
    return place(document, document.text.index(words))


def row(number: int, *cells: str) -> str:
    inner = "".join(f'<c t="inlineStr"><is><t>{cell}</t></is></c>' for cell in cells)
    return f'<row r="{number}">{inner}</row>'


def slide(words: str) -> tuple[str, str]:
    shape = f"<p:sp><p:txBody><a:p><a:r><a:t>{words}</a:t></a:r></a:p></p:txBody></p:sp>"
    return shape, ""


def test_pages_slides_rows_and_lines_are_named_as_their_programs_do(tmp_path):
    assert at(tmp_path, "a.pdf", write_pdf(page("one"), page("two Zürich")), "two") == "p. 2"
    slides = office_writer.pptx(slide("first words"), slide("second words"))
    assert at(tmp_path, "a.pptx", slides, "second") == "slide 2"
    assert at(tmp_path, "a.csv", "name,age\r\nAda,36\r\nGrace 東京,85\r\n", "Grace") == "row 3"
    assert at(tmp_path, "a.py", "import os\n\n\ndef f():\n    return 7\n", "return") == "line 5"
    assert at(tmp_path, "a.md", "# Top\n\n## Deep 🌧️\n\nwords\n", "words") == "Deep 🌧️"
    assert at(tmp_path, "a.txt", "words", "words") == ""


def test_a_cell_is_placed_by_its_sheet_and_the_row_that_the_sheet_shows(tmp_path):
    first = row(1, "Name", "Fee") + row(2, "Ada", "x") + row(88, "Gap", "before") + row(89, "Next", "one")
    second = row(3, "Zürich", "late start") + row(5, "After", "a blank row")
    book = office_writer.xlsx({"Sheet1": first, "Fees 2026": second})
    for words, where in {
        "Ada": "Sheet1 row 2",
        "Gap": "Sheet1 row 88",
        "Next": "Sheet1 row 89",
        "Zürich": "Fees 2026 row 3",
        "blank row": "Fees 2026 row 5",
        "Fees 2026": "Fees 2026",
    }.items():
        assert at(tmp_path, "a.xlsx", book, words) == where


@pytest.mark.parametrize("name", ["a.md", "a.html"])
def test_rows_far_down_a_table_are_found_by_their_column_names(tmp_path, name):
    rows = [(f"Route {number}", f"{number}.50 pounds", f"about {number} minutes") for number in range(200)]
    if name.endswith("md"):
        lines = ["| " + " | ".join(cells) + " |" for cells in rows]
        head = "# Fees\n\n| Ferry | Adult fare | Crossing |\n|---|---|---|\n"
        text = head + "\n".join(lines) + "\n\nEnd.\n"
    else:
        lines = ["<tr><td>" + "</td><td>".join(cells) + "</td></tr>" for cells in rows]
        head = "<tr><th>Ferry</th><th>Adult fare</th><th>Crossing</th></tr>"
        text = f"<html><h1>Fees</h1><table>{head}{''.join(lines)}</table><p>End.</p></html>"
    (tmp_path / name).write_text(text)
    chunks = chunk(load(tmp_path / name, name))
    assert len(chunks) > 5
    assert all("Ferry | Adult fare | Crossing" in piece.heading for piece in chunks[1:-1])
    assert chunks[0].heading == "Fees"


def test_words_between_bars_are_no_table_where_the_first_row_holds_numbers():
    text = "1 | 2 | 3\n" + "\n".join(f"{number} | more words here | {number}" for number in range(200))
    document = Document("a.md", "0", text, "markdown", "")
    assert {piece.heading for piece in chunk(document)} == {""}


def test_one_bad_part_does_not_lose_the_book(tmp_path):
    chapters = ("<p>The first chapter.</p>", BROKEN_CHAPTER, "<p>The last chapter.</p>")
    path = tmp_path / "a.epub"
    path.write_bytes(office_writer.epub(*chapters))
    document = load(path, "a.epub")
    assert document.text == "The first chapter.\n\nThe last chapter."
    assert "without part 2 of 3" in document.unread
    assert document.page_at(document.text.index("last")) == 3


def test_an_upload_that_was_read_in_part_is_kept(tmp_path):
    (tmp_path / "upload").mkdir()
    file = tmp_path / "upload" / "a.epub"
    file.write_bytes(office_writer.epub("<p>The first chapter.</p>", BROKEN_CHAPTER))
    library = Library(tmp_path / ".qa")
    *_, report = library.add([file])
    assert (report.added, len(report.failed)) == (1, 1)
    assert library.require().original("a.epub") == tmp_path / ".qa" / "uploads" / "a.epub"
    library.close()


def test_an_answer_on_the_terminal_says_the_place(tmp_path, capsys):
    docs = write(tmp_path / "docs", {"a.csv": "name,born in\nAda,London\nGrace,New York\n"})
    common = ["--index", str(tmp_path / ".qa"), "--quiet"]
    assert main(["index", str(docs), *common]) == 0
    capsys.readouterr()
    assert main(["search", "Where was Grace born?", *common]) == 0
    assert "a.csv, row 1" in capsys.readouterr().out
