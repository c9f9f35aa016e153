"""Where sentences end: among logs, forms, code and verse, and after abbreviations in several languages."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from index.sentences import MAX_SENTENCE_CHARS, sentences

LOG = [
    "2024-03-01 10:00:01 INFO  server listens on port 8080 of every address",
    "2024-03-01 10:00:02 WARN  the disk of Zürich is nearly full, 3 % are left",
    "2024-03-01 10:00:09 ERROR no answer from 10.0.0.7 within five seconds 😀",
]
ENTRIES = [
    pytest.param(LOG, id="log"),
    pytest.param(
        [
            "Mar  1 10:00:01 harbour sshd[311]: connection closed by 10.0.0.7",
            "Mar  1 10:00:04 harbour kernel: the disk of Zürich is nearly full",
            "Mar  1 10:00:05 harbour cron[77]: job of the night has been started",
        ],
        id="syslog",
    ),
    pytest.param(
        [
            "10.0.0.7 - - [01/Mar/2024:10:00:01] GET /index.html from the harbour",
            "10.0.0.9 - - [01/Mar/2024:10:00:02] GET /harbour.html from the city",
        ],
        id="accesses",
    ),
    pytest.param(
        ["10:30 The mayor welcomes all guests", "11:00 Coffee is served in the hall"], id="programme"
    ),
    pytest.param(
        ["01.03.2024 Die Pumpe wurde heute geprüft", "12.03.2024 Das Ventil wurde ersetzt, Zürich"],
        id="diary",
    ),
    pytest.param(
        ["Place: Community Hall", "Chair: Mary Miller of Zürich", "Secretary: John Jones"], id="minutes"
    ),
    pytest.param(["Friday: 8 a.m. to 1 p.m.", "Saturday and Sunday: closed"], id="opening hours"),
    pytest.param(["Name:     Alice Miller of York", "Function: treasurer of the club"], id="aligned form"),
    pytest.param(["title: Procedure for the vaccines", "owner: Imke Vandersluis, manager"], id="yaml"),
    pytest.param(
        [
            "名前：山田太郎です、よろしくお願いします港の近くで待っています",
            "住所：東京都港区の古い家に住んでいますので海の近くです",
        ],
        id="chinese colon",
    ),
    pytest.param(
        ["<anna> has anybody seen the key of the shed", "<bert> it hangs where it always hangs, anna"],
        id="chat",
    ),
    pytest.param(["host = harbour.example.org of Zürich", "port = 8080 and never any other"], id="settings"),
    pytest.param(
        ["QA_MODEL=the-little-reader-of-zuerich", "QA_FOLDER=/srv/papers/of/the/harbour"], id="environment"
    ),
    pytest.param(
        ["Harbour master    Mary Miller of York", "Lighthouse keeper   John Jones, Zürich"], id="columns"
    ),
    pytest.param(
        ["def connect(host):", "sock = socket.socket()", "sock.connect((host, 80))", "return sock"],
        id="python",
    ),
    pytest.param(
        ["for (int i = 0; i < n; i++) {", "total += prices[i] * 2;", "print(total, labels[i]);", "}"], id="c"
    ),
    pytest.param(
        [
            "The gulls have left the quay",
            "And no one asks me where they went today",
            "The lamps of Zürich lend their light",
            "To ships that never come",
        ],
        id="verse",
    ),
]
PROSE = [
    "The harbour master told the council of Zürich on\n2024-03-01 that the quay was full, and nobody\nspoke.",
    "The old man looked over the water, and then, as he said:\n"
    "nobody had come for years to mend the nets of the\n"
    "boats.",
    "The gate opens for members of the club only, at about\n"
    "10:30 in the morning, and closes when the last one has\n"
    "gone.",
    "Three things were needed for the repair of the boat,\n"
    "namely: tar, rope and time, of which there was none at\n"
    "all.",
    "The first of them was too small for the family of five;\n"
    "the second one was too dear, and so they took the last\n"
    "one.",
    "Mara: I kept the light for thirty years, and that is all of the\n"
    "job: you look, and you write down what you have seen out\n"
    "there.",
    "In most cases of this kind, as everybody knows, the\n"
    "following helps: a cup of tea, and some hours of sound\n"
    "sleep.",
    "Die Pacht ist jedes Jahr im Voraus zu zahlen, und zwar am\n"
    "3. Werktag des Monats, den der Vorstand dafür festgelegt\n"
    "hat.",
]


def _found(text: str) -> list[str]:
    return [text[span.start : span.end] for span in sentences(text)]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("lines", ENTRIES)
def test_each_line_of_a_log_a_form_code_or_verse_is_a_sentence(lines: list[str], end: str) -> None:
    assert _found(end.join(lines)) == lines


@pytest.mark.parametrize("text", PROSE)
def test_wrapped_prose_with_a_colon_a_date_or_a_semicolon_at_a_line_end_stays_together(text: str) -> None:
    assert _found(text) == [text]


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from([*LOG, *"\n\n".join(PROSE).splitlines(), "名前：太郎", "a = {", "}", ""]), max_size=30
    ),
    st.sampled_from(["\n", "\r\n", "\u2028"]),
)
def test_lines_of_any_kind_are_held_exactly(lines: list[str], end: str) -> None:
    text = end.join(lines)
    spans = sentences(text)
    assert "".join("".join(_found(text)).split()) == "".join(text.split())
    assert all(0 < len(span) <= MAX_SENTENCE_CHARS for span in spans)
    assert [*spans] == sorted(spans, key=lambda span: span.start)


@pytest.mark.parametrize(
    "sentence",
    [
        "Die Miete beträgt 500 Euro zzgl. Nebenkosten, inkl. Mehrwertsteuer und exkl. Strom.",
        "Sie ist am 3. Werktag des Monats fällig.",
        "Der 3. Werktag ist meist ein Mittwoch.",
        "Gezahlt wird spätestens am zweiten oder 3. Werktag.",
        "Die Frist endet am 12. Dez. 2024 um Mitternacht.",
        "Den Plan hat Dipl.-Ing. Müller aus Zürich gezeichnet.",
        "The hall holds approx. 20 people.",
        "It costs 5 euros incl. VAT and 4 excl. VAT.",
        "Call us under Tel. 0123 456, or send a sheet to Fax. +49 123 457.",
        "It stands in vol. 3 of the work and in vol. IV of the other.",
        "It is told by the keeper (ed. Smith, 2nd ed. 1998).",
        "The room holds max. 40 and min. 3 people.",
        "The apples, resp. Zürich pears, are ripe.",
        "He lives in house no. 5 by the quay.",
        "It was Ms. Miller who asked.",
        "C'est M. Dupont qui est dans la maison avec Mme. Durand et Mlle. Petit.",
        "Он живёт на ул. Ленина, т. е. в центре города.",
        "Гр. Иванов родился в 1990 г. в Москве.",
        "Это стоит 5 тыс. рублей, см. рис. 3 и табл. 4.",
        "Він живе на вул. Шевченка, тобто в центрі м. Київ.",
        "Це коштує 5 тис. грн. на місяць, див. рис. 3.",
    ],
)
def test_an_abbreviation_or_an_ordinal_ends_no_sentence(sentence: str) -> None:
    assert _found(sentence) == [sentence]


@pytest.mark.parametrize(
    "expected",
    [
        ["Die Zahlung ist nicht am 2., sondern am 3.", "Wir gehen dann nach Zürich."],
        ["Die Miete ist 500 Euro und alles inkl.", "Der Strom ist extra zu zahlen."],
        ["I have the 2nd ed.", "The third is not printed yet."],
        ["He closed the last vol.", "Nobody spoke."],
        ["It was the max.", "It could not hold more."],
        ["It took 5 min.", "Then he left."],
        ["Он живёт в Москве.", "Она живёт в Киеве."],
        ["Він живе у Києві.", "Вона живе у Львові."],
        ["Это стоит 5 млн.", "Он ушёл."],
    ],
)
def test_a_sentence_may_end_in_an_abbreviation_or_a_number(expected: list[str]) -> None:
    assert _found(" ".join(expected)) == expected


@pytest.mark.parametrize(
    "unit",
    [
        "a: b\n",
        "a = {\n",
        "x;\n",
        "Verse and\n",
        "2024-03-01 10:00:01 x\n",
        "zzgl. ",
        "am 3. Werktag ",
        "т. е. ",
        "a.-b",
        "а. ",
        "......",
        "a     ",
        "a: ",
    ],
)
def test_time_grows_with_the_text_also_where_no_line_or_full_stop_ends_a_sentence(unit: str) -> None:
    def seconds(size: int) -> float:
        text = unit * (size // len(unit))
        taken = []
        for _ in range(2):
            start = time.thread_time()  # not the time that others had the processor
            sentences(text)
            taken.append(time.thread_time() - start)
        return min(taken)

    assert seconds(200_000) < 12 * max(0.03, seconds(50_000))
