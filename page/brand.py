"""The fixed parts of the page as HTML: its head, the bar over the chat, the welcome, the language switch."""

from __future__ import annotations

from page.markup import escape
from page.words import Words, languages

# Words that the page's scripts say by themselves.
_SPOKEN = (
    "answer.copied",
    "chat.answer",
    "chat.answered",
    "chat.asked",
    "chat.label",
    "chat.question",
    "chat.send",
    "chat.stop",
    "sources.drop",
)


def brand_html(words: Words) -> str:
    """The name of the page, on a phone with the button that closes the documents."""
    return (
        '<div class="cs-brand"><span class="cs-logo" aria-hidden="true">[1]</span><h1>Citespan</h1>'
        '<button type="button" class="cs-narrow" data-do="sources" '
        f'aria-label="{words.html("sources.close")}">×</button></div>'
    )


def top_html(words: Words) -> str:
    """The button that opens the documents on a phone."""
    return (
        '<div class="cs-top"><button type="button" class="cs-narrow" data-do="sources">'
        f"{words.html('sources.title')}</button></div>"
    )


def welcome_html(words: Words) -> str:
    """What the empty chat says."""
    return (
        f'<div class="cs-welcome"><h2>{words.html("chat.title")}</h2><p>{words.html("chat.intro")}</p></div>'
    )


def foot_html(words: Words, *, locked: bool = False) -> str:
    """The language switch, where there is a password the way to log out, the words that scripts say, and the
    region in which screen readers hear them.
    """
    choices = "".join(
        f'<option value="{escape(tag)}" lang="{escape(tag)}"{" selected" if tag == words.language else ""}>'
        f"{escape(other('language'))}</option>"
        for tag, other in languages().items()
    )
    spoken = "".join(f' data-{key.replace(".", "-")}="{escape(words.texts[key])}"' for key in _SPOKEN)
    leave = f'<a class="cs-leave" href="/logout">{words.html("login.leave")}</a>' if locked else ""
    return (
        f'<div id="cs-words" data-language="{escape(words.language)}"{spoken}>'
        f'<select class="cs-language" aria-label="{words.html("page.language")}">{choices}</select>{leave}'
        '<p class="cs-sr" id="cs-live" role="status" aria-live="polite"></p></div>'
    )
