"""The three panes and their wiring: documents, chat, viewer."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import gradio as gr
from gradio.events import api

from page.acts import Acts
from page.brand import brand_html, foot_html, top_html, welcome_html
from page.handlers import Handlers, Value, value
from page.history import correct_html, notice_html
from page.sources import sources_html
from page.viewer import empty_view
from page.words import DEFAULT, languages

HTML_TEMPLATE = "${value.html}"  # never "{{value}}": that pastes text into a script

# Adds the names without a tick to the question, and the number of the question that is edited; all travel in
# one event, so a tick is never late.
WITH_TICKS = """(question) => [
  question, window.citespan ? window.citespan.unticked() : '[]', window.citespanInstead?.() ?? ''
]"""


def asset(name: str) -> str:
    """The text of a file that belongs to the page."""
    return files("page").joinpath(name).read_text(encoding="utf-8")


def theme() -> gr.themes.Base:
    """Colours and fonts of what Gradio draws itself; style.css does the rest."""
    return gr.themes.Base(
        primary_hue="teal",
        neutral_hue="stone",
        font=["system-ui", "sans-serif"],
        font_mono=["ui-monospace", "monospace"],
    )


def build(handlers: Handlers) -> gr.Blocks:
    """The page."""
    acts = Acts(handlers)
    # Gradio by itself ignores an event while the last of its kind is under way: a quick second click, files
    # that are dropped during an upload. Here all are heard.
    private: dict[str, Any] = {
        "api_visibility": "private",
        "show_progress": "hidden",
        "trigger_mode": "multiple",
    }
    at_once: dict[str, Any] = {**private, "queue": False}
    words = languages()[DEFAULT]
    page = gr.Blocks(
        title="Citespan",
        fill_width=True,
        fill_height=True,
        analytics_enabled=False,
        delete_cache=(3600, 3600),
    )
    with page:
        unticked, instead = gr.Textbox(visible=False), gr.Textbox(visible=False)
        with gr.Row(elem_id="cs-app", equal_height=False):
            with gr.Column(elem_id="cs-left", min_width=0):
                brand = panel("cs-brand", value(brand_html(words)))
                history = panel("history", value(""), asset("history.js"))
                download = panel("cs-download", value(""), asset("download.js"))
                with gr.Column(elem_id="upload", min_width=0):
                    upload = gr.UploadButton(words("sources.add"), file_count="multiple", variant="primary")
                status = panel("cs-status", value(""))
                sources = panel("sources", value(sources_html((), words)), asset("sources.js"))
                language = panel("cs-foot", value(foot_html(words, locked=handlers.locked)), asset("page.js"))
            with gr.Column(elem_id="cs-mid", min_width=0):
                with gr.Row(elem_id="cs-bar", equal_height=False):
                    top = panel("cs-top", value(top_html(words)))
                    fresh = gr.Button(words("chat.new"), size="sm", elem_id="cs-new")
                chat = gr.Chatbot(
                    elem_id="chat",
                    show_label=False,
                    container=False,
                    layout="panel",
                    height="100%",
                    buttons=[],
                    feedback_options=None,
                    allow_tags=False,
                    latex_delimiters=[],
                    placeholder=welcome_html(words),
                )
                notice = panel("cs-notice", value(notice_html(words)))
                question = gr.Textbox(
                    elem_id="question",
                    placeholder=words("chat.placeholder"),
                    label=words("chat.question"),
                    show_label=False,
                    container=False,
                    submit_btn=True,
                    stop_btn=False,
                    autofocus=True,
                    lines=1,
                    max_lines=8,
                )
            with gr.Column(elem_id="cs-right", min_width=0):
                viewer = panel("viewer", value(empty_view(words)), asset("viewer.js"))
                correct = panel("cs-correct", value(correct_html(words)))

        # The streaming event never writes to the box: its buttons change in events of their own.
        box = [question, unticked, instead]
        begun = question.submit(handlers.begin, box, [question, chat], js=WITH_TICKS, **at_once)
        picked = chat.example_select(pick, None, question, **at_once).then(
            handlers.begin, box, [question, chat], js=WITH_TICKS, **at_once
        )
        changed = [history, chat, question, viewer, notice, correct]
        acted = history.select(acts.act, None, changed, **at_once)
        answering = []
        for start in (begun, picked, acted):
            answered = start.then(handlers.respond, None, chat, **private)
            answered.then(handlers.idle, None, question, **at_once)
            answered.then(handlers.suggest, None, chat, **private)
            answering.append(answered)
            answered.then(acts.listed, None, history, **at_once)
        for start in (begun, picked):
            start.then(acts.settled, None, [history, notice], **at_once)

        question.stop(handlers.stop, None, [question, chat], cancels=answering, **at_once)
        fresh.click(handlers.restart, None, [question, chat, viewer], cancels=answering, **at_once).then(
            acts.settled, None, [history, notice], **at_once
        )
        history.download(acts.export, None, download, **at_once)

        viewer.select(handlers.show, None, viewer, **at_once)
        upload.upload(handlers.upload, upload, [status, sources], concurrency_limit=4, **private)
        sources.select(handlers.remove, None, [status, sources], **at_once)

        # The page is built in one language, and dressed in the browser's when that is known.
        fixed = [brand, upload, sources, language, top, fresh, chat, question]
        page.load(handlers.dress, None, fixed, **at_once)
        language.select(handlers.dress, None, fixed, **at_once).then(
            handlers.redraw, None, [chat, viewer, correct], **at_once
        ).then(acts.settled, None, [history, notice], **at_once)
        page.load(acts.arrive, None, changed, **at_once)
        page.unload(handlers.leave)
        api(handlers.ask, api_name="ask", concurrency_limit=4)
    return page


def panel(name: str, content: Value, script: str | None = None) -> gr.HTML:
    """A part of the page that we draw ourselves: `content` is HTML that page.markup has escaped."""
    return gr.HTML(
        content,
        html_template=HTML_TEMPLATE,
        js_on_load=script,
        apply_default_css=False,
        elem_id=name,
        padding=False,
    )


def pick(event: gr.SelectData) -> str:
    """The text of the example that was clicked."""
    chosen = event.value
    return str(chosen.get("text", "")) if isinstance(chosen, dict) else str(chosen)
