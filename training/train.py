"""Train the reader: ``python -m training.train --data FOLDER --run FOLDER``, ``--resume`` to go on.

The schedule is warm-up, stable, decay: the run goes on at the stable rate until ``--decay-tokens`` (with
``--resume``) ends it over that many further tokens, or until it is stopped.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch

from training.batches import Encoder, Item, batched, render
from training.corpus import Corpus, load
from training.mixture import Material, epoch_items, prepare
from training.model import Reader, base_folder, from_base, from_reader
from training.optimise import Average, Gradients, split
from training.score import quick

log = logging.getLogger("training")


@dataclass(frozen=True, slots=True)
class Recipe:
    """Everything a run depends on besides the data. Rates are per step, lengths in tokens."""

    rate: float = 2e-4
    warmup_steps: int = 80
    batch_tokens: int = 2304
    weight_decay: float = 0.01
    clip: float = 1.0
    average: float = 0.995
    shared: float = 0.5
    pieces: int = 4
    seed: int = 1


@dataclass(slots=True)
class Progress:
    """Where a run stands: enough, with weights and optimiser, to go on exactly as if never stopped."""

    step: int = 0
    tokens: int = 0
    epoch: int = 0
    position: int = 0
    decay_from: int = 0
    decay_tokens: int = 0


def rate_factor(progress: Progress, recipe: Recipe) -> float:
    """The learning rate as a share of the stable one; 0 or less means the decay is over."""
    factor = min(1.0, (progress.step + 1) / recipe.warmup_steps)
    return factor * decay_share(progress)


def decay_share(progress: Progress) -> float:
    """What the decay leaves of the rate: 1 before it begins, falling linearly to 0 at its end and below."""
    if progress.decay_tokens == 0:
        return 1.0
    return 1 - (progress.tokens - progress.decay_from) / progress.decay_tokens


def begin_decay(progress: Progress, tokens: int) -> None:
    """Let the rate fall from where it is to 0 over the next `tokens`; also bends a decay under way."""
    whole = round(tokens / max(decay_share(progress), 1e-3))
    progress.decay_from, progress.decay_tokens = progress.tokens + tokens - whole, whole


def save(
    path: Path, model: Reader, average: Average, optimiser: torch.optim.Optimizer, progress: Progress
) -> None:
    """Write a checkpoint that is either whole or absent."""
    draft = path.with_suffix(".part")
    state = {
        "model": model.state_dict(),
        "average": average.weights,
        "average_steps": average.steps,
        "optimiser": optimiser.state_dict(),
        "progress": asdict(progress),
    }
    torch.save(state, draft)
    os.replace(draft, path)


def restore(path: Path, model: Reader, average: Average, optimiser: torch.optim.Optimizer) -> Progress:
    """Load a checkpoint into the three objects; returns where the run stood."""
    state = torch.load(path, weights_only=True, map_location=next(model.parameters()).device)
    model.load_state_dict(state["model"])
    average.steps = state["average_steps"]
    for name, tensor in state["average"].items():
        average.weights[name].copy_(tensor)
    optimiser.load_state_dict(state["optimiser"])
    return Progress(**state["progress"])


def stream(
    encoder: Encoder, material: Material, recipe: Recipe, progress: Progress
) -> Iterator[tuple[int, int, list[Item]]]:
    """Batches without end from where `progress` stands, with the (epoch, position) that follows each.

    Every epoch has its own random numbers, so the stream is the same however often it is taken up again.
    """
    epoch, position = progress.epoch, progress.position
    while True:
        rng = np.random.default_rng([recipe.seed, epoch])
        plan = batched(epoch_items(encoder, material, epoch, rng), recipe.batch_tokens, rng)
        log.info("epoch %d: %d batches", epoch, len(plan))
        while position < len(plan):
            position += 1
            yield epoch, position, plan[position - 1]
        epoch, position = epoch + 1, 0


def trainable(model: Reader, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW over the trained weights; biases and norms without weight decay."""
    params = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in params if p.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [p for p in params if p.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), fused=True)


def stop_on_signal() -> threading.Event:
    """An event that is set when the process is asked to end, so that it can save first."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def report(model: Reader, average: Average, encoder: Encoder, corpus: Corpus, count: int) -> None:
    """Log development scores of the averaged weights."""
    averaged = Reader()
    averaged.load_state_dict(average.state(model))
    for name, figures in quick(averaged.to(model.span.weight.device).eval(), encoder, corpus, count).items():
        log.info("scores %s %s", name, json.dumps(figures))


def run(corpus: Corpus, folder: Path, recipe: Recipe, options: argparse.Namespace) -> None:
    """Train until the decay or `options.max_tokens` is reached; checkpoints and log lines go to `folder`."""
    device = torch.device(options.device)
    encoder = Encoder(base_folder())
    start = from_reader(options.weights) if options.weights else from_base(base_folder(), seed=recipe.seed)
    model = start.to(device)
    average = Average(model, recipe.average)
    optimiser = trainable(model, recipe)
    checkpoint = folder / "checkpoint.pt"
    progress = restore(checkpoint, model, average, optimiser) if options.resume else Progress()
    if options.epoch > progress.epoch:
        progress.epoch, progress.position = options.epoch, 0
    if options.decay_tokens:
        begin_decay(progress, options.decay_tokens)
    gradients = Gradients(model, options.threads)
    stopping = stop_on_signal()
    evaluated = progress.tokens
    since, since_tokens, sums, saved = time.monotonic(), progress.tokens, 0.0, time.monotonic()
    for epoch, position, items in stream(encoder, prepare(corpus.train), recipe, progress):
        factor = rate_factor(progress, recipe)
        if factor <= 0 or progress.tokens >= options.max_tokens or stopping.is_set():
            break
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate * factor
        pieces = [
            partial(render, encoder, run, np.random.default_rng([recipe.seed, epoch, position, number]))
            for number, run in enumerate(split(items, recipe.pieces))
        ]
        rows, groups = sum(item.rows for item in items), sum(item.rows > 1 for item in items)
        loss = gradients.step(pieces, 1 / rows, recipe.shared / max(1, groups))
        torch.nn.utils.clip_grad_norm_(gradients.params, recipe.clip)
        optimiser.step()
        average.update(model)
        progress.step += 1
        progress.tokens += rows * items[0].width
        progress.epoch, progress.position = epoch, position
        sums += loss
        if progress.step % 50 == 0:
            now = time.monotonic()
            speed = (progress.tokens - since_tokens) / (now - since)
            log.info(
                "step %d tokens %d epoch %d:%d loss %.3f rate %.2e tokens/s %.0f",
                progress.step, progress.tokens, epoch, position, sums / 50, recipe.rate * factor, speed,
            )  # fmt: skip
            since, since_tokens, sums = now, progress.tokens, 0.0
        if time.monotonic() - saved > options.save_seconds:
            save(checkpoint, model, average, optimiser, progress)
            saved = time.monotonic()
        if progress.tokens - evaluated >= options.evaluate_tokens:
            evaluated = progress.tokens
            report(model, average, encoder, corpus, options.evaluate_count)
            since, since_tokens = time.monotonic(), progress.tokens
    save(checkpoint, model, average, optimiser, progress)
    log.info("finished at %d tokens", progress.tokens)


def arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """The parsed command line."""
    parser = argparse.ArgumentParser(prog="python -m training.train", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with the published question sets")
    parser.add_argument(
        "--run", type=Path, required=True, help="folder for checkpoint.pt, recipe.json and train.log"
    )
    parser.add_argument("--weights", type=Path, help="go on from this reader.safetensors, not from the base")
    parser.add_argument("--resume", action="store_true", help="go on from checkpoint.pt")
    parser.add_argument(
        "--decay-tokens", type=int, default=0, help="let the rate fall to 0 over so many tokens"
    )
    parser.add_argument("--epoch", type=int, default=0, help="leave out what comes before this epoch")
    parser.add_argument("--max-tokens", type=int, default=10**12, help="stop here in any case")
    parser.add_argument("--save-seconds", type=float, default=180)
    parser.add_argument("--evaluate-tokens", type=int, default=1_500_000, help="score every so many tokens")
    parser.add_argument("--evaluate-count", type=int, default=200, help="on so many questions per set")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rate", type=float, default=Recipe().rate, help="stable learning rate")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """The command line."""
    options = arguments(argv)
    options.run.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(
        filename=options.run / "train.log", level=logging.INFO, format="%(asctime)s %(message)s"
    )
    torch.set_num_threads(1)
    recipe = Recipe(rate=options.rate)
    (options.run / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1))
    run(load(options.data), options.run, recipe, options)


if __name__ == "__main__":
    main()
