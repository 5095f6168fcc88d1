"""Who may call ``/wechat``, and what comes of bytes that are no message."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

import api.main
from api.errors import Problem
from api.settings import SettingsError, get_settings
from api.wechat.config import WechatConfig
from api.wechat.envelope import Envelope
from tests.chat.conftest import FaultyBot
from tests.conftest import Clock
from tests.wechat.conftest import TOKEN, Server

both = pytest.mark.parametrize("mode", ["plain", "safe"], indirect=True)
RECORDED = Path(__file__).parent / "recorded"


@both
def test_the_account_is_proven_by_an_echo(client: TestClient, wechat: Server) -> None:
    answer = client.get("/wechat", params={**wechat.query(), "echostr": "7064<b>"})
    assert (answer.status_code, answer.text) == (200, "7064<b>")
    assert answer.headers["content-type"].startswith("text/plain")


@both
@pytest.mark.parametrize("spoil", ["signature", "timestamp", "nonce"])
def test_a_wrong_signature_is_refused(client: TestClient, wechat: Server, bot: FaultyBot, spoil: str) -> None:
    query = {**wechat.query(), spoil: "1"}
    assert client.get("/wechat", params={**query, "echostr": "x"}).status_code == 403
    answer = wechat.post(wechat.xml("text", Content="你好"), query)
    assert (answer.status_code, answer.headers["content-type"]) == (403, "application/problem+json")
    assert client.post("/wechat", content=b"<xml/>").status_code == 403
    assert bot.heard == []


@pytest.mark.parametrize("age", [timedelta(minutes=6), timedelta(minutes=-6)])
def test_an_old_request_is_refused_even_when_signed(
    wechat: Server, bot: FaultyBot, clock: Clock, age: timedelta
) -> None:
    answer = wechat.post(wechat.xml("text", Content="你好"), wechat.query(clock.now - age))
    assert answer.status_code == 403
    assert wechat.say("你好") == "听到：你好"


def test_another_token_is_refused(wechat: Server, bot: FaultyBot) -> None:
    assert wechat.post(wechat.xml("text", Content="x"), wechat.query(token="other")).status_code == 403


def test_off_means_not_there(client: TestClient, wechat: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TOKEN", "APP_ID", "SECRET", "AES_KEY"):
        monkeypatch.setenv(f"LAOXIAN_WECHAT_{name}", "")
    get_settings.cache_clear()
    assert client.get("/wechat", params=wechat.query()).status_code == 404
    assert client.post("/wechat", params=wechat.query(), content=b"<xml/>").status_code == 404


def test_half_a_configuration_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAOXIAN_WECHAT_SECRET", "")
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match="LAOXIAN_WECHAT_SECRET"):
        api.main.create_app()


def test_a_mistyped_key_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAOXIAN_WECHAT_AES_KEY", "short")
    get_settings.cache_clear()
    with pytest.raises(SettingsError, match="LAOXIAN_WECHAT_AES_KEY"):
        get_settings()


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"<xml><ToUserName>", b"<xml/>", b"<xml>text</xml>", b"<a><MsgType>text</MsgType></a>", b"\xff\xfe",
     b"<xml><MsgType>text</MsgType><Content>x</Content><MsgId>1</MsgId></xml>",
     b"<xml><MsgType><a>1</a></MsgType></xml>",
     b"<xml><MsgType>text</MsgType><FromUserName>o 1</FromUserName></xml>",
     b"<xml><MsgType>text</MsgType><FromUserName>o1</FromUserName><Content>x</Content><MsgId>one</MsgId></xml>",
     b"<xml><MsgType>text</MsgType><FromUserName>o1</FromUserName><Content>x</Content></xml>",
     b'<!DOCTYPE x [<!ENTITY a "b">]><xml><MsgType>&a;</MsgType></xml>'],
)  # fmt: skip
def test_what_is_no_message_is_refused(client: TestClient, wechat: Server, bot: FaultyBot, body: bytes) -> None:
    assert client.post("/wechat", params=wechat.query(), content=body).status_code == 400
    assert bot.heard == []


def test_a_huge_body_is_refused(client: TestClient, wechat: Server) -> None:
    assert client.post("/wechat", params=wechat.query(), content=b"x" * 70_000).status_code == 413


class TestSafeMode:
    @pytest.fixture
    def mode(self) -> str:
        return "safe"

    def test_an_open_text_proves_nothing(self, client: TestClient, wechat: Server, bot: FaultyBot) -> None:
        xml = wechat.xml("text", Content="你好").encode()
        assert client.post("/wechat", params=wechat.query(), content=xml).status_code == 403
        assert bot.heard == []

    @pytest.mark.parametrize("encrypted", ["", "AAAA", "A" * 64, "=", "中"])
    def test_what_our_key_did_not_make_is_refused(self, client: TestClient, wechat: Server, encrypted: str) -> None:
        query, xml = wechat.query(), f"<xml><Encrypt>{encrypted}</Encrypt></xml>"
        for signed in ({}, {"msg_signature": _signed(query, encrypted)}):
            answer = client.post("/wechat", params=query | signed, content=xml.encode())
            assert answer.status_code == 403, answer.text

    def test_a_message_for_another_account_is_refused(self, wechat: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LAOXIAN_WECHAT_APP_ID", "wxother")
        get_settings.cache_clear()
        assert wechat.post(wechat.xml("text", Content="你好")).status_code == 403


def _signed(query: dict[str, str], encrypted: str) -> str:
    parts = sorted([TOKEN, query["timestamp"], query["nonce"], encrypted])
    return hashlib.sha1("".join(parts).encode()).hexdigest()


@both
@pytest.mark.parametrize("name", ["text", "voice", "subscribe"])
def test_recorded_requests(client: TestClient, wechat: Server, bot: FaultyBot, mode: str, name: str) -> None:
    recorded = json.loads((RECORDED / f"{name}_{mode}.json").read_text(encoding="utf-8"))
    answer = wechat.read(client.post("/wechat", params=recorded["query"], content=recorded["body"].encode()))
    assert answer is not None
    assert recorded["answer"] in answer


def test_tencent_s_own_example_opens() -> None:
    """The example of the official encryption kit (token, key and account are Tencent's, published with it)."""
    config = WechatConfig("QDG6eK", "wx5823bf96d3bd56c7", "", "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C", "", {})
    stamp, nonce = "1409659813", "1372623149"
    encrypted = (
        "RypEvHKD8QQKFhvQ6QleEB4J58tiPdvo+rtK1I9qca6aM/wvqnLSV5zEPeusUiX5L5X/0lWfrf0QADHHhGd3QczcdCUpj911L3vg3W/sYYvuJTs3"
        "TUUkSUXxaccAS0qhxchrRYt66wiSpGLYL42aM6A8dTT+6k4aSknmPj48kzJs8qLjvd4Xgpue06DOdnLxAUHzM6+kDZ+HMZfJYuR+LtwGc2hgf5gs"
        "ijff0ekUNXZiqATP7PF5mZxZ3Izoun1s4zG4LUMnvw2r+KqCKIw+3IQH03v+BCA9nMELNqbSf6tiWSrXJB3LAVGUcallcrw8V2t9EL4EhzJWrQUa"
        "x5wLVMNS0+rUPA3k22Ncx4XXZS9o0MBH27Bo6BpNelZpS+/uh9KsNlY6bHCmJU9p8g7m3fVKn28H3KDYA5Pl/T8Z1ptDAVe0lXdQ2YoyyH2uyPIG"
        "HBZZIs2pDBS8R07+qN+E7Q=="
    )
    query = {
        "signature": hashlib.sha1("".join(sorted([config.token, stamp, nonce])).encode()).hexdigest(),
        "timestamp": stamp,
        "nonce": nonce,
        "msg_signature": "477715d11cdb4164915debcba66cb864d751f3e6",
    }
    body = f"<xml><ToUserName>wx5823bf96d3bd56c7</ToUserName><Encrypt>{encrypted}</Encrypt></xml>".encode()
    message = Envelope(config, query, datetime.fromtimestamp(1409659813, UTC)).open(body)
    assert (message.type, message.content, message.source) == ("text", "hello", "mycreate")
    with pytest.raises(Problem):
        Envelope(config, query | {"msg_signature": "0" * 40}, datetime.fromtimestamp(1409659813, UTC)).open(body)
