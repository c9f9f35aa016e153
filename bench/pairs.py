"""True and false sentences about passages of public question sets: what support is fitted on.

A true sentence is a question and its answer turned into a statement, or a sentence of the passage in other
words (shortened, other spelling of numbers, synonyms). A false one is a true one with one fact changed: a
number, a name or an answer against another of the same passage, a negation, or two names that change places.
An unrelated one is true, but cites a sentence of another passage.
"""

from __future__ import annotations

import hashlib
import random
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.falsify import falsified
from bench.rewording import from_sentences
from bench.statements import from_questions
from index.chunk import sentences
from index.types import Span
from training.data import Example, is_dev, read_qamr, read_squad

KINDS = ("number", "name", "answer", "negation", "roles")
UNRELATED = "unrelated"
_UNRELATED_SHARE = 0.25
_WEIGHTS = {"number": 4, "name": 4, "answer": 2, "negation": 1, "roles": 6}  # how rarely a sentence allows it


@dataclass(frozen=True, slots=True)
class Pair:
    """A sentence and what it cites: ``context[quote.start:quote.end]``."""

    group: str  # the paragraph: all of its pairs are used for fitting, or none
    context: str
    quote: Span
    text: str
    kind: str  # "true", one of KINDS, or UNRELATED
    made: str  # how the true sentence came about: "question" or "sentence"


def read_development(folder: Path) -> list[Example]:
    """The questions on paragraphs that the reader was never trained on."""
    found = [
        *read_squad(folder / "squadshifts_amazon_v1.0.json", "amazon"),
        *read_squad(folder / "squadshifts_reddit_v1.0.json", "reddit"),
        *read_qamr(folder / "qamr"),
        *read_squad(folder / "covidqa_200423.json", "covidqa"),
    ]
    return [example for example in found if is_dev(example.group)]


def make_pairs(examples: Sequence[Example], *, per_context: int, seed: int = 0) -> list[Pair]:
    """Pairs of at most ``per_context`` true sentences a passage, half of each kind, with their false ones."""
    by_context: dict[str, list[Example]] = defaultdict(list)
    for example in examples:
        by_context[example.context].append(example)
    pairs: list[Pair] = []
    before = ""
    for context, asked in by_context.items():
        chance = random.Random(hashlib.sha256(f"{seed}{context}".encode()).hexdigest())
        told = list(from_questions(context, asked))
        shortened = list(from_sentences(context, chance))
        chance.shuffle(told)
        chance.shuffle(shortened)
        half = per_context // 2
        for made, true in (("question", told[:half]), ("sentence", shortened[: per_context - half])):
            for text, quote, answer in true:
                cited = _part(context, quote, chance)
                false = list(falsified(text, context, answer, asked, chance))
                if not false:
                    continue
                pairs.append(Pair(asked[0].group, context, cited, text, "true", made))
                kind, wrong = chance.choices(false, [_WEIGHTS[kind] for kind, _ in false])[0]
                pairs.append(Pair(asked[0].group, context, cited, wrong, kind, made))
                if before and chance.random() < _UNRELATED_SHARE:
                    pairs += [
                        pairs[-2],
                        Pair(asked[0].group, before, chance.choice(sentences(before)), text, UNRELATED, made),
                    ]
        before = context
    return pairs


def _part(context: str, sentence: Span, chance: random.Random) -> Span:
    """The sentence, or for every third one a part of it, as models quote."""
    words = [m.span() for m in re.finditer(r"\S+", context[sentence.start : sentence.end])]
    if len(words) < 8 or chance.random() > 0.33:
        return Span(sentence.start, min(sentence.end, sentence.start + words[:60][-1][1]))
    first = chance.randrange(0, len(words) // 3)
    last = chance.randrange(first + len(words) // 2, len(words))
    return Span(sentence.start + words[first][0], sentence.start + words[last][1])
