"""The times of an answer's stages."""

from __future__ import annotations

from time import perf_counter


class Clock:
    """Milliseconds of each stage, between ``start`` (or the last lap) and ``lap``."""

    def __init__(self) -> None:
        self.stages: dict[str, float] = {}
        self.start()

    def start(self) -> None:
        """Begin anew: the time until now belongs to no stage."""
        self._at = perf_counter()

    def lap(self, stage: str) -> None:
        """Add the time since ``start`` or the last lap to a stage."""
        now = perf_counter()
        self.stages[stage] = self.stages.get(stage, 0.0) + 1000 * (now - self._at)
        self._at = now
