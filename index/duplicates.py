"""Passages that say what a better one says already: copies, versions and mirrors of a text."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from heapq import nsmallest

from index.types import Hit

SHARE = 0.9
VERSIONS = 3  # that many passages of one wording are kept, where they differ in a word
_RUN = 3  # words
_SKETCH = 8  # runs that are looked up: of a copy, all of them are missing in one of 10^8 cases
_WORD = re.compile(r"\w+")
_TELLING = re.compile(  # one of them changes what a sentence says
    r"\d+(?:[.,:/-]\d+)*|\b(?:no|not|none|never|neither|nor|without|cannot|except|unless"
    r"|nicht|kein\w*|nie|ohne|ausser|weder|ne|pas|jamais|sans|aucune?|sauf|nunca|sin|ning[uú]n\w*|salvo"
    r"|non|mai|senza|não|nunca|sem)\b|n['’]t\b"
)


def _runs(text: str) -> frozenset[int]:
    """Hashes of the runs of three words in a text, or of all its words where they are fewer."""
    words = _WORD.findall(text.casefold())
    if len(words) < _RUN:
        return frozenset([hash(tuple(words))])
    return frozenset(map(hash, zip(words, words[1:], words[2:], strict=False)))


def _telling(text: str) -> list[str]:
    """The numbers and negations of a text, in their order."""
    return _TELLING.findall(text.casefold())


@dataclass(frozen=True, slots=True)
class _Content:
    """A text and its runs."""

    text: str
    runs: frozenset[int]

    def repeats(self, better: _Content) -> bool:
        """Whether everything that it says stands in the better one."""
        return self.runs <= better.runs

    def is_version_of(self, better: _Content) -> bool:
        """Whether it says nearly the same: with other words, but the same numbers and negations."""
        shared = len(self.runs & better.runs)
        return shared >= SHARE * len(self.runs) and _telling(self.text) == _telling(better.text)


def collapse_copies(hits: Iterable[Hit], top_k: int) -> tuple[Hit, ...]:
    """Up to ``top_k`` of the hits, best first, without those that repeat a better one.

    A passage repeats a better one if all its runs of three words stand there. It is a version of a better
    one if 90 % of them do (containment, Broder 1997) and both have the same numbers and negations in the same
    order: what has another date, sum or "not" says something else. Another name does, too, and cannot be told
    from another wording; so three versions are kept, and only further ones are left out. The source of what
    is left out is named in ``also`` of the better one, in the order of the ranking. Copies rank beside what
    they copy: once there are enough hits, ``top_k`` in a row that repeat nothing end the search for more.
    """
    kept: list[Hit] = []
    contents: list[_Content] = []
    copies: list[dict[str, None]] = []
    holders: dict[int, list[int]] = {}  # run -> which of the kept hold it
    unlike = 0  # in a row, since there are enough
    for hit in hits:
        if unlike == top_k:
            break
        content = _Content(hit.passage.text, _runs(hit.passage.text))
        looked_up = nsmallest(_SKETCH, content.runs)
        alike = sorted({at for run in looked_up for at in holders.get(run, ())})
        better = next((at for at in alike if content.repeats(contents[at])), None)
        if better is None:
            versions = [at for at in alike if content.is_version_of(contents[at])]
            better = versions[0] if len(versions) >= VERSIONS else None
        if better is not None:
            copies[better].setdefault(hit.passage.source)
            unlike = 0
        elif len(kept) < top_k:
            for run in content.runs:
                holders.setdefault(run, []).append(len(kept))
            kept.append(hit)
            contents.append(content)
            copies.append({hit.passage.source: None})
        else:
            unlike += 1
    return tuple(
        replace(hit, also=tuple(sources)[1:]) if len(sources) > 1 else hit
        for hit, sources in zip(kept, copies, strict=True)
    )
