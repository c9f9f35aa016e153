"""The guard lets the page's own requests pass and refuses what other sites could make the browser send."""

import asyncio

import pytest

from index.errors import QAError
from page.guard import CONTENT_SECURITY_POLICY, LOOPBACK, Guard
from page.serve import PORT, choose_port, is_loopback, main


async def nothing(scope, receive, send):
    raise AssertionError("not called")


def refusal(path="/", *, guard=None, **headers):
    sent = {"host": "127.0.0.1:7860"} | {name.replace("_", "-"): value for name, value in headers.items()}
    fields = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    return (guard or Guard(nothing)).refusal(path, fields)


@pytest.mark.parametrize("host", ["127.0.0.1:7860", "localhost:7860", "LOCALHOST", "[::1]:7860", "127.0.0.1"])
def test_own_names_pass(host):
    assert refusal(host=host) == ""
    assert refusal(host=host, origin=f"http://{host}") == ""


@pytest.mark.parametrize(
    "host",
    [
        "",
        "[",
        "evil.example",
        "192.168.0.7:7860",
        "127.0.0.1.evil.example",
        "localhost.evil.example:7860",
        "127.0.0.1@evil.example",
        "evil.example#127.0.0.1",
        "evil.example/127.0.0.1",
        "127.0.0.1 evil.example",
    ],
)
def test_foreign_names_are_refused(host):
    assert refusal(host=host)


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://127.0.0.1:9999", "http://localhost"]
)
def test_requests_of_other_sites_are_refused(origin):
    assert refusal(origin=origin)


def test_a_request_that_the_browser_calls_cross_site_is_refused_unless_it_opens_the_page():
    assert refusal(sec_fetch_site="cross-site", sec_fetch_mode="no-cors")
    assert refusal(sec_fetch_site="cross-site", sec_fetch_mode="navigate") == ""
    assert refusal(sec_fetch_site="same-origin", sec_fetch_mode="cors") == ""


@pytest.mark.parametrize(
    "path",
    [
        "/gradio_api/file=https://evil.example/x",
        "/file=HTTP://evil.example",
        "/gradio_api/file=//evil.example/x",
        "/gradio_api/proxy=http://evil.example",
        "/gradio_api/file=https%3A%2F%2Fevil.example",
        "/file=file:///etc/passwd",
    ],
)
def test_the_server_is_not_made_to_fetch(path):
    assert refusal(path)


def test_own_files_pass():
    assert refusal("/gradio_api/file=/tmp/x/y.png") == ""


def test_a_server_for_the_network_takes_addresses_but_no_unknown_names():
    guard = Guard(nothing, LOOPBACK | {"desk"}, any_address=True)
    assert refusal(guard=guard, host="192.168.0.7:7860") == ""
    assert refusal(guard=guard, host="desk:7860") == ""
    assert refusal(guard=guard, host="evil.example:7860")


def call(guard, path="/", host=b"127.0.0.1"):
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request"}

    scope = {"type": "http", "method": "GET", "path": path, "headers": [(b"host", host)]}
    asyncio.run(guard(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), b"".join(part.get("body", b"") for part in sent[1:])


def test_a_refusal_is_a_403_with_a_sentence():
    status, _, body = call(Guard(nothing), host=b"evil.example")
    assert status == 403
    assert body.endswith(b".")


def test_every_answer_carries_the_policy():
    async def app(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"x"})

    status, headers, _ = call(Guard(app))
    assert status == 200
    assert headers[b"content-security-policy"].decode() == CONTENT_SECURITY_POLICY
    assert headers[b"referrer-policy"] == b"no-referrer"
    assert "http:" not in CONTENT_SECURITY_POLICY and "*" not in CONTENT_SECURITY_POLICY


def test_a_taken_port_is_named_and_the_default_gives_way(monkeypatch, capsys):
    taken = {PORT, 9000}
    monkeypatch.setattr("page.serve.is_free", lambda host, port: port not in taken)
    assert choose_port("127.0.0.1", None) == PORT + 1
    assert str(PORT) in capsys.readouterr().err
    assert choose_port("127.0.0.1", 9001) == 9001
    with pytest.raises(QAError, match="9000 is taken"):
        choose_port("127.0.0.1", 9000)
    with pytest.raises(QAError, match="no port"):
        choose_port("127.0.0.1", 70000)


def test_an_address_of_another_machine_is_a_sentence(capsys, tmp_path):
    assert main(["--index", str(tmp_path), "--host", "192.0.2.1", "--port", "9"]) == 2
    assert capsys.readouterr().err.startswith("Cannot listen on 192.0.2.1")


@pytest.mark.parametrize(
    ("host", "local"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("0.0.0.0", False)]
)
def test_loopback_is_recognised(host, local):
    assert is_loopback(host) is local


def test_a_model_that_cannot_be_had_ends_the_start_with_code_3(tmp_path, capsys):
    assert main(["--index", str(tmp_path), "--model", "no-such-model"]) == 3
    assert "no model 'no-such-model'" in capsys.readouterr().err
