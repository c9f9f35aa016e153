"""False sentences: a true one with one fact changed, so that everything else still fits."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence

from bench.rewording import DIGITS, NUMERALS, as_sentence, table
from index.chunk import sentences
from training.data import Example

_NUMBER = re.compile(
    r"(?<![\w.,])\d[\d,]*(?:\.\d+)?(?![\w])|\b(?:"
    + "|".join([*DIGITS, "thirteen", "fifteen", "hundred"])
    + r")\b",
    re.IGNORECASE,
)
_NAME = re.compile(
    r"(?<!^)\b(?!I\b|I'|The\b|A\b|It\b|This\b|My\b)[A-Z][\w'’-]+(?: (?:of |de |the )?[A-Z][\w'’-]+)*"
)
_LEADING = re.compile(
    r"^(?!(?:The|A|An|It|This|That|In|My|I|He|She|They|We|You)\b)[A-Z][\w'’-]+(?: [A-Z][\w'’-]+)+"
)
_OPPOSITE = table(
    """
    more=less less=more before=after after=before first=last last=first always=never never=always best=worst
    worst=best good=bad bad=good high=low low=high old=new new=old increased=decreased higher=lower
    lower=higher large=small small=large all=none easy=difficult long=short short=long early=late late=early
    with=without without=with won=lost lost=won north=south south=north east=west west=east most=least
    male=female older=younger younger=older better=worse worse=better cheap=expensive inside=outside
    open=closed strong=weak hot=cold
    """
)
_HELPER = re.compile(r"\b(is|are|was|were|has|had|will|can|could|would|should|did|does|do)\b(?! not\b)")
_DENIED = re.compile(r"\b(?:not|never) | cannot\b|n't\b")
_PLAIN_PAST = re.compile(
    r"\b(?P<stem>[a-z]{2,}?)(?P<e>e?)d\b(?=\s+(?:the|a|an|his|her|my|it|them|by|to|in|on|at)\b)"
)


def falsified(
    text: str, context: str, answer: str, asked: Sequence[Example], chance: random.Random
) -> Iterator[tuple[str, str]]:
    """Yield kind and wording of what is no longer true, one of each kind that the sentence allows."""
    makers = (
        ("number", _other_number(text, context, chance)),
        ("name", _other_name(text, context, chance)),
        ("answer", _other_answer(text, context, answer, asked, chance)),
        ("negation", _denied(text, chance)),
        ("roles", _swapped(text, context, chance)),
    )
    for kind, wrong in makers:
        if wrong is not None and wrong != text:
            yield kind, wrong


def _other_number(text: str, context: str, chance: random.Random) -> str | None:
    found = [m for m in _NUMBER.finditer(text)]
    if not found:
        return None
    chosen = chance.choice(found)
    value = chosen[0].lower()
    same = (value, DIGITS.get(value, value), NUMERALS.get(value, value))
    others = [m[0] for m in _NUMBER.finditer(context) if m[0].lower() not in same]
    alike = [
        other for other in others if other[0].isdigit() == value[0].isdigit() and len(other) == len(value)
    ]
    if alike and chance.random() < 0.7:
        new = chance.choice(alike)
    elif value in DIGITS:
        new = chance.choice([word for word in DIGITS if word != value])
    elif value[0].isdigit():
        digits = [at for at, char in enumerate(value) if char.isdigit()]
        at = chance.choice(digits)
        new = value[:at] + chance.choice([d for d in "123456789" if d != value[at]]) + value[at + 1 :]
    else:
        return None
    return text[: chosen.start()] + new + text[chosen.end() :]


def _names(text: str) -> list[re.Match[str]]:
    lead = _LEADING.match(text)
    return [*([lead] if lead else []), *_NAME.finditer(text)]


def _other_name(text: str, context: str, chance: random.Random) -> str | None:
    found = _names(text)
    if not found:
        return None
    chosen = chance.choice(found)
    known = set(chosen[0].lower().split())
    pool = {
        m[0]
        for part in sentences(context)
        for m in _names(" ".join(context[part.start : part.end].split()))
        if not known & set(m[0].lower().split()) and m[0] not in text
    }
    if not pool:
        return None
    return text[: chosen.start()] + chance.choice(sorted(pool)) + text[chosen.end() :]


def _other_answer(
    text: str, context: str, answer: str, asked: Sequence[Example], chance: random.Random
) -> str | None:
    """Another question's answer in the place of this one's, where nobody gave it to this question."""
    if not answer or text.lower().count(answer.lower()) != 1:
        return None
    golds = {g.lower() for e in asked if answer in e.texts() for g in e.texts()}
    words = {word for gold in golds for word in re.findall(r"\w+", gold)}
    kind = (answer[0].isdigit(), answer[0].isupper())
    pool = {
        other
        for e in asked
        for other in e.texts()
        if 1 <= len(other.split()) <= 8
        and not words & set(re.findall(r"\w+", other.lower()))
        and (other[0].isdigit(), other[0].isupper()) == kind
        and other.lower() not in text.lower()
    }
    if not pool:
        return None
    at = text.lower().index(answer.lower())
    return as_sentence(text[:at] + chance.choice(sorted(pool)) + text[at + len(answer) :])


def _denied(text: str, chance: random.Random) -> str | None:
    """The opposite: a negation put in or taken out, or a word against its opposite."""
    opposite = [m for m in re.finditer(r"\b[a-z]+\b", text) if m[0] in _OPPOSITE]
    if opposite and chance.random() < 0.4:
        chosen = chance.choice(opposite)
        return text[: chosen.start()] + _OPPOSITE[chosen[0]] + text[chosen.end() :]
    if found := _DENIED.search(text):
        return text[: found.start()] + (" can" if "cannot" in found[0] else "") + text[found.end() :]
    if found := _HELPER.search(text):
        return f"{text[: found.end()]} not{text[found.end() :]}"
    if found := _PLAIN_PAST.search(text):
        base = found["stem"] + ("e" if found["stem"][-1] in "vsuzcg" and found["e"] else "")
        return f"{text[: found.start()]}did not {base}{text[found.end() :]}"
    return None


def _swapped(text: str, context: str, chance: random.Random) -> str | None:
    """Two names, or a name and the answer, in each other's place; no two of one list."""
    found = _names(text)
    pairs = [
        (one, other)
        for at, one in enumerate(found)
        for other in found[at + 1 :]
        if not re.fullmatch(r"\s*(?:,|and|or|&|, and|-|/|\()\s*", text[one.end() : other.start()])
        and len(text[one.end() : other.start()].split()) >= 1
        and one[0] != other[0]
        and not re.search(
            r"\b(?:is|was|are|were|and|or|with|in|of|at|from)\s*$", text[one.end() : other.start()]
        )
    ]
    if not pairs:
        return None
    one, other = chance.choice(pairs)
    return text[: one.start()] + other[0] + text[one.end() : other.start()] + one[0] + text[other.end() :]
