"""What an epoch consists of: single sentences first, then paragraphs with negatives."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, repeat

import numpy as np

from training.batches import Encoder, Item, natural_width
from training.data import Example, agreed
from training.negatives import mine
from training.written import is_table

SHARES = {"amazon": 0.25, "reddit": 0.3, "qamr": 0.08, "policyqa": 0.04, "covidqa": 0.15, "written": 1.0}
NEGATIVE = 0.2  # of the questions that have negatives: about 15 % of all rows
WIDENED = 0.8  # of QAMR's questions read their sentence among its neighbours
TABLE_COPIES = 2  # of each question on a table or form in an epoch: of other material there is much more
SENTENCES_FIRST = True
SENTENCE_WIDTH, CROPPED_WIDTH, PIECE_WIDTH, WHOLE_WIDTH = 96, 128, 160, 384
PIECES = 0.6  # of the questions see a piece of their paragraph: more questions in the same time


@dataclass(frozen=True, slots=True)
class Material:
    """Training questions, the passages they are confused with, and QAMR's articles as ordered sentences."""

    examples: tuple[Example, ...]
    negatives: Mapping[tuple[str, str], tuple[str, ...]]
    articles: Mapping[str, tuple[str, ...]]


def prepare(examples: Sequence[Example]) -> Material:
    """The material of a run; takes some seconds for the negatives."""
    return Material(tuple(examples), mine(examples, examples), sentences_by_article(examples))


def sentences_by_article(examples: Sequence[Example]) -> dict[str, tuple[str, ...]]:
    """QAMR article -> its sentences in reading order."""
    places: dict[str, dict[tuple[int, int], str]] = defaultdict(dict)
    for example in examples:
        if example.source == "qamr":
            paragraph, sentence = example.id.split(":")[4:6]
            places[example.group][(int(paragraph), int(sentence))] = example.context
    return {group: tuple(text for _, text in sorted(found.items())) for group, found in places.items()}


def widened(example: Example, sentences: Sequence[str], rng: np.random.Generator) -> Example:
    """The example with up to four neighbouring sentences of its article around its own."""
    at = sentences.index(example.context)
    length = int(rng.integers(2, 6))
    low = max(0, at - int(rng.integers(length)))
    before, after = sentences[low:at], sentences[at + 1 : low + length]
    shift = sum(len(s) + 1 for s in before)
    context = " ".join((*before, example.context, *after))
    return replace(
        example, context=context, answers=tuple((s + shift, e + shift) for s, e in example.answers)
    )


def copies(example: Example) -> int:
    """How many times an epoch may hold the example."""
    return TABLE_COPIES if is_table(example) else 1


def epoch_items(encoder: Encoder, material: Material, epoch: int, rng: np.random.Generator) -> list[Item]:
    """The questions of an epoch (from 0), with their row widths and, from epoch 1 on, negatives."""
    if epoch == 0 and SENTENCES_FIRST:
        chosen = [e for e in material.examples if e.source == "qamr" and agreed(e)]
        return [Item(e, natural_width(encoder, e, SENTENCE_WIDTH)) for e in chosen]
    items = []
    for example in chain.from_iterable(repeat(e, copies(e)) for e in material.examples):
        if rng.random() >= SHARES[example.source] or (example.source == "qamr" and not agreed(example)):
            continue
        found = material.negatives.get((example.source, example.id), ())
        taken = (found[int(rng.integers(len(found)))],) if found and rng.random() < NEGATIVE else ()
        if example.source == "qamr" and rng.random() < WIDENED:
            example = widened(example, material.articles[example.group], rng)
        whole = PIECE_WIDTH if rng.random() < PIECES else WHOLE_WIDTH
        limit = CROPPED_WIDTH if epoch == 1 else whole
        items.append(Item(example, natural_width(encoder, example, limit), taken))
    return items
