"""Who gets in, and what each may do: asked of a real server, as a program or a stranger would ask it."""

import ast
import json
import re
import socket
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from index.index import Index
from page.bodies import BODY_BYTES, UPLOAD_BYTES
from page.login import SESSION_S, TRIES, TRIES_OF_ALL, Password, Sessions, network
from page.routes import Asker, needed
from tests.page_server import TIMEOUT_S, program, running_page

PASSWORD = "correct horse battery"
QUESTION = "How many steps does the tower have?"

# Routes of Gradio that nobody is served: each was looked at, and the page and its programs do without it.
CLOSED = re.compile(
    r"/logout/?|/login/|/\{page\}.*|/pwa_icon.*|/monitoring.*|/openapi\.json|/docs.*|/redoc"
    r"|/gradio_api/(?:user/?|login_check/?|token/?|app_id/?|dev/reload|runs/?|run-history/.*|deep_link"
    r"|custom_component/.*|proxy=.*|stream/.*|file/.*|api/.*|component_server/?|queue/status"
    r"|process_recording|vibe-.*|undo-vibe-.*|profiling/.*|mcp.*)"
)


@pytest.fixture(scope="module")
def index(tmp_path_factory):
    folder = tmp_path_factory.mktemp("access")
    (folder / "tower.txt").write_text("The tower has 187 steps.", encoding="utf-8")
    with Index.open(folder / "index", create=True) as opened:
        assert not opened.add([folder / "tower.txt"]).failed
    return folder / "index"


@pytest.fixture(scope="module")
def open_url(index):
    with running_page(index, QA_PASSWORD="") as url:
        yield url


@pytest.fixture(scope="module")
def locked_url(index):
    with running_page(index, QA_PASSWORD=PASSWORD) as url:
        yield url


@pytest.fixture
def stranger(open_url):
    with httpx.Client(base_url=open_url, timeout=TIMEOUT_S) as client:
        yield client


@pytest.fixture
def visitor(locked_url):
    with httpx.Client(base_url=locked_url, timeout=TIMEOUT_S) as client:
        yield client


# -- every address has been decided --------------------------------------------------------------------------


def filled(path):
    """The path of a route with words in place of its parameters."""
    return re.sub(r"\{[^}]*:path\}", "a/b", re.sub(r"\{\w+\}", "word", path))


def routes_of_gradio():
    """Path and method of every route in Gradio's source."""
    source = Path(find_spec("gradio").origin).parent / "routes.py"
    for node in ast.walk(ast.parse(source.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute) or not node.args:
            continue
        owner, method, path = node.func.value, node.func.attr, ast.unparse(node.args[0]).strip("f'\"")
        if method in ("get", "post", "put", "delete", "head") and path.startswith("/"):
            prefix = "/gradio_api" if ast.unparse(owner) == "router" else ""
            yield prefix + path, method.upper()


def test_every_route_of_gradio_has_been_decided():
    routes = list(routes_of_gradio())
    assert len(routes) > 80
    undecided = [
        (path, method)
        for path, method in routes
        if needed(method, filled(path)) is None and not CLOSED.fullmatch(path)
    ]
    assert undecided == [], "decide each in page/routes.py, or close it here"


def test_only_ask_is_public(stranger):
    assert set(stranger.get("/gradio_api/info").json()["named_endpoints"]) == {"/ask"}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/gradio_api/proxy=https://a.hf.space/x"),
        ("GET", "/gradio_api/file=https://evil.example/x"),
        ("GET", "/gradio_api/file= HTTPS://evil.example/x"),
        ("GET", "/gradio_api/file=//evil.example/x"),
        ("GET", "/gradio_api/file=\\\\evil.example\\x"),
        ("GET", "/gradio_api/file=file:///etc/passwd"),
        ("POST", "/gradio_api/component_server"),
        ("POST", "/gradio_api/vibe-edit"),
        ("GET", "/monitoring"),
        ("GET", "/docs"),
        ("PUT", "/"),
        ("POST", "//gradio_api/upload"),
        ("POST", "/gradio_api/upload/../queue/join"),
        ("GET", "/gradio_api/call/ask/../../upload"),
    ],
)
def test_what_the_page_does_not_need_does_not_exist(method, path):
    assert needed(method, path) is None


def test_a_windows_path_is_no_address():
    assert needed("GET", "/gradio_api/file=C:/Users/x/y.png") is Asker.PAGE
    assert needed("GET", "/gradio_api/file=/tmp/x/y.png") is Asker.PAGE


# -- without a password: private is private ------------------------------------------------------------------


def test_private_functions_are_refused_to_programs(stranger, index):
    config = stranger.get("/config").json()
    private = [it for it in config["dependencies"] if it["api_visibility"] != "public"]
    assert len(private) > 5
    for function in private:
        body = {"data": [], "fn_index": function["id"], "session_hash": "abc"}
        assert stranger.post("/gradio_api/queue/join", json=body).status_code == 403
        assert stranger.post("/gradio_api/run/predict", json=body).status_code == 403
        assert stranger.post(f"/gradio_api/call/{function['api_name']}", json={"data": []}).status_code == 403
    for body in ({"data": []}, {"data": [], "fn_index": True}, {"data": [], "fn_index": "1"}):
        assert stranger.post("/gradio_api/queue/join", json=body).status_code == 403
    assert stranger.post("/gradio_api/upload", files={"files": b"x"}).status_code == 403


def test_a_browser_that_opened_the_page_may_use_them(open_url):
    with httpx.Client(base_url=open_url, timeout=TIMEOUT_S) as browser:
        browser.get("/")
        uploaded = browser.post("/gradio_api/upload", files={"files": ("../../x<y>.txt", b"x")})
        assert uploaded.status_code == 200
        path = uploaded.json()[0]
        assert ".." not in path and path.endswith(".txt")
        set_cookie = httpx.get(open_url, timeout=TIMEOUT_S).headers.get_list("set-cookie")
        session = next(cookie for cookie in set_cookie if cookie.startswith("citespan_session_"))
        assert "HttpOnly" in session and "SameSite=strict" in session


def test_a_program_asks_without_a_password_on_this_machine(open_url):
    assert "187" in program(open_url).predict(QUESTION, api_name="/ask")["text"]


@pytest.mark.parametrize("sent", [{"data": []}, {}, {"data": None}])
def test_a_call_without_a_question_says_what_to_send(stranger, sent):
    reply = stranger.post("/gradio_api/call/ask", json=sent)
    assert reply.status_code == 422
    assert reply.json()["detail"].startswith("Send the question as the first value of data:")


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'"x"', b"[" * 100_000, b"\xff\xfe"])
def test_a_body_that_is_no_object_is_a_sentence(stranger, body):
    reply = stranger.post("/gradio_api/call/ask", content=body, headers={"content-type": "application/json"})
    assert (reply.status_code, reply.json()) == (422, {"detail": "Send a JSON object."})


@pytest.mark.parametrize(
    "path",
    ["http://127.0.0.1:9/x", "HTTPS://evil.example", "//evil.example/x", "data:,x", "/tmp/gradio/../../etc"],
)
def test_the_server_is_not_made_to_fetch(open_url, path):
    file = {"path": path, "meta": {"_type": "gradio.FileData"}}
    with httpx.Client(base_url=open_url, timeout=TIMEOUT_S) as browser:
        browser.get("/")
        for data in ([file], [[file]], [{"files": {"deep": [file]}}]):
            for address in ("call/ask", "queue/join", "run/predict"):
                body = {"data": data, "fn_index": 1, "session_hash": "abc"}
                reply = browser.post(f"/gradio_api/{address}", json=body)
                assert (reply.status_code, reply.json()["detail"]) == (
                    403,
                    "This page does not fetch addresses.",
                )


def test_a_file_of_this_machine_cannot_be_indexed_by_naming_it(open_url):
    with httpx.Client(base_url=open_url, timeout=TIMEOUT_S) as browser:
        config = browser.get("/config").json() if browser.get("/").status_code == 200 else {}
        button = next(it["id"] for it in config["components"] if it["type"] == "uploadbutton")
        upload = next(it for it in config["dependencies"] if [button, "upload"] in it["targets"])
        file = {"path": "/etc/hostname", "meta": {"_type": "gradio.FileData"}}
        body = {"data": [[file]] * len(upload["inputs"]), "fn_index": upload["id"], "session_hash": "abc"}
        browser.post("/gradio_api/queue/join", json=body)
        with browser.stream("GET", "/gradio_api/queue/data", params={"session_hash": "abc"}) as events:
            told = next(line for line in events.iter_lines() if "process_completed" in line)
        assert '"success":false' in told.replace(" ", "")
    names = program(open_url).predict("hostname", api_name="/ask")["hits"]
    assert {hit["source"] for hit in names} <= {"tower.txt"}


def test_too_much_is_refused_before_it_is_read(stranger, open_url):
    for address in ("/gradio_api/call/ask", "/v1/chat/completions"):
        long = {"data": ["x" * BODY_BYTES]}
        assert stranger.post(address, json=long).status_code == 413
    with httpx.Client(base_url=open_url, timeout=TIMEOUT_S) as browser:
        browser.get("/")
        cookies = "; ".join(f"{name}={token}" for name, token in browser.cookies.items())
        promised = (
            f"POST /gradio_api/upload HTTP/1.1\r\nHost: {browser.base_url.netloc.decode()}\r\n"
            f"Cookie: {cookies}\r\nContent-Type: multipart/form-data; boundary=x\r\n"
            f"Content-Length: {UPLOAD_BYTES + 1}\r\n\r\n"
        )
        with socket.create_connection(("127.0.0.1", browser.base_url.port), timeout=TIMEOUT_S) as connection:
            connection.sendall(promised.encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 413")
        many = [("files", (f"{n}.txt", b"x")) for n in range(1001)]
        assert browser.post("/gradio_api/upload", files=many).status_code == 400


def test_no_api_leaves_the_page_and_nothing_for_programs(index):
    with (
        running_page(index, "--no-api", QA_PASSWORD="") as url,
        httpx.Client(base_url=url, timeout=TIMEOUT_S) as client,
    ):
        assert client.get("/v1/models").status_code == 404
        assert client.post("/gradio_api/call/ask", json={"data": [QUESTION]}).status_code == 401
        assert client.get("/").status_code == 200
        assert client.get("/config").status_code == 200  # the client is a browser now: it has a session


# -- with a password -----------------------------------------------------------------------------------------


def test_nothing_of_the_documents_is_seen_without_the_password(visitor):
    page = visitor.get("/")
    assert page.status_code == 401 and "password" in page.text and "tower" not in page.text
    assert not re.search(r"(?:src|href)=|url\(|https?:", page.text), "the login page loads something"
    assert "set-cookie" not in page.headers or "session" not in page.headers["set-cookie"]
    for path in ("/config", "/gradio_api/info", "/v1/models", "/v1/documents/tower.txt", "/logout"):
        assert visitor.get(path).status_code == 401, path
    body = {"data": [QUESTION], "fn_index": 0, "session_hash": "abc"}
    for path in ("call/ask", "queue/join", "run/predict", "cancel", "upload"):
        assert visitor.post(f"/gradio_api/{path}", json=body).status_code == 401, path
    assert visitor.get("/gradio_api/queue/data", params={"session_hash": "abc"}).status_code == 401
    assert visitor.post("/v1/chat/completions", json={}).json()["error"]["type"] == "authentication_error"


def test_the_password_opens_the_page_until_one_logs_out(locked_url):
    with httpx.Client(base_url=locked_url, timeout=TIMEOUT_S) as browser:
        reply = browser.post("/login", data={"password": PASSWORD})
        assert (reply.status_code, reply.headers["location"]) == (303, "/")
        cookie = reply.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=strict" in cookie and f"Max-Age={SESSION_S}" in cookie
        assert "gradio_config" in browser.get("/").text
        token = dict(browser.cookies)
        assert browser.post("/logout").status_code == 303
    assert httpx.get(locked_url, timeout=TIMEOUT_S, cookies=token).status_code == 401
    assert httpx.get(locked_url, timeout=TIMEOUT_S, cookies={name: "x" for name in token}).status_code == 401


def test_a_login_from_another_site_is_refused(visitor):
    reply = visitor.post("/login", data={"password": PASSWORD}, headers={"origin": "http://evil.example"})
    assert reply.status_code == 403


def test_programs_send_the_password_as_a_bearer_token(locked_url, visitor):
    key = {"Authorization": f"Bearer {PASSWORD}"}
    client = program(locked_url, headers=key)
    assert "187" in client.predict(QUESTION, api_name="/ask")["text"]
    assert visitor.get("/v1/models", headers=key).status_code == 200
    assert visitor.get("/v1/documents/tower.txt", headers=key).text == "The tower has 187 steps."
    assert visitor.post("/gradio_api/upload", headers=key).status_code == 403


def test_wrong_passwords_are_slowed_down_and_then_even_the_right_one_waits(index):
    with (
        running_page(index, QA_PASSWORD=PASSWORD) as url,
        httpx.Client(base_url=url, timeout=TIMEOUT_S) as visitor,
    ):
        visitor.post("/login", data={"password": PASSWORD})
        session = dict(visitor.cookies)
        visitor.cookies.clear()
        wrong = [visitor.post("/login", data={"password": f"{n}"}).status_code for n in range(TRIES)]
        assert wrong == [401] * TRIES
        for reply in (
            visitor.post("/login", data={"password": PASSWORD}),
            visitor.get("/v1/models", headers={"Authorization": f"Bearer {PASSWORD}"}),
        ):
            assert reply.status_code == 429 and 0 < int(reply.headers["retry-after"]) <= 60
        visitor.cookies.update(session)
        assert visitor.get("/").status_code == 200  # who is in stays in


def test_the_login_page_speaks_german(visitor):
    assert "Passwort" in visitor.get("/", headers={"Accept-Language": "de"}).text


# -- the parts -----------------------------------------------------------------------------------------------


def test_tries_are_counted_by_address_and_forgotten_after_a_minute():
    now = [0.0]
    password = Password("right", clock=lambda: now[0])
    for _ in range(TRIES):
        assert password.wait_s("192.0.2.1") == 0
        assert not password.fits("wrong", "192.0.2.1")
    assert password.wait_s("192.0.2.1") == 60 and password.wait_s("192.0.2.2") == 0
    now[0] = 59.0
    assert password.wait_s("192.0.2.1") == 1
    now[0] = 60.0
    assert password.wait_s("192.0.2.1") == 0 and password.fits("right", "192.0.2.1")


def test_many_addresses_together_are_slowed_down_too():
    password = Password("right", clock=lambda: 0.0)
    for n in range(TRIES_OF_ALL):
        password.fits("wrong", f"2001:db8:{n:x}::1")
    assert password.wait_s("192.0.2.9") == 60


def test_one_user_has_one_address():
    assert network("2001:db8::1") == network("2001:db8::ffff:1") != network("2001:db8:0:1::1")
    assert network("::ffff:192.0.2.1") == network("192.0.2.1") != network("192.0.2.2")
    assert network("no address") == "no address"


@pytest.mark.parametrize("given", ["", "Right", "right ", "righ", "rightt", "\udcff", "r\x00ight"])
def test_only_the_password_fits(given):
    assert not Password("right").fits(given, "a")
    assert Password("rìght 🔑").fits("rìght 🔑", "a")


def test_a_session_ends():
    now = [0.0]
    sessions = Sessions(clock=lambda: now[0])
    token = sessions.begin()
    assert sessions.holds(token) and not sessions.holds("") and not sessions.holds(token[:-1])
    now[0] = float(SESSION_S)
    assert not sessions.holds(token)
    sessions.end(sessions.begin())


def test_what_is_asked_of_gradio_is_json(stranger):
    assert json.loads(stranger.get("/gradio_api/nothing").text) == {
        "detail": "There is nothing at this address."
    }
