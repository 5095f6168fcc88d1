"""A bot that fails on demand, a resident who talks to the real service over HTTP, and the page in a real browser."""

import json
import os
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import uvicorn
from fastapi.testclient import TestClient
from playwright.sync_api import Browser, Page, expect, sync_playwright
from sqlalchemy.orm import Session, sessionmaker

import api.main
from api.triage.service import get_triager
from tests.conftest import FixedTriager, free_port

BOT_SECONDS = 1.5
Script = Callable[[dict[str, Any]], Any]


def says(text: str, **fields: Any) -> dict[str, Any]:
    """The bot's answer of one message."""
    return {"messages": [{"text": text, **fields}]}


class LoopbackServer:
    """An HTTP server on loopback that goes up and down, on one port; 0 takes a free one at the first start."""

    def __init__(self, port: int = 0) -> None:
        self.port = port
        self.server: ThreadingHTTPServer | None = None

    def up(self) -> None:
        """Starts listening, on the same port as before."""
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), self._handler())
        self.port = self.server.server_address[1]
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def down(self) -> None:
        """Refuses connections from now on."""
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        raise NotImplementedError


class FaultyBot(LoopbackServer):
    """An HTTP server in the bot's place: answers, refuses, says nothing or hangs, as ``script`` wants.

    ``script`` gets the request and returns a body for 200, a status code, or ``"hang"``.
    """

    def __init__(self) -> None:
        super().__init__(urlsplit(os.environ["LAOXIAN_BOT_URL"]).port or 0)  # where the service expects the bot
        self.script: Script = lambda request: says(f"听到：{request['message']}")
        self.heard: list[dict[str, Any]] = []
        self.most_at_once = 0
        self._now = 0
        self._lock = threading.Lock()

    @property
    def texts(self) -> list[str]:
        """What was said to the bot, in order."""
        return [request["message"] for request in self.heard]

    def take(self, request: dict[str, Any]) -> Any:
        """Runs the script, counting how many requests run at once."""
        with self._lock:
            self.heard.append(request)
            self._now += 1
            self.most_at_once = max(self.most_at_once, self._now)
        try:
            answer = self.script(request)
            if answer == "hang":
                time.sleep(BOT_SECONDS * 3)
            return answer
        finally:
            with self._lock:
                self._now -= 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        bot = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._answer(200, {"status": "ok"})

            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                assert self.headers["X-Laoxian-Secret"] == os.environ["LAOXIAN_BOT_SECRET"]
                answer = bot.take(body)
                status = answer if isinstance(answer, int) else 200
                self._answer(status, {} if isinstance(answer, int) else answer)

            def _answer(self, status: int, body: Any) -> None:
                content = json.dumps(body).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Length", str(len(content)))
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:
                    self.close_connection = True  # the service has given up waiting

            def log_message(self, *_args: Any) -> None:
                pass

        return Handler


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAOXIAN_BOT_TIMEOUT_SECONDS", str(BOT_SECONDS))


@pytest.fixture
def bot() -> Iterator[FaultyBot]:
    """The bot, up and echoing."""
    faulty = FaultyBot()
    faulty.up()
    yield faulty
    faulty.down()


class Resident:
    """One conversation."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        opened = client.post("/api/v1/chat/sessions", json={})
        assert opened.status_code == 201, opened.text
        self.id, self.token = opened.json()["session_id"], opened.json()["token"]
        self.greeting = opened.json()["messages"]
        self.headers = {"Authorization": f"Bearer {self.token}"}

    def post(self, text: str, **fields: Any) -> Any:
        """Sends a message and returns the response."""
        return self.client.post("/api/v1/chat/messages", json={"text": text, **fields}, headers=self.headers)

    def say(self, text: str, **fields: Any) -> list[dict[str, Any]]:
        """Sends a message and returns the lines that answer it."""
        response = self.post(text, **fields)
        assert response.status_code == 200, response.text
        messages: list[dict[str, Any]] = response.json()["messages"]
        return messages

    def transcript(self, after: int = 0) -> list[dict[str, Any]]:
        """Returns the stored lines."""
        response = self.client.get("/api/v1/chat/messages", params={"after": after}, headers=self.headers)
        messages: list[dict[str, Any]] = response.json()["messages"]
        return messages


@pytest.fixture
def resident(client: TestClient) -> Resident:
    """A resident who has just opened the page."""
    return Resident(client)


Look = Callable[[Any], list[Any]]


@pytest.fixture
def look(sessions: sessionmaker[Session]) -> Look:
    """Reads the database and lets go of it at once: on SQLite an open reader would hold up the service."""

    def read(statement: Any) -> list[Any]:
        with sessions() as db:
            return list(db.scalars(statement))

    return read


class Actions:
    """The action server's side of the service."""

    def __init__(self, client: TestClient) -> None:
        self.client = client
        self.headers = {"X-Laoxian-Secret": os.environ["LAOXIAN_INTERNAL_SECRET"]}

    def call(self, method: str, path: str, body: Any = None) -> Any:
        """Calls ``/internal/v1`` and returns the response."""
        return self.client.request(method, f"/internal/v1/{path}", json=body, headers=self.headers)

    def file(self, draft: str, description: str = "路灯不亮", **fields: Any) -> Any:
        """Files a draft and returns the response."""
        body = {"description": description, "place_text": "海尔路61号", "anonymous": True} | fields
        return self.call("POST", f"drafts/{draft}/file", body)


@pytest.fixture
def actions(client: TestClient) -> Actions:
    """The action server."""
    return Actions(client)


CHROMIUM = Path("/usr/bin/chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    if not CHROMIUM.exists():
        if os.environ.get("CI"):
            pytest.fail("CI 需要 Chromium：apt-get install chromium")
        pytest.skip("没有 /usr/bin/chromium，跳过页面测试")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]
        )
        yield opened
        opened.close()


@pytest.fixture
def site(sessions: sessionmaker[Session], bot: FaultyBot, fixed: FixedTriager) -> Iterator[str]:
    """The address of the whole service on a port of its own."""
    app = api.main.create_app()
    app.dependency_overrides[get_triager] = lambda: fixed
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(10)


@pytest.fixture
def page(browser: Browser, site: str) -> Iterator[Page]:
    """The resident's page on a phone; anything that the browser complains of fails the test."""
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, locale="zh-CN")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on("console", lambda line: complaints.append(line.text) if "Content Security" in line.text else None)
    opened.goto(site)
    expect(opened.locator(".row.bot:not(.typing)")).to_have_count(2)
    yield opened
    context.close()
    assert complaints == []


@pytest.fixture
def elsewhere(site: str, tmp_path: Path) -> Iterator[str]:
    """A page of another site that embeds the chat with one tag."""
    (tmp_path / "index.html").write_text(
        f'<!doctype html><html lang="zh"><style>* {{ color: red; font-size: 40px }}</style>'
        f'<p>某街道办</p><script type="module" src="{site}widget.js"></script></html>',
        encoding="utf-8",
    )
    handler: Callable[..., Any] = partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://localhost:{server.server_port}/"
    server.shutdown()
    server.server_close()
