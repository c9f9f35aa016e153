"""Text to sentences with exact offsets, in any script, from prose, lists and tables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import pairwise

from sentencex import get_sentence_boundaries

from index.types import Span

MAX_SENTENCE_CHARS = 600
_BLOCK_CHARS = 2000  # sentencex needs time that grows with the square of a text without blanks
_SAMPLE_CHARS = 2000  # from these the language is guessed, for its abbreviations and dates
_FUNCTION_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the of and to in is that for with was it as by at",
        "de": "der die und das ist nicht den von mit ein eine im auf für",
        "fr": "le les des est dans pour une du et sur qui pas que au",
        "es": "el los las por con una para del que es su en y al",
        "it": "il che di per non sono della con una gli le nel si è",
        "pt": "os uma para com em do da não são que ao por na é",
        "nl": "de het een van niet op dat zijn voor met aan bij ook en",
    }.items()
}
_WIDEST = 200  # no text is wrapped at more characters; a longer line ends where its author ended it
_NARROWEST = 25  # no prose is wrapped at fewer
# A line was wrapped if it and the next word fill this share of the widest one; less is needed before a small
# letter.
_WRAPPED, _WRAPPED_SMALL = 0.75, 0.5

_LINE = re.compile("[^\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+")
_LINE_END = re.compile("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]")
_BLANK_LINE = re.compile("\r\n?[^\\S\r\n]*[\r\n]|\n[^\\S\n]*\n|[\f\x1c-\x1e\u2029]")
_ITEM = re.compile(r"[-*+•‣▪◦●·–]\s|\(?\d{1,2}[.)]\s|\(?[a-z]\)\s|[#|>]|```|~~~")
_LETTERS = re.compile(r"[^\W\d_]+")
_IN_BRACKETS = re.compile(r"\((\w{1,3})\)")
# "2." belongs to what it numbers, and is no sentence
_MARKER = re.compile(r"\s*[(\[]?(?:[\dIVXivx]{1,4}|[A-Za-z])(?:\.\d{1,3})*[.)\]]+\s*")
_RULE = re.compile(r"\W{3,}$")
_NUMBER = re.compile(r"[(\[]?[-+−$€£¥]?\d[\d.,:/%)\]]*$|[-—–]$|[$€£¥%]$")
_DIGIT = re.compile(r"\d")
_CELL = re.compile(r"[,;](?=\S)")
# The first word of a line, as far as it decides where a line is wrapped: any CJK character may begin one.
_WORD = re.compile("[^\\s\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef]*")
_FULL_STOP = re.compile("[。！？｡।॥؟۔][。！？｡।॥؟۔”’」』）》〉】)\"']*")
_CLAUSE = re.compile("[;:,—–،؛、，；：][”’」』）)\"']*")
_BLANK = re.compile(r"\s")
_SURROGATE = re.compile("[\ud800-\udfff]")


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of the text in order: exact, trimmed, disjoint, of ``MAX_SENTENCE_CHARS`` at most.

    Together they hold every character that is not white space. Blank lines, items of lists and rows of tables
    end a sentence; a line end within wrapped prose does not. What is too long is cut at a line end, else
    after a clause, else at a blank.
    """
    return tuple(iterate_sentences(text, 0, len(text)))


def iterate_sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of ``text[start:end]`` one by one; offsets count in ``text``."""
    language = _language(text[start : min(end, start + _SAMPLE_CHARS)])
    for run in _runs(text, start, end):
        for sentence in _split_run(text, run, language):
            yield from cut(text, sentence, MAX_SENTENCE_CHARS)


def cut(text: str, span: Span, limit: int) -> Iterator[Span]:
    """The span in trimmed pieces of at most ``limit`` characters, cut where a reader would take a breath."""
    start = span.start
    while span.end - start > limit:
        at = _cut_at(text, start, start + limit)
        piece = trim(text, start, at)
        if piece:
            yield piece
        start = at
    piece = trim(text, start, span.end)
    if piece:
        yield piece


def trim(text: str, start: int, end: int) -> Span | None:
    """The range without the white space at its ends; None if there is nothing else in it."""
    stripped = text[start:end].lstrip()
    if not stripped:
        return None
    return Span(end - len(stripped), end - len(stripped) + len(stripped.rstrip()))


def _cut_at(text: str, start: int, end: int) -> int:
    """The best place to cut between ``start`` and ``end``, in the second half of the range."""
    middle = (start + end) // 2
    for pattern in (_LINE_END, _CLAUSE, _BLANK):
        places = [match.end() for match in pattern.finditer(text, middle, end)]
        if places:
            return places[-1]
    for at in range(
        end, max(middle, end - 32), -1
    ):  # not between a letter and its accent, or within an emoji
        if not (_joins(text[at]) or text[at - 1] == "\u200d"):
            return at
    return end


def _joins(character: str) -> bool:
    return (
        character == "\u200d" or bool(unicodedata.combining(character)) or "\ufe00" <= character <= "\ufe0f"
    )


def _language(text: str) -> str:
    """Code of the language whose small words are most frequent in the text; English where there are none."""
    words = _LETTERS.findall(text.lower())
    counts = {language: sum(map(known.__contains__, words)) for language, known in _FUNCTION_WORDS.items()}
    return max(counts, key=lambda language: counts[language])


def _runs(text: str, start: int, end: int) -> Iterator[Span]:
    """Stretches of lines that read on from one to the next: wrapped paragraphs, or single lines."""
    block: list[Span] = []
    for match in _LINE.finditer(text, start, end):
        if match[0].isspace():
            continue
        line = Span(*match.span())
        if block and (_BLANK_LINE.search(text, block[-1].end, line.start) or len(block) >= 2000):
            yield from _block_runs(text, block)
            block = []
        block.append(line)
    yield from _block_runs(text, block)


def _block_runs(text: str, block: list[Span]) -> Iterator[Span]:
    """The runs of one block of lines without a blank line in it."""
    if not block:
        return
    lines = [text[line.start : line.end].strip() for line in block]
    width = max((len(line) for line in lines if len(line) <= _WIDEST), default=0)
    rows = [_is_row(line) for line in lines]
    start = block[0].start
    for i, (before, after) in enumerate(pairwise(lines)):
        if rows[i] or rows[i + 1] or _ends_line(before, after, width):
            yield Span(start, block[i].end)
            start = block[i + 1].start
    yield Span(start, block[-1].end)


def _is_row(line: str) -> bool:
    """Whether a line is a row of a table: cells between bars or tabs, a JSON object, or mostly numbers."""
    if "\t" in line or " | " in line or line[0] == "|" or (line[0] in "{[" and line[-1] in "}],"):
        return True
    if not _DIGIT.search(line):
        return False
    words = line.split()
    numbers = sum(bool(_NUMBER.match(word)) for word in words)
    return numbers >= 2 and numbers * 2 >= len(words)


def _ends_line(before: str, after: str, width: int) -> bool:
    """Whether a line ends where its author wanted it to, rather than where the page was full."""
    if len(before) > _WIDEST or width < _NARROWEST or _ITEM.match(after):
        return True
    if before[0] == "#" or _RULE.match(before) or _RULE.match(after):
        return True
    cells = len(_CELL.findall(before))
    if cells >= 2 and cells == len(_CELL.findall(after)):
        return True
    share = _WRAPPED_SMALL if after[0].islower() else _WRAPPED
    word = _WORD.match(after)
    return len(before) + 1 + (len(word[0]) if word else 0) < share * width


def _split_run(text: str, run: Span, language: str) -> Iterator[Span]:
    """The sentences of one run, by sentencex, in blocks: the last sentence of a block begins the next one."""
    start = run.start
    while start < run.end:
        end = min(run.end, start + _BLOCK_CHARS)
        ends = _sentence_ends(text[start:end], language)
        if end < run.end:
            ends = ends[:-1] or [_cut_at(text, start, end) - start]
        for before, after in pairwise([0, *ends]):
            yield Span(start + before, start + after)
        start += ends[-1]


def _sentence_ends(text: str, language: str) -> list[int]:
    """Where the sentences of a short text end, ascending; the last one is the length of the text."""
    # All one for one. sentencex takes Unicode scalars only, and after "(2)" at the start it finds no end at
    # all.
    flat = _LINE_END.sub(" ", _SURROGATE.sub("\ufffd", text))
    flat = _IN_BRACKETS.sub(r"[\1]", flat)
    ends = {int(boundary["end_index"]) for boundary in get_sentence_boundaries(language, flat)}
    ends.update(match.end() for match in _FULL_STOP.finditer(flat))
    kept: list[int] = []
    for end in sorted(end for end in ends if 0 < end < len(text)):
        if not _MARKER.fullmatch(flat, kept[-1] if kept else 0, end):
            kept.append(end)
    return [*kept, len(text)]
