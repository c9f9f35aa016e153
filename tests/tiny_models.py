"""Tiny causal models with random weights and real tokenizers, saved in folders like any other model."""

from __future__ import annotations

import json
from pathlib import Path

import torch
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import (
    GPTNeoXConfig,
    GPTNeoXForCausalLM,
    PreTrainedTokenizerFast,
    Qwen3Config,
    Qwen3ForCausalLM,
)

CHATML = (
    "{%- for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}"
    "{%- if enable_thinking is not defined or enable_thinking %}{{ '<think>\n' }}{%- endif %}{%- endif %}"
)
NO_SYSTEM = (
    "{{ bos_token }}{%- for m in messages %}{%- if m['role'] == 'system' %}"
    "{{ raise_exception('no system role') }}{%- endif %}"
    "{{ '[INST] ' + m['content'] | trim + ' [/INST]' }}{%- endfor %}"
)


def byte_level(folder: Path, texts: list[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE with the chat template of ChatML, like Qwen's."""
    tokenizer = Tokenizer(models.BPE())
    split = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(split), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<|endoftext|>", "<|im_start|>", "<|im_end|>"],
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_tokens([AddedToken("<think>", special=False), AddedToken("</think>", special=False)])
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
        additional_special_tokens=["<|im_start|>"],
    )
    made.chat_template = CHATML
    made.save_pretrained(folder)
    return made


def sentencepiece_like(folder: Path, texts: list[str]) -> PreTrainedTokenizerFast:
    """A BPE over "▁" with byte fallback, and a chat template without a system role, like Llama 2's."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    tokenizer.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    trainer = trainers.BpeTrainer(
        vocab_size=800,
        show_progress=False,
        special_tokens=["<unk>", "<s>", "</s>", *bytes_],
        max_token_length=8,
    )
    tokenizer.train_from_iterator([text.replace(" ", "▁") for text in texts], trainer)
    state = json.loads(tokenizer.to_str())  # the bytes are words like others, no special tokens
    state["added_tokens"] = [token for token in state["added_tokens"] if token["content"] not in bytes_]
    tokenizer = Tokenizer.from_str(json.dumps(state))
    made = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )
    made.chat_template = NO_SYSTEM
    made.save_pretrained(folder)
    return made


def save_qwen3(folder: Path, texts: list[str]) -> Path:
    """Grouped attention, rotary positions, RMS norm; rows beyond the tokenizer's, as big models have them."""
    tokenizer = byte_level(folder, texts)
    torch.manual_seed(0)
    model = Qwen3ForCausalLM(
        Qwen3Config(
            vocab_size=(len(tokenizer) + 127) // 64 * 64,
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=1,
            num_attention_heads=2,
            num_key_value_heads=1,
            head_dim=16,
            max_position_embeddings=4096,
        )
    )
    return _save(model, tokenizer, folder)


def save_neox(folder: Path, texts: list[str]) -> Path:
    """Parallel residuals, layer norm with biases, plain multi-head attention."""
    tokenizer = sentencepiece_like(folder, texts)
    torch.manual_seed(1)
    model = GPTNeoXForCausalLM(
        GPTNeoXConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=48,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=8192,
        )
    )
    return _save(model, tokenizer, folder)


def _save(model, tokenizer, folder: Path) -> Path:
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.save_pretrained(folder)
    return folder
