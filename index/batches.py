"""Which texts are run together, and how far they are padded."""

from __future__ import annotations

from collections.abc import Sequence

BATCH_TOKENS = 256  # measured: what a stream works on then stays in the cache of its core
ROUND = 16  # lengths are padded to multiples, so that few distinct shapes are compiled


def padded(tokens: int) -> int:
    """The width of the row that so many tokens are given."""
    return -(-tokens // ROUND) * ROUND


def batches(lengths: Sequence[int]) -> list[list[int]]:
    """Numbers of texts with these token counts in batches: alike in length, shortest first.

    A batch takes what fits `BATCH_TOKENS`, padding included; a longer text is one by itself.
    """
    grouped: list[list[int]] = []
    for number in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if grouped and padded(lengths[number]) * (len(grouped[-1]) + 1) <= BATCH_TOKENS:
            grouped[-1].append(number)
        else:
            grouped.append([number])
    return grouped
