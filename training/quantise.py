"""The int8 graph that inference runs: ``python -m training.quantise --reader FOLDER --data FOLDER``.

Post-training quantisation by NNCF: weights per channel, activations with SmoothQuant (Xiao et al., ICML
2023), calibrated on training questions. Writes ``reader.int8.xml`` and ``.bin`` beside the weights. NNCF is
needed for this step alone: ``pip install nncf==3.4.0``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from qa.span_reader import SpanReader, pad
from training.corpus import load
from training.data import Example

SAMPLES = 300
_SEED = 7
_IN_FLOAT = ["ScaledDotProductAttention"]  # runs in float anyway: rounding its input costs and gains nothing


def quantise(folder: Path, examples: Sequence[Example]) -> Path:
    """Quantise the reader in ``folder``, calibrated on ``examples``; returns the path of the graph."""
    import nncf
    import openvino as ov

    reader = SpanReader(folder)
    windows = [next(reader.windows(example.question, [example.context])) for example in examples]
    calibration = nncf.Dataset([pad([window]) for window in windows])
    graph = nncf.quantize(
        reader.graph(int8_words=True),
        calibration,
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(windows),
        ignored_scope=nncf.IgnoredScope(types=_IN_FLOAT),
    )
    path = folder / "reader.int8.xml"
    ov.save_model(graph, path, compress_to_fp16=False)
    return path


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.quantise", description=__doc__)
    parser.add_argument("--reader", type=Path, required=True, help="folder of an exported reader")
    parser.add_argument("--data", type=Path, required=True, help="folder with the published question sets")
    options = parser.parse_args(argv)
    examples = load(options.data).train
    chosen = np.random.default_rng(_SEED).choice(len(examples), SAMPLES, replace=False)
    print(quantise(options.reader, [examples[i] for i in chosen]))


if __name__ == "__main__":
    main()
