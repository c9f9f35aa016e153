"""Text to sentences with exact offsets, in any script, from prose, lists and tables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise

from sentencex import get_sentence_boundaries

from index.lines import LINE_ENDS, runs
from index.panic import without_panic
from index.types import Span


def _words(line: str) -> frozenset[str]:
    return frozenset(line.split())


MAX_SENTENCE_CHARS = 600
_BLOCK_CHARS = 2000  # sentencex needs time that grows with the square of a text without blanks
_SAMPLE_CHARS = 2000  # from these the language is guessed, for its abbreviations and dates
_FUNCTION_WORDS = {
    language: _words(words)
    for language, words in {
        "en": "the of and to in is that for with was it as by at",
        "de": "der die und das ist nicht den von mit ein eine im auf für wird oder zum",
        "fr": "le les des est dans pour une du et sur qui pas que au",
        "es": "el los las por con una para del que es su en y al",
        "it": "il che di per non sono della con una gli le nel si è",
        "pt": "os uma para com em do da não são que ao por na é",
        "nl": "de het een van niet op dat zijn voor met aan bij ook en",
    }.items()
}
# The lists of sentencex lack these. What is written small here may also be written with capitals.
_ABBREVIATIONS = _words(  # the sentence goes on, unless a word follows that begins sentences
    "approx incl excl resp ed eds aprox mevr M MM Ms Mme Mmes Mlle Mlles Dr Pr Prof St Ste "
    "inkl exkl zzgl abzgl einschl bspw insb insbes vgl geb gegr allg mtl monatl jährl tägl Dipl Ing Mag "
    "см им просп пл бул наб обл ред напр тыс млн млрд руб коп ім"
)
_BEFORE_NUMBERS = _words(  # the sentence goes on before a number
    "no nos vol vols ed eds fig figs ch chap est eq eqn app para sec art pp p max min máx mín núm pág pag nr "
    "tel fax tél mob abs abb tab kap bd aufl ziff rn pos anl hausnr mind mär okt dez janv févr sept t "
    "рис табл гл ст разд розд тел факс кн вып прим изд корп оф"
)
_BEGINNINGS = _words(
    "The A An This That These Those There Here He She It We They You In On At If When As But And For "
    "Der Die Das Dem Den Des Ein Eine Einer Eines Er Sie Es Wir Ihr Ich Man Dies Diese Dieser Dieses Alle "
    "Kein Keine Und Oder Aber Doch Denn Dann Danach Dort Hier Da So Wenn Weil Als Ob Obwohl Nach Vor Bei Mit "
    "Von Zu Zum Zur Im Am An Auf Aus Für Durch Über Unter Um Ohne Gegen Bis Seit Während Auch Nur Jetzt "
    "Heute Wer Was Wo Wie Wann Warum Jede Jeder Jedes Il Elle Ils Elles Nous Vous Ce Cette Les Un Une Je On "
    "Dans Он Она Оно Они Мы Вы Я Это Этот Эта На Но И А Если Как По Для Что "
    "Він Вона Воно Вони Ми Ви Це Цей Ця Та Але Якщо Як Для Що"
)
_ORDINAL_WORDS = _words("am im zum vom beim der die das dem den des ab bis jeder jeden jedes")
_GERMAN_MONTH = re.compile(r"(?:Jan|Feb|Mär|Apr|Jun|Jul|Aug|Sept?|Okt|Nov|Dez)\b")
_CONTEXT_CHARS = 40  # that are looked at on each side of a full stop
_LAST_WORD = re.compile(r"([^\W\d_]+)\.$")
_WORD = re.compile(r"[^\W\d_]+")
_ORDINAL = re.compile(r"(?:(\S+)\s+|(?<![\w.]))\(?\d{1,2}\.$")
_A_NUMBER = re.compile(r"[+(\[]?(?:\d|[IVXLC]{2,}\b|[VX]\b)")
_HYPHENED = re.compile(r"-[^\W\d_]")  # "Dipl.-Ing."
_CYRILLIC = re.compile("[\u0400-\u04ff]")
_OF_RUSSIAN = re.compile("[ыэъё]", re.IGNORECASE)
_OF_UKRAINIAN = re.compile("[іїєґ]", re.IGNORECASE)
_LINE_END = re.compile(f"[{LINE_ENDS}]")
_LETTERS = re.compile(r"[^\W\d_]+")
_IN_BRACKETS = re.compile(r"\((\w{1,3})\)")
# "2." belongs to what it numbers, and is no sentence
_MARKER = re.compile(r"\s*[(\[]?(?:[\dIVXivx]{1,4}|[A-Za-z])(?:\.\d{1,3})*[.)\]]+\s*")
_FULL_STOP = re.compile("[。！？｡।॥؟۔][。！？｡।॥؟۔”’」』）》〉】)\"']*")
_CLAUSE = re.compile("[;:,—–،؛、，；：][”’」』）)\"']*")
_BLANK = re.compile(r"\s")
_WIDE_BLANK = re.compile(r"[^\S -\x7f]")  # of more than a byte
_SURROGATE = re.compile("[\ud800-\udfff]")


def sentences(text: str) -> tuple[Span, ...]:
    """The sentences of the text in order: exact, trimmed, disjoint, of ``MAX_SENTENCE_CHARS`` at most.

    Together they hold every character that is not white space. Blank lines, items of lists, rows of tables,
    entries of logs and forms, and lines of code end a sentence; a line end within wrapped prose does not.
    What is too long is cut at a line end, else after a clause, else at a blank.
    """
    return tuple(iterate_sentences(text, 0, len(text)))


def iterate_sentences(text: str, start: int, end: int) -> Iterator[Span]:
    """The sentences of ``text[start:end]`` one by one; offsets count in ``text``."""
    language = _language(text[start : min(end, start + _SAMPLE_CHARS)])
    for run in runs(text, start, end):
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
    """Code of the language whose small words are most frequent in the text; English where there are none.

    A text mostly in Cyrillic letters is Ukrainian if the letters that only Ukrainian has outnumber those that
    only Russian has, else Russian.
    """
    words = _LETTERS.findall(text.lower())
    if 2 * len(_CYRILLIC.findall(text)) > sum(map(len, words)):
        return "uk" if len(_OF_UKRAINIAN.findall(text)) > len(_OF_RUSSIAN.findall(text)) else "ru"
    counts = {language: sum(map(known.__contains__, words)) for language, known in _FUNCTION_WORDS.items()}
    return max(counts, key=lambda language: counts[language])


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
    ends = _by_sentencex(flat, language)
    ends.update(match.end() for match in _FULL_STOP.finditer(flat))
    kept: list[int] = []
    for end in sorted(end for end in ends if 0 < end < len(text)):
        if not (_MARKER.fullmatch(flat, kept[-1] if kept else 0, end) or _goes_on(flat, end, language)):
            kept.append(end)
    return [*kept, len(text)]


def _goes_on(flat: str, end: int, language: str) -> bool:
    """Whether the full stop before ``end`` is that of an abbreviation or of an ordinal, within a sentence."""
    before = flat[max(0, end - _CONTEXT_CHARS) : end].rstrip()
    after = flat[end : end + _CONTEXT_CHARS].lstrip()
    if not before.endswith(".") or not after:
        return False
    if _HYPHENED.match(flat, end):
        return True
    if language == "de" and _is_ordinal(before, after):
        return True
    last = _LAST_WORD.search(before)
    if last is None:
        return False
    word, small = last[1], last[1].lower()
    if language in ("ru", "uk") and after[0].islower() and len(word) <= 3:
        return True
    if small in _BEFORE_NUMBERS and _A_NUMBER.match(after):
        return True
    return (word in _ABBREVIATIONS or small in _ABBREVIATIONS) and not _begins_sentence(after)


def _is_ordinal(before: str, after: str) -> bool:
    """Whether the number that ends ``before`` numbers a noun after it: "am 3. Werktag", "12. Dez."."""
    number = _ORDINAL.search(before)
    if number is None:
        return False
    if _GERMAN_MONTH.match(after):
        return True
    word = number[1] or ""
    counted = word.islower() or word.lower() in _ORDINAL_WORDS
    return counted and after[0].isupper() and not _begins_sentence(after)


def _begins_sentence(after: str) -> bool:
    word = _WORD.match(after)
    return word is not None and word[0] in _BEGINNINGS


def _by_sentencex(flat: str, language: str) -> set[int]:
    """Where sentencex ends sentences. Where it panics over a blank of several bytes, it gets plain ones."""
    for words in (flat, _WIDE_BLANK.sub(" ", flat)):
        with suppress(ValueError), without_panic("sentencex"):
            return {int(boundary["end_index"]) for boundary in get_sentence_boundaries(language, words)}
    return set()
