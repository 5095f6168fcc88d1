"""Events are never lost; cards and notices appear in time, and statuses stay as they are."""

import pytest
from sqlalchemy import select

from api.accounts.deps import SYSTEM
from api.accounts.models import Role
from api.cases.cards import close_silent, show_cards
from api.cases.filing import Filing, file_case
from api.cases.models import Case
from api.notices.models import Notice
from api.outbox import delivery
from api.outbox.models import COMMIT_HOOKS, OutboxEvent, emit
from api.triage.service import get_places


@pytest.fixture
def filed(sessions, fixed, clock):
    def make(urgency: str = "一般") -> str:
        fixed.urgency = urgency
        with sessions() as db:
            filing = Filing("路灯坏了", "中韩社区", None, None, True, "web", None)
            case, _created = file_case(db, filing, fixed, get_places(), clock.now, SYSTEM)
            db.commit()
            return case.no

    return make


def events(sessions) -> list[OutboxEvent]:
    with sessions() as db:
        return list(db.scalars(select(OutboxEvent).order_by(OutboxEvent.id)))


def notices(sessions) -> list[Notice]:
    with sessions() as db:
        return list(db.scalars(select(Notice).order_by(Notice.id)))


class TestOutbox:
    def test_an_event_is_written_with_its_change_or_not_at_all(self, sessions, filed):
        with sessions() as db:
            emit(db, "case.filed", {"case_no": "x"})
            db.rollback()
        assert events(sessions) == []
        no = filed()
        (event,) = events(sessions)
        assert (event.topic, event.payload["case_no"], event.delivered_at) == ("case.filed", no, None)

    def test_hooks_hear_of_what_was_committed_only(self, sessions, filed):
        heard = []
        COMMIT_HOOKS.append(heard.extend)
        try:
            with sessions() as db:
                emit(db, "lost", {})
                db.rollback()
                db.commit()
            filed()
        finally:
            COMMIT_HOOKS.pop()
        assert [topic for topic, _payload in heard] == ["case.filed"]

    def test_delivered_once(self, sessions, filed, clock):
        filed("特急")
        clock.forward(seconds=1)
        assert delivery.deliver_due(sessions, clock.now) == 1
        assert delivery.deliver_due(sessions, clock.now) == 0
        (notice,) = notices(sessions)
        assert notice.urgent
        assert "特急件" in notice.title

    def test_a_failing_subscriber_neither_loses_its_event_nor_stops_others(self, sessions, clock, monkeypatch):
        calls = []

        def fails_once(db, event, now):
            calls.append(event.id)
            db.add(Notice(at=now, roles=[], title="half done", subject="x"))
            db.flush()
            if len(calls) == 1:
                raise RuntimeError("down")

        monkeypatch.setitem(delivery._subscribers, "bad", [fails_once])
        with sessions() as db:
            emit(db, "bad", {})
            emit(db, "good", {})
            db.commit()
        assert delivery.deliver_due(sessions, clock.forward(days=400)) == 1
        assert notices(sessions) == [], "what the failed subscriber did is undone"
        assert [event.last_error for event in events(sessions)] == ["RuntimeError", None]
        assert delivery.deliver_due(sessions, clock.now) == 0, "it waits before the next try"
        assert delivery.deliver_due(sessions, clock.forward(minutes=3)) == 1
        assert len(notices(sessions)) == 1

    def test_old_deliveries_are_forgotten_waiting_ones_never(self, sessions, filed, clock):
        filed()
        delivery.deliver_due(sessions, clock.forward(days=400))
        filed()
        with sessions() as db:
            delivery.forget_old(db, clock.forward(days=400))
            db.commit()
            assert delivery.backlog(db) == 1
        assert len(events(sessions)) == 1


class TestCards:
    def test_yellow_then_red_once_each_and_the_status_stays(self, sessions, filed, clock):
        no = filed()  # Tuesday 10:00, due next Tuesday 17:30
        assert show_cards(sessions, clock.forward(days=5)) == 0
        assert show_cards(sessions, clock.forward(days=1, hours=8)) == 1
        assert show_cards(sessions, clock.now) == 0
        with sessions() as db:
            case = db.scalar(select(Case).where(Case.no == no))
            assert case.yellow_at
            assert not case.red_at
        assert show_cards(sessions, clock.forward(days=1)) == 1
        assert show_cards(sessions, clock.now) == 0
        with sessions() as db:
            case = db.scalar(select(Case).where(Case.no == no))
            assert (case.status, case.red_at) == ("待受理", clock.now)
            assert [row.action for row in case.history] == ["提交", "黄牌", "红牌"]
        delivery.deliver_due(sessions, clock.forward(days=400))
        assert [notice.title[:2] for notice in notices(sessions)] == ["黄牌", "红牌"]

    def test_silence_closes_after_seven_days(self, sessions, filed, clock):
        no = filed()
        with sessions() as db:
            case = db.scalar(select(Case).where(Case.no == no))
            case.status, case.called_back_at, case.answer = "待评价", clock.now, "已修好"
            db.commit()
        assert close_silent(sessions, clock.forward(days=6)) == 0
        assert close_silent(sessions, clock.forward(days=1)) == 1
        with sessions() as db:
            assert db.scalar(select(Case.status)) == "已办结"


def test_notices_reach_whom_they_are_for(client, sessions, filed, sign_in, clock):
    no = filed()
    clerk, handler = sign_in(Role.CLERK), sign_in(Role.HANDLER, department="区城市管理局")
    other = sign_in(Role.HANDLER, department="区教育和体育局")
    for action in ("受理", "派单"):
        client.post(f"/api/v1/cases/{no}/actions", json={"action": action}, headers=clerk)
    delivery.deliver_due(sessions, clock.now.replace(year=2030))
    (notice,) = client.get("/api/v1/notices", headers=handler).json()["items"]
    assert notice["title"] == f"新派单：{no}"
    assert client.get("/api/v1/notices", headers=other).json()["items"] == []
    assert client.post(f"/api/v1/notices/{notice['id']}/seen", headers=other).status_code == 404
    assert client.post(f"/api/v1/notices/{notice['id']}/seen", headers=handler).json()["seen_at"]
    assert client.get("/api/v1/notices", headers=handler).json()["items"] == []
