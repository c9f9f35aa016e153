"""Citespan: ask your documents; get an answer and the exact words behind it.

What these names need at import is the standard library alone; models and the index are loaded by who uses
them.
"""

from qa.answer import Answer, Citation
from qa.ask import ask, stream
from qa.chat import Chat
from qa.read import load_reader

__all__ = ["Answer", "Chat", "Citation", "ask", "load_reader", "stream"]
