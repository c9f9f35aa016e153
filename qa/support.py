"""Support: how likely is a sentence true, given what it cites? A true quote can stand behind a false one.

Each sentence is compared with its quotes, with the sentences that these stand in, and with the text around
them: numbers, names, negation, opposites, the order of words, how many of its words are there at all. And the
reader is asked for each of its facts, with the fact taken out ("The ledger lists how many arrivals?"): does
it find the same? A logistic model weighs these; ``bench.support`` fitted it (qa/support_weights.py).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

from index.types import Span
from qa.overlap import (
    EMPTY,
    NUMBER,
    denies,
    facts,
    name_words,
    names_turned,
    numbers_of,
    opposed,
    pairs_of,
    parted,
    share,
    window_of,
    words_of,
)
from qa.read import Reader
from qa.support_weights import BIAS, WEIGHTS

if TYPE_CHECKING:
    from qa.compose import Finding

_AROUND_CHARS = 500  # on either side of what is cited: a sentence may need what was said before
_PROBES = 4  # facts of a sentence that the reader is asked for
_SPANS = 5  # answers that it may give to each
_ODDS = 6.0  # log-odds beyond which a reader is sure

_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a sentence cites: ``quotes`` stand in ``sentences``, and these in ``around``."""

    quotes: str
    sentences: str
    around: str


@dataclass(frozen=True, slots=True)
class Features:
    """What a sentence and its evidence have in common, or not. Shares are 0..1, odds logarithms of them."""

    strange_numbers: float  # share of its numbers that the cited sentences lack
    strange_numbers_around: float  # ... that the text around them lacks too
    strange_names: float  # the same of capitalised words
    strange_names_around: float
    covered_by_quotes: float  # share of its words of substance that stand in the quotes
    covered_by_sentences: float
    covered_around: float
    covered_pairs: float  # share of its pairs of neighbouring words that stand near each other there
    disorder: float  # share of those that stand there in the other order
    negation: float  # 1 where one of the two denies and the other does not
    negation_close: float  # 1 where, besides, nearly all other words agree
    opposites: float  # words whose opposite stands there in their place
    strange_neighbours: float  # share of its names and numbers that stand beside other words there
    name_disorder: float  # share of pairs of its names and numbers that stand there in the other order
    probe: float  # odds of the fact that the reader confirms least, against what it finds instead; 0: no fact
    probed: float  # 1 where there was a fact to ask for


NAMES = tuple(field.name for field in fields(Features))


def evidence(findings: Sequence[Finding]) -> Evidence:
    """The evidence that verified citations give."""
    quotes, sentences, around = [], [], []
    for finding in findings:
        text = finding.document.text
        quotes.append(text[finding.span.start : finding.span.end])
        sentences.append(text[finding.sentence.start : finding.sentence.end])
        around.append(surroundings(text, finding.sentence))
    return Evidence("\n".join(quotes), "\n".join(sentences), "\n\n".join(dict.fromkeys(around)))


def surroundings(text: str, span: Span) -> str:
    """The text of a span with what stands around it, on whole words."""
    start, end = max(0, span.start - _AROUND_CHARS), min(len(text), span.end + _AROUND_CHARS)
    while start > 0 and start < span.start and not text[start - 1].isspace():
        start += 1
    while end < len(text) and end > span.end and not text[end].isspace():
        end -= 1
    return text[start:end].strip()


def support(claim: str, proof: Evidence, reader: Reader) -> float:
    """The probability, 0..1, that a sentence is true where its evidence is; half of all are taken to be."""
    return probability(measure(claim, proof, reader))


def probability(found: Features) -> float:
    """sigmoid(bias + weights · features)."""
    odds = BIAS + sum(WEIGHTS[name] * getattr(found, name) for name in NAMES)
    return 1 / (1 + math.exp(-max(-30.0, min(30.0, odds))))


def measure(claim: str, proof: Evidence, reader: Reader) -> Features:
    """Return what the logistic model weighs."""
    said = words_of(claim)
    there, quoted, near = words_of(proof.sentences), words_of(proof.quotes), words_of(proof.around)
    substance = [word for word in said if word not in EMPTY]
    window = window_of(said, there)
    pairs, disorder = pairs_of(substance, window)
    covered = share(substance, there)
    denial = denies(claim, window)
    odds = _probe(claim, proof, reader)
    return Features(
        strange_numbers=1 - share(numbers_of(claim), numbers_of(proof.sentences)),
        strange_numbers_around=1 - share(numbers_of(claim), numbers_of(proof.around)),
        strange_names=1 - share(name_words(claim), there),
        strange_names_around=1 - share(name_words(claim), near),
        covered_by_quotes=share(substance, quoted),
        covered_by_sentences=covered,
        covered_around=share(substance, near),
        covered_pairs=pairs,
        disorder=disorder,
        negation=denial,
        negation_close=denial * max(0.0, 2 * covered - 1),
        opposites=opposed(said, window),
        strange_neighbours=parted(claim, window),
        name_disorder=names_turned(claim, proof.sentences),
        probe=min(odds, default=0.0),
        probed=float(bool(odds)),
    )


# -- what the reader says ------------------------------------------------------------------------------------


def question(claim: str, fact: Span) -> str:
    """The sentence as a question for one of its facts."""
    words = claim[fact.start : fact.end]
    before, after = claim[: fact.start].rstrip(), claim[fact.end :].rstrip(" .!")
    if NUMBER.fullmatch(words):
        asked = "what year" if re.fullmatch(r"1[0-9]\d\d|20\d\d", words) else "how many"
        if re.search(rf"(?:{_MONTHS})$", before) or re.match(rf"\s*(?:{_MONTHS})", after):
            asked = "what day"
        elif re.search(r"[$£€]$", before) or re.match(
            r"\s*(?:%|percent|per cent|euros?|pounds|dollars)", after
        ):
            asked = "how much"
    else:
        asked = "who or what" if before else "who"
    return f"{before} {asked}{after}?".strip()


def _probe(claim: str, proof: Evidence, reader: Reader) -> list[float]:
    """For each fact the odds, -6..6, that the reader finds it, less those of what it finds instead."""
    found = []
    for fact in facts(claim)[:_PROBES]:
        reading = reader.read(question(claim, fact), [proof.sentences], top_k=_SPANS)
        wanted = set(words_of(claim[fact.start : fact.end])) - EMPTY
        agreeing = other = -_ODDS
        for span in reading.spans:
            words = set(words_of(span.text))
            if wanted and len(wanted & words) >= 0.5 * len(wanted):
                agreeing = max(agreeing, _log_odds(span.probability))
            else:
                other = max(other, _log_odds(span.probability))
        found.append(max(-_ODDS, min(_ODDS, agreeing - other)))
    return found


def _log_odds(chance: float) -> float:
    bounded = min(1 - 1e-9, max(1e-9, chance))
    return math.log(bounded / (1 - bounded))
