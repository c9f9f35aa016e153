"""What the grammar of quotes costs: ``python -m bench.generator`` prints a table; it needs no weights.

A vocabulary of 100,000 pieces of the sample corpus and of this program's source stands for a real model's,
and replies are random walks through the grammar. The time of a model itself comes on top.
"""

from __future__ import annotations

import re
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic, perf_counter

import numpy as np
import torch
from llguidance import LLMatcher, LLTokenizer
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

from index.chunk import chunk
from index.load import load
from index.types import Hit, Passage, Span
from qa.forms import Quotes
from qa.generate import Limits, Task
from qa.grammar import reply_grammar
from qa.local_llm import PARSER_LIMITS, load_local
from qa.prompt import Message
from qa.replies import ReplyReader

HERE = Path(__file__).parent.parent
PIECES = 100_000
WALKS = 8


def vocabulary(texts: list[str]) -> LLTokenizer:
    """A byte-level vocabulary of words of the texts with a blank before them, and their beginnings."""
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    words = dict.fromkeys(word for text in texts for word in re.findall(r" ?\w+| ?[^\w\s]+|\s+", text))
    cut = dict.fromkeys(word[:end] for word in words for end in range(1, len(word) + 1))
    pieces = dict.fromkeys([*level.alphabet(), *(level.pre_tokenize_str(word)[0][0] for word in cut)])
    filled = [*pieces, *(f"Ġ{number:x}" for number in range(PIECES))][: PIECES - 1]
    tokenizer = Tokenizer(
        models.BPE({piece: number for number, piece in enumerate(dict.fromkeys(filled))}, [])
    )
    tokenizer.pre_tokenizer, tokenizer.decoder = level, decoders.ByteLevel()
    tokenizer.add_special_tokens(["<end>"])
    return LLTokenizer(tokenizer.to_str(), eos_token=tokenizer.token_to_id("<end>"))


def measure(made: LLTokenizer, passages: list[str]) -> tuple[float, list[float]]:
    """Milliseconds until the first token can be chosen, and of each token after it."""
    start = perf_counter()
    grammar = reply_grammar(passages, sentences=3, text_chars=80)
    first = LLMatcher(made, grammar, log_level=0, limits=PARSER_LIMITS)
    first.compute_bitmask()
    compiled = 1000 * (perf_counter() - start)
    random, times = np.random.default_rng(0), []
    opening = made.tokenize_str('{"answer": [{"quotes": [{"passage": ')
    for _ in range(WALKS):
        matcher = first.deep_copy()
        matcher.consume_tokens(opening)
        while not matcher.is_stopped():
            start = perf_counter()
            mask = np.frombuffer(matcher.compute_bitmask(), dtype=np.uint8)
            spent = perf_counter() - start
            allowed = np.flatnonzero(np.unpackbits(mask, bitorder="little"))
            token = int(random.choice(allowed))
            start = perf_counter()
            matcher.consume_token(token)
            times.append(1000 * (spent + perf_counter() - start))
    return compiled, times


def first_sentence() -> tuple[float, int]:
    """Milliseconds until the first complete sentence of a tiny random model, and its tokens until then.

    Random weights end no sentence: it has all the 400 characters that the grammar allows, and its length is
    the worst case. The forward pass of a model that is of use comes on top of each token.
    """
    from tests.tiny_models import save_qwen3

    text = (HERE / "seeds" / "keeper-interview.txt").read_text("utf-8")[:3000]
    with TemporaryDirectory() as folder:
        model = load_local(str(save_qwen3(Path(folder) / "tiny", [text])))
    hit = Hit(Passage(0, "a.txt", Span(0, len(text)), text, "", None), 1.0, "hybrid")
    limits = Limits(tokens=3000)
    torch.set_num_threads(1)  # for a model of this size more are slower
    for seed in range(20):  # a reply may be a refusal
        torch.manual_seed(seed)
        task = Task((Message("user", "Why?"),), (hit,), Quotes(), limits, monotonic() + 120)
        reply, tokens, start = ReplyReader(), 0, perf_counter()
        with closing(model.write(replace(task, limits=replace(limits, temperature=1.0)))) as pieces:
            for piece in pieces:
                tokens += 1
                if list(reply.feed(piece)):
                    return 1000 * (perf_counter() - start), tokens
    raise RuntimeError("the model refused every time")


def main() -> None:
    """Print the table."""
    paths = sorted(path for path in (HERE / "seeds").iterdir() if path.suffix in (".md", ".txt", ".html"))
    documents = [load(path, path.name) for path in paths]
    passages = [d.text[c.span.start : c.span.end] for d in documents for c in chunk(d)]
    sources = [path.read_text("utf-8") for name in ("index", "qa") for path in (HERE / name).rglob("*.py")]
    start = perf_counter()
    made = vocabulary(passages + sources)
    print(f"vocabulary of {made.vocab_size} pieces, prepared once a model: {perf_counter() - start:.1f} s\n")
    print(
        "| passages | characters | grammar, ms | a token, ms: mean | p95 | max |\n|---|---|---|---|---|---|"
    )
    for count in (4, 8, 20):
        chosen = (passages * count)[:count]
        compiled, times = measure(made, chosen)
        middle, late, latest = np.mean(times), np.quantile(times, 0.95), max(times)
        print(
            f"| {count} | {sum(map(len, chosen))} | {compiled:.0f} "
            f"| {middle:.2f} | {late:.2f} | {latest:.1f} |"
        )
    taken, tokens = first_sentence()
    print(f"\nfirst sentence of a tiny random model: {taken:.0f} ms, {tokens} tokens")


if __name__ == "__main__":
    main()
