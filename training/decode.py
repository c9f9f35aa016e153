"""The reader at work on many (question, passage) pairs: windows, logits, best spans with their log-odds."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt
import torch

from training.batches import CLS, QUESTION_TOKENS, SEP, Encoder, Ints, windows
from training.model import Reader

MAX_LENGTH = 384
WINDOW_OVERLAP = 128
MAX_ANSWER_TOKENS = 40
ROWS = 16
THREADS = 2

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """A span ``passage[start:end]`` with its score: log-odds of the span against "not in this passage"."""

    start: int
    end: int
    score: float


@dataclass(frozen=True, slots=True)
class Reading:
    """What the reader says about one question on one passage: best spans first, and the passage's log-odds.

    `odds` weighs all spans together against "not here": the log of the summed span weights.
    """

    spans: tuple[Found, ...]
    odds: float


def best_spans(starts: Floats, ends: Floats, longest: int, top_k: int) -> list[tuple[int, int, float]]:
    """The `top_k` highest ``starts[i] + ends[j]`` with i <= j < i + longest; ties go to the earlier start."""
    length = np.arange(len(ends)) - np.arange(len(starts))[:, None]
    allowed = (length >= 0) & (length < longest)
    scores = np.where(allowed, starts[:, None] + ends[None, :], -np.inf).ravel()
    top_k = min(top_k, int(allowed.sum()))
    few = np.argpartition(-scores, top_k - 1)[:top_k]
    order = few[np.lexsort((few, -scores[few]))]
    return [(int(at) // len(ends), int(at) % len(ends), float(scores[at])) for at in order]


@dataclass(frozen=True, slots=True)
class _Row:
    """One window: token numbers, where its passage begins, and the passage token it begins with."""

    pair: int
    ids: Ints
    first: int
    low: int


def rows_of(encoder: Encoder, pair: int, question: str, passage: str) -> list[_Row]:
    """The windows of one pair as token rows of at most `MAX_LENGTH`."""
    asked = encoder.context(question).ids[:QUESTION_TOKENS]
    tokens = encoder.context(passage).ids
    room = MAX_LENGTH - 3 - len(asked)
    return [
        _Row(pair, np.array([CLS, *asked, SEP, *tokens[low:high], SEP]), 2 + len(asked), low)
        for low, high in windows(len(tokens), room, room - WINDOW_OVERLAP)
    ]


@torch.inference_mode()
def _logits(model: Reader, chunk: Sequence[_Row]) -> Floats:
    """Logits (rows, width, 2) of some windows, padded to a common width."""
    device = model.span.weight.device
    width = -(-max(len(row.ids) for row in chunk) // 16) * 16
    ids = np.zeros((len(chunk), width), dtype=np.int64)
    mask, types = np.zeros_like(ids), np.zeros_like(ids)
    for k, row in enumerate(chunk):
        ids[k, : len(row.ids)] = row.ids
        mask[k, : len(row.ids)] = 1
        types[k, row.first : len(row.ids)] = 1
    tensors = (torch.from_numpy(a).to(device) for a in (ids, types, mask))
    logits: Floats = model(*tensors).float().cpu().numpy()
    return logits


def read(
    model: Reader, encoder: Encoder, pairs: Sequence[tuple[str, str]], *, top_k: int = 5
) -> list[Reading]:
    """One reading for every (question, passage), in order."""
    rows = [row for i, (q, p) in enumerate(pairs) for row in rows_of(encoder, i, q, p)]
    rows.sort(key=lambda row: len(row.ids))
    spans: list[dict[tuple[int, int], float]] = [{} for _ in pairs]
    odds = np.full(len(pairs), -np.inf)
    chunks = [rows[at : at + ROWS] for at in range(0, len(rows), ROWS)]
    with ThreadPoolExecutor(THREADS, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        outputs = list(pool.map(partial(_logits, model), chunks))
    for chunk, logits in zip(chunks, outputs, strict=True):
        for row, scores in zip(chunk, logits, strict=True):
            inner = scores[row.first : len(row.ids) - 1] - scores[0]  # (passage tokens, 2)
            if not len(inner):
                continue
            passage = encoder.context(pairs[row.pair][1])
            top = np.logaddexp.reduce(inner, axis=0).sum()
            odds[row.pair] = max(odds[row.pair], float(top))
            for i, j, score in best_spans(inner[:, 0], inner[:, 1], MAX_ANSWER_TOKENS, top_k):
                place = (int(passage.offsets[row.low + i, 0]), int(passage.offsets[row.low + j, 1]))
                spans[row.pair][place] = max(score, spans[row.pair].get(place, -np.inf))
    return [
        Reading(
            tuple(
                Found(*place, score) for place, score in sorted(found.items(), key=lambda x: -x[1])[:top_k]
            ),
            float(total),
        )
        for found, total in zip(spans, odds, strict=True)
    ]
