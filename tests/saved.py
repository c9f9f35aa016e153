"""Conversations for tests that are asked and kept as the page does it."""

import qa
from index.index import Index
from qa.conversations import ConversationStore
from qa.saved import SavedConversation
from tests.readers import FixedReader


def keep(
    store: ConversationStore, index: Index, question: str, words: str, source: str, owner: str = "ann"
) -> SavedConversation:
    """A kept conversation of one turn, whose answer cites ``words`` of ``source``."""
    answer = qa.ask(question, index=index, model=FixedReader({words: 0.9}), sources=[source])
    conversation = store.create(owner, question)
    turn = store.ask(owner, conversation, question)
    versions = {hit.passage.source: index.document(hit.passage.source).sha256 for hit in answer.hits}
    store.end(
        owner,
        turn,
        state="done",
        text=answer.text,
        answer=answer.to_dict(),
        versions=versions,
    )
    return store.read(owner, conversation)
