"""The three panes and their wiring: documents, chat, viewer."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

import gradio as gr
from gradio.events import api

from page.examples import examples
from page.handlers import Handlers, Value, value
from page.viewer import EMPTY

HTML_TEMPLATE = "${value.html}"  # never "{{value}}": that pastes text into a script

BRAND = (
    '<div class="cs-brand"><span class="cs-logo" aria-hidden="true">[1]</span><h1>Citespan</h1>'
    '<button type="button" class="cs-narrow" data-do="sources" aria-label="Close the documents">×</button>'
    "</div>"
)
TOP = '<div class="cs-top"><button type="button" class="cs-narrow" data-do="sources">Documents</button></div>'
WELCOME = (
    '<div class="cs-welcome"><h2>Ask your documents</h2>'
    "<p>Answers are made of their words. Click a number to see where they stand.</p></div>"
)

# Adds the names without a tick to the question; both travel in one event, so a tick is never late.
WITH_TICKS = "(question, _) => [question, window.citespan ? window.citespan.unticked() : '[]']"


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
    private: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
    at_once: dict[str, Any] = {**private, "queue": False}
    page = gr.Blocks(
        title="Citespan",
        fill_width=True,
        fill_height=True,
        analytics_enabled=False,
        delete_cache=(3600, 3600),
    )
    with page:
        unticked = gr.Textbox(visible=False)
        with gr.Row(elem_id="cs-app", equal_height=False):
            with gr.Column(elem_id="cs-left", min_width=0):
                gr.HTML(BRAND, js_on_load=None, apply_default_css=False)
                with gr.Column(elem_id="upload", min_width=0):
                    upload = gr.UploadButton("Add documents", file_count="multiple", variant="primary")
                status = panel("cs-status", value(""))
                sources = panel("sources", handlers.sources(), asset("sources.js"))
            with gr.Column(elem_id="cs-mid", min_width=0):
                with gr.Row(elem_id="cs-bar", equal_height=False):
                    gr.HTML(TOP, js_on_load=None, apply_default_css=False)
                    fresh = gr.Button("New conversation", size="sm", elem_id="cs-new")
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
                    placeholder=WELCOME,
                    examples=[
                        {"text": question}
                        for question in examples(info.source for info in handlers.library.documents())
                    ],
                )
                question = gr.Textbox(
                    elem_id="question",
                    placeholder="Ask a question",
                    label="Question",
                    show_label=False,
                    container=False,
                    submit_btn=True,
                    stop_btn=False,
                    autofocus=True,
                    lines=1,
                    max_lines=8,
                )
            with gr.Column(elem_id="cs-right", min_width=0):
                viewer = panel("viewer", value(EMPTY), asset("viewer.js"))

        # The streaming event never writes to the box: its buttons change in events of their own.
        asked = question.submit(
            handlers.begin, [question, unticked], [question, chat], js=WITH_TICKS, **at_once
        ).then(handlers.respond, None, chat, **private)
        asked.then(handlers.idle, None, question, **at_once)

        picked = chat.example_select(pick, None, question, **at_once)
        answered = picked.then(
            handlers.begin, [question, unticked], [question, chat], js=WITH_TICKS, **at_once
        ).then(handlers.respond, None, chat, **private)
        answered.then(handlers.idle, None, question, **at_once)

        question.stop(handlers.stop, None, [question, chat], cancels=[asked, answered], **at_once)
        fresh.click(handlers.restart, None, [question, chat, viewer], cancels=[asked, answered], **at_once)

        viewer.select(handlers.show, None, viewer, **at_once)
        upload.upload(handlers.upload, upload, [status, sources], concurrency_limit=4, **private)
        sources.select(handlers.remove, None, [status, sources], **at_once)

        page.load(handlers.sources, None, sources, **at_once)
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
