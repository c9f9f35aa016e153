"""Grammars under which a language model can only copy its quotes: for llguidance, in its form of Lark.

The reply is ``{"answer": null}`` or ``{"answer": [{"quotes": [{"passage": 1, "quote": ""}], "text": ""}]}``
with further quotes and sentences. A quote is a JSON string whose content is a substring of the passage that
stands before it, on word edges.
"""

from __future__ import annotations

import json
from collections.abc import Sequence

from qa.quotes import extends, is_unspaced

_LEAST_WORDS, _MOST_WORDS = 3, 60
_LEAST_CHARS, _MOST_CHARS = 6, 240  # of a quote from a passage without blanks between its words
_MOST_QUOTES = 3  # of a sentence
_TEXT_CHARS = 400  # of a sentence
_UNSPACED_SHARE = 0.2  # a passage with more such characters is quoted by characters, not by words
_WORD_CHARS = 12  # so is one whose words are longer on average: code, tables of data

# In JSON: a blank, a character that is none, and one that may begin or end a quote. Escapes count as one
# character; an escaped quotation mark or backslash may stand within a quote and at the end of its last word.
_BLANK = r"(\s|\\([nrtf]|u00[01][0-9a-f]))"
_SOLID = r"([^\s\\]|\\[\"\\\/b])"
_EDGE = r"[^\s\\]"
_ANY = r"([^\\]|\\([^u]|u[0-9a-f]{4}))"
_WORDS = rf"{_EDGE}{_SOLID}*({_BLANK}+{_SOLID}+){{{_LEAST_WORDS - 1},{_MOST_WORDS - 1}}}"
_CHARS = rf"{_EDGE}{_ANY}{{{_LEAST_CHARS - 2},{_MOST_CHARS - 2}}}{_EDGE}"
_FREE = r'([^"\\\x00-\x1f\x7f]|\\["\\\/])'
_VISIBLE = r'[^\s"\\\x00-\x1f\x7f]'


def reply_grammar(passages: Sequence[str], *, sentences: int, text_chars: int = _TEXT_CHARS) -> str:
    """Return the grammar of replies of at most ``sentences`` sentences that quote from these passages.

    A sentence has at most ``text_chars`` characters. Passages are numbered from 1. One that holds no quote of
    a legal length cannot be cited; where none can, the only reply is null. None may hold a lone surrogate.
    """
    quotable = [number for number, passage in enumerate(passages, 1) if is_quotable(passage)]
    null = _literal('{"answer": null}')
    if not quotable:
        return f"start: {null}\n"
    opening, comma, closing = map(_literal, ('{"answer": [', ", ", "]}"))
    before_quotes, before_text, end = map(_literal, ('{"quotes": [', '], "text": "', '"}'))
    cites = [_literal(f'{{"passage": {number}, "quote": "') + f" QUOTE{number} {end}" for number in quotable]
    further = f"({comma} item){{0,{sentences - 1}}}" if sentences > 1 else ""
    rules = [
        f"start: {null} | {opening} item {further} {closing}",
        f"item: {before_quotes} cite ({comma} cite){{0,{_MOST_QUOTES - 1}}} {before_text} TEXT {end}",
        f"cite: {' | '.join(cites)}",
        f"TEXT: /{_VISIBLE}{_FREE}{{0,{text_chars - 1}}}/",
        f"WORDS: /{_WORDS}/",
        f"CHARS: /{_CHARS}/",
    ]
    for number in quotable:
        passage = passages[number - 1]
        copied = {"substring_chunks": [_in_json(piece) for piece in chunks(passage)]}
        # One intersection a quote: with a second one the automaton outgrows every limit.
        rules.append(f"QUOTE{number}: COPY{number} & {'CHARS' if is_dense(passage) else 'WORDS'}")
        rules.append(f"COPY{number}: %regex {json.dumps(copied)}")
    return "\n".join(rules) + "\n"


def chunks(text: str) -> list[str]:
    """Return the pieces between which a quote may begin and end: words with their punctuation, white space.

    Of a script without blanks, each character is a piece. Marks and joiners stay with what they belong to.
    ``"".join(chunks(text)) == text``.
    """
    pieces: list[str] = []
    before = ""
    for char in text:
        kind = "blank" if char.isspace() else "unspaced" if is_unspaced(char) else "word"
        last = pieces[-1][-1] if pieces else " "
        joined = not (last.isspace() or char.isspace()) and (extends(char) or last == "\u200d")
        if pieces and (joined or kind == before != "unspaced"):
            pieces[-1] += char
        else:
            pieces.append(char)
        before = before if joined and extends(char) else kind
    return pieces


def is_dense(passage: str) -> bool:
    """Whether a passage is quoted by characters, because blanks say little about its words."""
    unspaced = sum(map(is_unspaced, passage))
    return unspaced > _UNSPACED_SHARE * len(passage) or len(passage.split()) * _WORD_CHARS < len(passage)


def is_quotable(passage: str) -> bool:
    """Whether the grammar of a passage has any quote: without one, a model would run into a dead end."""
    if is_dense(passage):
        pieces = chunks(passage)
        return any(_ends_at(pieces[start:]) for start, piece in enumerate(pieces) if _is_edge(piece[0]))
    words = passage.split()
    return any(_is_edge(word[0]) for word in words[: max(0, len(words) - _LEAST_WORDS + 1)])


def _ends_at(pieces: Sequence[str]) -> bool:
    """Whether a quote of legal length begins with the first of these pieces."""
    length = 0
    for piece in pieces:
        length += len(piece)
        if length > _MOST_CHARS:
            return False
        if length >= _LEAST_CHARS and _is_edge(piece[-1]):
            return True
    return False


def _is_edge(char: str) -> bool:
    """Whether a character may begin or end a quote: it is visible, and JSON does not escape it."""
    return not char.isspace() and len(_in_json(char)) == 1


def _in_json(text: str) -> str:
    """Return a text as it stands within a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


def _literal(text: str) -> str:
    """Return a text as a literal of the grammar."""
    return json.dumps(text)
