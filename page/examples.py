"""Questions to start with: about the sample documents where they are in the index, else of a general kind."""

from __future__ import annotations

from collections.abc import Iterable

from page.words import Words

SEEDS = {
    "nato-brussels-briefing.md": "Which two levers could bring Russia back to the negotiating table?",
    "sallowmere-port-handbook.pdf": "At what mean wind does crane work stop?",
    "gannet-stack-lighthouse.html": "How much does the great lens from Paris weigh?",
    "brackenford-council-minutes-2026-03.docx": "By how many votes was the budget as amended approved?",
}
GENERAL = ("examples.decided", "examples.responsible", "examples.cost", "examples.deadline")


def examples(sources: Iterable[str], words: Words) -> tuple[str, ...]:
    """Up to four questions for an index with these sources; none for an empty one."""
    held = frozenset(sources)
    if not held:
        return ()
    fitting = tuple(question for source, question in SEEDS.items() if source in held)
    return fitting if len(fitting) >= 2 else tuple(map(words, GENERAL))
