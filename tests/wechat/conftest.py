"""微信 on both ends: the server that calls us, with real signatures, and the interfaces that we call, on loopback."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import xmltodict
from fastapi.testclient import TestClient
from redis import Redis
from sqlalchemy.orm import Session, sessionmaker
from wechatpy.crypto import PrpCrypto, WeChatCrypto

import api.chat.news
import api.wechat.push  # noqa: F401  these register themselves
from api.outbox.delivery import deliver_due
from api.outbox.sending import send_due
from api.settings import get_settings
from api.wechat import answering
from api.wechat.envelope import signature
from tests.chat.conftest import Actions, FaultyBot, Look, LoopbackServer, actions, bot, look  # noqa: F401  fixtures of the chat
from tests.conftest import Clock

TOKEN, APP_ID, SECRET = "token-of-the-tests", "wx0123456789abcdef", "secret-of-the-tests"
AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
OPENID = "oTest-follower_0000000000001"


class FakeWechat(LoopbackServer):
    """The interfaces of 微信: hands out tokens, keeps what was sent, and fails as ``errors`` wants.

    ``errors`` holds ``(end of the path, errcode)``; each is answered once.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[dict[str, Any]] = []
        self.notified: list[dict[str, Any]] = []
        self.menus: list[dict[str, Any]] = []
        self.media: dict[str, bytes] = {}
        self.errors: list[tuple[str, int]] = []
        self.token, self.fetched = "token-1", 0

    @property
    def texts(self) -> list[str]:
        """What followers got as customer-service messages, in order."""
        return [one["text"]["content"] for one in self.sent]

    def answer(self, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> dict[str, Any] | bytes:
        """Plays one call."""
        for one in self.errors:
            if path.endswith(one[0]):
                self.errors.remove(one)
                return {"errcode": one[1], "errmsg": "no"}
        if path == "/cgi-bin/stable_token":
            assert (body["appid"], body["secret"]) == (APP_ID, SECRET)
            self.fetched += 1
            if body["force_refresh"]:
                self.token = f"{self.token}+"
            return {"access_token": self.token, "expires_in": 7200}
        if query.get("access_token") != [self.token]:
            return {"errcode": 42001, "errmsg": "access_token expired"}
        if path == "/cgi-bin/media/get":
            return self.media.get(query["media_id"][0]) or {"errcode": 40007, "errmsg": "invalid media_id"}
        kept = {"custom/send": self.sent, "template/send": self.notified, "menu/create": self.menus}
        next(box for end, box in kept.items() if path.endswith(end)).append(body)
        return {"errcode": 0, "errmsg": "ok"}

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        wechat = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._play({})

            def do_POST(self) -> None:
                self._play(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _play(self, body: dict[str, Any]) -> None:
                url = urlsplit(self.path)
                answer = wechat.answer(url.path, parse_qs(url.query), body)
                content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler


@pytest.fixture
def wechat_api() -> Iterator[FakeWechat]:
    """The interfaces of 微信, up."""
    fake = FakeWechat()
    fake.up()
    yield fake
    fake.down()


@pytest.fixture(params=["plain"])
def mode(request: pytest.FixtureRequest) -> str:
    """``plain`` (明文模式) or ``safe`` (安全模式)."""
    name: str = request.param
    return name


@pytest.fixture(autouse=True)
def _settings(monkeypatch: pytest.MonkeyPatch, wechat_api: FakeWechat, mode: str, redis_server: str) -> None:
    values = {
        "WECHAT_TOKEN": TOKEN,
        "WECHAT_APP_ID": APP_ID,
        "WECHAT_SECRET": SECRET,
        "WECHAT_AES_KEY": AES_KEY if mode == "safe" else "",
        "WECHAT_API_URL": f"http://127.0.0.1:{wechat_api.port}",
        "WECHAT_NEWS_TEMPLATE": "template-of-news",
        "WECHAT_REPLY_TEMPLATE": "template-of-replies",
        "BOT_TIMEOUT_SECONDS": "6",
    }
    for name, value in values.items():
        monkeypatch.setenv(f"LAOXIAN_{name}", value)
    get_settings.cache_clear()
    Redis.from_url(redis_server).flushall()
    # A busy machine must not turn an answer at once into a late one; ``hasty`` is for those.
    monkeypatch.setattr(answering, "REPLY_SECONDS", 30.0)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes 微信 wait for an answer for a third of a second only."""
    monkeypatch.setattr(answering, "REPLY_SECONDS", 0.3)


class Server:
    """The server of 微信 that calls us: signs, encrypts where it has to, repeats."""

    def __init__(self, client: TestClient, clock: Clock, mode: str) -> None:
        self.client, self.clock, self.safe, self.last_id = client, clock, mode == "safe", 23_000_000_000_000_000
        self.crypto = WeChatCrypto(TOKEN, AES_KEY, APP_ID)

    def query(self, moment: datetime | None = None, token: str = TOKEN) -> dict[str, str]:
        """Returns signed query parameters."""
        stamp = str(int((moment or self.clock.now).timestamp()))
        return {"signature": signature(token, stamp, "nonce1"), "timestamp": stamp, "nonce": "nonce1", "openid": OPENID}

    def xml(self, kind: str, openid: str = OPENID, **fields: Any) -> str:
        """Returns a message as 微信 writes it."""
        if "MsgId" not in fields and kind != "event":
            self.last_id += 1
            fields["MsgId"] = self.last_id
        head = {"ToUserName": "gh_0123456789ab", "FromUserName": openid, "CreateTime": int(self.clock.now.timestamp())}
        body: str = xmltodict.unparse({"xml": head | {"MsgType": kind} | fields}, full_document=False)
        return body

    def post(self, xml: str, query: dict[str, str] | None = None) -> Any:
        """Posts a message and returns the response."""
        query = query or self.query()
        if self.safe:
            encrypted = PrpCrypto(self.crypto.key).encrypt(xml, APP_ID).decode()
            signed = signature(TOKEN, query["timestamp"], query["nonce"], encrypted)
            query |= {"encrypt_type": "aes", "msg_signature": signed}
            xml = xmltodict.unparse({"xml": {"ToUserName": "gh_0123456789ab", "Encrypt": encrypted}})
        return self.client.post("/wechat", params=query, content=xml.encode())

    def read(self, response: Any) -> str | None:
        """Returns what the follower is shown; None when nothing."""
        assert response.status_code == 200, response.text
        if response.text == "success":
            return None
        reply = xmltodict.parse(response.text)["xml"]
        if self.safe:
            signed = signature(TOKEN, reply["TimeStamp"], reply["Nonce"], reply["Encrypt"])
            assert reply["MsgSignature"] == signed
            reply = xmltodict.parse(PrpCrypto(self.crypto.key).decrypt(reply["Encrypt"], APP_ID))["xml"]
        assert (reply["MsgType"], reply["FromUserName"]) == ("text", "gh_0123456789ab")
        content: str = reply["Content"]
        return content

    def send(self, kind: str, openid: str = OPENID, **fields: Any) -> str | None:
        """Sends a message and returns what the follower is shown."""
        return self.read(self.post(self.xml(kind, openid, **fields)))

    def say(self, text: str, openid: str = OPENID, **fields: Any) -> str | None:
        """Sends a text and returns what the follower is shown."""
        return self.send("text", openid, Content=text, **fields)


@pytest.fixture
def wechat(client: TestClient, clock: Clock, mode: str) -> Server:
    """The server of 微信."""
    return Server(client, clock, mode)


Work = Callable[[], None]


@pytest.fixture
def work(sessions: sessionmaker[Session], clock: Clock) -> Work:
    """One round of the worker, in a thread like its own: this one may have a loop running since a browser was used."""

    def round_() -> None:
        deliver_due(sessions, clock.now)
        send_due(sessions, clock)

    def go() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(round_).result()

    return go
