"""Prompts: what a language model is told, from the plain text files in ``prompts/`` or in a folder of the
user's.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

from index.errors import ModelError

Role = Literal["system", "user"]

FIELDS: Mapping[str, frozenset[str]] = {
    "answer": frozenset({"passages", "question", "most"}),
    "answer-ids": frozenset({"passages", "question", "most"}),
    "rewrite": frozenset({"history", "question"}),
}
"""What the program fills in, by template."""

# Beside this package wherever it is installed; by its name, a folder "prompts" of the user's might be found.
_OURS = Path(__file__).parent.parent / "prompts"
_HEADER = re.compile(r"version (?P<version>[\w.-]{1,40}); fields: (?P<fields>\w+(?:, \w+)*)")
_PART = re.compile(r"^--- (system|user)[^\S\n]*\n", re.MULTILINE)
_FIELD = re.compile(r"\{([a-z_]+)\}")  # {"json": …} is none


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation with a model."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Template:
    """A prompt with holes: ``{field}`` in its parts, for each field that it declares and for no other."""

    name: str
    version: str  # as its first line declares it; of a user's own, with the start of its SHA-256
    fields: frozenset[str]
    parts: tuple[Message, ...]

    @property
    def stamp(self) -> str:
        """What answers carry: "answer 1", or "answer 1+0c2f9a31" of a user's own."""
        return f"{self.name} {self.version}"

    def render(self, values: Mapping[str, str]) -> tuple[Message, ...]:
        """Return the messages with every field filled in; braces in the values stay as they are.

        Raises ValueError where the values are not exactly those of the declared fields.
        """
        if values.keys() != self.fields:
            raise ValueError(f"{self.name} takes {sorted(self.fields)}, not {sorted(values)}")
        return tuple(
            Message(part.role, _FIELD.sub(lambda field: values[field[1]], part.content))
            for part in self.parts
        )


def load_template(name: str, folder: Path | None = None) -> Template:
    """Return the template ``name``: ``folder/name.txt`` where the user has one there, else our own.

    Raises ModelError where folder or file cannot be read, or it is no template with the fields that the
    program fills in.
    """
    own = Path(os.path.expanduser(folder), f"{name}.txt") if folder is not None else None
    if own is not None and not os.path.isdir(own.parent):
        raise ModelError(f"There is no folder {folder} with prompts. Correct QA_PROMPTS, or unset it.")
    try:
        if own is None or own.name not in os.listdir(own.parent):
            return parse_template(name, (_OURS / f"{name}.txt").read_text("utf-8"))
        text = own.read_text("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise ModelError(f"The prompt {own} cannot be read: it must be a text file in UTF-8.") from exc
    except OSError as exc:
        remedy = "Install Citespan again" if own is None else "Correct QA_PROMPTS, or unset it"
        raise ModelError(f"{exc.filename} cannot be read: {exc.strerror}. {remedy}.") from exc
    template = parse_template(name, text, str(own))
    digest = hashlib.sha256(text.encode()).hexdigest()[:8]
    return Template(name, f"{template.version}+{digest}", template.fields, template.parts)


def parse_template(name: str, text: str, place: str = "") -> Template:
    """Return the template that a text describes; errors name it by ``place``.

    The first line declares version and fields, ``version 1; fields: passages, question``; then each part
    follows a line ``--- system`` or ``--- user``. Raises ModelError where it is otherwise, where a declared
    field is not used, one that is used is not declared, or the program fills in other fields.
    """
    place = place or f"prompts/{name}.txt"
    first, _, body = text.replace("\r\n", "\n").partition("\n")
    header = _HEADER.fullmatch(first.strip())
    opening, *pieces = _PART.split(body)
    if header is None or opening.strip() or not pieces:
        raise ModelError(
            f"{place} is no prompt: its first line must be like 'version 1; fields: passages, question', "
            "its second '--- system' or '--- user'."
        )
    parts = tuple(
        Message(cast(Role, role), content.strip())
        for role, content in zip(pieces[::2], pieces[1::2], strict=True)
    )
    if [part.role for part in parts] not in (["user"], ["system", "user"]):
        raise ModelError(f"{place} must hold one part '--- user', after at most one part '--- system'.")
    declared = frozenset(header["fields"].split(", "))
    used = frozenset(_FIELD.findall("\n".join(part.content for part in parts)))
    for these, what in ((declared - used, "declares but never uses"), (used - declared, "does not declare")):
        if these:
            raise ModelError(f"{place} {what} {_named(these)}.")
    if unknown := declared - FIELDS[name]:
        raise ModelError(f"{place} has {_named(unknown)}, but this prompt takes {_named(FIELDS[name])}.")
    if missing := FIELDS[name] - declared:
        raise ModelError(f"{place} lacks {_named(missing)}: without it the model would not be told.")
    return Template(name, header["version"], declared, parts)


def _named(fields: frozenset[str]) -> str:
    return ", ".join(f"{{{field}}}" for field in sorted(fields))
