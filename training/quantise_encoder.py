"""The default encoder: ``python -m training.quantise_encoder --data FOLDER --out index/encoder``.

Post-training quantisation of all-MiniLM-L6-v2 by NNCF: weights per channel, activations with SmoothQuant
(Xiao et al., ICML 2023), calibrated on passages and questions. Two kinds of places stay in float: what goes
into attention, which runs in float anyway, and the sum at the end, whose size grows with the length of a
text. Quantised, they cost two thirds of the whole error and saved no time. NNCF is needed for this step
alone: ``pip install nncf==3.4.0``.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from index.bert import read_tokenizer
from index.encode import MAX_TOKENS, float32_graph, minilm_folder, pad
from training.data import read_squad

SETS = (
    "squadshifts_amazon_v1.0.json",
    "squadshifts_reddit_v1.0.json",
    "covidqa_200423.json",
    "policyqa/dev.json",
)
SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"  # of the published weights
_PASSAGES, _QUESTIONS = 30, 15  # of each set
_PASSAGE_CHARS = 1000
_IN_FLOAT = ["ScaledDotProductAttention", "ReduceSum", "NormalizeL2"]
_SEED = 7


def calibration_texts(data: Path) -> list[str]:
    """Passages and questions of all sets, the same in every run."""
    rng = np.random.default_rng(_SEED)
    texts: list[str] = []
    for name in SETS:
        examples = read_squad(data / name, name)
        contexts = sorted({example.context[:_PASSAGE_CHARS] for example in examples})
        questions = sorted({example.question for example in examples})
        texts += [
            contexts[i] for i in rng.choice(len(contexts), min(_PASSAGES, len(contexts)), replace=False)
        ]
        texts += [questions[i] for i in rng.choice(len(questions), _QUESTIONS, replace=False)]
    return texts


def quantise(texts: Sequence[str], folder: Path) -> None:
    """Write graph and tokenizer of the default encoder into ``folder``, calibrated on ``texts``."""
    import nncf
    import openvino as ov

    weights = minilm_folder() / "model.safetensors"
    if hashlib.sha256(weights.read_bytes()).hexdigest() != SHA256:
        raise SystemExit(f"{weights} is not the published all-MiniLM-L6-v2. Install its package again.")
    tokenizer = read_tokenizer(minilm_folder() / "tokenizer.json")
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    calibration = nncf.Dataset([pad([encoding.ids]) for encoding in tokenizer.encode_batch(list(texts))])
    graph = nncf.quantize(
        float32_graph(int8_words=True),
        calibration,
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(texts),
        ignored_scope=nncf.IgnoredScope(types=_IN_FLOAT),
    )
    ov.save_model(graph, folder / "encoder.int8.xml", compress_to_fp16=False)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.quantise_encoder", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the published question sets")
    parser.add_argument("--out", type=Path, required=True, help="folder that gets the encoder")
    options = parser.parse_args(argv)
    quantise(calibration_texts(options.data), options.out)
    print(options.out)


if __name__ == "__main__":
    main()
