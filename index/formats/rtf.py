"""Rich Text Format (rtf): paragraphs, headings by outline level, and tables."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from index.errors import LoadError
from index.formats.parsed import BLANK_LINE, Parsed, Writer, one_line

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_SYMBOLS = {
    b"tab": "\t", b"line": "\n", b"emdash": "—", b"endash": "–", b"bullet": "•", b"emspace": " ",
    b"enspace": " ", b"lquote": "‘", b"rquote": "’", b"ldblquote": "“", b"rdblquote": "”",
    b"zwj": "\u200d", b"zwnj": "\u200c",
}  # fmt: skip
# Groups that hold no text of the document. A group that begins with \* holds none either, whatever it is.
_DESTINATION_WORDS = (
    b"fonttbl colortbl stylesheet info pict object header headerl headerr headerf footer footerl "
    b"footerr footerf fldinst datafield xe tc themedata listtable listoverridetable rsidtbl filetbl "
    b"revtbl annotation nonshppict listtext pntext"
)
_DESTINATIONS = frozenset(_DESTINATION_WORDS.split())
_CHARSETS = {
    77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gb18030", 136: "big5", 161: "cp1253", 162: "cp1254",
    163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874", 238: "cp1250",
}  # fmt: skip
_MAX_DEPTH = 10_000


@dataclass(frozen=True, slots=True)
class _State:
    """What a group inherits and gives back when it closes."""

    encoding: str
    skipped: bool = False
    font_table: bool = False
    title: bool = False
    fallback: int = 1  # characters after \u that repeat it for old readers


def read(data: bytes, name: str) -> Parsed:
    """The text of the document; headers, footers, pictures and field codes are left out."""
    reader = _Reader(name)
    for match in _TOKEN.finditer(data):
        reader.token(match)
    return reader.finish()


class _Reader:
    """One pass over the tokens."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._writer = Writer()
        self._state = _State("cp1252")
        self._stack: list[_State] = []
        self._default = "cp1252"
        self._fonts: dict[int, str] = {}
        self._font = 0  # that is being defined
        self._bytes = bytearray()  # not decoded yet: a character may take two
        self._words: list[str] = []
        self._title: list[str] = []
        self._level = 0  # of the paragraph as a heading, 0 for none
        self._in_row = self._after_row = False
        self._dropped = 0  # characters still to be dropped after \u

    def token(self, match: re.Match[bytes]) -> None:
        """Take the next token."""
        word, number, code, symbol, brace, text = match.groups()
        if code or text:
            raw = bytes.fromhex(code.decode()) if code else text
            dropped = min(self._dropped, len(raw))
            self._dropped -= dropped
            self._bytes += raw[dropped:]
            return
        if word is None and symbol is None and brace is None:
            return
        self._decode()
        if brace:
            self._brace(brace)
        elif symbol:
            self._symbol(symbol)
        else:
            self._word(word, int(number) if number else None)

    def finish(self) -> Parsed:
        """The document as far as it goes."""
        self._decode()
        self._paragraph()
        return self._writer.finish(_joined(self._title))

    def _decode(self) -> None:
        if self._bytes:
            self._put(self._bytes.decode(self._state.encoding, "replace"))
            self._bytes.clear()

    def _put(self, text: str) -> None:
        if self._state.title:
            self._title.append(text)
        elif not self._state.skipped:
            self._words.append(text)

    def _brace(self, brace: bytes) -> None:
        self._dropped = 0
        if brace == b"{":
            if len(self._stack) > _MAX_DEPTH:
                raise LoadError(
                    f"{self._name} nests its groups over {_MAX_DEPTH} deep: it is damaged. Save it again."
                )
            self._stack.append(self._state)
        elif self._stack:
            self._state = self._stack.pop()

    def _symbol(self, symbol: bytes) -> None:
        if symbol == b"*":
            self._state = replace(self._state, skipped=True)
        elif symbol in (b"\r", b"\n"):
            self._paragraph()
        else:
            self._put({b"~": "\u00a0", b"_": "-", b"-": ""}.get(symbol, symbol.decode("latin-1")))

    def _word(self, word: bytes, number: int | None) -> None:
        state = self._state
        if word == b"u" and number is not None:
            self._put(chr(number % 0x10000))
            self._dropped = state.fallback
        elif word in _SYMBOLS:
            self._put(_SYMBOLS[word])
        elif word in (b"par", b"sect", b"page") and not state.skipped:
            self._paragraph()
        elif word in (b"cell", b"nestcell") and not state.skipped:
            self._in_row = True
            self._words.append(" | ")
        elif word in (b"row", b"nestrow") and not state.skipped:
            self._row()
        elif word == b"pard":
            self._level = 0
        elif word == b"outlinelevel" and number is not None and 0 <= number < 9:
            self._level = number + 1
        elif word == b"uc" and number is not None:
            self._state = replace(state, fallback=max(0, number))
        elif word in _DESTINATIONS:
            self._state = replace(state, skipped=True, font_table=word == b"fonttbl")
        elif word == b"title":
            self._state = replace(state, title=True)
        elif word == b"bin":
            self._dropped = max(0, number or 0)
        else:
            self._encoding(word, number)

    def _encoding(self, word: bytes, number: int | None) -> None:
        state = self._state
        if word in (b"ansicpg", b"mac", b"pc", b"pca"):
            self._default = {b"mac": "mac_roman", b"pc": "cp437", b"pca": "cp850"}.get(word, f"cp{number}")
            self._default = self._default if _known(self._default) else "cp1252"
            self._state = replace(state, encoding=self._default)
        elif word == b"f" and number is not None:
            if state.font_table:
                self._font = number
            else:
                self._state = replace(state, encoding=self._fonts.get(number, self._default))
        elif word == b"fcharset" and state.font_table and number in _CHARSETS:
            self._fonts[self._font] = _CHARSETS[number]
        elif word == b"plain":
            self._state = replace(state, encoding=self._default)

    def _paragraph(self) -> None:
        if self._in_row:  # a paragraph within a cell
            self._words.append(" ")
            return
        text = _joined(self._words).strip()
        self._words.clear()
        if self._level:
            self._writer.heading(text, self._level)
        else:
            self._writer.block(text, gap=BLANK_LINE)
        self._after_row = self._after_row and not text

    def _row(self) -> None:
        text = one_line(_joined(self._words)).removesuffix("|").rstrip()
        self._words.clear()
        if text.strip(" |"):
            self._writer.block(text, gap="\n" if self._after_row else BLANK_LINE)
        self._in_row, self._after_row = False, True


def _joined(words: list[str]) -> str:
    """The words as one text; two halves of a character beyond U+FFFF become one."""
    return "".join(words).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _known(encoding: str) -> bool:
    try:
        codecs.lookup(encoding)
    except LookupError:
        return False
    return True
