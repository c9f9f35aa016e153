"""True sentences from questions: "Who built it?" and "Ann" make "Ann built it."."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from bench.rewording import as_sentence, table
from index.chunk import sentences
from index.types import Span
from training.data import Example

_SUBJECT = re.compile(
    r"^(?:who|what|which [\w' -]{2,30}?|how many [\w' -]{2,30}?|whose \w+)\s+"
    r"(?P<rest>(?:(?:was|were|is|are|has|had|will|can|could|would|may|might)"
    r"(?:\s+(?:not|also|been|never|the first to))*"
    r"\s+(?:\w{2,}(?:ed|en)|born|made|built|held|won|written|known|located|in|on|at)\b"
    r"|(?:wrote|made|gave|took|won|led|held|became|began|came|went|got|said|saw|built|bought|lost|left|found|sold|told"
    r"|thought|felt|ran|kept|put|set|sent|spoke|(?!does\b)\w{3,}(?:[^s]ed|[^aiousy]s))\s).+?)\s*\?+$",
    re.IGNORECASE,
)
_INVERTED = re.compile(
    r"^(?P<wh>who|what|which [\w' -]{2,30}?|when|where|how many [\w' -]{2,30}?|how much|whom"
    r"|in (?:what|which) \w+)"
    r"\s+(?P<aux>did|does|do|was|were|is|are|has|had|will|can|could|would)\s+(?P<rest>.+?)\s*\?+$",
    re.IGNORECASE,
)
_PREPOSITIONS = frozenset(["in", "on", "at", "from", "with", "for", "to", "of", "by", "about", "as"])
_PREPOSITION = re.compile(
    r"\b(in|on|at|from|by|for|with|to|of|into|during|after|before|until|under|over|near|since)\s+"
    r"(?:(?:the|a|an|his|her|their|its)\s+)?$",
    re.IGNORECASE,
)
_PAST = table(
    """
    make=made give=gave take=took win=won lead=led hold=held become=became begin=began come=came go=went
    get=got say=said see=saw build=built buy=bought lose=lost leave=left find=found sell=sold tell=told
    think=thought feel=felt run=ran read=read keep=kept put=put set=set send=sent speak=spoke
    write=wrote have=had do=did eat=ate drink=drank drive=drove fall=fell fly=flew grow=grew hear=heard
    know=knew meet=met pay=paid rise=rose sing=sang sit=sat sleep=slept spend=spent stand=stood
    teach=taught throw=threw wear=wore break=broke bring=brought catch=caught choose=chose draw=drew
    fight=fought forget=forgot hit=hit hurt=hurt let=let lie=lay mean=meant ride=rode show=showed
    shut=shut steal=stole swim=swam wake=woke understand=understood
    """
)


def from_questions(context: str, asked: Sequence[Example]) -> Iterator[tuple[str, Span, str]]:
    """Yield statement, the sentence that proves it, and the answer in it."""
    parts = sentences(context)
    for example in asked:
        spans = example.answers
        start, end = max(spans, key=spans.count)
        answer = " ".join(context[start:end].split())
        held = next((part for part in parts if part.start <= start and end <= part.end), None)
        if held is None or not 1 <= len(answer.split()) <= 8:
            continue
        statement = declare(example.question, answer, context[held.start : start], context)
        if statement is not None and 4 <= len(statement.split()) <= 40:
            yield statement, held, answer


def declare(question: str, answer: str, before: str, context: str) -> str | None:
    """The statement that a question and its answer make; None where no rule is sure of it.

    ``before`` are the words before the answer in its sentence: a preposition there belongs to the answer.
    """
    question = " ".join(question.split())
    if found := _SUBJECT.match(question):
        rest = found["rest"]
        if re.search(r"\b(?:did|does|do|is|was|are|were)\b", " ".join(rest.split()[1:])):
            return None
        return as_sentence(f"{answer} {rest}")
    found = _INVERTED.match(question)
    if found is None:
        return None
    aux, rest, wh = found["aux"].lower(), found["rest"], found["wh"].lower()
    subject = _subject(rest, context)
    if not subject:
        return None
    verb, _, tail = rest[len(subject) :].strip().partition(" ")
    if not verb:
        return as_sentence(f"{subject} {aux} {answer}") if aux in ("was", "were", "is", "are") else None
    if not re.fullmatch(r"[a-z]+", verb):
        return None
    if aux == "did":
        verb = _PAST.get(verb) or (verb + "d" if verb.endswith("e") else _past(verb))
        if verb not in context.lower() and verb not in _PAST.values():
            return None
    elif aux in ("does", "do") or (
        aux in ("was", "were", "is", "are") and not re.search(r"(?:ed|en|wn|ilt|eld|ound)$", verb)
    ):
        return None
    else:
        verb = f"{aux} {verb}"
    adjunct = wh in ("when", "where") or wh.startswith("in ")
    if not adjunct:
        direct = not tail or tail in _PREPOSITIONS
        return as_sentence(f"{subject} {verb} {tail} {answer}") if aux == "did" and direct else None
    link = _PREPOSITION.search(before)
    if link is None and not re.match(r"(?:in|on|at|the|last|every|during|after|before)\b", answer.lower()):
        return None
    return as_sentence(f"{subject} {verb} {tail} {link[0].strip() if link else ''} {answer}")


def _past(verb: str) -> str:
    return verb[:-1] + "ied" if verb.endswith("y") and verb[-2] not in "aeiou" else verb + "ed"


def _subject(rest: str, context: str) -> str:
    """The longest beginning that stands in the context and ends before a verb: the subject."""
    words = rest.split()
    folded = " ".join(context.lower().split())
    best = ""
    for end in range(1, min(len(words), 7) + 1):
        piece = " ".join(words[:end])
        plain = re.sub(r"^(?:the|a|an|his|her|their|its)\s+", "", piece.lower())
        if plain and re.search(rf"\b{re.escape(plain)}\b", folded):
            best = piece
    return best
