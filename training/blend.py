"""One reader out of several: ``python -m training.blend --of FILE SHARE ... --base SHARE --out FILE``.

The average of the weights of readers that come from one another, or from one start, reads what none of
them has seen better than each of them (Wortsman et al., Model soups, ICML 2022), and so does a share of
the encoder that all came from (Wortsman et al., Robust fine-tuning, CVPR 2022). It is one reader still:
answering costs no more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from training.model import Reader, base_folder, from_base, named_weights
from training.score import weights

HEAD = "span."


def blend(parts: Sequence[tuple[Reader, float]], base: tuple[Reader, float] | None = None) -> Reader:
    """The average of readers in their shares, and of the encoder of `base` in its share.

    The base has no span head: that is the average of the other readers' heads alone. Raises ValueError for
    shares that are not positive or do not make 1 together.
    """
    heads = [(reader.state_dict(), share) for reader, share in parts]
    everyone = [*heads, (base[0].state_dict(), base[1])] if base else heads
    shares = [share for _, share in everyone]
    if min(shares) <= 0 or abs(sum(shares) - 1) > 1e-6:
        raise ValueError(f"the shares {shares} must be positive and make 1 together")
    mixed: dict[str, Tensor] = {}
    for name, first in everyone[0][0].items():
        used = heads if name.startswith(HEAD) else everyone
        whole = sum(share for _, share in used)
        mixed[name] = torch.zeros_like(first)
        for state, share in used:
            mixed[name] += share / whole * state[name]
    blended = Reader()
    blended.load_state_dict(mixed)
    return blended.eval()


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m training.blend", description=__doc__)
    parser.add_argument(
        "--of",
        nargs=2,
        action="append",
        required=True,
        metavar=("FILE", "SHARE"),
        help="reader.safetensors or checkpoint.pt, and its share",
    )
    parser.add_argument("--base", type=float, default=0.0, metavar="SHARE", help="the base encoder's share")
    parser.add_argument("--out", type=Path, required=True, help="the blend, a .safetensors file")
    options = parser.parse_args(argv)
    parts = [(weights(Path(file)), float(share)) for file, share in options.of]
    reader = blend(parts, (from_base(base_folder()), options.base) if options.base else None)
    save_file(named_weights(reader.state_dict()), options.out)


if __name__ == "__main__":
    main()
