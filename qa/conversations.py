"""Conversations that are kept: every turn with its whole answer, in a database of its own beside the index.

Each conversation belongs to an owner, which is a random name that a browser holds. Every method takes the
owner and finds nothing that belongs to another; ``None`` is whoever can read the folder: the command line.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

from index.errors import ConversationMissing
from qa.conversation_db import ConversationDatabase
from qa.saved import Entry, SavedConversation, SavedTurn, TurnState

DATABASE = "conversations.db"
TITLE_CHARS = 120


class ConversationStore:
    """The conversations of one index folder; any number of threads and processes may use it at a time."""

    def __init__(self, folder: Path | None) -> None:
        """Keep them in ``folder``, which is made with the first conversation; None: only in memory.

        Raises IndexDamaged, IndexMismatch (a newer version wrote it), IndexNotWritable, IndexBusy.
        """
        self._db = ConversationDatabase(folder / DATABASE if folder is not None else None)

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def __enter__(self) -> ConversationStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # -- reading ---------------------------------------------------------------------------------------------

    def entries(self, owner: str | None) -> tuple[Entry, ...]:
        """The conversations of the owner, the one that changed last first."""
        rows = self._db.rows(
            "SELECT id, title, changed,"
            " (SELECT count(*) FROM turns WHERE conversation = conversations.id AND NOT hidden)"
            " FROM conversations WHERE NOT deleted AND (?1 IS NULL OR owner = ?1)"
            " ORDER BY changed DESC, id DESC",
            (owner,),
        )
        return tuple(Entry(*row) for row in rows)

    def read(self, owner: str | None, conversation: int) -> SavedConversation:
        """A conversation with its turns. Raises ConversationMissing, also for one of another owner."""
        with self._db.lock:
            rows = self._db.rows(
                "SELECT title, changed, revision, undoable FROM conversations"
                " WHERE id = ?2 AND NOT deleted AND (?1 IS NULL OR owner = ?1)",
                (owner, conversation),
            )
            if not rows:
                raise _missing()
            turns = self._db.rows(
                "SELECT id, question, state, text, answer, versions, rating, asked FROM turns"
                " WHERE conversation = ? AND NOT hidden ORDER BY id",
                (conversation,),
            )
        title, changed, revision, undoable = rows[0]
        return SavedConversation(
            conversation, title, changed, revision, bool(undoable), tuple(map(_turn, turns))
        )

    def revision(self, conversation: int) -> int:
        """The number of writes to a conversation so far; -1 where it is not there any more."""
        rows = self._db.rows(
            "SELECT revision FROM conversations WHERE id = ? AND NOT deleted", (conversation,)
        )
        return int(rows[0][0]) if rows else -1

    # -- writing ---------------------------------------------------------------------------------------------

    def create(self, owner: str, title: str) -> int:
        """The id of a new conversation."""
        with self._db.writing() as db:
            row = db.execute(
                "INSERT INTO conversations (owner, title, changed) VALUES (?, ?, ?)",
                (owner, _title(title), time.time()),
            )
            return int(row.lastrowid or 0)

    def rename(self, owner: str, conversation: int, title: str) -> None:
        """Give it another title, unless that is blank. Raises ConversationMissing."""
        with self._changing(owner, conversation, touch=False) as db:
            if _title(title):
                db.execute("UPDATE conversations SET title = ? WHERE id = ?", (_title(title), conversation))

    def delete(self, owner: str, conversation: int) -> None:
        """Take it out of the list; ``restore`` brings it back until ``purge``. Raises ConversationMissing."""
        with self._changing(owner, conversation, touch=False) as db:
            db.execute("UPDATE conversations SET deleted = 1 WHERE id = ?", (conversation,))

    def restore(self, owner: str, conversation: int) -> None:
        """Bring back a deleted conversation. Raises ConversationMissing once it is purged."""
        with self._db.writing() as db:
            row = db.execute(
                "UPDATE conversations SET deleted = 0, revision = revision + 1 WHERE id = ? AND owner = ?",
                (conversation, owner),
            )
            if not row.rowcount:
                raise _missing()

    def purge(self, owner: str | None) -> None:
        """Erase what was deleted, for good."""
        if self._db.rows(
            "SELECT 1 FROM conversations WHERE deleted AND (?1 IS NULL OR owner = ?1)", (owner,)
        ):
            with self._db.writing() as db:
                db.execute("DELETE FROM conversations WHERE deleted AND (?1 IS NULL OR owner = ?1)", (owner,))
            self._db.checkpoint()

    def ask(self, owner: str, conversation: int, question: str, *, instead_of: int | None = None) -> int:
        """The id of a new turn at the end; with ``instead_of``, that turn and those after it are dropped.

        A dropped turn can be brought back until something else is asked. Raises ConversationMissing.
        """
        with self._changing(owner, conversation) as db:
            if instead_of is None:
                _settle(db, conversation)
            else:
                _drop(db, conversation, instead_of)
            row = db.execute(
                "INSERT INTO turns (conversation, question, asked, fresh) VALUES (?, ?, ?, ?)",
                (conversation, question, time.time(), int(instead_of is not None)),
            )
            return int(row.lastrowid or 0)

    def end(
        self,
        owner: str,
        turn: int,
        *,
        state: TurnState,
        text: str,
        answer: Mapping[str, Any] | None = None,
        versions: Mapping[str, str] | None = None,
    ) -> None:
        """Keep what came of a turn that was asked; one that is gone meanwhile is passed over."""
        with self._db.writing() as db:
            db.execute(
                "UPDATE turns SET state = ?, text = ?, answer = ?, versions = ? WHERE id = ?"
                " AND conversation IN (SELECT id FROM conversations WHERE owner = ?)",
                (state, text, json.dumps(answer or {}), json.dumps(versions or {}), turn, owner),
            )
            db.execute(
                "UPDATE conversations SET changed = ?, revision = revision + 1"
                " WHERE owner = ? AND id = (SELECT conversation FROM turns WHERE id = ?)",
                (time.time(), owner, turn),
            )

    def rate(self, owner: str, conversation: int, turn: int, rating: int) -> None:
        """Keep whether an answer was good (1), wrong (-1) or neither (0). Raises ConversationMissing."""
        with self._changing(owner, conversation, touch=False) as db:
            db.execute(
                "UPDATE turns SET rating = ? WHERE id = ? AND conversation = ?",
                (max(-1, min(1, rating)), turn, conversation),
            )

    def drop(self, owner: str, conversation: int, turn: int) -> None:
        """Drop a turn and those after it; ``undo`` brings them back. Raises ConversationMissing."""
        with self._changing(owner, conversation) as db:
            _drop(db, conversation, turn)

    def undo(self, owner: str, conversation: int) -> None:
        """Take the last change back: what it dropped comes back, what came instead goes.

        Done once more, it does the change again. Raises ConversationMissing.
        """
        with self._changing(owner, conversation) as db:
            db.execute(
                "UPDATE turns SET hidden = fresh, fresh = hidden"
                " WHERE conversation = ? AND (hidden OR fresh)",
                (conversation,),
            )

    def rewrite(
        self, change: Callable[[SavedTurn], SavedTurn], change_title: Callable[[str], str] = lambda t: t
    ) -> int:
        """Change turns of all owners, those that were dropped or deleted too; the number that did change.

        Nothing of what they held before stays in the file or its log.
        """
        if not self._db.rows("SELECT 1 FROM conversations LIMIT 1"):
            return 0
        changed = 0
        with self._db.writing() as db:
            rows = db.execute(
                "SELECT id, question, state, text, answer, versions, rating, asked, conversation FROM turns"
            )
            for *row, conversation in rows.fetchall():
                before = _turn(row)
                after = change(before)
                if after == before:
                    continue
                changed += 1
                db.execute(
                    "UPDATE turns SET question = ?, text = ?, answer = ?, versions = ? WHERE id = ?",
                    (
                        after.question,
                        after.text,
                        json.dumps(after.answer),
                        json.dumps(dict(after.versions)),
                        after.id,
                    ),
                )
                db.execute("UPDATE conversations SET revision = revision + 1 WHERE id = ?", (conversation,))
            for number, title in db.execute("SELECT id, title FROM conversations").fetchall():
                if change_title(title) != title:
                    changed += 1
                    db.execute(
                        "UPDATE conversations SET title = ?, revision = revision + 1 WHERE id = ?",
                        (change_title(title), number),
                    )
        self._db.checkpoint()
        return changed

    @contextmanager
    def _changing(self, owner: str, conversation: int, *, touch: bool = True) -> Iterator[sqlite3.Connection]:
        """A transaction on a conversation of the owner. Raises ConversationMissing."""
        with self._db.writing() as db:
            row = db.execute(
                "UPDATE conversations SET revision = revision + 1, changed = iif(?, ?, changed)"
                " WHERE id = ? AND owner = ? AND NOT deleted",
                (touch, time.time(), conversation, owner),
            )
            if not row.rowcount:
                raise _missing()
            yield db


def _settle(db: sqlite3.Connection, conversation: int) -> None:
    """Erase what the last change dropped: it can no longer be taken back."""
    db.execute("DELETE FROM turns WHERE conversation = ? AND hidden", (conversation,))
    db.execute("UPDATE turns SET fresh = 0 WHERE conversation = ? AND fresh", (conversation,))
    db.execute("UPDATE conversations SET undoable = 0 WHERE id = ?", (conversation,))


def _drop(db: sqlite3.Connection, conversation: int, turn: int) -> None:
    _settle(db, conversation)
    db.execute("UPDATE turns SET hidden = 1 WHERE conversation = ? AND id >= ?", (conversation, turn))
    db.execute("UPDATE conversations SET undoable = 1 WHERE id = ?", (conversation,))


def _turn(row: Sequence[Any]) -> SavedTurn:
    number, question, state, text, answer, versions, rating, asked = row
    return SavedTurn(number, question, state, text, json.loads(answer), json.loads(versions), rating, asked)


def _title(words: str) -> str:
    """The words on one line, cut to the length of a title."""
    words = " ".join(words.split())
    return words if len(words) <= TITLE_CHARS else words[: TITLE_CHARS - 1].rstrip() + "…"


def _missing() -> ConversationMissing:
    return ConversationMissing("There is no such conversation any more.")
