"""What a sentence and a text have in common: words, numbers, names, their order, and whether one denies."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise

from index.types import Span
from qa.quotes import UNSPACED, fold

_EMPTY_WORDS = """
a about above all also am an and any are as at be been being but by can could did do does for from had
has have he her hers him his how i if in into is it its just may me might more most must my no nor not
of on one or our over own same shall she should so some such than that the their them then there these
they this those through to too under until up us very was we were what when where which while who whom
whose why will with would you your ein eine einer eines der die das den dem des und oder ist sind war
waren wird von zu im in mit auf für nicht
"""
EMPTY = frozenset(_EMPTY_WORDS.split())
_NEGATIONS = re.compile(
    r"\b(?:not|no|never|without|none|nor|neither|nobody|nothing|cannot|hardly|refused|failed|unable|"
    r"nicht|nie|niemals|kein\w*|ohne|не|нет|ни|никогда|без|ne|pas|jamais|sans|nunca|sin|senza|mai)\b|n['’]t\b|[不没未非無]"
)
_OPPOSITE_WORDS = """
more/less more/fewer before/after first/last always/never best/worst good/bad high/low old/new
increase/decrease increased/decreased higher/lower large/small big/small all/none easy/difficult
easy/hard long/short early/late earlier/later with/without won/lost win/lose north/south east/west
most/least male/female older/younger better/worse cheap/expensive cheaper/dearer inside/outside
open/closed opened/closed opens/closes strong/weak hot/cold warm/cold allowed/forbidden
allowed/prohibited permitted/prohibited permitted/forbidden accepted/refused accepted/rejected
approved/rejected rise/fall rises/falls rose/fell above/below over/under maximum/minimum
longest/shortest highest/lowest largest/smallest oldest/youngest buy/sell bought/sold left/right
day/night summer/winter arrive/leave arrived/left entrance/exit start/end began/ended begins/ends
safe/dangerous healthy/ill dry/wet full/empty true/false public/private included/excluded
including/excluding compulsory/voluntary mother/father son/daughter brother/sister husband/wife
north/east south/west many/few up/down love/hate loved/hated light/dark fast/slow faster/slower
stronger/weaker heavier/lighter taller/shorter positive/negative success/failure
"""
_OPPOSITES = tuple(frozenset(pair.split("/")) for pair in _OPPOSITE_WORDS.split())
_UP_TO_TWENTY = """
zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen
seventeen eighteen nineteen twenty
"""
_TENS = "thirty forty fifty sixty seventy eighty ninety"
_COUNTING = {word: str(value) for value, word in enumerate(_UP_TO_TWENTY.split())} | {
    word: str(10 * value) for value, word in enumerate(_TENS.split(), 3)
}
_TOKEN = re.compile(rf"\d+(?:[.,:]\d+)*|[{UNSPACED}]|[^\W\d_]+(?:['’][^\W\d_]+)?")
NUMBER = re.compile(
    rf"\d+(?:[.,:]\d+)*|\b(?:{'|'.join(_COUNTING)}|hundred|thousand|million|billion)\b", re.IGNORECASE
)
_CAPITAL = r"[A-ZÀ-ÞА-ЯЁЄІЇҐ][\w'’-]*"
NAME = re.compile(rf"{_CAPITAL}(?: (?:(?:of|de|the|van|von|and|&) )?{_CAPITAL})*")


def words_of(text: str) -> list[str]:
    """The words of a text in order: folded, numbers as digits, without the commonest endings."""
    return [_stem(word) for word in _TOKEN.findall(fold(text)[0])]


def _stem(word: str) -> str:
    if word in _COUNTING:
        return _COUNTING[word]
    if word[0].isdigit():
        return _value(word)
    if word in EMPTY:
        return word
    word = re.sub(r"['’]s$", "", word)
    for ending in ("ing", "ed", "es", "s", "ly", "e"):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            return word[: -len(ending)]
    return word


def _value(number: str) -> str:
    """A number without the commas that part its thousands, and without zeros at the end of its decimals."""
    plain = re.sub(r"[,.](?=\d{3}(?:\D|$))", "", number).replace(",", ".")
    return plain.rstrip("0").rstrip(".") if "." in plain else plain


def numbers_of(text: str) -> list[str]:
    """The numbers of a text in order, as digits where they are words."""
    return [
        _COUNTING.get(found.lower(), _value(found) if found[0].isdigit() else found.lower())
        for found in NUMBER.findall(text)
    ]


def name_words(text: str) -> list[str]:
    """The words of the names, without the first word of the sentence where it may just begin it."""
    found = [word for match in NAME.finditer(text) for word in words_of(match[0]) if match.start() > 0]
    lead = NAME.match(text.strip())
    if lead and len(lead[0].split()) > 1:
        found += words_of(lead[0])
    return [word for word in found if word not in EMPTY]


def share(wanted: Sequence[str], present: Sequence[str]) -> float:
    """The share of ``wanted`` that is present; 1 where nothing is wanted."""
    held = set(present)
    return sum(word in held or _alike(word, held) for word in wanted) / len(wanted) if wanted else 1.0


def _alike(word: str, held: set[str]) -> bool:
    """Whether a long word has another form there: "measure" and "measurement"."""
    return len(word) >= 5 and any(
        other.startswith(word[:5]) and abs(len(other) - len(word)) <= 4 for other in held
    )


def window_of(said: Sequence[str], there: Sequence[str]) -> list[str]:
    """The run of the evidence's words that holds most of the sentence's, and a few words around it."""
    wanted = {word for word in said if word not in EMPTY}
    size = max(8, int(1.4 * len(said)) + 4)
    hits = [word in wanted for word in there]
    starts = range(max(1, len(there) - size + 1))
    best = max(starts, key=lambda at: sum(hits[at : at + size]), default=0)
    inside = [at for at in range(best, min(len(there), best + size)) if hits[at]]
    if not inside:
        return list(there)
    return list(there[max(0, inside[0] - 3) : inside[-1] + 4])


def _places(words: Sequence[str]) -> dict[str, list[int]]:
    places: dict[str, list[int]] = {}
    for at, word in enumerate(words):
        places.setdefault(word, []).append(at)
    return places


def pairs_of(substance: Sequence[str], window: Sequence[str]) -> tuple[float, float]:
    """The shares of neighbouring words that stand near each other there, and the other way round."""
    places = _places(window)
    near = turned = 0
    pairs = list(pairwise(substance))
    for one, other in pairs:
        steps = [b - a for a in places.get(one, ()) for b in places.get(other, ())]
        near += any(0 < step <= 6 for step in steps)
        turned += bool(steps) and not any(step > 0 for step in steps)
    return (near / len(pairs), turned / len(pairs)) if pairs else (1.0, 0.0)


def denies(claim: str, window: Sequence[str]) -> float:
    """1 where the sentence denies and the words it rests on do not, or the reverse."""
    one = len(_NEGATIONS.findall(fold(claim)[0])) % 2
    other = len(_NEGATIONS.findall(" ".join(window))) % 2
    return float(one != other)


def opposed(said: Sequence[str], window: Sequence[str]) -> float:
    """How many words of the sentence are missing there while their opposite is there and not in it."""
    mine, theirs = set(said), set(window)
    return float(
        sum(
            any(a in mine and a not in theirs and b in theirs and b not in mine for a, b in _both(pair))
            for pair in _OPPOSITES
        )
    )


def _both(pair: frozenset[str]) -> list[tuple[str, str]]:
    one, other = (_stem(word) for word in sorted(pair))
    return [(one, other), (other, one)]


def names_turned(claim: str, sentences: str) -> float:
    """The share of pairs of names and numbers in the sentence that stand there in the other order."""
    folded = fold(sentences)[0]
    places = []
    for fact in facts(claim):
        at = folded.find(fold(claim[fact.start : fact.end])[0].strip())
        if at >= 0:
            places.append(at)
    pairs = [(a, b) for number, a in enumerate(places) for b in places[number + 1 :] if a != b]
    return sum(a > b for a, b in pairs) / len(pairs) if pairs else 0.0


def parted(claim: str, window: Sequence[str]) -> float:
    """The share of names and numbers that stand there, but beside none of their neighbours here."""
    places = _places(window)
    apart = []
    for fact in facts(claim):
        own = [word for word in words_of(claim[fact.start : fact.end]) if word not in EMPTY]
        before = [word for word in words_of(claim[: fact.start]) if word not in EMPTY][-1:]
        after = [word for word in words_of(claim[fact.end :]) if word not in EMPTY][:1]
        if not own or not (before or after):
            continue
        sides = [(own[0], word, -1) for word in before] + [(own[-1], word, 1) for word in after]
        steps = [
            (b - a) * way
            for one, other, way in sides
            for a in places.get(one, ())
            for b in places.get(other, ())
        ]
        apart.append(not any(0 < step <= 4 for step in steps))
    return sum(apart) / len(apart) if apart else 0.0


def facts(claim: str) -> list[Span]:
    """Where the names and numbers of a sentence stand, in order."""
    found: list[Span] = []
    for match in sorted(
        [*NUMBER.finditer(claim), *NAME.finditer(claim)], key=lambda m: (m.start(), -m.end())
    ):
        single = match.start() == 0 and " " not in match[0] and match[0].lower() in EMPTY
        if not single and (not found or found[-1].end <= match.start()):
            found.append(Span(*match.span()))
    return found
