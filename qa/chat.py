"""A conversation: questions that lean on the ones before them are searched for as what they mean."""

from __future__ import annotations

import logging
import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from index.errors import ModelError
from qa.answer import Answer, Done, Event
from qa.ask import choose, clean, pick_model, stream
from qa.read import Reader, load_reader

if TYPE_CHECKING:
    from types import TracebackType

    from index.index import Index
    from qa.generate import Generator
    from qa.settings import Settings

_LOG = logging.getLogger("qa")
_TOPIC_WORDS = 12  # carried over from the question before: the latest are kept
_NAME_WORDS = 4  # carried over from its answer: the first are kept

# Words that name no subject, in the languages that our own sample documents speak.
_ENGLISH_WORDS = """
a about again all also am an and any are aren't as at be been before big but by can can't could couldn't
deep did didn't do does doesn't don't else enough exactly far fast for from had has have high how i if
in instead into is isn't it's just long many may me mean might more most much must my no not of often
old on or our please really same say shall should so some such tell than that's the to too twice until us was
wasn't we were what what's when where which while who who's whom whose why wide will with within won't
would wouldn't you your
"""
_GERMAN_WORDS = """
ab aber alt am an auch auf aus bei bin bis bist da darf das dass dein dem den denn der des dich die dir du
dürfen ein eine einem einen einer eines euch euer für gab genau gibt gross habe haben hat hatte hoch häufig
ich im in ist kann kannst klein könnten können lange man mein mich mir mit muss müssen nach nicht nie noch
nur oder oft pro sehr sein seit sich sind so soll sollte um und uns unser viel viele vom von vor wann war
waren warum was weit welche welchem welchen welcher welches wem wen wenn wer werden weshalb wessen wie wieso
wieviel will wir wird wo wofür woher wohin womit wurde wurden zu zum zur über
"""
_NOT_GERMAN_ALONE = (
    "ab alt am an bin da dem den der des die du hat im in man mit pro so um vom von war was will"
)
_PERSONAL_WORDS = """
he her hers him his it its she their theirs them they this these
er es ihm ihn ihnen ihr ihre ihrem ihren ihrer seine seinem seinen seiner sie
"""
_PERSON_WORDS = "he her hers him his she er ihm ihn ihr ihre"
_POINTING_WORDS = """
former latter one ones others that then there those dies diese diesem diesen dieser dieses dort dabei dafür
dagegen damit danach dann daran darauf darin darüber davon dazu
"""
_COUNTING_WORDS = "first last other second third"  # of what was spoken of, or of what the next word says
_BEFORE_WORDS = (
    "at by during for from in on since until with within ab am auf bei für im mit nach pro seit vor"
)
_ENGLISH, _GERMAN, _PERSONAL, _PERSON, _POINTING, _COUNTING, _BEFORE = (
    frozenset(words.split())
    for words in (
        _ENGLISH_WORDS,
        _GERMAN_WORDS,
        _PERSONAL_WORDS,
        _PERSON_WORDS,
        _POINTING_WORDS,
        _COUNTING_WORDS,
        _BEFORE_WORDS,
    )
)
_ONLY_GERMAN = _GERMAN - frozenset(_NOT_GERMAN_ALONE.split())
_OPENING = re.compile(r"^(?:and|but|or|so|und|aber|what about|how about|was ist mit)\b", re.IGNORECASE)
_THERE_IS = re.compile(r"\b(?:(?:is|are|was|were) there|(?:gibt|gab) es|es (?:gibt|gab))\b", re.IGNORECASE)
_GERMAN_THAT = re.compile(  # before a noun these are articles
    r"\b(?i:das|der|die|den|dem|denen)"
    r"(?: (?:(?:ge|be|er|ver|ent|zer)[a-zäöüß]+(?:t|en)|[a-zäöüß]+iert|(?:pro|im|am) \w+))?\W*$"
)
_POLITE = re.compile(r"(?<=\w )(?:Sie|Ihr|Ihnen|Ihre[mnr]?)\b")
_WORD = re.compile(r"\w+(?:[.,'’-]\w+)*")


def resolve(question: str, topic: str, answer: str) -> str:
    """What to search for where there is one search alone: the last of ``meanings``."""
    return meanings(question, topic, answer)[-1]


def meanings(question: str, topic: str, answer: str, shown: Iterable[str] = ()) -> tuple[str, ...]:
    """What to search for: the question, what completes it, or first the one and then the other.

    ``topic`` is what was searched for last, ``answer`` the words that answered it ("" after a refusal),
    ``shown`` the passages around those. A question is a follow-up when it has no subject of its own ("Why?");
    opens with "and", "but", "what about"; has a pronoun with fewer than two words of substance before it
    ("When did she leave?", but not "When did Marie Curie win her prize?"); or points ("that", "the latter")
    and has at most two words of substance. With a single one and no name, or with at most two and a counting
    word ("Who was the first keeper?"), it is one where the passages shown have these words, or where the one
    word only says when, where or for whom ("How many were on board?"). Otherwise it may have changed the
    subject ("How much is the rent?"): then both come back, and the second is for where the first is refused.

    Content words of the topic complete a question, those it already has left out, and, where it speaks of a
    person, the names in the answer. More of the answer would make search and reader go back to what was said
    already.
    """
    asked = question.strip()
    german = _is_german(_folded(_WORD.findall(asked)))
    told = _WORD.findall(_THERE_IS.sub("is", _POLITE.sub("wir", asked) if german else asked))
    words = _folded(told)
    own = [at for at, word in enumerate(words) if _has_substance(word, german)]
    points = any(word in _POINTING for word in words) or (german and _GERMAN_THAT.search(asked) is not None)
    counts = any(word in _COUNTING for word in words)
    pronoun = next((at for at, word in enumerate(words) if word in _PERSONAL), None)
    named = not german and any(told[at][0].isupper() for at in own if at > 0)  # German nouns look like names
    follows = (
        not own
        or _OPENING.match(asked) is not None
        or (pronoun is not None and sum(at < pronoun for at in own) < 2)
        or (points and len(own) <= 2)
    )
    may_follow = (len(own) == 1 and len(words) > 1 and not named) or (counts and len(own) <= 2)
    if not follows and not may_follow:
        return (question,)
    seen = set(words)
    carried = _content(_WORD.findall(topic), seen)[-_TOPIC_WORDS:]
    if _PERSON & seen:
        names = [word for word in _WORD.findall(answer) if word[:1].isupper()]
        carried += _content(names, seen | {word.casefold() for word in carried})[:_NAME_WORDS]
    completed = " ".join([question, *carried])
    if not follows:
        said = {_singular(word) for text in shown for word in _folded(_WORD.findall(text))}
        adverbial = len(own) == 1 and own[0] > 0 and words[own[0] - 1] in _BEFORE
        follows = adverbial or all(_singular(words[at]) in said for at in own)
    return (completed,) if follows or not carried else (question, completed)


def _singular(word: str) -> str:
    return word.removesuffix("s")


def _folded(words: Iterable[str]) -> list[str]:
    return [word.casefold().replace("’", "'") for word in words]


def _is_german(folded: Iterable[str]) -> bool:
    return any(word in _ONLY_GERMAN for word in folded)


def _has_substance(word: str, german: bool) -> bool:
    empty = word in _ENGLISH or (german and word in _GERMAN)
    return not (empty or word in _PERSONAL or word in _POINTING or word in _COUNTING)


def _content(words: Sequence[str], known: set[str]) -> list[str]:
    """The words of substance in order, each once and none of the known."""
    german = _is_german(_folded(words))
    found = {word.casefold(): word for word in reversed(words)}
    ordered = reversed(found.items())
    return [word for folded, word in ordered if _has_substance(folded, german) and folded not in known]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and its answer; ``searched`` is what the question was taken to mean."""

    searched: str
    answer: Answer


class Chat:
    """A conversation with the documents of one index; arguments are those of ``qa.ask``.

    Safe to share between threads: every question is understood from the turns that were complete when it was
    asked. ``sources`` may be set between questions; ``history`` are the turns of a conversation to go on
    with.
    """

    def __init__(
        self,
        *,
        index: str | Path | Index | None = None,
        model: str | Reader | Generator | None = None,
        sources: str | Collection[str] | None = None,
        settings: Settings | None = None,
        history: Iterable[Turn] = (),
    ) -> None:
        self._index = index
        self._model = model
        self.sources = sources
        self._settings = settings
        self._turns = tuple(history)
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
        model: str | Reader | Generator | None = self._model
        possible: tuple[str, ...] = (question,)
        if history and question.strip():
            model, possible = self._understand(question, history)
        searched, events = self._answer(question, model, possible)
        for event in events:
            if isinstance(event, Done) and question.strip():
                with self._lock:
                    self._turns += (Turn(searched, event.answer),)
            yield event

    def _answer(
        self, question: str, model: str | Reader | Generator | None, possible: Sequence[str]
    ) -> tuple[str, Iterator[Event]]:
        """What is searched for, and the events of its answer: the first meaning that has one, else the last.

        The reader tries them; a language model writes only for the one that is taken.
        """
        from qa.generate import Generator

        writes = isinstance(model, Generator)
        *uncertain, last = possible
        for searched in uncertain:
            events = list(self._events(question, load_reader() if writes else model, searched))
            if any(isinstance(event, Done) and not event.answer.refused for event in events):
                return searched, self._events(question, model, searched) if writes else iter(events)
        return last, self._events(question, model, last)

    def _events(
        self, question: str, model: str | Reader | Generator | None, searched: str
    ) -> Iterator[Event]:
        return stream(
            question,
            index=self._index,
            model=model,
            sources=self.sources,
            settings=self._settings,
            searched=searched,
        )

    def _understand(
        self, question: str, history: Sequence[Turn]
    ) -> tuple[Reader | Generator, tuple[str, ...]]:
        """The model that answers, and what to search for: as that model rewrites it, or its ``meanings``."""
        from qa.generate import Generator

        model = pick_model(self._model, choose(self._settings, self._model))
        last = history[-1]
        if isinstance(model, Generator):
            told = [(turn.searched, "" if turn.answer.refused else turn.answer.text) for turn in history]
            try:
                return model, (model.rewrite(clean(question), told),)
            except ModelError as exc:
                _LOG.info(
                    "%s did not rewrite a follow-up: %s. Its words are completed by rule.", model.name, exc
                )
        cited = last.answer.citations
        sources = {citation.source for citation in cited}
        shown = [hit.passage.text for hit in last.answer.hits if hit.passage.source in sources]
        return model, meanings(question, last.searched, cited[0].quote if cited else "", shown)

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
