"""Questions and answers in the form of OpenAI's chat completions: what comes in, what goes out.

https://platform.openai.com/docs/api-reference/chat
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from urllib.parse import quote

from index.errors import QAError
from page.markup import place
from page.words import words_for
from qa.answer import MARKER, Answer, Citation
from qa.ask import REFUSAL
from qa.chat import Turn, resolve

MODEL = "citespan"
_MOST_TURNS = 20  # the latest ones; a follow-up leans on no earlier one
_WORDS = 6  # of a long quote's start and end, which a link to it names


class BadRequest(QAError):
    """A request that cannot be answered; ``param`` is the field that is wrong."""

    def __init__(
        self, message: str, *, param: str | None = None, code: str | None = None, status: int = 400
    ) -> None:
        super().__init__(message)
        self.param = param
        self.code = code
        self.status = status


@dataclass(frozen=True, slots=True)
class Asked:
    """The question of a chat client, and the questions before it with what was answered, oldest first."""

    question: str
    before: tuple[tuple[str, str], ...]
    streamed: bool


def read_asked(sent: object) -> Asked:
    """What the JSON of a request asks; raises BadRequest.

    Instructions to the model (system, developer) and the results of tools are passed over: Citespan has one
    way to answer. So are the fields that steer a language model's words.
    """
    if not isinstance(sent, dict):
        raise BadRequest("Send a JSON object.")
    model = sent.get("model")
    if model != MODEL:
        raise BadRequest(
            f"There is no model {model!r} here: ask {MODEL!r}.",
            param="model",
            code="model_not_found",
            status=404,
        )
    if sent.get("n") not in (None, 1):
        raise BadRequest("There is one answer to a question: n is 1.", param="n")
    streamed = sent.get("stream") or False
    if not isinstance(streamed, bool):
        raise BadRequest("stream is true or false.", param="stream")
    messages = sent.get("messages")
    if not isinstance(messages, list) or not messages:
        raise BadRequest("messages is a list with at least one message.", param="messages")
    spoken = [(role, text) for role, text in map(_message, messages) if role in ("user", "assistant")]
    if not spoken or spoken[-1][0] != "user":
        raise BadRequest("The last message is the question: its role is user.", param="messages")
    return Asked(spoken[-1][1], tuple(_pairs(spoken[:-1]))[-_MOST_TURNS:], streamed)


def _message(message: object) -> tuple[str, str]:
    """The role and the text of a message."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise BadRequest("A message has a role and a content.", param="messages")
    role, content = message["role"], message.get("content")
    if isinstance(content, str):
        return role, content
    if content is None and role != "user":
        return role, ""
    parts = content if isinstance(content, list) else [None]
    texts = [part.get("text") if isinstance(part, dict) else None for part in parts]
    if not all(isinstance(text, str) for text in texts):
        raise BadRequest("A message is text: pictures, sound and files are not read.", param="messages")
    return role, "\n".join(str(text) for text in texts)


def _pairs(spoken: Iterable[tuple[str, str]]) -> Iterable[tuple[str, str]]:
    """Yield each question with what was said to it: "" where nothing was."""
    asked: str | None = None
    for role, text in spoken:
        if role == "assistant" and asked is not None:
            yield asked, text
            asked = None
        elif role == "user":
            if asked is not None:
                yield asked, ""
            asked = text
    if asked is not None:
        yield asked, ""


def history(before: Iterable[tuple[str, str]]) -> tuple[Turn, ...]:
    """The turns of a conversation of which only the words are known, as ``qa.Chat`` goes on with them."""
    turns: list[Turn] = []
    for question, said in before:
        last = turns[-1] if turns else None
        searched = resolve(question, last.searched, last.answer.text) if last else question
        text = MARKER.sub("", said).replace("**", "").strip()
        refused = text in ("", REFUSAL)
        answer = Answer(question, "" if refused else text, refused, 0.0, (), (), {}, MODEL)
        turns.append(Turn(searched, answer))
    return tuple(turns)


def annotation(citation: Citation, text: str, base: str) -> dict[str, Any]:
    """A citation as an annotation of the answer ``text``, in which its marker stands.

    ``url`` leads to the stored text of the document, with the quoted words as its text fragment; "citation"
    is the citation as `qa ask --json` has it, and what can be relied on.
    """
    marker = f"[{citation.marker}]"
    start = text.rfind(marker)
    return {
        "type": "url_citation",
        "url_citation": {
            "start_index": start,
            "end_index": start + len(marker),
            "title": place(citation.source, citation.page, words_for("en")),
            "url": f"{base}v1/documents/{quote(citation.source)}#:~:text={text_fragment(citation.quote)}",
        },
        "citation": asdict(citation),
    }


def text_fragment(words: str) -> str:
    """What finds these words on a page: all of them, or the first and the last (WICG's text fragments)."""
    split = words.split()
    if len(split) <= 2 * _WORDS:
        return _fragment(split)
    return f"{_fragment(split[:_WORDS])},{_fragment(split[-_WORDS:])}"


def _fragment(words: Iterable[str]) -> str:
    return quote(" ".join(words), safe="").replace("-", "%2D")


def about(answer: Answer) -> dict[str, Any]:
    """What OpenAI's form has no field for: whether it is a refusal, how sure it is, which model answered."""
    known = {"refused": answer.refused, "confidence": float(answer.confidence), "model": answer.model}
    return known | ({"searched": answer.searched} if answer.searched else {})


def completion(ident: str, created: int, answer: Answer, base: str) -> dict[str, Any]:
    """A whole answer."""
    annotations = [annotation(citation, answer.text, base) for citation in answer.citations]
    message = {"role": "assistant", "content": answer.text, "refusal": None, "annotations": annotations}
    return {
        "id": ident,
        "object": "chat.completion",
        "created": created,
        "model": MODEL,
        "choices": [{"index": 0, "message": message, "finish_reason": "stop", "logprobs": None}],
        "citespan": about(answer),
    }


def chunk(
    ident: str, created: int, delta: Mapping[str, Any], *, finished: bool = False, **more: Any
) -> dict[str, Any]:
    """A piece of an answer that is streamed."""
    choice = {
        "index": 0,
        "delta": dict(delta),
        "finish_reason": "stop" if finished else None,
        "logprobs": None,
    }
    kind = "chat.completion.chunk"
    return {"id": ident, "object": kind, "created": created, "model": MODEL, "choices": [choice], **more}


def models() -> dict[str, Any]:
    """The list of models: one."""
    return {"object": "list", "data": [{"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}]}


def error(message: str, kind: str, *, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """An error."""
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
