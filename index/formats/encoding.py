"""Bytes to text: byte order mark, UTF-8, UTF-16 and UTF-32, then the legacy encodings still in use."""

from __future__ import annotations

import codecs
import contextlib
import re

from charset_normalizer import from_bytes

from index.errors import LoadError

SAMPLE_BYTES = 1 << 20  # legacy encodings are guessed from the first MiB
_WIDE_BYTES = 16  # fewer say nothing about where zero bytes lie
_MARKS = (  # UTF-32 first: its little-endian mark begins with that of UTF-16
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
# Left to itself, charset-normalizer names encodings that nobody writes (hp_roman8 for Swedish, cp852 for
# English).
_LEGACY = (
    "cp1250 cp1251 cp1252 cp1253 cp1254 cp1255 cp1256 cp1257 cp1258 iso8859_2 iso8859_5 iso8859_7 "
    "koi8_r koi8_u cp866 cp874 cp932 euc_jp iso2022_jp gb18030 big5 cp949 mac_roman cp437 cp850"
)
# Central European, Turkish and Western texts differ in a few bytes only; the small words tell them apart.
_WESTERN = (
    "the of and to in is that for with was it on as by at der die und das ist nicht den von mit ein "
    "eine zu im auf le la les des est que dans pour une un du et sur el los las por con una del se no "
    "che il di per non sono della os uma para com em do da não são é as que och att det som en av er "
    "og til på het een van niet op ja ei oli"
)
_EASTERN = (
    "w z na i się jest nie że jak są po od ale oraz v a je az és hogy egy nem "
    "is meg sa ktoré že s su u da za od koji și în cu este nu pe ar ir yra tai kad un par gan ta ja "
    "ki so pa bi vsi"
)
_TURKISH = "ve bir bu için çok ile olan olarak daha gibi kadar sonra"
_IN_WORD_SIGN = re.compile("[A-Za-zÀ-ÿ][¡-¦¨-±´¶¸-¿×÷][A-Za-zÀ-ÿ]|[ýþð]")
_CONTROLS = dict.fromkeys(
    [*range(0x00, 0x08), *range(0x0E, 0x1B), *range(0x1C, 0x20), 0x7F, *range(0x80, 0xA0), 0xFFFD]
)


def decode(data: bytes, name: str) -> str:
    """The characters of a text file, all of them; only a byte order mark is left out.

    Raises ``LoadError`` for binary data and where the encoding cannot be determined. Never returns a lone
    surrogate.
    """
    encoding, text = _decode(data)
    if text is None:
        raise LoadError(
            f"{name}: the encoding of this text cannot be determined. Save it as UTF-8 and index it again; "
            "if it is not a text file, leave it out."
        )
    if _is_binary(text):
        raise LoadError(
            f"{name} holds binary data ({encoding}), not text. Leave it out or convert it to text first."
        )
    return text


def _decode(data: bytes) -> tuple[str, str | None]:
    """The encoding and the text; no text where none of the encodings fits."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            data = data[len(mark) :]
            if encoding != "utf-8":  # a surrogate without its partner is no character: it becomes U+FFFD
                return encoding, data.decode(encoding, "replace")
            break
    wide = _wide_encoding(data)
    if wide:
        return wide, data.decode(wide, "replace")
    text = _decode_utf8(data)
    if text is not None:
        return "utf-8", text
    encoding = _guess(data)
    try:
        return encoding, data.decode(encoding) if encoding else None
    except UnicodeDecodeError:
        return encoding, None


def _decode_utf8(data: bytes) -> str | None:
    """The text where the bytes are UTF-8; a few damaged ones in text that clearly is UTF-8 become U+FFFD.

    In a legacy encoding hardly two bytes in a row form a character of UTF-8 by chance, so three characters
    for each damaged place are proof enough.
    """
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("utf-8", "replace")
    damaged = text.count("\ufffd")
    intact = sum(not character.isascii() for character in text[: 1 << 20]) - damaged
    return text if damaged * 3 <= intact else None


def _wide_encoding(data: bytes) -> str:
    """UTF-16 or UTF-32 without a mark, known by where its zero bytes lie; otherwise ""."""
    head = data[: 1 << 16]
    if len(data) < _WIDE_BYTES or not head.count(0):
        return ""
    with contextlib.suppress(UnicodeDecodeError):
        if not data.decode("utf-8").isascii():  # no chance makes UTF-8 of the zero bytes of UTF-16
            return ""
    quarter = len(head) // 4
    zeros = [head[i : 4 * quarter : 4].count(0) / quarter for i in range(4)]
    if len(data) % 4 == 0 and zeros[3] == 1.0 and zeros[2] > 0.5 > zeros[0]:
        return "utf-32-le"
    if len(data) % 4 == 0 and zeros[0] == 1.0 and zeros[1] > 0.5 > zeros[3]:
        return "utf-32-be"
    even, odd = (zeros[0] + zeros[2]) / 2, (zeros[1] + zeros[3]) / 2
    if len(data) % 2 == 0 and odd > 0.4 and even < 0.05:
        return "utf-16-le"
    if len(data) % 2 == 0 and even > 0.4 and odd < 0.05:
        return "utf-16-be"
    return ""


def _guess(data: bytes) -> str:
    """The legacy encoding of the data, guessed from its beginning; "" where none is plausible."""
    sample = data[:SAMPLE_BYTES]
    if len(data) > SAMPLE_BYTES:  # end at a line, not within a character
        sample = sample[: sample.rfind(b"\n") + 1] or sample
    if _is_western(sample):
        return "cp1252"
    if _share(_TURKISH, sample.decode("cp1254", "replace")) > 0.05:
        return "cp1254"
    best = from_bytes(sample, cp_isolation=_LEGACY.split()).best()
    return best.encoding if best else ""


def _is_western(sample: bytes) -> bool:
    """Whether the sample is in cp1252 (or Latin-1): a western language, with signs where signs stand."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    foreign = sum(character.isalpha() and not character.isascii() for character in text)
    letters = sum(character.isalpha() for character in text)
    if foreign * 3 > letters or len(_IN_WORD_SIGN.findall(text)) * 10 > foreign:
        return False
    western = _share(_WESTERN, text)
    return western >= 0.05 and western > _share(_EASTERN, text)


def _share(known: str, text: str) -> float:
    """Which share of the words of the text are among the known ones."""
    words = re.findall(r"[^\W\d_]+", text.lower())
    return sum(map(frozenset(known.split()).__contains__, words)) / max(1, len(words))


def _is_binary(text: str) -> bool:
    """Whether over a tenth of the first million characters are controls that no text needs."""
    head = text[: 1 << 20]
    controls = len(head) - len(head.translate(_CONTROLS))
    return controls > 16 and controls * 10 > len(head)
