"""Questions to start with: about the sample documents where they are in the index, else of a general kind."""

from __future__ import annotations

from collections.abc import Iterable

SHOWN = 4

SEEDS: dict[str, str] = {}
GENERAL = (
    "When was it decided?",
    "Who is responsible?",
    "How much does it cost?",
    "What is the deadline?",
)


def examples(sources: Iterable[str]) -> tuple[str, ...]:
    """Up to four questions for an index with these sources; none for an empty one."""
    held = frozenset(sources)
    if not held:
        return ()
    fitting = [question for source, question in SEEDS.items() if source in held]
    return tuple(fitting[:SHOWN]) if len(fitting) >= 2 else GENERAL
