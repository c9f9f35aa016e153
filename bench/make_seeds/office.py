"""Write Word, PowerPoint and Excel files whose bytes depend on their content alone."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

from docx import Document
from openpyxl import Workbook
from openpyxl.styles import Font
from pptx import Presentation
from pptx.util import Inches, Pt

from bench.make_seeds.markup import Block, Heading, Items, Paragraph, Table, runs

EPOCH = (2026, 1, 1, 0, 0, 0)
"""The date of every entry of every archive: file dates would make each build differ."""

_STAMP = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def freeze(path: Path) -> None:
    """Rewrite a zip container with fixed dates and a fixed order, so that equal content gives equal bytes."""
    with zipfile.ZipFile(path) as source:
        entries = {name: source.read(name) for name in source.namelist()}
    first = [name for name in ("mimetype", "[Content_Types].xml") if name in entries]
    with zipfile.ZipFile(path, "w") as target:
        for name in [*first, *sorted(entries.keys() - set(first))]:
            data = entries[name]
            if name == "docProps/core.xml":
                data = _STAMP.sub(rb"\g<1>2026-01-01T00:00:00Z", data)
            info = zipfile.ZipInfo(name, EPOCH)
            info.compress_type = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            target.writestr(info, data)


def write_docx(blocks: list[Block], path: Path) -> None:
    """Write blocks as a Word document with real headings, lists and tables."""
    document = Document()
    title = next(block.text for block in blocks if isinstance(block, Heading))
    document.core_properties.title = title
    document.core_properties.author = ""
    for block in blocks:
        match block:
            case Heading(level, text):
                document.add_heading(text, level=level)
            case Paragraph(text):
                paragraph = document.add_paragraph()
                for piece, italic in runs(text):
                    paragraph.add_run(piece).italic = italic or None
            case Items(ordered, texts):
                for text in texts:
                    document.add_paragraph(text, style="List Number" if ordered else "List Bullet")
            case Table(caption, rows):
                if caption:
                    document.add_paragraph(caption, style="Caption")
                grid = document.add_table(rows=0, cols=len(rows[0]), style="Light Grid Accent 1")
                for row in rows:
                    for cell, text in zip(grid.add_row().cells, row, strict=True):
                        cell.text = text
    document.save(str(path))
    freeze(path)


def write_pptx(text: str, path: Path) -> int:
    """Write slides with speaker notes and return how many there are.

    A slide starts at ``# Title``; ``- `` lines are bullets, ``| `` rows a table, ``Notes: `` the notes.
    """
    deck = Presentation()
    slides = [part for part in re.split(r"(?m)^# ", text) if part.strip()]
    for number, part in enumerate(slides):
        title, *lines = [line.strip() for line in part.strip().splitlines()]
        body = [line for line in lines if not line.startswith(("Notes:", "|", "Table:"))]
        table = [line.strip("|").split("|") for line in lines if line.startswith("|")]
        rows = [[cell.strip() for cell in row] for row in table]
        layout = 0 if number == 0 else (5 if rows else 1)
        slide = deck.slides.add_slide(deck.slide_layouts[layout])
        slide.shapes.title.text = title
        if body:
            slide.placeholders[1].text = "\n".join(line.removeprefix("- ") for line in body)
        if rows:
            frame = slide.shapes.add_table(
                len(rows), len(rows[0]), Inches(0.6), Inches(1.7), Inches(8.8), Inches(0.5 * len(rows))
            )
            for y, row in enumerate(rows):
                for x, cell in enumerate(row):
                    frame.table.cell(y, x).text = cell
                    frame.table.cell(y, x).text_frame.paragraphs[0].font.size = Pt(15)
        notes = [line.removeprefix("Notes:").strip() for line in lines if line.startswith("Notes:")]
        slide.notes_slide.notes_text_frame.text = "\n".join(notes)
    deck.core_properties.title = slides[0].splitlines()[0]
    deck.core_properties.author = ""
    deck.save(str(path))
    freeze(path)
    return len(slides)


def write_xlsx(sheets: dict[str, list[list[str | int | float]]], path: Path) -> None:
    """Write one sheet per entry, the first row in bold; numbers stay numbers."""
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
        for cell in sheet[1]:
            cell.font = Font(bold=True)
        for column in sheet.columns:
            widest = max(len(str(cell.value or "")) for cell in column)
            sheet.column_dimensions[column[0].column_letter].width = min(widest + 2, 60)
    book.properties.creator = ""
    book.save(path)
    freeze(path)
