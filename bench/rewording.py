"""True sentences from sentences: shortened, with synonyms, numbers and dates written otherwise."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from index.chunk import sentences
from index.types import Span


def table(text: str) -> dict[str, str]:
    """The pairs "key=value" between blanks; "_" stands for a blank."""
    return {k: v.replace("_", " ") for k, _, v in (pair.partition("=") for pair in text.split())}


_SYNONYMS = table(
    """
    began=started started=began purchased=bought bought=purchased big=large large=big many=a_lot_of
    got=received received=got children=kids kids=children help=assist show=display begin=start also=too
    however= very=really really=very great=excellent excellent=great quickly=fast approximately=about
    about=around near=close_to film=movie movie=film died=passed_away located=situated wonderful=marvellous
    called=named named=called because=since while=whereas ended=finished first=initially often=frequently
    difficult=hard hard=difficult wife=spouse used=employed created=made shows=displays people=persons
    car=vehicle job=work choose=select whole=entire entire=whole story=tale main=chief
    """
)
_CONTRACTED = table(
    """
    didn't=did_not don't=do_not isn't=is_not wasn't=was_not can't=cannot couldn't=could_not won't=will_not
    it's=it_is i'm=I_am i've=I_have doesn't=does_not wouldn't=would_not that's=that_is
    """
)
DIGITS = table(
    """
    one=1 two=2 three=3 four=4 five=5 six=6 seven=7 eight=8 nine=9 ten=10 eleven=11 twelve=12 twenty=20
    thirty=30
    """
)
NUMERALS = {digit: word for word, digit in DIGITS.items()}
_LEAD = re.compile(
    r"^(?:However|Also|So|Well|And|But|In fact|Of course|Moreover|Overall|Unfortunately|Anyway),?\s+"
)
_ASIDE = re.compile(r"\s*(?:\([^()]{2,80}\)|, (?:which|who|where|however)\b[^,.;]{3,80},)")
_TAIL = re.compile(r"(?:;|,) (?:but|so|although|though|which|while|whereas|because)\b[^;]{8,}$")
_DATE = re.compile(
    r"\b(January|February|March|April|May|June|July|August|September|October|November|December)"
    r" (\d{1,2})(?=[ ,])"
)


def as_sentence(text: str) -> str:
    """The words with a capital at their beginning and a full stop at their end."""
    text = " ".join(text.split()).strip(" ,;.!?")
    return text[:1].upper() + text[1:] + "."


def from_sentences(context: str, chance: random.Random) -> Iterator[tuple[str, Span, str]]:
    """Yield statement, the sentence that proves it, and "" (nothing was asked)."""
    for part in sentences(context):
        original = " ".join(context[part.start : part.end].split())
        if not 7 <= len(original.split()) <= 40 or original.endswith("?") or not original[0].isalnum():
            continue
        told = reword(original, chance)
        if len(told.split()) >= 5 and told != original:
            yield told, part, ""


def reword(sentence: str, chance: random.Random) -> str:
    """The sentence in other words: shortened, with synonyms, and numbers and dates written otherwise."""
    text = _LEAD.sub("", sentence.rstrip(".! "))
    text = _ASIDE.sub("", text)
    text = _TAIL.sub("", text) if chance.random() < 0.7 else text
    text = _DATE.sub(r"\2 \1", text) if chance.random() < 0.5 else text
    text = text.replace("%", " percent") if chance.random() < 0.5 else text
    words = []
    for word in text.split():
        core = word.strip(",;:.").lower()
        new = _CONTRACTED.get(core.replace("’", "'"))
        if new is None and chance.random() < 0.5:
            new = _SYNONYMS.get(core, DIGITS.get(core, NUMERALS.get(core)))
        if new is None:
            words.append(word)
        elif new:
            words.append((new.capitalize() if word[0].isupper() else new) + word[len(word.rstrip(",;:.")) :])
    return as_sentence(" ".join(words))
