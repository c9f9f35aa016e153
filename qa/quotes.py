"""Where a passage holds a quote: exactly, but for its typography, or nearly. A changed fact is no quote."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from index.types import Span

_ALIKE = 85.0  # of 100: the least similarity (rapidfuzz partial ratio) of a repaired quote
_ALIKE_CHARS = 4000  # a longer quote is compared exactly and folded only: the time grows with the product
_LEAST_CHARS = 8  # letters and digits of a quote that may stand in more than one place
_LEAST_WORDS = 3  # or this many words
_LEAST_UNSPACED = 4  # the same in a script without blanks

UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
"""Scripts without blanks between words, as a class of characters: Thai, Lao, Burmese, Khmer, Kana, Han."""
_UNSPACED = re.compile(f"[{UNSPACED}\U00020000-\U0003ffff]")

_TYPOGRAPHY = str.maketrans(
    dict.fromkeys("‘’‚‛′`´", "'") | dict.fromkeys("“”„‟«»″", '"') | dict.fromkeys("‐‑‒–—―−", "-")
)
_WRAPPING = " \t\r\n'\"‘’“”„«»…"
_GAP = re.compile(r"\s*(?:\[\s*(?:…|\.\.\.)\s*\]|…|\.\.\.)\s*")

_COUNTING = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million
billion trillion half twice double null eins zwei drei vier fünf sechs sieben acht neun zehn elf zwölf hundert
tausend millionen milliarden
"""
_NUMBERS = re.compile(r"\d+|\b(?:" + "|".join(_COUNTING.split()) + r")\b|[零一二三四五六七八九十百千万亿]")
_NEGATIONS = re.compile(
    r"\b(?:not|no|never|without|none|nor|neither|nobody|nothing|cannot|\w+n't|"
    r"nicht|nie|niemals|kein\w*|ohne|не|нет|ни|никогда|без|ne|pas|jamais|sans|nunca|sin|senza|mai)\b|[不没未非無]"
)
_NAME = re.compile(r"\b[^\W\d_a-zß-ÿ]\w+")


@dataclass(frozen=True, slots=True)
class Match:
    """A quote's place: ``passage[span.start:span.end]`` are the words, on word edges."""

    span: Span
    how: Literal["exact", "folded", "fuzzy"]


def find_in(quote: str, cited: int, passages: Sequence[str]) -> tuple[int, Match] | None:
    """Return which passage holds a quote, and where; None where none does.

    ``cited`` is the index of the passage that the model named, from 0, or -1. Another passage counts only
    when it has the very words; the named one also when it nearly has them.
    """
    order = [cited] if 0 <= cited < len(passages) else []
    order += [number for number in range(len(passages)) if number != cited]
    for number in order:
        if match := find_quote(quote, passages[number], nearly=False):
            return number, match
    if 0 <= cited < len(passages) and (match := find_quote(quote, passages[cited])):
        return cited, match
    return None


def find_quote(quote: str, passage: str, *, nearly: bool = True) -> Match | None:
    """Return where a passage has the words of a quote; None where it has not.

    The steps: exactly; with case, white space, quotation marks, dashes and invisible characters set aside;
    and, if ``nearly``, at least 85 % alike with the same numbers, negations and names. Marks around the quote
    may be missing, and of a quote with a gap ("…") the longest part counts. A quote of few letters ("42 %")
    counts only if it stands in one place.
    """
    longest = max(_GAP.split(quote), key=len)
    wordings = dict.fromkeys((quote.strip(), quote.strip(_WRAPPING), longest.strip(_WRAPPING)))
    steps = (_exactly, _folded, _nearly) if nearly else (_exactly, _folded)
    for step in steps:
        for words in wordings:
            if words.strip() and (match := step(words, passage)):
                return match
    return None


def _exactly(words: str, passage: str) -> Match | None:
    spans = [Span(at, at + len(words)) for at in _places(words, passage)]
    span = _only_if_telling(words, spans, passage)
    return Match(span, "exact") if span else None


def _folded(words: str, passage: str) -> Match | None:
    folded, where = fold(passage)
    needle = fold(words)[0].strip()
    spans = [Span(where[at], where[at + len(needle) - 1] + 1) for at in _places(needle, folded)]
    span = _only_if_telling(words, spans, passage)
    return Match(span, "folded") if span else None


def _nearly(words: str, passage: str) -> Match | None:
    folded, where = fold(passage)
    needle = fold(words)[0].strip()
    letters = sum(char.isalnum() for char in needle)
    if letters < _LEAST_CHARS or len(needle) > min(len(folded), _ALIKE_CHARS):
        return None
    from rapidfuzz.fuzz import partial_ratio_alignment

    found = partial_ratio_alignment(needle, folded, score_cutoff=_ALIKE)
    if found is None or not folded[found.dest_start : found.dest_end].strip():
        return None
    start, end = found.dest_start, found.dest_end
    start += len(folded[start:end]) - len(folded[start:end].lstrip())
    end -= len(folded[start:end]) - len(folded[start:end].rstrip())
    span = snap(passage, Span(where[start], where[end - 1] + 1))
    return Match(span, "fuzzy") if same_facts(words, passage[span.start : span.end]) else None


def _places(needle: str, text: str) -> Iterator[int]:
    at = text.find(needle) if needle else -1
    while at >= 0:
        yield at
        at = text.find(needle, at + 1)


def _only_if_telling(words: str, spans: Sequence[Span], passage: str) -> Span | None:
    """The first of the places, one on word edges before others; None for few letters in many places."""
    if not spans:
        return None
    whole = [span for span in spans if snap(passage, span) == span]
    letters = sum(char.isalnum() for char in words)
    telling = letters and len(words.split()) >= _LEAST_WORDS
    least = _LEAST_UNSPACED if _UNSPACED.search(words) else _LEAST_CHARS
    if letters < least and not telling and len(whole) != 1:
        return None
    return (whole or [snap(passage, spans[0])])[0]


def same_facts(quote: str, words: str) -> bool:
    """Whether two wordings have the same numbers in the same order, as many negations, and no other names.

    A name is a word with a capital; the first word of the quote may be another for the sake of the sentence.
    """
    one, other = (
        unicodedata.normalize("NFKC", text.translate(_TYPOGRAPHY)).casefold() for text in (quote, words)
    )
    if _NUMBERS.findall(one) != _NUMBERS.findall(other):
        return False
    if len(_NEGATIONS.findall(one)) != len(_NEGATIONS.findall(other)):
        return False
    names = Counter(name.casefold() for name in _NAME.findall(quote) if not quote.startswith(name))
    return not names - Counter(re.findall(r"\w+", words.casefold()))


def fold(text: str) -> tuple[str, list[int]]:
    """Return a text with case, white space and typography set aside, and the place of each of its characters.

    ``places[i]`` is the index in ``text`` of what character ``i`` came from. Characters are taken apart
    (NFKD), runs of white space become one blank, invisible format characters go, and lone surrogates become
    U+FFFD, which is what a model was shown.
    """
    out: list[str] = []
    places: list[int] = []
    for at, char in enumerate(text):
        category = unicodedata.category(char)
        if category == "Cf":
            continue
        shown = "\ufffd" if category == "Cs" else unicodedata.normalize("NFKD", char.translate(_TYPOGRAPHY))
        for one in shown.casefold():
            if one.isspace() or unicodedata.category(one) == "Cc":
                if out and out[-1] == " ":
                    continue
                one = " "
            out.append(one)
            places.append(at)
    return "".join(out), places


def snap(text: str, span: Span) -> Span:
    """Return the span widened to whole words, and to whole characters as one sees them (marks, emoji)."""
    start, end = span.start, span.end
    while 0 < start < len(text) and _joined(text, start):
        start -= 1
    while 0 < end < len(text) and _joined(text, end):
        end += 1
    return Span(start, end)


def extends(char: str) -> bool:
    """Whether a character continues the one before it: a combining mark, a joiner, a variation selector."""
    return (
        unicodedata.category(char) in ("Mn", "Mc", "Me")
        or char == "\u200d"
        or "\U0001f3fb" <= char <= "\U0001f3ff"
    )


def is_unspaced(char: str) -> bool:
    """Whether a character belongs to a script without blanks between words."""
    return _UNSPACED.match(char) is not None


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and at ``at`` belong to one word."""
    before, after = text[at - 1], text[at]
    if before + after == "\r\n" or (before == "\u200d" and not after.isspace()):
        return True
    if extends(after):
        return not before.isspace()
    while at > 1 and extends(before):  # the letter that a mark stands on
        at -= 1
        before = text[at - 1]
    return before.isalnum() and after.isalnum() and not (is_unspaced(before) or is_unspaced(after))
