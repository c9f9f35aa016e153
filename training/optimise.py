"""One optimisation step's parts: the loss, its gradient over pieces of a batch in parallel, the average."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import torch
from torch import Tensor
from torch.nn import functional

from training.batches import Batch, Item
from training.model import Reader


def losses(logits: Tensor, batch: Batch, *, row_weight: float, group_weight: float) -> Tensor:
    """The weighted sum of the two training losses over a batch, in nats.

    Each row times `row_weight`: cross-entropy of start and end over the passage's tokens and "not here", all
    annotators as soft targets. Each question with several passages times `group_weight`: the same with one
    normalisation over the tokens of all its passages (Clark & Gardner, ACL 2018), every score relative to its
    own passage's "not here", which is the scale that inference compares spans on.
    """
    logits = logits.masked_fill(~batch.candidates[..., None], -1e4)
    odds = logits - logits[:, :1]  # (b, t, 2)
    targets = torch.stack((batch.starts, batch.ends), dim=-1)  # (b, t, 2)
    gold = (targets * odds).sum(1)  # (b, 2)
    spread = odds[:, 1:].logsumexp(1)  # (b, 2) all spans of a row against its null
    rows = row_weight * (functional.softplus(spread) - gold).mean(1).sum()
    counts = torch.bincount(batch.groups)
    several = counts > 1
    if group_weight == 0 or not bool(several.any()):
        return rows
    top = spread.detach().max().clamp(min=0)
    total = torch.zeros(len(counts), 2, device=odds.device).index_add(0, batch.groups, (spread - top).exp())
    together = (total + (-top).exp()).log() + top
    gold = torch.zeros_like(together).index_add(0, batch.groups, gold)
    return rows + group_weight * (together - gold)[several].mean(1).sum()


def split(items: Sequence[Item], pieces: int) -> list[list[Item]]:
    """The items in at most `pieces` runs with about equally many rows each."""
    total = sum(item.rows for item in items)
    runs: list[list[Item]] = [[]]
    used = 0
    for item in items:
        if runs[-1] and used >= total * len(runs) / pieces:
            runs.append([])
        runs[-1].append(item)
        used += item.rows
    return runs


class Gradients:
    """Gradients of batch pieces on threads of their own, summed in a fixed order.

    Each piece runs on one core, and a free thread takes the next piece: unlike a product that is split over
    the cores, nothing waits at every layer for a core that another program has taken.
    """

    def __init__(self, model: Reader, threads: int) -> None:
        """Work for `model` on so many threads."""
        self.model = model
        self.params = [p for p in model.parameters() if p.requires_grad]
        self.pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))

    def step(self, pieces: Sequence[Callable[[], Batch]], row_weight: float, group_weight: float) -> float:
        """Put the summed gradient of all pieces into the parameters; returns the loss."""
        device = self.params[0].device

        def one(render: Callable[[], Batch]) -> tuple[float, tuple[Tensor, ...]]:
            batch = render().to(device)
            logits = self.model(batch.ids, batch.types, batch.mask)
            loss = losses(logits, batch, row_weight=row_weight, group_weight=group_weight)
            return float(loss.detach()), torch.autograd.grad(loss, self.params)

        total, summed = 0.0, None
        for loss, grads in self.pool.map(one, pieces):
            total += loss
            if summed is None:
                summed = list(grads)
            else:
                torch._foreach_add_(summed, list(grads))
        for param, grad in zip(self.params, summed or [], strict=True):
            param.grad = grad
        return total


class Average:
    """Exponential moving average of the trained weights, with a start-up correction."""

    def __init__(self, model: Reader, rate: float) -> None:
        """Start from the model's present weights."""
        self.rate = rate
        self.steps = 0
        self.weights = {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}

    @torch.no_grad()
    def update(self, model: Reader) -> None:
        """Move the average towards the model's weights."""
        self.steps += 1
        share = 1 - min(self.rate, (1 + self.steps) / (10 + self.steps))
        mine: list[Tensor] = [p for p in model.parameters() if p.requires_grad]
        torch._foreach_lerp_(list(self.weights.values()), mine, share)

    def state(self, model: Reader) -> dict[str, Tensor]:
        """A full state dict with the averaged weights in place."""
        return {**model.state_dict(), **self.weights}
