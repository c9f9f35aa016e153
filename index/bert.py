"""BERT (Devlin et al., NAACL 2019) as an OpenVINO graph, built straight from published weights.

Encoder and reader share this trunk. It needs openvino, numpy and safetensors, so that a question is answered
before ``import torch`` would be done.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import openvino as ov
from numpy.typing import NDArray
from openvino import opset15 as op
from safetensors import safe_open
from tokenizers import Tokenizer

from index.errors import ModelError

STREAMS = 2  # measured: small batches side by side beat one batch on all cores
_IN_FLIGHT = 2 * STREAMS  # requests given to them: a stream that is done finds the next one waiting
_CPU_INFO = Path("/proc/cpuinfo")  # of Linux; elsewhere nothing is known of the processor
_first_tensor = Lock()
Weights = dict[str, NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class Trunk:
    """An unfinished graph: its inputs, and the node with the last hidden states, (batch, length, width)."""

    ids: Any  # (batch, length) int64 token ids
    mask: Any  # (batch, length) int64, 1 for real tokens
    types: Any | None  # (batch, length) int64 token types; None: the graph knows only type 0
    hidden: Any

    def inputs(self) -> list[Any]:
        """The parameters of the graph in the order in which they are fed."""
        return [node for node in (self.ids, self.mask, self.types) if node is not None]


def read_weights(path: Path) -> Weights:
    """All float tensors of a safetensors file as float32, without a leading "bert." in their names."""
    try:
        with safe_open(path, framework="numpy") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (no mapping)
    except (OSError, ValueError) as exc:
        raise ModelError(
            f"The model weights {path} cannot be read ({exc}). Install the package again."
        ) from exc
    return {
        name.removeprefix("bert."): tensor.astype(np.float32)
        for name, tensor in tensors.items()
        if np.issubdtype(tensor.dtype, np.floating)
    }


def read_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer in a ``tokenizer.json``, without truncation and padding.

    Text such as "[SEP]" in a document stays text: only the template adds control tokens.
    """
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as exc:  # the library raises bare Exception
        raise ModelError(f"The tokenizer {path} cannot be read ({exc}). Install the package again.") from exc
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


def read_graph(path: Path) -> ov.Model:
    """The int8 graph in an OpenVINO ``.xml`` with its ``.bin`` beside it, in the form that is fast here.

    Raises ModelError where they are no graph.
    """
    try:
        graph = ov.Core().read_model(path)
    except RuntimeError as exc:
        raise ModelError(f"The graph {path} is missing or damaged. Install Citespan again.") from exc
    return graph if multiplies_int8() else with_float_activations(graph)


def multiplies_int8() -> bool:
    """False on an x86 processor without VNNI, where products of eight bits are slower than of floats."""
    try:
        flags = _CPU_INFO.read_text()
    except OSError:
        return True
    return " avx2" not in flags or "_vnni" in flags


def with_float_activations(graph: ov.Model) -> ov.Model:
    """The quantised graph with its rounded weights, but without the rounding of what flows between them.

    Measured on two cores with AVX2: a quarter less time for encoder and reader, and vectors that are closer
    to the float32 ones (mean cosine .998 for .994).
    """
    for node in graph.get_ordered_ops():
        if node.get_type_name() == "FakeQuantize":
            for reader in list(node.output(0).get_target_inputs()):
                reader.replace_source_output(node.input_value(0))
    graph.validate_nodes_and_infer_types()
    return graph


def build_trunk(weights: Weights, *, heads: int, token_types: bool, int8_words: bool = False) -> Trunk:
    """Embeddings and all layers of a post-norm BERT with erf-GELU; ``heads`` attention heads in each layer.

    Sizes are read off the weights. With ``token_types`` the graph takes a third input, else every token is
    type 0. With ``int8_words`` the word embeddings are kept in eight bits, with one scale a word.
    """
    ids = op.parameter([-1, -1], np.int64, name="input_ids")
    mask = op.parameter([-1, -1], np.int64, name="attention_mask")
    types = op.parameter([-1, -1], np.int64, name="token_type_ids") if token_types else None
    axis0 = op.constant(np.int64(0))

    word = _lookup(weights["embeddings.word_embeddings.weight"], ids, int8=int8_words)
    length = op.gather(op.shape_of(ids), op.constant(np.int64(1)), axis0)
    positions = op.range(op.constant(np.int64(0)), length, op.constant(np.int64(1)), output_type="i64")
    position = op.gather(op.constant(weights["embeddings.position_embeddings.weight"]), positions, axis0)
    type_table = weights["embeddings.token_type_embeddings.weight"]
    kind = op.constant(type_table[0]) if types is None else op.gather(op.constant(type_table), types, axis0)
    hidden = _norm(op.add(op.add(word, position), kind), weights, "embeddings.LayerNorm")

    # (batch, 1, 1, length): 0 for real tokens, a large negative number for padding
    absent = op.subtract(op.constant(np.float32(1)), op.convert(mask, "f32"))
    bias = op.multiply(op.unsqueeze(absent, op.constant(np.array([1, 2]))), op.constant(np.float32(-1e4)))
    layers = 1 + max(int(name.split(".")[2]) for name in weights if name.startswith("encoder.layer."))
    for layer in range(layers):
        hidden = _layer(hidden, bias, weights, f"encoder.layer.{layer}", heads)
    return Trunk(ids=ids, mask=mask, types=types, hidden=hidden)


def compile_graph(graph: ov.Model) -> ov.CompiledModel:
    """The graph made ready for the CPU; ``STREAMS`` requests run side by side and share the cores."""
    with _first_tensor:
        # Where two threads are the first to read a tensor, OpenVINO waits for ever: one holds Python's lock
        # and waits for what the other prepares, which needs that lock. One thread reads the first one here.
        _ = ov.Tensor(np.zeros(1, np.float32)).data
    options = {
        "PERFORMANCE_HINT": "THROUGHPUT",
        "NUM_STREAMS": str(STREAMS),
        "INFERENCE_PRECISION_HINT": "f32",
    }
    return ov.Core().compile_model(graph, "CPU", options)


def run(model: ov.CompiledModel, batches: Iterable[list[NDArray[np.int64]]]) -> Iterator[NDArray[np.float32]]:
    """Yield the output for each batch of inputs, in order; a few of them are under way at a time.

    Not by OpenVINO's queue with a callback: its threads need Python's lock for that, and whoever drops the
    queue just then holds it (a deadlock).
    """
    free = [model.create_infer_request() for _ in range(_IN_FLIGHT)]
    under_way: deque[ov.InferRequest] = deque()

    def finished() -> NDArray[np.float32]:
        request = under_way.popleft()
        request.wait()
        free.append(request)
        return np.array(request.get_output_tensor().data)

    for batch in batches:
        if not free:
            yield finished()
        request = free.pop()
        request.start_async(batch)
        under_way.append(request)
    while under_way:
        yield finished()


def linear(x: Any, weight: NDArray[np.float32], bias: NDArray[np.float32]) -> Any:
    """``x @ weight.T + bias`` over the last axis."""
    return op.add(op.matmul(x, op.constant(weight), False, True), op.constant(bias))


def _lookup(table: NDArray[np.float32], ids: Any, *, int8: bool) -> Any:
    """The rows of ``table``, (n, width), that ``ids`` name: (batch, length, width) float32."""
    axis = op.constant(np.int64(0))
    if not int8:
        return op.gather(op.constant(table), ids, axis)
    scale = np.maximum(np.abs(table).max(axis=1, keepdims=True), 1e-12) / 127
    rows = np.rint(table / scale).astype(np.int8)
    # The product with a gathered scale is made for the words of a text alone. Were it made before they are
    # gathered, every start would first unfold the whole table to float32.
    found = op.convert(op.gather(op.constant(rows), ids, axis), "f32")
    return op.multiply(found, op.gather(op.constant(scale.astype(np.float32)), ids, axis))


def _layer(hidden: Any, bias: Any, weights: Weights, name: str, heads: int) -> Any:
    def project(x: Any, part: str) -> Any:
        return linear(x, weights[f"{name}.{part}.weight"], weights[f"{name}.{part}.bias"])

    def joint(kind: str) -> NDArray[np.float32]:  # one product for all three: fewer nodes to compile
        return np.concatenate(
            [weights[f"{name}.attention.self.{part}.{kind}"] for part in ("query", "key", "value")]
        )

    parts = op.reshape(
        linear(hidden, joint("weight"), joint("bias")),
        op.constant(np.array([0, 0, 3, heads, -1])),
        special_zero=True,
    )  # (batch, length, 3, heads, width / heads)
    turned = op.split(
        op.transpose(parts, op.constant(np.array([2, 0, 3, 1, 4]))), op.constant(np.int64(0)), 3
    )
    query, key, value = (op.squeeze(part, op.constant(np.array([0]))) for part in turned.outputs())
    mixed = op.transpose(
        op.scaled_dot_product_attention(query, key, value, bias), op.constant(np.array([0, 2, 1, 3]))
    )
    joined = op.reshape(mixed, op.constant(np.array([0, 0, -1])), special_zero=True)
    attended = op.add(hidden, project(joined, "attention.output.dense"))
    hidden = _norm(attended, weights, f"{name}.attention.output.LayerNorm")
    widened = op.gelu(project(hidden, "intermediate.dense"), "erf")
    return _norm(op.add(hidden, project(widened, "output.dense")), weights, f"{name}.output.LayerNorm")


def _norm(x: Any, weights: Weights, name: str) -> Any:
    centred = op.mvn(x, op.constant(np.array([-1])), True, 1e-12, "inside_sqrt")
    scaled = op.multiply(centred, op.constant(weights[f"{name}.weight"]))
    return op.add(scaled, op.constant(weights[f"{name}.bias"]))
