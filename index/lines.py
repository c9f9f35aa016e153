"""Lines to runs of lines that read on: wrapped prose stays together; lists, logs, forms and code do not."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise

from index.types import Span

LINE_ENDS = "\n\r\v\f\x1c-\x1e\x85\u2028\u2029"
_BLOCK_LINES = 2000
_WIDEST = 200  # no text is wrapped at more characters; a longer line ends where its author ended it
_NARROWEST = 25  # no prose is wrapped at fewer
# A line was wrapped if it and the next word fill this share of the widest one; less is needed before a small
# letter.
_WRAPPED, _WRAPPED_SMALL = 0.75, 0.5
_VERSE_LINES, _VERSE_WIDTH = 4, 60

_LINE = re.compile(f"[^{LINE_ENDS}]+")
BLANK_LINE = re.compile("(?:\r\n|\r(?!\n)|\n)[^\\S\r\n]*[\r\n]|[\f\x1c-\x1e\u2029]")
_ITEM = re.compile(r"[-*+•‣▪◦●·–]\s|\(?\d{1,2}[.)]\s|\(?[a-z]\)\s|[#|>]|```|~~~")
_ORDINAL = re.compile(r"\d{1,2}\.\s")
_BEFORE_ORDINAL = re.compile(r"\b(?:am|im|zum|vom|beim|der|die|das|dem|den|des|jede[nrs]?)$")  # German
_RULE = re.compile(r"\W{3,}$")
_NUMBER = re.compile(r"[(\[]?[-+−$€£¥]?\d[\d.,:/%)\]]*$|[-—–]$|[$€£¥%]$")
_DIGIT = re.compile(r"\d")
_CELL = re.compile(r"[,;](?=\S)")
# The first word of a line, as far as it decides where a line is wrapped: any CJK character may begin one.
_WORD = re.compile("[^\\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]*")
_STAMP = re.compile(
    r"[\[(<]?(?:\d{4}([-/.])\d\d\1\d\d[T ,_]+\d\d:\d\d"  # 2024-01-31 10:00
    r"|[A-Z][a-z]{2} +\d{1,2} \d\d:\d\d:\d\d)"  # Jan 31 10:00:00
)
_ENTRY = re.compile(
    r"[\[(<]?(?:\d{4}-\d\d-\d\d|\d{1,2}([./-])\d{1,2}\1(?:\d\d){1,2}|\d{1,2}[:.]\d\d(?::\d\d)?)(?![\w%])"
    r"|\d{1,2}\.? [^\W\d_]{3,9}\.? \d{4}\b"  # 31 January 2024
    r"|\d{1,3}(?:\.\d{1,3}){3}\s"  # an IP address
    r"|\[?(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|CRITICAL)\b"
    r"|<[^<>\s]{1,30}>\s"  # a nick
    r"|[\"']?[^\W\d_][\w.'/&()-]{0,29}[\"']?\s*(?::(?=\s|$)|：)"  # Word:
    r"|[\"']?[A-ZÀ-ÖØ-ÞЀ-Я][\w.'/&()-]{0,29}(?: [\w.'/&()-]{1,20}){1,3}[\"']?\s*:\s+\S"  # Some words: a
    r"|[A-Za-z_][\w.-]*(?:\s+=\s|=\S)"  # key = value
    r"|\S+(?: \S+){0,4} {3}"  # columns set with blanks
)
_CODE = re.compile(
    r".*[;{]$|[})\]]+[;,]?(?: else.*)?$|[^{]*\}[;,]?$"
    r"|(?:async )?(?:def|class|fn|func|function|if|for|while|elif|else|try|except|with)\b.*:$"
    r"|import [\w.]+(?: as \w+)?$|from [\w.]+ import\b|return(?: [\w.]+(?:\(.*\))?)?$"
    r"|[A-Za-z_][\w.]*\(.*\)[:,]?$|[A-Za-z_][\w.\[\], ]* [-+*/|&:]?= \S"
    r"|@\w"
)


def runs(text: str, start: int, end: int) -> Iterator[Span]:
    """Stretches of lines that read on from one to the next: wrapped paragraphs, or single lines."""
    block: list[Span] = []
    for match in _LINE.finditer(text, start, end):
        if match[0].isspace():
            continue
        line = Span(*match.span())
        if block and (BLANK_LINE.search(text, block[-1].end, line.start) or len(block) >= _BLOCK_LINES):
            yield from _block_runs(text, block)
            block = []
        block.append(line)
    if block:
        yield from _block_runs(text, block)


def _block_runs(text: str, block: list[Span]) -> Iterator[Span]:
    """The runs of one block of lines without a blank line in it."""
    lines = [text[line.start : line.end].strip() for line in block]
    start = block[0].start
    for i, ended in enumerate(_ended(lines)):
        if ended:
            yield Span(start, block[i].end)
            start = block[i + 1].start
    yield Span(start, block[-1].end)


def _ended(lines: list[str]) -> list[bool]:
    """For each line of a block but the last, whether the next one does not read on from it."""
    width = max((len(line) for line in lines if len(line) <= _WIDEST), default=0)
    if _is_verse(lines, width):
        return [True] * (len(lines) - 1)
    rows = [_is_row(line) for line in lines]
    code = [_is_code(line) for line in lines]
    program = _many(code, 2)
    entries = [bool(_ENTRY.match(line[:_WIDEST])) for line in lines]
    form = _many(entries, 3)
    return [
        (rows[i] or rows[i + 1])
        or (code[i] and code[i + 1])
        or (program and (code[i] or code[i + 1]))
        or (entries[i + 1] and _begins_entry(before, after, form, entries[i]))
        or _ends_line(before, after, width)
        for i, (before, after) in enumerate(pairwise(lines))
    ]


def _begins_entry(before: str, after: str, form: bool, follows: bool) -> bool:
    """Whether a line that looks like an entry is one: among others, or after one (``follows``).

    A small "word:" needs a small one before it. Prose that is wrapped before its colon looks the same.
    """
    return follows and before[0].islower() if after[0].islower() else form or follows


def _many(marks: list[bool], share: int) -> bool:
    """Whether two lines and one in ``share`` of all are marked: one alone may be chance in wrapped prose."""
    return sum(marks) >= 2 and sum(marks) * share >= len(marks)


def _is_row(line: str) -> bool:
    """Whether a line is a row of a table: cells between bars or tabs, a JSON object, or mostly numbers."""
    if "\t" in line or " | " in line or line[0] == "|" or (line[0] in "{[" and line[-1] in "}],"):
        return True
    if not _DIGIT.search(line):
        return False
    words = line.split()
    numbers = sum(bool(_NUMBER.match(word)) for word in words)
    return numbers >= 2 and numbers * 2 >= len(words)


def _is_code(line: str) -> bool:
    return len(line) <= _WIDEST and bool(_CODE.match(line))


def _is_verse(lines: list[str], width: int) -> bool:
    """Whether each line is one by itself, as in a poem or a menu: short, capital first, often broken early.

    Where a page was full, the next word would not have fitted. PDF prose in a narrow column breaks early too,
    but seldom before a capital each time.
    """
    if len(lines) < _VERSE_LINES or width > _VERSE_WIDTH or not all(line[0].isupper() for line in lines):
        return False
    return _many([_length_with(before, after) <= width for before, after in pairwise(lines)], 3)


def _length_with(before: str, after: str) -> int:
    """Length of a line if the first word of the next one stood in it."""
    word = _WORD.match(after)
    return len(before) + 1 + (len(word[0]) if word else 0)


def _ends_line(before: str, after: str, width: int) -> bool:
    """Whether a line ends where its author wanted it to, rather than where the page was full."""
    if len(before) > _WIDEST or width < _NARROWEST or _STAMP.match(after):
        return True
    if _ITEM.match(after) and not (_ORDINAL.match(after) and _BEFORE_ORDINAL.search(before)):
        return True
    if before[0] == "#" or _RULE.match(before) or _RULE.match(after):
        return True
    cells = len(_CELL.findall(before))
    if cells >= 2 and cells == len(_CELL.findall(after)):
        return True
    share = _WRAPPED_SMALL if after[0].islower() else _WRAPPED
    return _length_with(before, after) < share * width
