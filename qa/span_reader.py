"""The reader that ships with us: a small BERT that marks the answer in a passage, or says that there is none.

Each passage is read together with the question, in overlapping windows when it is long. Every token gets a
start and an end score; the scores of the [CLS] token stand for "no answer in this window". The score of a
span is start + end minus those of [CLS]: log-odds against "no answer", trained so that they compare across
passages (one scale; a softmax in each passage would lose it, Clark and Gardner, ACL 2018).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from index.batches import batches, padded
from index.characters import storable
from index.errors import ModelError
from qa.read import AnswerSpan, Reading

_CLS, _SEP = 101, 102  # control tokens of the vocabulary
_BEST = 12  # start and end candidates in a window
_INDIVISIBLE = re.compile(  # what the vocabulary's rules cut at its punctuation: addresses, links, numbers
    r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|https?://[^\s<>\"']*[\w/]|\d+(?:[.,:]\d+)+"
)
_AT_ONCE = 512  # windows in memory with their scores; all but a huge passage fit
_KEPT = 1000  # candidates carried from one such set of windows to the next, at least


class Calibration(BaseModel):
    """P(a span is right) = sigmoid(scale · odds + relevance · r + bias), fitted on development data.

    ``odds`` is the span's score in its passage, r what the search thinks of the passage: what reader and
    retriever say together ranks better than either alone (Yang et al., NAACL 2019).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: float
    bias: float
    relevance: float = 0.0
    usual: float = 1.0  # r where nobody searched, as when `read` is called by itself


class ReaderConfig(BaseModel):
    """What the training run fixed; read from ``config.json`` beside the weights."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    version: str
    heads: int
    max_length: int  # tokens of a window, question and control tokens included
    question_tokens: int  # a longer question is read by its beginning
    window_overlap: int  # tokens that two neighbouring windows of a passage share
    max_answer_tokens: int
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Window:
    """Tokens ``first`` and on of one passage, as the model sees them behind the question."""

    passage: int
    ids: list[int]
    types: list[int]
    offsets: list[tuple[int, int]]  # characters in the passage; (-1, -1) for all that is not passage
    words: list[int]  # number of the word of each token; -1 for all that is not passage


class SpanReader:
    """Marks answer spans; thread-safe, and loaded when it first reads."""

    def __init__(self, folder: Path) -> None:
        """``folder`` holds ``reader.safetensors`` and ``config.json``.

        Word embeddings and vocabulary are those of the default encoder: training leaves them as they are.
        """
        self._folder = folder
        self._loading = Lock()
        try:
            self.config = ReaderConfig.model_validate(json.loads((folder / "config.json").read_text()))
        except (OSError, ValueError, ValidationError) as exc:
            raise ModelError(
                f"The reader in {folder} cannot be used: its config.json is missing or damaged. "
                f"Install Citespan again."
            ) from exc
        self.name = f"citespan-reader-{self.config.version}"

    @cached_property
    def _tokenizer(self) -> Any:
        from index.bert import read_tokenizer
        from index.encode import tokenizer_file

        return read_tokenizer(tokenizer_file())

    @cached_property
    def _model(self) -> Any:
        from index.bert import compile_graph, read_graph

        quantised = self._folder / "reader.int8.xml"
        return compile_graph(read_graph(quantised) if quantised.exists() else self.graph())

    def load(self) -> None:
        """Load what the first question would load."""
        with self._loading:  # a thread may be about it already
            _ = self._tokenizer, self._model

    def graph(self, *, int8_words: bool = False) -> Any:
        """The model in float32, straight from the trained weights: ids, mask, types -> logits (b, t, 2).

        With ``int8_words`` the word embeddings, half of all weights, are kept in eight bits.
        """
        import openvino as ov

        from index.bert import build_trunk, linear, read_weights
        from index.encode import minilm_folder

        words = "embeddings.word_embeddings.weight"
        weights = read_weights(self._folder / "reader.safetensors")
        weights[words] = read_weights(minilm_folder() / "model.safetensors")[words]
        trunk = build_trunk(weights, heads=self.config.heads, token_types=True, int8_words=int8_words)
        logits = linear(trunk.hidden, weights["span.weight"], weights["span.bias"])
        return ov.Model([logits], trunk.inputs(), "reader")

    def read(
        self,
        question: str,
        passages: Sequence[str],
        *,
        top_k: int = 3,
        relevance: Sequence[float] | None = None,
    ) -> Reading:
        """At most ``top_k`` spans over all passages together, best first; none where no passage holds words.

        ``no_answer`` is one minus the probability of the best span. ``relevance``: see ``qa.read.Reader``.
        Raises TypeError where ``passages`` is one str, ValueError where not every passage has its relevance.
        """
        if isinstance(passages, str):
            raise TypeError("passages must be a sequence of str, not one str")
        if relevance is None:
            relevance = [self.config.calibration.usual] * len(passages)
        if len(relevance) != len(passages):
            raise ValueError(f"{len(passages)} passages, but the relevance of {len(relevance)}")
        self.load()
        remaining = self.windows(question, passages)
        candidates: list[AnswerSpan] = []
        while windows := list(islice(remaining, _AT_ONCE)):
            del candidates[max(_KEPT, 10 * top_k) :]
            for window, logits in zip(windows, self._score(windows), strict=True):
                passage = window.passage
                candidates += self._spans(window, logits, passages[passage], relevance[passage])
            candidates.sort(key=lambda span: (-span.score, span.passage, span.start))
        best = _without_overlaps(candidates, top_k)
        return Reading(tuple(best), 1 - best[0].probability if best else 1.0)

    def windows(self, question: str, passages: Sequence[str]) -> Iterator[Window]:
        """Yield all passages in windows of at most ``max_length`` tokens that cover every token."""
        question, passages = storable(question), [storable(passage) for passage in passages]
        size = self.config.question_tokens
        asked = self._tokenizer.encode(question[: 16 * size], add_special_tokens=False)
        front = [_CLS, *asked.ids[:size], _SEP]
        room = self.config.max_length - len(front) - 1
        stride = room - self.config.window_overlap
        encodings = self._tokenizer.encode_batch(passages, add_special_tokens=False)
        for number, encoding in enumerate(encodings):
            tokens, offsets, words = encoding.ids, encoding.offsets, encoding.word_ids
            count = len(tokens)
            starts = range(0, max(1, count - room + stride), stride) if count else ()
            for first in starts:
                part = slice(first, first + room)
                ids, outside = tokens[part], len(front)
                yield Window(
                    passage=number,
                    ids=[*front, *ids, _SEP],
                    types=[0] * outside + [1] * (len(ids) + 1),
                    offsets=[(-1, -1)] * outside + offsets[part] + [(-1, -1)],
                    words=[-1] * outside + [int(w) for w in words[part]] + [-1],
                )

    def _score(self, windows: Sequence[Window]) -> list[NDArray[np.float32]]:
        """Start and end logits, (length, 2) for each window."""
        from index.bert import run

        scores: list[NDArray[np.float32]] = [np.empty((0, 2), np.float32)] * len(windows)
        planned = batches([len(window.ids) for window in windows])
        outputs = run(self._model, (pad([windows[row] for row in rows]) for rows in planned))
        for rows, output in zip(planned, outputs, strict=True):
            for row, logits in zip(rows, output, strict=True):
                scores[row] = logits[: len(windows[row].ids)]
        return scores

    def _spans(
        self, window: Window, logits: NDArray[np.float32], passage: str, relevance: float
    ) -> list[AnswerSpan]:
        """The best spans of one window, widened to whole words."""
        calibration = self.config.calibration
        null = float(logits[0].sum())
        inside = np.array([offset[0] >= 0 for offset in window.offsets])
        atoms = [match.span() for match in _INDIVISIBLE.finditer(passage)]
        start_logits = np.where(inside, logits[:, 0], -np.inf)
        end_logits = np.where(inside, logits[:, 1], -np.inf)
        found: dict[tuple[int, int], float] = {}
        for first in np.argsort(-start_logits)[:_BEST]:
            for last in np.argsort(-end_logits)[:_BEST]:
                if not (inside[first] and inside[last] and 0 <= last - first < self.config.max_answer_tokens):
                    continue
                span = _undivided(_whole_words(window, int(first), int(last)), atoms)
                odds = float(start_logits[first] + end_logits[last]) - null
                score = calibration.scale * odds + calibration.relevance * relevance + calibration.bias
                found[span] = max(score, found.get(span, -np.inf))
        return [
            AnswerSpan(window.passage, start, end, passage[start:end], score, sigmoid(score))
            for (start, end), score in found.items()
        ]


def sigmoid(score: float) -> float:
    """The probability that log-odds stand for."""
    return float(1 / (1 + np.exp(-np.clip(score, -30, 30))))


def _whole_words(window: Window, first: int, last: int) -> tuple[int, int]:
    """Characters from the beginning of the word of token ``first`` to the end of that of token ``last``."""
    while window.words[first - 1] == window.words[first]:
        first -= 1
    while window.words[last + 1] == window.words[last]:
        last += 1
    return window.offsets[first][0], window.offsets[last][1]


def _undivided(span: tuple[int, int], atoms: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """The span, grown so that it cuts no atom in two."""
    start, end = span
    for first, last in atoms:
        start = first if first < start < last else start
        end = last if first < end < last else end
    return start, end


def _without_overlaps(spans: Sequence[AnswerSpan], top_k: int) -> list[AnswerSpan]:
    """The first ``top_k`` spans that overlap none before them."""
    kept: list[AnswerSpan] = []
    for span in spans:
        if len(kept) == top_k:
            break
        if all(o.passage != span.passage or o.end <= span.start or span.end <= o.start for o in kept):
            kept.append(span)
    return kept


def pad(windows: Sequence[Window]) -> list[NDArray[np.int64]]:
    """Ids, mask and types, each (windows, longest rounded up to 16) int64, padded with 0."""
    length = padded(max(len(window.ids) for window in windows))
    ids, mask, types = np.zeros((3, len(windows), length), dtype=np.int64)
    for row, window in enumerate(windows):
        size = len(window.ids)
        ids[row, :size], mask[row, :size], types[row, :size] = window.ids, 1, window.types
    return [ids, mask, types]
