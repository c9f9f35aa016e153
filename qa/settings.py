"""Settings: what a user may choose, from arguments or from ``QA_…`` in the environment."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from index.errors import QAError


class Settings(BaseSettings):
    """How questions are answered: ``Settings(top_k=4)`` wins over ``$QA_TOP_K``, which wins over 8."""

    model_config = SettingsConfigDict(env_prefix="QA_", extra="forbid", frozen=True)

    index: Path = Field(Path(".qa"), description="folder of the index")
    model: str = Field("reader", min_length=1, description="the built-in reader, or the name of a generator")
    top_k: int = Field(8, ge=1, le=100, description="passages that the model is shown")
    min_confidence: float | None = Field(
        None, ge=0, le=1, description="probability under which a question is refused; default: as calibrated"
    )
    evidence_sentences: int = Field(
        2, ge=0, le=10, description="further sentences, at most, after the answer"
    )


def read_settings() -> Settings:
    """The settings of the environment. Raises QAError where a ``QA_…`` variable cannot be used."""
    try:
        return Settings()  # type: ignore[call-arg]
    except ValidationError as exc:
        first = exc.errors()[0]
        name = "_".join(("QA", *map(str, first["loc"]))).upper()
        raise QAError(
            f"{name} is {first['input']!r}: {first['msg']}. Set or unset it and try again."
        ) from exc
