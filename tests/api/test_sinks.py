"""What goes outside: in order, once, however often the other side fails; webhooks signed, short messages by a port."""

import hashlib
import hmac
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.deps import SYSTEM
from api.accounts.models import Role
from api.cases.filing import Filing, file_case
from api.outbox import sending, sms, webhook  # noqa: F401  they register themselves
from api.outbox.delivery import deliver_due
from api.outbox.models import Delivery
from api.outbox.sending import (
    HeldError,
    RefusedError,
    SinkDownError,
    can_take,
    forget_sent,
    hasten,
    note,
    queue,
    release,
    take,
)
from api.settings import SettingsError, get_settings
from api.triage.service import get_places
from tests.conftest import Clock, FixedTriager

SECRET = "webhook-secret-of-the-tests"
Send = Callable[[], int]


class Outside:
    """The sink of a test: does as it is told and remembers."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.got: list[str] = []
        self.fails: dict[str, list[Exception]] = {}
        self.lock = threading.Lock()
        monkeypatch.setitem(sending._sinks, "test", self)

    def __call__(self, _sessions: Any, delivery: Delivery, _now: Any) -> str:
        with self.lock:
            if failures := self.fails.get(delivery.key):
                raise failures.pop(0)
            self.got.append(delivery.key)
        return "sent"


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    return Outside(monkeypatch)


@pytest.fixture
def put(sessions: sessionmaker[Session], clock: Clock) -> Callable[..., None]:
    def add(*keys: str, lane: str | None = None, later: float = 0) -> None:
        with sessions.begin() as db:
            for key in keys:
                queue(db, "test", key, lane or key, {}, clock.now + timedelta(seconds=later))

    return add


@pytest.fixture
def send(sessions: sessionmaker[Session], clock: Clock) -> Send:
    return lambda: sending.send_due(sessions, clock)


def rows(sessions: sessionmaker[Session]) -> dict[str, Delivery]:
    with sessions() as db:
        return {one.key: one for one in db.scalars(select(Delivery).order_by(Delivery.id))}


Put = Callable[..., None]


class TestSending:
    def test_once_and_in_order(self, put: Put, send: Send, outside: Outside) -> None:
        put("a", "b")
        put("a")
        assert (send(), send(), outside.got) == (2, 0, ["a", "b"])

    def test_not_before_its_time(self, put: Put, send: Send, outside: Outside, clock: Clock) -> None:
        put("a", later=60)
        assert send() == 0
        clock.forward(seconds=61)
        assert send() == 1

    def test_a_failure_waits_longer_each_time_and_holds_up_its_own_lane_only(
        self, put: Put, send: Send, outside: Outside, clock: Clock, sessions: sessionmaker[Session]
    ) -> None:
        put("a1", "a2", lane="a")
        put("b1", lane="b")
        outside.fails["a1"] = [ValueError("x"), ValueError("x")]
        send()
        assert outside.got == ["b1"]
        waits = []
        while "a1" not in outside.got:
            row = rows(sessions)["a1"]
            assert row.last_error == "ValueError"
            waits.append((row.next_attempt_at - clock.now).total_seconds())
            clock.now = row.next_attempt_at
            send()
        assert (waits, outside.got) == ([30, 60], ["b1", "a1", "a2"])

    def test_a_system_that_is_down_is_asked_once_a_round(self, put: Put, send: Send, outside: Outside) -> None:
        put("a", "b", "c")
        outside.fails = {key: [SinkDownError("503")] for key in "abc"}
        send()
        assert [len(left) for left in outside.fails.values()] == [0, 1, 1]

    def test_what_does_not_arrive_is_measured(
        self, put: Put, send: Send, outside: Outside, client: TestClient, clock: Clock
    ) -> None:
        put("a", "b")
        outside.fails["a"] = [ValueError("x")]
        send()
        assert 'laoxian_deliveries_failing{sink="test"} 1.0' in client.get("/metrics").text
        clock.forward(minutes=1)
        send()
        assert 'laoxian_deliveries_failing{sink="test"} 0.0' in client.get("/metrics").text

    def test_after_three_days_it_is_given_up(
        self, put: Put, send: Send, outside: Outside, clock: Clock, sessions: sessionmaker[Session]
    ) -> None:
        put("a")
        outside.fails["a"] = [SinkDownError("503")] * 1000
        rounds = 0
        while rows(sessions)["a"].done_at is None:
            send()
            clock.forward(hours=1)
            rounds += 1
        row = rows(sessions)["a"]
        assert (row.outcome, row.last_error) == ("given_up", "503")
        assert 70 < rounds < 80

    def test_what_is_refused_ends(
        self, put: Put, send: Send, outside: Outside, sessions: sessionmaker[Session]
    ) -> None:
        put("a", "b", lane="one")
        outside.fails["a"] = [RefusedError("40003")]
        assert send() == 2
        assert (rows(sessions)["a"].outcome, outside.got) == ("refused", ["b"])

    def test_what_is_held_waits_for_its_release_and_lets_others_pass(
        self, put: Put, send: Send, outside: Outside, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        put("a", "b", lane="one")
        outside.fails["a"] = [HeldError()]
        send()
        clock.forward(days=1)
        assert (send(), outside.got) == (0, ["b"])
        with sessions.begin() as db:
            release(db, "test", "one", clock.now)
        assert (send(), outside.got) == (1, ["b", "a"])

    def test_a_broken_off_attempt_is_made_again(
        self, put: Put, send: Send, outside: Outside, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        put("a")
        first = sending._claim(sessions, clock.now, set())
        assert first is not None
        note(sessions, first, progress=1)
        assert send() == 0, "somebody is at it"
        clock.forward(minutes=3)
        assert send() == 1
        assert (rows(sessions)["a"].attempts, rows(sessions)["a"].progress) == (2, 1)

    def test_taken_another_way_it_is_not_sent(
        self, put: Put, send: Send, outside: Outside, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        put("a", "b", later=60)
        with sessions.begin() as db:
            assert can_take(db, "test", "a", "passive")
            take(db, "test", "a", "passive", clock.now)
            assert can_take(db, "test", "a", "passive"), "the same way again"
            assert not can_take(db, "test", "a", "other")
            hasten(db, "test", "b", clock.now)
        send()
        with sessions.begin() as db:
            assert not can_take(db, "test", "b", "passive")
            take(db, "test", "b", "passive", clock.now)
        assert outside.got == ["b"]
        assert {key: row.outcome for key, row in rows(sessions).items()} == {"a": "passive", "b": "sent"}

    def test_many_workers_send_each_once_and_each_lane_in_order(
        self, put: Put, outside: Outside, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        for number in range(12):
            put(*(f"{name}{number:02}" for name in "abc"))
            put(f"z{number:02}", lane="z")
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _n: sending.send_due(sessions, clock), range(4)))
        sending.send_due(sessions, clock)
        assert len(outside.got) == len(set(outside.got)) == 48
        of_z = [key for key in outside.got if key[0] == "z"]
        assert of_z == sorted(of_z)

    def test_old_ones_are_forgotten(
        self, put: Put, send: Send, outside: Outside, sessions: sessionmaker[Session], clock: Clock
    ) -> None:
        put("a")
        send()
        put("b")
        with sessions.begin() as db:
            forget_sent(db, clock.forward(days=31))
        assert list(rows(sessions)) == ["b"]


class Receiver:
    """Another system, on loopback."""

    def __init__(self) -> None:
        self.answers: list[int] = []
        self.got: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.got.append((dict(self.headers), body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_args: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    made = Receiver()
    monkeypatch.setenv("LAOXIAN_WEBHOOK_URL", f"http://127.0.0.1:{made.server.server_address[1]}/hook")
    monkeypatch.setenv("LAOXIAN_WEBHOOK_SECRET", SECRET)
    get_settings.cache_clear()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def filed(receiver: Receiver, sessions: sessionmaker[Session], fixed: FixedTriager, clock: Clock) -> str:
    """A case with a name and a number, filed while somebody listens."""
    with sessions.begin() as db:
        filing = Filing("路灯坏了", "中韩社区", "王小明", "13800000001", False, "web", None)
        no = file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)[0].no
    deliver_due(sessions, clock.forward(seconds=1))
    return no


class TestWebhook:
    def test_an_event_arrives_signed_and_names_nobody(
        self, receiver: Receiver, filed: str, send: Send, clock: Clock
    ) -> None:
        assert send() == 1
        ((headers, body),) = receiver.got
        event = json.loads(body)
        assert (event["topic"], event["data"]["case_no"]) == ("case.filed", filed)
        assert headers["X-Laoxian-Event"] == "case.filed"
        assert headers["X-Laoxian-Delivery"] == f"event:{event['id']}"
        stamp = int(clock.now.timestamp())
        expected = hmac.new(SECRET.encode(), f"{stamp}.".encode() + body, hashlib.sha256).hexdigest()
        assert headers["X-Laoxian-Signature"] == f"t={stamp},v1={expected}"
        assert "王小明" not in body.decode()
        assert "13800000001" not in body.decode()

    @pytest.mark.parametrize("status", [500, 503, 429, 401, 302])
    def test_it_comes_again_until_it_is_taken(
        self, receiver: Receiver, filed: str, send: Send, clock: Clock, status: int
    ) -> None:
        receiver.answers = [status, status]
        for _ in range(5):
            send()
            clock.forward(minutes=2)
        assert len(receiver.got) == 3
        assert len({headers["X-Laoxian-Delivery"] for headers, _body in receiver.got}) == 1
        assert len({headers["X-Laoxian-Signature"] for headers, _body in receiver.got}) == 3, "signed anew"

    def test_gone_is_gone(
        self, receiver: Receiver, filed: str, send: Send, clock: Clock, sessions: sessionmaker[Session]
    ) -> None:
        receiver.answers = [410]
        send()
        clock.forward(hours=2)
        send()
        assert len(receiver.got) == 1
        assert [one.outcome for one in rows(sessions).values()] == ["refused"]

    def test_a_dead_receiver_gets_everything_later_in_order(
        self, receiver: Receiver, filed: str, send: Send, clock: Clock, client: TestClient, sign_in: Any, sessions: Any
    ) -> None:
        receiver.answers = [503]
        send()
        headers = sign_in(Role.CLERK)
        client.post(f"/api/v1/cases/{filed}/actions", json={"action": "受理"}, headers=headers).raise_for_status()
        for _ in range(3):
            clock.forward(minutes=2)
            deliver_due(sessions, clock.now)
            send()
        assert [json.loads(body)["topic"] for _headers, body in receiver.got[1:]] == ["case.filed", "case.changed"]

    def test_a_short_secret_stops_the_start(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("LAOXIAN_WEBHOOK_URL", "http://127.0.0.1:1/")
        for secret in ("", "short"):
            monkeypatch.setenv("LAOXIAN_WEBHOOK_SECRET", secret)
            get_settings.cache_clear()
            with pytest.raises(SettingsError, match="LAOXIAN_WEBHOOK_SECRET"):
                get_settings()
        get_settings.cache_clear()


class Gateway:
    """A district's own sender of short messages."""

    sent: list[tuple[str, str, str]]

    def send(self, phone: str, text: str, key: str) -> None:
        Gateway.sent.append((phone, text, key))


class TestSms:
    @pytest.fixture(autouse=True)
    def _fresh(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
        monkeypatch.setenv("LAOXIAN_DATA_DIR", str(tmp_path))
        Gateway.sent = []
        sms._sender.cache_clear()
        yield
        sms._sender.cache_clear()

    @pytest.fixture
    def dispatched(
        self, client: TestClient, sessions: sessionmaker[Session], fixed: FixedTriager, clock: Clock, sign_in: Any
    ) -> Callable[..., str]:
        def go(**fields: Any) -> str:
            with sessions.begin() as db:
                person = {"name": "王小明", "phone": "13800000001", "anonymous": False} | fields
                filing = Filing("路灯坏了", "中韩社区", source="web", idempotency_key=None, **person)
                no = file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)[0].no
            for move in ("受理", "派单"):
                headers = sign_in(Role.CLERK)
                client.post(f"/api/v1/cases/{no}/actions", json={"action": move}, headers=headers).raise_for_status()
            deliver_due(sessions, clock.forward(seconds=1))
            return no

        return go

    def test_the_default_writes_a_file_without_the_number(
        self, dispatched: Callable[..., str], send: Send, tmp_path: Path, sessions: sessionmaker[Session]
    ) -> None:
        no = dispatched()
        send()
        send()
        path = tmp_path / "sms.jsonl"
        (line,) = path.read_text(encoding="utf-8").splitlines()
        written = json.loads(line)
        assert written["phone"] == "138****0001"
        assert no in written["text"]
        assert "区城市管理局" in written["text"]
        assert path.stat().st_mode & 0o777 == 0o600
        assert "13800000001" not in str([one.payload for one in rows(sessions).values()])

    def test_a_gateway_is_named_in_the_settings(
        self, dispatched: Callable[..., str], send: Send, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("LAOXIAN_SMS_SENDER", "tests.api.test_sinks:Gateway")
        get_settings.cache_clear()
        no = dispatched()
        send()
        ((phone, text, key),) = Gateway.sent
        assert phone == "13800000001"
        assert no in text
        assert key.startswith(no)

    @pytest.mark.parametrize("who", [{"anonymous": True}, {"phone": None}])
    def test_who_is_anonymous_or_left_no_number_gets_none(
        self, dispatched: Callable[..., str], send: Send, tmp_path: Path, who: dict[str, Any]
    ) -> None:
        dispatched(**who)
        send()
        assert not (tmp_path / "sms.jsonl").exists()
