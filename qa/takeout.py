"""`qa conversations`: what was said on the page, listed and taken along."""

from __future__ import annotations

import sys
from argparse import Namespace
from contextlib import nullcontext
from dataclasses import asdict
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

from index.errors import ConversationMissing, IndexMissing
from qa.terminal import say, show, show_json, visible_line

if TYPE_CHECKING:
    from qa.conversations import ConversationStore

DONE = 0


def run_conversations(arguments: Namespace) -> int:
    """`qa conversations [ID]`: the list, or one conversation as a file; of all browsers that use the page."""
    from index.index import Index
    from qa.conversations import ConversationStore
    from qa.export import export
    from qa.settings import change, read_settings

    folder = change(read_settings(), {"index": arguments.index}).index
    with ConversationStore(folder) as store:
        if arguments.conversation is None:
            return _list(store, arguments)
        try:
            saved = store.read(None, arguments.conversation)
        except ConversationMissing as exc:
            raise ConversationMissing(
                f"There is no conversation {arguments.conversation}. `qa conversations` lists those that are."
            ) from exc
        try:
            opened: Index | nullcontext[None] = Index.open(folder, create=False)
        except IndexMissing:
            opened = nullcontext()
        with opened as index:
            text = export(saved, index, arguments.form)
    if arguments.out is not None:
        Path(arguments.out).write_text(text, "utf-8", newline="")
    else:
        sys.stdout.flush()
        sys.stdout.buffer.write(text.encode("utf-8", "replace"))
        sys.stdout.buffer.flush()
    return DONE


def _list(store: ConversationStore, arguments: Namespace) -> int:
    entries = store.entries(None)
    if arguments.json:
        show_json({"conversations": [asdict(entry) for entry in entries]})
        return DONE
    for entry in entries:
        when = datetime.fromtimestamp(entry.changed, timezone.utc).astimezone().isoformat(" ", "minutes")[:16]
        show(f"{entry.id:>5}  {when}  {entry.turns:>3}  {visible_line(entry.title)}")
    if not entries and not arguments.quiet:
        say("No conversation is kept yet. Ask something on the page: qa chat")
    return DONE
