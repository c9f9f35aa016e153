"""Excel workbooks (xlsx): one page a sheet, its name as heading, one line a row that names its columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

from index.formats.archive import Archive, opened
from index.formats.parsed import BLANK_LINE, Parsed, Writer, one_line

_S = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_R_ID = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_DATE_FORMATS = {
    *range(14, 23),
    *range(27, 37),
    *range(45, 48),
    *range(50, 59),
}  # built in (ECMA-376, 18.8.30)
_PERCENT_FORMATS = {9, 10}
_NOT_FORMAT = re.compile(r'"[^"]*"|\\.|\[[^\]]*\]|_.')  # literals, colours and conditions in a number format
_COLUMN = re.compile(r"[A-Z]+")
_LAST_DAY = 2958465  # 31 December 9999


def read(data: bytes, name: str) -> Parsed:
    """All sheets in order. Under a row of names, each cell is written as ``name: value``."""
    with opened(data, name) as archive:
        targets = archive.targets("").values()
        main = next((path for kind, path in targets if kind == "officeDocument"), "xl/workbook.xml")
        root = archive.xml(main)
        sheets = archive.targets(main)
        parts = dict(sheets.values())
        properties = root.find(_S + "workbookPr")
        from_1904 = properties is not None and properties.get("date1904") in ("1", "true")
        cells = _Cells(_strings(archive, parts), _kinds(archive, parts), from_1904)
        writer = Writer()
        for sheet in root.iter(_S + "sheet"):
            kind, path = sheets.get(sheet.get(_R_ID, ""), ("", ""))
            if kind == "worksheet" and path in archive:
                writer.page()
                writer.heading(sheet.get("name", ""), 1)
                _write_rows(cells.rows(archive.xml(path)), writer)
        return writer.finish(archive.title("docProps/core.xml"))


def _strings(archive: Archive, parts: dict[str, str]) -> list[str]:
    """The table of strings that cells refer to, without the readings of Japanese names."""
    path = parts.get("sharedStrings", "")
    return [_text(item) for item in archive.xml(path).iter(_S + "si")] if path in archive else []


def _text(item: Element) -> str:
    runs = [item, *item.iterfind(_S + "r")]
    return one_line("".join(run.findtext(_S + "t") or "" for run in runs))


def _kinds(archive: Archive, parts: dict[str, str]) -> list[str]:
    """For each cell style what its numbers are: "date", "percent" or "number"."""
    path = parts.get("styles", "")
    if path not in archive:
        return []
    root = archive.xml(path)
    custom = {item.get("numFmtId", ""): item.get("formatCode", "") for item in root.iter(_S + "numFmt")}
    return [_kind(item.get("numFmtId", "0"), custom) for item in root.iterfind(f"{_S}cellXfs/{_S}xf")]


def _kind(number: str, custom: dict[str, str]) -> str:
    code = _NOT_FORMAT.sub("", custom.get(number, "")).lower()
    builtin = int(number) if number.isdigit() and number not in custom else -1
    if builtin in _DATE_FORMATS or any(letter in code for letter in "ydhs"):
        return "date"
    return "percent" if builtin in _PERCENT_FORMATS or "%" in code else "number"


class _Cells:
    """Turns the cells of a workbook into words."""

    def __init__(self, strings: list[str], kinds: list[str], from_1904: bool) -> None:
        self._strings = strings
        self._kinds = kinds
        self._epoch = datetime(1904, 1, 1) if from_1904 else datetime(1899, 12, 30)

    def rows(self, root: Element) -> Iterator[tuple[int, dict[int, tuple[str, bool]]]]:
        """Each row's number, and its cells that are not blank: column to (words, whether they are text)."""
        number = 0
        for row in root.iter(_S + "row"):
            named = row.get("r", "")
            number = int(named) if named.isdigit() and len(named) < 9 else number + 1
            cells: dict[int, tuple[str, bool]] = {}
            column = 0
            for cell in row.iterfind(_S + "c"):
                letters = _COLUMN.match(cell.get("r", ""))
                column = _number(letters[0]) if letters else column + 1
                words, is_text = self._words(cell)
                if words:
                    cells[column] = words, is_text
            yield number, cells

    def _words(self, cell: Element) -> tuple[str, bool]:
        kind, value = cell.get("t", "n"), cell.findtext(_S + "v") or ""
        if kind == "s":
            return (
                self._strings[int(value)] if value.isdigit() and int(value) < len(self._strings) else ""
            ), True
        if kind == "inlineStr":
            inline = cell.find(_S + "is")
            return ("" if inline is None else _text(inline)), True
        if kind == "b":
            return {"1": "TRUE", "0": "FALSE"}.get(value, ""), False
        if kind != "n":
            return one_line(value), True
        style = cell.get("s", "0")
        known = style.isdigit() and int(style) < len(self._kinds)
        return self._shown(value, self._kinds[int(style)] if known else "number"), False

    def _shown(self, value: str, kind: str) -> str:
        try:
            number = float(value)
        except ValueError:
            return one_line(value)
        if kind == "date" and 0 <= number <= _LAST_DAY:
            moment = self._epoch + timedelta(seconds=round(number * 86400))
            if number < 1:
                return f"{moment:%H:%M}"
            return f"{moment:%Y-%m-%d}" if number == int(number) else f"{moment:%Y-%m-%d %H:%M}"
        return f"{number * 100:.12g}%" if kind == "percent" else f"{number:.15g}"


def _number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _write_rows(rows: Iterator[tuple[int, dict[int, tuple[str, bool]]]], writer: Writer) -> None:
    """Blank rows part tables. The first row of a table names the columns if it holds texts only."""
    names: dict[int, str] | None = None
    gap = BLANK_LINE
    for number, cells in rows:
        if not cells:
            names, gap = None, BLANK_LINE
            continue
        words = [
            f"{names[column]}: {text}" if names and column in names else text
            for column, (text, _) in cells.items()
        ]
        if names is None:
            all_text = len(cells) >= 2 and all(is_text for _, is_text in cells.values())
            names = {column: text for column, (text, _) in cells.items()} if all_text else {}
        writer.row(" | ".join(words), number, gap=gap)
        gap = "\n"
