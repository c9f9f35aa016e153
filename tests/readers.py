"""Readers whose answers a test chooses."""

from collections.abc import Callable, Sequence

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

    def read(self, question: str, passages: Sequence[str], *, top_k: int = 3) -> Reading:
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
