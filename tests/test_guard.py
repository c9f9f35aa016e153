"""The guard lets the page's own requests pass and refuses what other sites could make the browser send."""

import asyncio

import pytest

from index.errors import QAError
from page.guard import LOOPBACK, Guard, content_security_policy
from page.serve import PORT, choose_port, find_password, is_loopback, main
from qa.settings import Settings


async def nothing(scope, receive, send):
    raise AssertionError("not called")


def refusal(*, guard=None, **headers):
    sent = {"host": "127.0.0.1:7860"} | {name.replace("_", "-"): value for name, value in headers.items()}
    fields = [(name.encode(), value.encode("latin-1")) for name, value in sent.items()]
    return (guard or Guard(nothing)).refusal(fields)


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


def test_a_forwarded_name_must_be_known_too():
    assert refusal(x_forwarded_host="evil.example")
    assert refusal(x_forwarded_host="localhost:7860") == ""


def test_a_second_host_header_does_not_hide_the_first():
    fields = [(b"host", b"127.0.0.1"), (b"host", b"evil.example")]
    assert Guard(nothing).refusal(fields) and Guard(nothing).refusal(fields[::-1])


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


def replying(body, content_type=b"text/html"):
    async def app(scope, receive, send):
        headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for at in range(0, len(body), 7):
            await send({"type": "http.response.body", "body": body[at : at + 7], "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    return app


def test_a_refusal_is_a_403_with_a_sentence():
    status, _, body = call(Guard(nothing), host=b"evil.example")
    assert status == 403
    assert body.endswith(b".")


def test_every_answer_carries_the_policy():
    status, headers, _ = call(Guard(replying(b"x")), path="/theme.css")
    policy = headers[b"content-security-policy"].decode()
    nonce = policy.partition("'nonce-")[2].partition("'")[0]
    assert status == 200 and len(nonce) >= 20 and policy == content_security_policy(nonce)
    assert headers[b"referrer-policy"] == b"same-origin"
    assert "http:" not in policy and "*" not in policy
    assert "'unsafe-inline'" not in policy.partition("script-src")[2].partition(";")[0]


def test_only_scripts_of_the_page_itself_get_the_nonce_and_no_two_pages_share_one():
    page = (
        "<head><script>a</script><script type='module' src='b'></script></head> \\u003cscript> <scripted> é"
    )
    nonces = set()
    for _ in range(2):
        _, headers, body = call(Guard(replying(page.encode())))
        nonce = headers[b"content-security-policy"].decode().partition("'nonce-")[2].partition("'")[0]
        assert body.decode() == page.replace("<script>", f'<script nonce="{nonce}">').replace(
            "<script t", f'<script nonce="{nonce}" t'
        )
        assert int(headers[b"content-length"]) == len(body)
        nonces.add(nonce)
    assert len(nonces) == 2
    assert call(Guard(replying(page.encode())), path="/other")[2].decode() == page


def test_there_are_no_websockets():
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(Guard(nothing)({"type": "websocket", "path": "/", "headers": []}, None, send))
    assert sent == [{"type": "websocket.close", "code": 1008}]


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


def test_an_address_of_another_machine_is_a_sentence(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("QA_PASSWORD", "correct horse")
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


@pytest.mark.parametrize("options", [["--host", "0.0.0.0"], ["--host", "::"], ["--name", "chat.example.org"]])
def test_others_are_not_let_in_without_a_password(options, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("QA_PASSWORD", raising=False)
    monkeypatch.setattr("page.serve.serve", lambda *args, **kwargs: pytest.fail("it was started"))
    assert main(["--index", str(tmp_path), *options]) == 2
    assert "needs a password: set QA_PASSWORD" in capsys.readouterr().err


def test_the_password_comes_from_a_file_the_environment_or_the_keyboard(tmp_path, monkeypatch, capsys):
    file = tmp_path / "password"
    file.write_text("from the file\r\nand nothing else\n", encoding="utf-8")
    settings = Settings(password="from the environment")
    assert find_password(settings, file, needed=True) == "from the file"
    assert find_password(settings, None, needed=True) == "from the environment"
    assert find_password(Settings(password=""), None, needed=False) == ""
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda prompt: "typed")
    assert find_password(Settings(password=""), None, needed=True) == "typed"
    assert "short" in capsys.readouterr().err
    assert "typed" not in repr(Settings(password="typed"))


@pytest.mark.parametrize("content", [b"", b"\n", b"\xff\xfe\x00", None])
def test_a_password_file_without_a_password_is_a_sentence(content, tmp_path):
    file = tmp_path / "password"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(QAError, match="password"):
        find_password(Settings(password="x"), file, needed=True)
