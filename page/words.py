"""The words of the interface: one file a language in ``page/languages/``, all with the same keys.

A further language is one more file there, named by its tag (``fr.json``); the page finds it by itself.
"""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any

DEFAULT = "en"
COOKIE = "citespan_language"  # set by the switch on the page; without it the browser's languages decide


@dataclass(frozen=True, slots=True)
class Words:
    """The interface in one language: ``words("sources.add")`` is what the button says.

    ``texts`` maps each key to a template in which ``{name}`` stands for a value. Every language has the
    same keys, and the same names in each template.
    """

    language: str  # tag as browsers send it: "en", "de", "pt-BR"
    texts: Mapping[str, str]

    def __call__(self, key: str, /, **values: object) -> str:
        """The plain text of ``key`` with its values in place; KeyError for a key that is in no catalogue."""
        return self.texts[key].format(**values)

    def html(self, key: str, /, **values: str) -> str:
        """The text of ``key`` as HTML; the values are HTML already and stay as they are."""
        return html.escape(self.texts[key], quote=True).format(**values)

    def counted(self, number: int, noun: str) -> str:
        """The number with its noun, ``noun.one`` or ``noun.other``: "1 passage", "1,234 passages"."""
        return self(f"{noun}.{'one' if number == 1 else 'other'}", n=self.number(number))

    def number(self, number: int) -> str:
        """The number with this language's mark between thousands."""
        return f"{number:,}".replace(",", self.texts["number.thousands"])

    def decimal(self, number: float) -> str:
        """The number with one digit after this language's decimal mark."""
        return f"{number:.1f}".replace(".", self.texts["number.decimal"])


@lru_cache(maxsize=1)
def languages() -> Mapping[str, Words]:
    """Every language that there is a file for, by its tag; the default one first."""
    found = {
        entry.name.removesuffix(".json"): json.loads(entry.read_text(encoding="utf-8"))
        for entry in files("page").joinpath("languages").iterdir()
        if entry.name.endswith(".json")
    }
    tags = sorted(found, key=lambda tag: (tag != DEFAULT, tag))
    return MappingProxyType({tag: Words(tag, MappingProxyType(found[tag])) for tag in tags})


def words_for(wanted: str, accepted: str = "") -> Words:
    """The words in the language ``wanted``, else the best of an Accept-Language header, else English."""
    held = {tag.lower(): words for tag, words in languages().items()}
    for tag in (wanted, *_ranked(accepted)):
        for name in (tag.lower(), tag.lower().partition("-")[0]):
            if name in held:
                return held[name]
    return languages()[DEFAULT]


def words_of(request: Any) -> Words:
    """The words for the browser that makes a request: as its switch says, else as it prefers."""
    cookies, headers = getattr(request, "cookies", None) or {}, getattr(request, "headers", None) or {}
    return words_for(str(cookies.get(COOKIE, "")), str(headers.get("accept-language", "")))


def _ranked(accepted: str) -> list[str]:
    """The tags of an Accept-Language header, the most wanted first (RFC 9110, 12.5.4); "q=0" is unwanted."""
    weighted: list[tuple[float, str]] = []
    for part in accepted.split(",")[:20]:
        tag, given, weight = part.strip().partition(";q=")
        try:
            quality = float(weight) if given else 1.0
        except ValueError:
            continue
        if tag and quality > 0:
            weighted.append((quality, tag))
    return [tag for _, tag in sorted(weighted, key=lambda pair: -pair[0])]
