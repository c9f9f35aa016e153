"""Readers whose answers a test chooses."""

from collections.abc import Callable, Sequence

from index.chunk import sentences
from index.terms import terms
from qa.read import AnswerSpan, Reading


class FixedReader:
    """Finds these words wherever they stand in the passages, in this order, with these probabilities.

    Each place of the same words is a little less probable than the one before. ``before`` runs first, like
    something that happens in another process between the search and the citation.
    """

    name = "fixed"

    def __init__(self, words: dict[str, float], before: Callable[[], object] = lambda: None) -> None:
        self.words = words
        self.before = before
        self.questions: list[str] = []  # that it was asked so far

    def read(
        self,
        question: str,
        passages: Sequence[str],
        *,
        top_k: int = 3,
        relevance: Sequence[float] | None = None,
    ) -> Reading:
        self.questions.append(question)
        self.before()
        spans = []
        for words, probability in self.words.items():
            for number, passage in enumerate(passages):
                at = passage.find(words)
                if at >= 0:
                    spans.append(AnswerSpan(number, at, at + len(words), words, probability, probability))
                    probability *= 0.99
        spans.sort(key=lambda span: -span.score)
        return Reading(tuple(spans[:top_k]), 0.0)


class WordReader:
    """Picks the sentence that shares the most words with the question; its probability is their share."""

    name = "words"

    def read(
        self,
        question: str,
        passages: Sequence[str],
        *,
        top_k: int = 3,
        relevance: Sequence[float] | None = None,
    ) -> Reading:
        asked = {word for word in terms(question) if len(word) > 3}
        spans = []
        for number, passage in enumerate(passages):
            for span in sentences(passage):
                text = passage[span.start : span.end]
                share = len(asked & set(terms(text))) / max(1, len(asked))
                spans.append(AnswerSpan(number, span.start, span.end, text, share, share))
        spans.sort(key=lambda span: (-span.score, span.passage, span.start))
        return Reading(tuple(spans[:top_k]), 1 - spans[0].probability if spans else 1.0)
