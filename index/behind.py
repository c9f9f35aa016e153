"""Words written behind the reading, so that a document can be asked about while others are still read."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event

from index.store import Store
from index.terms import Terms

_PAUSE_S = 0.2  # between two commits: what is stored meanwhile shares the next one


class WordsBehind:
    """Keeps the words up with the store from a thread of its own, as long as it is entered.

    What is stored can be found by its words one commit later, whatever the reading and the encoding are at.
    When it is left without an error, all words are in. The caller holds the write lock.
    """

    def __init__(self, words: Terms, store: Store) -> None:
        self._words = words
        self._store = store
        self._news = Event()
        self._end = Event()
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="words")
        self._job: Future[None]

    def __enter__(self) -> WordsBehind:
        self._job = self._thread.submit(self._run)
        return self

    def stored(self) -> None:
        """Say that something new is in the store. Raises what went wrong in the thread."""
        if self._job.done():
            self._job.result()
        self._news.set()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._end.set()
        self._news.set()
        self._thread.shutdown(wait=True)
        if kind is None:
            self._job.result()
            self._words.catch_up(self._store)

    def _run(self) -> None:
        while self._news.wait() and not self._end.is_set():
            self._news.clear()
            self._words.catch_up(self._store)
            self._end.wait(_PAUSE_S)
