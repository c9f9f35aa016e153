"""Public question sets in their published formats, read into `Example`, and what splits them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DEV_SHARE = 0.08

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Example:
    """A question on one context: every ``context[start:end]`` of `answers` is an annotator's answer.

    `answers` holds one pair per annotator in order, so equal pairs count as votes; it is empty where the
    context does not answer. `group` names what must not be torn apart between training and development: a
    paragraph, or for QAMR the article.
    """

    id: str
    source: str
    group: str
    title: str
    question: str
    context: str
    answers: tuple[tuple[int, int], ...]

    def __post_init__(self) -> None:
        if any(not 0 <= s < e <= len(self.context) for s, e in self.answers):
            raise ValueError(f"{self.source} {self.id}: an answer lies outside its context")

    def texts(self) -> tuple[str, ...]:
        """The annotators' answers as text, one each."""
        return tuple(self.context[start:end] for start, end in self.answers)


def read_squad(path: Path, source: str) -> list[Example]:
    """All answerable questions of a SQuAD-format file.

    An answer whose offset does not point at its text is moved to the nearest place that does; one that
    occurs nowhere is dropped, and a question that is left without answers with it.
    """
    examples = []
    for article in json.loads(path.read_text(encoding="utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            context = paragraph["context"]
            group = context_key(context)
            for qa in paragraph["qas"]:
                found = [nearest(context, a["text"], a["answer_start"]) for a in qa["answers"]]
                answers = tuple(span for span in found if span is not None)
                if answers:
                    title = "" if source in ("amazon", "reddit") else str(article.get("title", ""))
                    question = " ".join(qa["question"].split())
                    examples.append(
                        Example(
                            str(qa["id"]), source, group, title.replace("_", " "), question, context, answers
                        )
                    )
    return examples


def nearest(context: str, text: str, start: int) -> tuple[int, int] | None:
    """The occurrence of `text` (outer spaces cut) closest to `start`, as a span; None where there is none."""
    core = text.strip()
    if not core:
        return None
    start += len(text) - len(text.lstrip())
    places = [m.start() for m in re.finditer(re.escape(core), context)]
    if not places:
        return None
    best = min(places, key=lambda place: (abs(place - start), place))
    return best, best + len(core)


def read_qamr(folder: Path) -> list[Example]:
    """The filtered development and test questions of QAMR on their sentences, written as natural text.

    Answers are sets of token numbers. A set with gaps is left out; a question without any set left, too.
    """
    sentences = read_qamr_sentences(folder / "wiki-sentences.tsv")
    examples = []
    for name in ("dev", "test"):
        for line in (folder / f"{name}.tsv").read_text(encoding="utf-8").splitlines():
            cells = line.split("\t")
            if len(cells) < 7 or cells[0] not in sentences:
                continue
            context, tokens = sentences[cells[0]]
            sets = [cells[6], *(cell.partition(":")[2] for cell in cells[7:])]
            answers = tuple(span for s in sets if (span := token_span(s, tokens)) is not None)
            if answers:
                article = ":".join(cells[0].split(":")[:3])
                identity = f"{name}:{cells[0]}:{cells[1].replace(' ', '_')}:{cells[2]}:{cells[3]}"
                examples.append(Example(identity, "qamr", article, "", cells[5], context, answers))
    return examples


def token_span(numbers: str, tokens: tuple[tuple[int, int], ...]) -> tuple[int, int] | None:
    """The character span of space-separated token numbers; None for a set with gaps or no numbers."""
    if not re.fullmatch(r"\d+( \d+)*", numbers):
        return None
    wanted = sorted({int(n) for n in numbers.split()})
    if wanted[-1] - wanted[0] != len(wanted) - 1 or wanted[-1] >= len(tokens):
        return None
    return tokens[wanted[0]][0], tokens[wanted[-1]][1]


def read_qamr_sentences(path: Path) -> dict[str, tuple[str, tuple[tuple[int, int], ...]]]:
    """Sentence number -> (natural text, character span of every published token)."""
    rows = (line.split("\t") for line in path.read_text(encoding="utf-8").splitlines())
    return {row[0]: detokenise(row[1].split(" ")) for row in rows if len(row) == 2 and row[1].strip()}


_BRACKETS = {"-LRB-": "(", "-RRB-": ")", "-LSB-": "[", "-RSB-": "]", "-LCB-": "{", "-RCB-": "}"}
_CLOSING = re.compile(r"(?:[,.;:?!%)\]}”]+|\.\.\.|'s|'re|'ve|'ll|'d|'m|n't)", re.IGNORECASE)
_OPENING = re.compile(r"(?:[(\[{$£€#“]|US\$)")


def detokenise(tokens: list[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Penn-Treebank tokens as a reader would write them, and where each token went.

    Brackets and quotes get their own characters back, and no space stands before closing or after opening
    marks. ``text[s:e]`` of token i is its written form.
    """
    text, spans = "", []
    glue = True
    inside = {'"': False, "'": False}
    for token in tokens:
        written = _BRACKETS.get(token, token).replace("``", '"').replace("''", '"')
        written = "'" if written == "`" else written
        closes = bool(_CLOSING.fullmatch(written))
        opens = bool(_OPENING.fullmatch(written))
        if written in inside:
            opens = token in ("``", "`") or (token not in ("''", "'") and not inside[written])
            closes = not opens
            inside[written] = opens
        if not glue and not closes:
            text += " "
        spans.append((len(text), len(text) + len(written)))
        text += written
        glue = opens
    return text, tuple(spans)


def context_key(context: str) -> str:
    """A name for a paragraph that ignores case, punctuation and spacing."""
    words = " ".join(_WORD.findall(context.lower()))
    return hashlib.sha256(words.encode()).hexdigest()[:16]


def is_dev(group: str) -> bool:
    """True for the share `DEV_SHARE` of groups that is never trained on, by the group's hash alone."""
    return int(hashlib.sha256(f"dev:{group}".encode()).hexdigest()[:8], 16) / 2**32 < DEV_SHARE


def shingles(text: str, size: int = 8) -> Iterator[tuple[str, ...]]:
    """Every run of `size` consecutive words, lower case."""
    words = _WORD.findall(text.lower())
    return (tuple(words[i : i + size]) for i in range(len(words) - size + 1))


def without_overlap(examples: Iterable[Example], protected: Iterable[Example]) -> list[Example]:
    """The examples whose context shares no run of eight words with any context of `protected`."""
    seen = {run for context in {e.context for e in protected} for run in shingles(context)}
    verdict: dict[str, bool] = {}
    kept = []
    for example in examples:
        if example.context not in verdict:
            verdict[example.context] = seen.isdisjoint(shingles(example.context))
        if verdict[example.context]:
            kept.append(example)
    return kept


def agreed(example: Example) -> bool:
    """True when two annotators marked mostly the same words (intersection over union of at least a half)."""
    pairs = ((a, b) for i, a in enumerate(example.answers) for b in example.answers[:i])
    return any(2 * (min(a[1], b[1]) - max(a[0], b[0])) >= max(a[1], b[1]) - min(a[0], b[0]) for a, b in pairs)
