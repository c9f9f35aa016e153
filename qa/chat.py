"""A conversation: questions that lean on the ones before them are searched for as what they mean."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from qa.answer import Answer, Done, Event
from qa.ask import stream
from qa.read import Reader

if TYPE_CHECKING:
    from types import TracebackType

    from index.index import Index
    from qa.settings import Settings

_TOPIC_WORDS = 12  # carried over from the question before: the latest are kept
_ANSWER_WORDS = 8  # carried over from its answer: the first are kept

# Words that name no subject. German is here because our own sample documents speak it.
_EMPTY_WORDS = """
a about again all also am an and any are as at be been before but by can could did do does else exactly
for from had has have how i if in instead into is just many me mean more most much my no not of on or our
please really same say so some such tell than the then there to too us was we were what when where which
while who whom whose why will with would you your aber am an auf aus bei bin bist da das dass dem den denn
der des die du ein eine einem einen einer für hat haben hatte ich im in ist mit nach noch oder sich sind
so und uns von war waren warum was wann welche welcher wer wie wieso wir wird wo wofür zu zum zur
"""
_PERSONAL_WORDS = (
    "he her hers him his it its she their theirs them they this these er ihm ihn ihr ihre sein seine sie"
)
_POINTING_WORDS = "first former last latter one ones other others second that third those dies diese dort"
_EMPTY, _PERSONAL, _POINTING = (
    frozenset(words.split()) for words in (_EMPTY_WORDS, _PERSONAL_WORDS, _POINTING_WORDS)
)
_OPENING = re.compile(r"^(?:and|but|or|so|und|aber|what about|how about|was ist mit)\b", re.IGNORECASE)
_WORD = re.compile(r"\w+(?:[.,'’-]\w+)*")


def resolve(question: str, topic: str, answer: str) -> str:
    """What to search for: the question, with the words it leans on when it is a follow-up.

    ``topic`` is what was searched for last, ``answer`` the words that answered it ("" after a refusal). A
    question is a follow-up when it has no subject of its own ("Why?"); opens with "and", "but", "what
    about"; has a pronoun with fewer than two words of substance before it ("When did she leave?", but not
    "When did Marie Curie win her prize?"); or points ("that", "the second one") and has at most two words of
    substance. Content words of the answer and of the topic are then put behind it, those it already has left
    out.
    """
    words = [word.casefold() for word in _WORD.findall(question)]
    own = [_has_substance(word) for word in words]
    before_pronoun = next((sum(own[:at]) for at, word in enumerate(words) if word in _PERSONAL), None)
    leans = (
        not any(own)
        or _OPENING.match(question.lstrip()) is not None
        or (before_pronoun is not None and before_pronoun < 2)
        or (sum(own) <= 2 and any(word in _POINTING for word in words))
    )
    if not leans:
        return question
    seen = set(words)
    carried = _content(_WORD.findall(topic), seen)[-_TOPIC_WORDS:]
    carried += _content(_WORD.findall(answer), seen | {word.casefold() for word in carried})[:_ANSWER_WORDS]
    return " ".join([question, *carried])


def _has_substance(word: str) -> bool:
    return word not in _EMPTY and word not in _PERSONAL and word not in _POINTING


def _content(words: Iterable[str], known: set[str]) -> list[str]:
    """The words of substance in order, each once and none of the known."""
    found = {word.casefold(): word for word in reversed(list(words))}
    ordered = reversed(found.items())
    return [word for folded, word in ordered if _has_substance(folded) and folded not in known]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer; ``searched`` is what the question was taken to mean."""

    searched: str
    answer: Answer


class Chat:
    """A conversation with the documents of one index; arguments are those of ``qa.ask``.

    Safe to share between threads: every question is understood from the turns that were complete when it was
    asked. ``sources`` may be set between questions.
    """

    def __init__(
        self,
        *,
        index: str | Path | Index | None = None,
        model: str | Reader | None = None,
        sources: str | Collection[str] | None = None,
        settings: Settings | None = None,
    ) -> None:
        self._index = index
        self._model = model
        self.sources = sources
        self._settings = settings
        self._turns: tuple[Turn, ...] = ()
        self._lock = Lock()

    @property
    def history(self) -> tuple[Turn, ...]:
        """The complete turns, oldest first."""
        with self._lock:
            return self._turns

    def ask(self, question: str) -> Answer:
        """The answer to a question, which may lean on the questions before it."""
        return next(event.answer for event in self.stream(question) if isinstance(event, Done))

    def stream(self, question: str) -> Iterator[Event]:
        """Yield the events of the answer; the turn is part of the history before Done comes."""
        history = self.history
        searched = question
        if history and question.strip():
            last = history[-1]
            quoted = last.answer.citations[0].quote if last.answer.citations else ""
            searched = resolve(question, last.searched, quoted)
        events = stream(
            question,
            index=self._index,
            model=self._model,
            sources=self.sources,
            settings=self._settings,
            searched=searched,
        )
        for event in events:
            if isinstance(event, Done) and question.strip():
                with self._lock:
                    self._turns += (Turn(searched, event.answer),)
            yield event

    def clear(self) -> None:
        """Forget all turns."""
        with self._lock:
            self._turns = ()

    def __enter__(self) -> Chat:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()
