"""SQuAD files (JSON, versions 1.1 and 2.0; Rajpurkar et al. 2016, 2018): their paragraphs and their names.

Indexing and evaluation have to agree on the name and the text of a paragraph, so both take them from here.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from index.characters import storable
from index.errors import LoadError


@dataclass(frozen=True, slots=True)
class Paragraph:
    """One paragraph of a SQuAD file; no two paragraphs of a file have the same ``source``, ``title/n``."""

    source: str
    text: str
    questions: tuple[Any, ...]  # its "qas" as they stand in the file; the test set reader checks them


def paragraphs(path: Path) -> Iterator[tuple[str, str]]:
    """Yield the source and the text of each paragraph of a SQuAD file, in the order of the file.

    The source is ``title/n``. ``n`` counts the paragraphs of a title from 0 and counts on where a title comes
    again. An article without a title takes the name of the file (without its suffix). Raises LoadError where
    the file cannot be read or is not SQuAD.
    """
    for paragraph in read_paragraphs(path):
        yield paragraph.source, paragraph.text


def read_paragraphs(path: Path) -> tuple[Paragraph, ...]:
    """Return the paragraphs of a SQuAD file with their questions. Names and errors: see ``paragraphs``."""
    try:
        content = json.loads(path.read_bytes().decode("utf-8-sig"))
    except OSError as exc:
        raise LoadError(f"{path} cannot be read: {exc.strerror}.") from exc
    except (ValueError, RecursionError) as exc:
        raise LoadError(f"{path} is not a SQuAD file: it is not JSON in UTF-8 ({exc}).") from exc
    if not is_squad(content):
        raise LoadError(f'{path} is not a SQuAD file: it is no JSON object with a list called "data".')
    return name_paragraphs(content, path)


def is_squad(content: object) -> bool:
    """Whether parsed JSON has the outer shape of a SQuAD file: an object with a list called "data"."""
    return isinstance(content, dict) and isinstance(content.get("data"), list)


def name_paragraphs(content: dict[str, Any], path: Path) -> tuple[Paragraph, ...]:
    """Return the named paragraphs of parsed SQuAD JSON; ``path`` names the file and articles without a title.

    Titles and texts are ``storable``. Raises LoadError with the number (from 1) of the article or paragraph
    that is not as SQuAD has it.
    """
    named: list[Paragraph] = []
    count: Counter[str] = Counter()
    for number, article in enumerate(content["data"], 1):
        if not isinstance(article, dict) or not isinstance(article.get("paragraphs"), list):
            raise LoadError(f'{path}: article {number} has no list called "paragraphs".')
        title = article.get("title")
        title = storable(title if isinstance(title, str) and title.strip() else path.stem)
        for place, paragraph in enumerate(article["paragraphs"], 1):
            where = f"{path}: paragraph {place} of article {number}"
            if not isinstance(paragraph, dict) or not isinstance(paragraph.get("context"), str):
                raise LoadError(f'{where} has no text called "context".')
            questions = paragraph.get("qas", [])
            if not isinstance(questions, list):
                raise LoadError(f'{where} has "qas" that are not a list.')
            text = storable(paragraph["context"])
            named.append(Paragraph(f"{title}/{count[title]}", text, tuple(questions)))
            count[title] += 1
    return tuple(named)


def match_moved(lost: Mapping[Path, str], new: Mapping[Path, str]) -> dict[Path, Path]:
    """Return where each lost paragraph stands now; one that stands nowhere is left out.

    Both map places (``file/name``) to fingerprints, which decide. Of several with the same text the one of
    the same name is meant, else the first in the order of ``lost``; each is used once.
    """
    alike: dict[str, dict[str, Path]] = {}  # fingerprint -> name -> place
    for place, text in lost.items():
        alike.setdefault(text, {}).setdefault(place.name, place)
    named = [place for place, text in new.items() if place.name in alike.get(text, ())]
    found: dict[Path, Path] = {}
    for place in dict.fromkeys([*named, *new]):
        if left := alike.get(new[place]):
            found[left.pop(place.name if place.name in left else next(iter(left)))] = place
    return found


def fingerprint(text: str) -> str:
    """Return the sha256, hexadecimal, of a paragraph as a document of its own: that of its text in UTF-8."""
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
