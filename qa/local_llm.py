"""A language model in this process: any causal model of transformers that is on disk, held to its grammar."""

from __future__ import annotations

import codecs
import gc
from collections.abc import Generator, Iterable, Sequence
from pathlib import Path
from queue import SimpleQueue
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

import numpy as np
import torch
from llguidance import LLMatcher, LLParserLimits
from llguidance.hf import from_tokenizer
from numpy.typing import NDArray
from safetensors import SafetensorError

from index.characters import storable
from index.errors import ModelError
from qa.chat_template import control_tokens, encode_chat, part_control
from qa.forms import Form, Quotes
from qa.generate import Limits, PromptTooLong, Task
from qa.grammar import reply_grammar
from qa.prompt import Message

_LEAST_ROOM = 128  # tokens that a prompt must leave for the answer
_PATIENCE_S = 1.0  # that closing waits for a model that is still reading its prompt

# Without these limits long quotes end in "too many expressions"; and errors must not hold the documents.
PARSER_LIMITS = LLParserLimits(
    precompute_large_lexemes=False,
    step_lexer_fuel=5_000_000,
    max_lexer_states=2_000_000,
    verbose_errors=False,
)


class LocalModel:
    """A causal model and its tokenizer, as a backend of a generator. Safe to share between threads.

    One answer is written at a time; others wait for their turn.
    """

    def __init__(self, name: str, model: Any, tokenizer: Any) -> None:
        """Prepare a loaded model of transformers. Raises ModelError where its tokenizer is not a fast one."""
        config = model.config.get_text_config()
        self._name = name
        self._model = model
        self._tokenizer = tokenizer
        self._context = int(getattr(config, "max_position_embeddings", 0) or 1_000_000)  # tokens
        self._ends = _end_tokens(model, tokenizer)
        self._control = control_tokens(tokenizer)
        try:
            self._vocabulary = from_tokenizer(tokenizer, n_vocab=config.vocab_size, eos_token=self._ends)
        except (ValueError, AttributeError) as exc:
            raise ModelError(f"The tokenizer of {name} cannot be used: it has no tokenizer.json.") from exc
        self._turn = Lock()

    @property
    def name(self) -> str:
        """The folder's name, or the id."""
        return self._name

    def form(self, limits: Limits, deadline: float) -> Form:
        """Quotes: the grammar sees to it that they are copied."""
        return Quotes()

    def write(self, task: Task) -> Generator[str, None, None]:
        """The reply, piece by piece; closing the iterator stops the model after the token that it is at.

        Raises ModelError where the tokens or the time run out, PromptTooLong where the context is too small.
        """
        # The words as the prompt shows them: where these force the next letters, llguidance takes the tokens
        # that the tokenizer makes of them, and these must not be control tokens.
        passages = [part_control(storable(hit.passage.text), self._control) for hit in task.hits]
        grammar = reply_grammar(passages, sentences=task.limits.sentences)
        yield from self._reply(task.messages, grammar, task.limits, task.deadline)

    def complete(
        self, messages: Sequence[Message], schema: dict[str, Any], limits: Limits, deadline: float
    ) -> Generator[str, None, None]:
        """A JSON object of this schema; otherwise like ``write``."""
        yield from self._reply(messages, LLMatcher.grammar_from_json_schema(schema), limits, deadline)

    def _reply(
        self, messages: Sequence[Message], grammar: str, limits: Limits, deadline: float
    ) -> Generator[str, None, None]:
        prompt = encode_chat(self._tokenizer, messages)
        room = min(limits.tokens, self._context - len(prompt))
        if room < min(limits.tokens, _LEAST_ROOM):
            raise PromptTooLong(f"{len(prompt)} tokens leave no room in its context of {self._context}")
        run = _Run(self._vocabulary, grammar, deadline)
        work = (run, prompt, room, limits.temperature)
        thread = Thread(target=self._work, args=work, daemon=True, name="generate")
        thread.start()
        try:
            yield from run.pieces()
        finally:
            run.stop.set()
            thread.join(_PATIENCE_S)

    def _work(self, run: _Run, prompt: list[int], room: int, temperature: float) -> None:
        """Write one answer into the queue of ``run``: the body of its thread."""
        from transformers import GenerationConfig, LogitsProcessorList, StoppingCriteriaList

        freely = temperature > 0
        make: Any = GenerationConfig
        config = make(
            max_new_tokens=room,
            do_sample=freely,
            temperature=temperature if freely else None,
            top_k=0 if freely else None,
            eos_token_id=self._ends,
            pad_token_id=self._ends[0],
        )
        try:
            with self._turn, torch.inference_mode():
                if not run.is_over():
                    ids = torch.tensor([prompt], device=self._model.device)  # (1, tokens)
                    self._model.generate(
                        input_ids=ids,
                        attention_mask=torch.ones_like(ids),
                        generation_config=config,
                        logits_processor=LogitsProcessorList([run.constrain]),
                        stopping_criteria=StoppingCriteriaList([run.take]),
                    )
        except Exception as exc:  # of any library below: it belongs to the thread that waits for the reply
            run.end(exc)
        else:
            run.end(None)


class _Run:
    """One reply on its way: the state of its grammar, and the queue out of the model's thread."""

    def __init__(self, vocabulary: Any, grammar: str, deadline: float) -> None:
        self.stop = Event()
        self._deadline = deadline
        self._vocabulary = vocabulary
        self._matcher = LLMatcher(vocabulary, grammar, log_level=0, limits=PARSER_LIMITS)
        self._mask: NDArray[np.int32] = np.zeros((vocabulary.vocab_size + 31) // 32, dtype=np.int32)
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode
        self._queue: SimpleQueue[str | BaseException | None] = SimpleQueue()

    def pieces(self) -> Generator[str, None, None]:
        """Yield the text as it is written. Raises ModelError where it does not come to its end."""
        while isinstance(piece := self._queue.get(), str):
            yield piece
        if piece is not None:
            raise ModelError(f"it failed while it wrote ({type(piece).__name__})") from piece
        if not self._matcher.is_stopped():
            late = monotonic() > self._deadline
            reason = (
                "did not come to an end in time" if late else "reached the limit of tokens (QA_MAX_TOKENS)"
            )
            raise ModelError(f"its reply {reason}")

    def end(self, error: Exception | None) -> None:
        """Tell the reader that nothing more comes."""
        self._queue.put(error)

    def is_over(self) -> bool:
        """Whether nobody waits for the reply any longer."""
        return self.stop.is_set() or monotonic() > self._deadline

    def constrain(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:
        """Scores (1, vocabulary) with -inf for the tokens that the grammar does not take."""
        self._matcher.unsafe_compute_mask_ptr(self._mask.ctypes.data, self._mask.nbytes)
        self._check()
        allowed = np.zeros(scores.shape[-1], dtype=np.bool_)  # rows beyond the vocabulary are padding
        bits = np.unpackbits(self._mask.view(np.uint8), bitorder="little")[
            : min(len(allowed), self._vocabulary.vocab_size)
        ]
        allowed[: len(bits)] = bits
        return scores.masked_fill(~torch.from_numpy(allowed).to(scores.device), float("-inf"))

    def take(self, input_ids: torch.Tensor, scores: torch.Tensor, **_: object) -> torch.Tensor:
        """Take the token (1, …) that was chosen last; whether to stop, as (1,) bool."""
        token = int(input_ids[0, -1])
        self._matcher.consume_token(token)
        self._check()
        if not self._vocabulary.is_special_token(token):
            self._queue.put(self._decode(self._vocabulary.decode_bytes([token])))
        stopped = self._matcher.is_stopped() or self.is_over()
        return torch.full((1,), stopped, dtype=torch.bool, device=input_ids.device)

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ModelError("the grammar of its reply came to a dead end")


_loading = Lock()
_loaded: dict[str, LocalModel] = {}  # at most one


def load_local(name: str) -> LocalModel:
    """The model in a folder, or of an id that was downloaded before; loaded once, until another is asked for.

    Raises ModelError where it is not there, is no causal model in safetensors, or needs code of its own.
    """
    with _loading:
        if name not in _loaded:
            _loaded.clear()  # first: two may not fit into memory
            _loaded[name] = _load(name)
        return _loaded[name]


def unload() -> None:
    """Forget the model that is loaded, so that its memory is free once no answer uses it any longer."""
    with _loading:
        _loaded.clear()
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _load(name: str) -> LocalModel:
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from transformers.utils import logging as untyped

    logging: Any = untyped

    folder = _folder(name)
    bars = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model: Any = AutoModelForCausalLM.from_pretrained(
            folder, local_files_only=True, trust_remote_code=False, use_safetensors=True, dtype="auto"
        )
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as exc:
        raise ModelError(
            f"{name} cannot be loaded: it must be a causal language model of transformers with its "
            f"tokenizer, in safetensors, without code of its own ({type(exc).__name__})."
        ) from exc
    finally:
        if bars:
            logging.enable_progress_bar()
    device = "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    model = model.to(device).eval()
    return LocalModel(folder.name if Path(name).is_dir() else name, model, tokenizer)


def _folder(name: str) -> Path:
    """The folder of a model; nothing is downloaded."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HFValidationError, LocalEntryNotFoundError

    try:
        if (given := Path(name).expanduser()).is_dir():
            return given.resolve()
        return Path(snapshot_download(name, local_files_only=True))
    except (LocalEntryNotFoundError, HFValidationError, OSError) as exc:
        raise ModelError(
            f"There is no model {name!r} on this machine. Give a folder with a transformers model, or a "
            f"server like http://127.0.0.1:11434/v1#qwen3; or download the model first: hf download {name}"
        ) from exc


def _end_tokens(model: Any, tokenizer: Any) -> list[int]:
    """The tokens that end a reply."""
    ends = model.generation_config.eos_token_id
    found: Iterable[int | None] = ends if isinstance(ends, list) else [ends]
    kept = [token for token in found if token is not None] or [tokenizer.eos_token_id]
    if kept == [None]:
        raise ModelError("The model names no token that ends a reply.")
    return [int(token) for token in kept if token is not None]
