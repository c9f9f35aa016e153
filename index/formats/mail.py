"""E-mail messages (eml): who wrote to whom, when and about what, then the text and what is forwarded."""

from __future__ import annotations

from email import policy
from email.errors import MessageError
from email.header import decode_header, make_header
from email.message import Message
from email.parser import BytesParser

from index.errors import LoadError
from index.formats import html
from index.formats.encoding import decode
from index.formats.parsed import Parsed, Writer, one_line

_FIELDS = ("From", "To", "Cc", "Date")
_MAX_MESSAGES = 100  # forwarded in one file
_MAX_HEADER_CHARS = 10_000  # decoding takes time quadratic in the length


def read(data: bytes, name: str) -> Parsed:
    """The message and what it forwards; the plain version of a text, attached files by name only."""
    try:
        message = BytesParser(policy=policy.compat32).parsebytes(data)
    except RecursionError as exc:
        raise LoadError(
            f"{name} cannot be read as an e-mail: its parts are nested too deeply. Save what you need of it "
            "as a message of its own."
        ) from exc
    except (MessageError, ValueError, LookupError) as exc:
        raise LoadError(
            f"{name} cannot be read as an e-mail: {exc}. Save the message again as .eml."
        ) from exc
    writer = Writer()
    waiting = [message]
    count = 0
    while waiting and count < _MAX_MESSAGES:
        waiting = _write(waiting[0], name, writer, min(count + 1, 2)) + waiting[1:]
        count += 1
    return writer.finish(_field(message, "Subject"))


def _write(message: Message, name: str, writer: Writer, level: int) -> list[Message]:
    """Append one message; the messages that are attached to it come back."""
    writer.heading(_field(message, "Subject"), level)
    fields = [f"{field}: {value}" for field in _FIELDS if (value := _field(message, field))]
    writer.block("\n".join(fields))
    forwarded: list[Message] = []
    files: list[str] = []
    todo = [message]
    while todo:
        part = todo.pop()
        payload = part.get_payload() if part.is_multipart() else None  # a text would be decoded
        if part.get_content_type() == "message/rfc822" and isinstance(payload, list):
            forwarded += [item for item in payload if isinstance(item, Message)]
        elif isinstance(payload, list):
            todo.extend(reversed(_chosen(part, [item for item in payload if isinstance(item, Message)])))
        elif part.get_filename() or part.get_content_disposition() == "attachment":
            files.append(one_line(_header(part.get_filename() or "without a name")))
        elif part.get_content_type() == "text/html":
            html.write(_text(part, name), name, writer)
        elif part.get_content_maintype() == "text":
            writer.block(_text(part, name))
    if files:
        writer.block("Attachments: " + ", ".join(files))
    return forwarded


def _chosen(part: Message, parts: list[Message]) -> list[Message]:
    """All parts; of versions of the same text the plain one, else the last, which is the fullest."""
    if part.get_content_type() != "multipart/alternative":
        return parts
    plain = [item for item in parts if item.get_content_type() == "text/plain" and _bytes(item).strip()]
    return plain[:1] or parts[-1:]


def _text(part: Message, name: str) -> str:
    """The text of a part, by its declared encoding where that fits."""
    data = _bytes(part)
    try:
        return data.decode(part.get_content_charset() or "utf-8")
    except (LookupError, ValueError):  # ValueError: of the text, or a NUL in the name of the encoding
        return decode(data, name)


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _field(message: Message, field: str) -> str:
    return _header(str(message.get(field, "")))


def _header(text: str) -> str:
    """A header field, or the beginning of a very long one, in plain characters; as it stands if it is
    encoded wrongly.
    """
    text = text[:_MAX_HEADER_CHARS]
    try:
        return one_line(str(make_header(decode_header(text))))
    except (ValueError, LookupError, MessageError):
        return one_line(text)
