"""One reader out of several."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from training import blend, model, score


def test_a_blend_is_the_weighted_average_and_leaves_the_base_out_of_the_head(tmp_path: Path) -> None:
    readers = [model.from_base(model.base_folder(), seed=seed) for seed in (1, 2, 3)]
    layer, head = "layers.5.outer.weight", "span.weight"
    for factor, reader in enumerate(readers, 1):
        reader.state_dict()[layer].mul_(factor)
    base = model.from_base(model.base_folder()).state_dict()[layer]
    files = [tmp_path / f"{name}.safetensors" for name in ("one", "two", "both")]
    for file, reader in zip(files, readers, strict=False):
        save_file(model.named_weights(reader.state_dict()), file)
    blend.main(
        ["--of", str(files[0]), "0.6", "--of", str(files[1]), "0.2", "--base", "0.2", "--out", str(files[2])]
    )
    both = score.weights(files[2]).state_dict()
    assert torch.allclose(both[layer], base * (0.6 * 1 + 0.2 * 2 + 0.2), atol=1e-6)
    one, two = (reader.state_dict()[head] for reader in readers[:2])
    assert torch.allclose(both[head], 0.75 * one + 0.25 * two, atol=1e-6)
    with pytest.raises(ValueError, match="make 1 together"):
        blend.blend([(readers[0], 0.6), (readers[1], 0.5)])
