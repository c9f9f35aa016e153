"""A reader without training: the sentence that the encoder and the question's rare words agree on."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log

import numpy as np

from index.chunk import sentences
from index.encode import Encoder
from qa.read import AnswerSpan, Reading

_ENCODED = 40  # sentences that are encoded, at most: those that share the most with the question
_WORD = re.compile(r"[^\W\u3040-\u30ff\u3400-\u9fff]+|[\u3040-\u30ff\u3400-\u9fff]")  # CJK: by character
_NAME = re.compile(r"\b(?:[^\W\d_a-zß-ÿ]\w+|\w*\d\w*)")  # starts with a capital, or holds a digit
_ASKING_WORDS = """
a an and are as at be been by can could did do does for from had has have how in is it its many much of on
or that the their there these they this to was were what when where which who whom whose why will with
would
"""

# Log-odds that a sentence answers: _BIAS + _WEIGHTS · (cosine, its coverage of the question's words, its
# passage's coverage, whether it is of the asked kind). Logistic regression on the best sentence of 1,000
# questions of SQuADShifts (Amazon and Reddit), each over eight confusable paragraphs, with the right one
# left out for four questions in ten.
_BIAS = -4.29
_WEIGHTS = np.array([2.13, 2.68, 0.59, 0.78])


@dataclass(frozen=True, slots=True)
class _Candidate:
    passage: int
    start: int
    end: int
    text: str


class SentenceReader:
    """Answers with whole sentences; probabilities come from a logistic over four features (``_WEIGHTS``)."""

    name = "sentence-reader"

    def __init__(self, encoder: Encoder) -> None:
        self._encoder = encoder

    def read(self, question: str, passages: Sequence[str], *, top_k: int = 3) -> Reading:
        """The ``top_k`` best sentences; ``no_answer`` is 1 minus the probability of the best."""
        found = [
            _Candidate(number, span.start, span.end, passage[span.start : span.end])
            for number, passage in enumerate(passages)
            for span in sentences(passage)
            if _adds_to(question, passage[span.start : span.end])
        ]
        if not found:
            return Reading((), 1.0)
        weights = _word_weights(question, [candidate.text for candidate in found])
        whole = [_coverage(passage, weights) for passage in passages]
        cover = [_coverage(candidate.text, weights) for candidate in found]
        kept = sorted(range(len(found)), key=lambda i: (-cover[i], -whole[found[i].passage], i))[:_ENCODED]
        vectors = self._encoder.encode([question, *(found[i].text for i in kept)])  # (1 + kept, dim)
        cosines = vectors[1:] @ vectors[0]
        spans = []
        for i, cosine in zip(kept, cosines, strict=True):
            one = found[i]
            features = np.array([cosine, cover[i], whole[one.passage], _is_of_kind(question, one.text)])
            score = float(_BIAS + _WEIGHTS @ features)
            spans.append(AnswerSpan(one.passage, one.start, one.end, one.text, score, 1 / (1 + exp(-score))))
        spans.sort(key=lambda span: (-span.score, span.passage, span.start))
        return Reading(tuple(spans[:top_k]), 1 - spans[0].probability)


def _words(text: str) -> list[str]:
    """Folded words, cut to six letters without a plural s: a crude stem."""
    return [word.rstrip("s")[:6] for word in _WORD.findall(text.casefold())]


def _word_weights(question: str, texts: Sequence[str]) -> dict[str, float]:
    """Weight of each word of the question: its rarity, twice for names and numbers; they sum to 1."""
    counts = Counter(word for text in texts for word in set(_words(text)))
    names = set(_words(" ".join(_NAME.findall(question))))
    asked = [word for word in _WORD.findall(question.casefold()) if word not in _ASKING_WORDS.split()]
    rarity = {
        word: log(1 + (len(texts) + 1) / (counts[word] + 1)) * (2 if word in names else 1)
        for word in _words(" ".join(asked))
    }
    total = sum(rarity.values())
    return {word: weight / total for word, weight in rarity.items()}


def _coverage(text: str, weights: dict[str, float]) -> float:
    """Share 0..1 of the question's weight whose words are in the text."""
    return sum(weights.get(word, 0.0) for word in set(_words(text)))


def _adds_to(question: str, sentence: str) -> bool:
    """Whether a sentence holds a word that the question lacks: a heading with its words is no answer."""
    known = set(_words(question)) | set(_words(_ASKING_WORDS))
    return not known.issuperset(_words(sentence))


def _is_of_kind(question: str, sentence: str) -> float:
    """1 where the sentence holds what "when", "how many" or "who" ask for, 0 where not, else 0.5."""
    first = question.casefold()
    if re.search(r"\b(?:when|how (?:many|much|long|old|far|often)|what (?:year|date|percentage))\b", first):
        return float(re.search(r"\d", sentence) is not None)
    if re.search(r"\b(?:who|whom|whose)\b", first):
        return float(bool(set(_NAME.findall(sentence)) - set(_NAME.findall(question))))
    return 0.5
