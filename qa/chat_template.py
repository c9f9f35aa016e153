"""Messages to tokens of a model, in which nothing that a document says becomes a control token."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from qa.prompt import Message

_JOINER = "\u2060"
_CONTROL_LIKE = re.compile(r"\s*[<\[(|｜{].*[>\])|｜}]\s*", re.DOTALL)
_BYTE = re.compile(r"<0x[0-9A-Fa-f]{2}>")  # how some tokenizers spell a byte that they have no word for
_PLACE = re.compile("\ue000(\\d+)\ue001")
_THINKING = re.compile(r"<think>\s*$")


def encode_chat(tokenizer: Any, messages: Sequence[Message]) -> list[int]:
    """Return the tokens of a prompt: the model's own chat template around the contents of the messages.

    The template is rendered with placeholders, so that its control tokens and the contents never meet. A
    model without a template gets the contents as paragraphs, one whose template takes no system message gets
    it as the beginning of the user's. Thinking is turned off where the template can do so, else cut short.
    """
    if getattr(tokenizer, "chat_template", None):
        text, contents = _render(tokenizer, [(message.role, message.content) for message in messages])
    else:
        contents = [message.content for message in messages]
        places = "".join(f"\ue000{number}\ue001\n\n" for number in range(len(contents)))
        text = f"{tokenizer.bos_token or ''}{places}"
    if _THINKING.search(text):
        text = text.rstrip() + "\n\n</think>\n\n"
    control = control_tokens(tokenizer)
    ids: list[int] = []
    for number, piece in enumerate(_PLACE.split(text)):
        if number % 2:
            ids += encode_plain(tokenizer, contents[int(piece)], control)
        elif piece:
            ids += tokenizer.encode(piece, add_special_tokens=False)
    return ids


def _render(tokenizer: Any, messages: Sequence[tuple[str, str]]) -> tuple[str, list[str]]:
    """Return the rendered template with placeholders, and the contents that they stand for."""
    from jinja2.exceptions import TemplateError

    contents = [content for _, content in messages]
    marked = [{"role": role, "content": f"\ue000{n}\ue001"} for n, (role, _) in enumerate(messages)]
    options = {"tokenize": False, "add_generation_prompt": True, "enable_thinking": False}
    try:
        text = tokenizer.apply_chat_template(marked, **options)
        if len(_PLACE.findall(text)) == len(marked):
            return text, contents
    except TemplateError:
        pass
    merged = [{"role": "user", "content": "\ue0000\ue001"}]
    return tokenizer.apply_chat_template(merged, **options), ["\n\n".join(contents)]


def control_tokens(tokenizer: Any) -> dict[str, int]:
    """Return the tokens that mean something to the model beyond their letters: special ones, and those in
    brackets (``<think>``, ``[TOOL_CALLS]``).
    """
    added: dict[str, int] = tokenizer.get_added_vocab()
    special = set(tokenizer.all_special_tokens)
    return {
        token: number
        for token, number in added.items()
        if token.strip()
        and not _BYTE.fullmatch(token)
        and (token in special or _CONTROL_LIKE.fullmatch(token))
    }


def part_control(text: str, control: Iterable[str]) -> str:
    """Return a text in which an invisible joiner parts what would be read as a control token.

    A quote that was copied with the joiner is found all the same: ``quotes.fold`` sets it aside.
    """
    longest_first = sorted((token.strip() for token in control), key=len, reverse=True)
    if not longest_first:
        return text
    pattern = "|".join(map(re.escape, longest_first))
    return re.sub(pattern, lambda found: found[0][0] + _JOINER + found[0][1:], text)


def encode_plain(tokenizer: Any, text: str, control: dict[str, int]) -> list[int]:
    """Return the tokens of a text, none of which is a control token.

    The text is ``part_control``'s; a control token that comes about all the same (by a normalizer, say) is
    left out.
    """
    forbidden = frozenset(control.values())
    ids: list[int] = tokenizer.encode(part_control(text, control), add_special_tokens=False)
    return [number for number in ids if number not in forbidden]
