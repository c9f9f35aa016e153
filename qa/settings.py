"""Settings: what a user may choose, from arguments or from ``QA_…`` in the environment."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from index.errors import SettingsError


class Settings(BaseSettings):
    """How questions are answered: ``Settings(top_k=4)`` wins over ``$QA_TOP_K``, which wins over 8.

    An empty variable counts as none.
    """

    model_config = SettingsConfigDict(env_prefix="QA_", env_ignore_empty=True, extra="forbid", frozen=True)

    index: Path = Field(Path(".qa"), description="folder of the index")
    model: str = Field("reader", min_length=1, description="the built-in reader, or the name of a generator")
    top_k: int = Field(8, ge=1, le=100, description="passages that the model is shown")
    min_confidence: float | None = Field(
        None, ge=0, le=1, description="probability under which a question is refused; default: as calibrated"
    )
    evidence_sentences: int = Field(
        2, ge=0, le=10, description="further sentences, at most, after the answer"
    )
    max_sentences: int = Field(5, ge=1, le=20, description="sentences of a generated answer, at most")
    min_support: float | None = Field(
        None, ge=0, le=1, description="support under which a generated sentence is left out; 0: none is"
    )
    max_tokens: int = Field(1024, ge=16, le=32_768, description="tokens of a generated answer, at most")
    timeout_s: float = Field(
        180, ge=1, le=3600, description="seconds that a generator may take; what is complete by then stays"
    )
    temperature: float = Field(
        0, ge=0, le=2, description="how freely a generator words its answers; 0: always the likeliest word"
    )
    prompts: Path | None = Field(None, description="folder with your own prompts, which win over ours")
    api_key: SecretStr = Field(SecretStr(""), description="what a server asks for as its bearer token")
    password: SecretStr = Field(SecretStr(""), description="what the chat page asks for; empty: nothing")


def read_settings() -> Settings:
    """The settings of the environment. Raises SettingsError where a ``QA_…`` variable cannot be used."""
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as exc:
        name, wrong = _first(exc)
        raise SettingsError(f"QA_{name.upper()} is {wrong}. Set or unset it and try again.") from exc


def change(settings: Settings, given: Mapping[str, object]) -> Settings:
    """The settings with what was given, other than None, in its place.

    Raises ValueError with a sentence that names the value which cannot be used.
    """
    values = {name: value for name, value in given.items() if value is not None}
    try:
        return Settings(**settings.model_dump() | values) if values else settings
    except ValidationError as exc:
        name, wrong = _first(exc)
        raise ValueError(f"{name} is {wrong}.") from exc


def _first(error: ValidationError) -> tuple[str, str]:
    """The name of the first setting that is wrong; what it is, and what it should be."""
    first = error.errors()[0]
    return "_".join(map(str, first["loc"])), f"{first['input']!r}: {first['msg']}"
