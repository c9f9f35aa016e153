"""Questions and passages as token rows of a few fixed shapes: crops, windows, targets, batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.augment import BARS, HEADING, noisy_question, with_bars
from training.data import Example

CLS, SEP, PAD = 101, 102, 0
WIDTHS = (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384)
QUESTION_TOKENS = 48

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Tokens:
    """A text in tokens: token i has number ``ids[i]`` and is ``text[offsets[i, 0]:offsets[i, 1]]``."""

    ids: Ints
    offsets: Ints

    def span(self, start: int, end: int) -> tuple[int, int]:
        """First and last token (inclusive) that touch the characters start to end."""
        first = int(np.searchsorted(self.offsets[:, 1], start, side="right"))
        last = int(np.searchsorted(self.offsets[:, 0], end, side="left")) - 1
        return first, max(first, last)


class Encoder:
    """Texts to tokens with the base model's own tokenizer, without special tokens, nothing cut."""

    def __init__(self, folder: Path) -> None:
        """Read ``tokenizer.json`` in `folder`; its built-in truncation and padding are switched off."""
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.context = lru_cache(maxsize=None)(self.tokens)

    def tokens(self, text: str) -> Tokens:
        """The tokens of `text`; offsets count Python characters."""
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        return Tokens(
            np.array(encoding.ids, dtype=np.int64),
            np.array(encoding.offsets, dtype=np.int64).reshape(-1, 2),
        )


def windows(tokens: int, room: int, stride: int) -> list[tuple[int, int]]:
    """Overlapping windows that cover 0..tokens: every `room` long and `stride` apart, the last one flush."""
    if tokens <= room:
        return [(0, tokens)]
    starts = [*range(0, tokens - room, stride), tokens - room]
    return [(start, start + room) for start in starts]


def crop(tokens: int, room: int, anchor: tuple[int, int], rng: np.random.Generator) -> tuple[int, int]:
    """A random window of at most `room` tokens that holds the anchor (first, last), or its beginning."""
    if tokens <= room:
        return 0, tokens
    low = max(0, min(anchor[1] + 1 - room, anchor[0]))
    high = min(anchor[0], tokens - room)
    start = int(rng.integers(min(low, high), high + 1))
    return start, start + room


@dataclass(frozen=True, slots=True)
class Item:
    """One question of a batch, rows padded to `width`: its own passage, then wrong passages."""

    example: Example
    width: int
    negatives: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows of the batch it takes."""
        return 1 + len(self.negatives)


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of one width t. Targets (b, t) sum to 1 a row; all is on 0 where no answer stands."""

    ids: Tensor  # (b, t) int64
    types: Tensor  # (b, t) int64, 1 = passage
    mask: Tensor  # (b, t) int64, 1 = not padding
    candidates: Tensor  # (b, t) bool: position 0 and the passage's tokens
    starts: Tensor  # (b, t) float32
    ends: Tensor  # (b, t) float32
    groups: Tensor  # (b,) int64: rows with one number share a question

    def to(self, device: torch.device) -> Batch:
        """The same batch on `device`."""
        fields = (self.ids, self.types, self.mask, self.candidates, self.starts, self.ends, self.groups)
        return Batch(*(field.to(device) for field in fields))


def width_for(tokens: int, limit: int) -> int:
    """The smallest row width that holds `tokens`, at most `limit`."""
    return next((w for w in WIDTHS if w >= min(tokens, limit)), limit)


def natural_width(encoder: Encoder, example: Example, limit: int) -> int:
    """The row width the example fills when nothing is cut, at most `limit`."""
    question = min(QUESTION_TOKENS, len(encoder.context(example.question).ids))
    return width_for(3 + question + len(encoder.context(example.context).ids), limit)


def batched(items: Sequence[Item], tokens: int, rng: np.random.Generator) -> list[list[Item]]:
    """The items in random batches of one width each, about `tokens` tokens (padding included) a batch.

    Every batch of a width has the same number of rows, so shapes stay few: an item that does not fit any
    more gives up its negatives, and the last batch of a width is filled up with items drawn again.
    """
    batches: list[list[Item]] = []
    for width in sorted({item.width for item in items}):
        rows = max(1, tokens // width)
        pool = [item for item in items if item.width == width]
        order = [pool[i] for i in rng.permutation(len(pool))]
        current: list[Item] = []
        used = 0
        for item in order:
            fitting = item if used + item.rows <= rows else Item(item.example, width)
            current.append(fitting)
            used += fitting.rows
            if used == rows:
                batches.append(current)
                current, used = [], 0
        if current:
            current += [Item(pool[int(i)].example, width) for i in rng.integers(len(pool), size=rows - used)]
            batches.append(current)
    return [batches[i] for i in rng.permutation(len(batches))]


def headline(example: Example, rng: np.random.Generator) -> str:
    """Sometimes the document's title, or the passage's first words in its place; mostly nothing."""
    if rng.random() >= HEADING:
        return ""
    return example.title or " ".join(example.context.split()[: int(rng.integers(2, 6))])


def render(encoder: Encoder, items: Sequence[Item], rng: np.random.Generator) -> Batch:
    """The batch of `items`: questions first, passages cropped at random to what the width leaves."""
    width = items[0].width
    total = sum(item.rows for item in items)
    ids = np.full((total, width), PAD, dtype=np.int64)
    types = np.zeros((total, width), dtype=np.int64)
    mask = np.zeros((total, width), dtype=np.int64)
    candidates = np.zeros((total, width), dtype=bool)
    targets = np.zeros((2, total, width), dtype=np.float32)
    groups = np.zeros(total, dtype=np.int64)
    row = 0
    for number, item in enumerate(items):
        asked = encoder.tokens(noisy_question(item.example.question, rng)).ids
        question = asked[: min(QUESTION_TOKENS, width // 2)]
        for passage in (item.example.context, *item.negatives):
            tokens = encoder.context(passage)
            heading = encoder.context(headline(item.example, rng)).ids[:12]
            room = width - 3 - len(question)
            heading = heading if room > 4 * len(heading) else heading[:0]
            room -= len(heading)
            own = passage is item.example.context
            spans = [tokens.span(*answer) for answer in item.example.answers] if own else []
            anchor = (
                spans[int(rng.integers(len(spans)))] if spans else 2 * (int(rng.integers(len(tokens.ids))),)
            )
            low, high = crop(len(tokens.ids), room, anchor, rng)
            inside = [(s - low, e - low) for s, e in spans if low <= s and e < high]
            words = tokens.ids[low:high]
            if rng.random() < BARS:
                words, inside = with_bars(words, inside, rng)
            first = 2 + len(question)
            words = words[: width - 1 - first - len(heading)]
            line = [CLS, *question, SEP, *heading, *words, SEP]
            shift = first + len(heading)
            inside = [(s + shift, e + shift) for s, e in inside if e + shift < width - 1]
            ids[row, : len(line)] = line
            types[row, first : len(line)] = 1
            mask[row, : len(line)] = 1
            candidates[row, first : len(line) - 1] = True
            candidates[row, 0] = True
            for start, end in inside or [(0, 0)]:
                targets[0, row, start] += 1 / max(1, len(inside))
                targets[1, row, end] += 1 / max(1, len(inside))
            groups[row] = number
            row += 1
    tensors = (torch.from_numpy(array) for array in (ids, types, mask, candidates, *targets, groups))
    return Batch(*tensors)
