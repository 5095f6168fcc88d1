"""What reaches a follower unasked: the words of staff and the news of a case, inside 48 hours and after."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select, update
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.models import Role
from api.chat import staff
from api.chat.models import ChatSession
from api.outbox.models import Delivery, OutboxEvent
from api.settings import get_settings
from api.wechat.models import Follower
from tests.chat.conftest import Actions, FaultyBot, Look, Resident
from tests.conftest import Clock
from tests.wechat.conftest import OPENID, FakeWechat, Server, Work

SignIn = Callable[..., dict[str, str]]
Say = Callable[[str], None]
FILING = {"description": "海尔路61号路灯不亮", "place_text": "海尔路61号", "phone": "13800000001", "anonymous": False}


@pytest.fixture
def session_id(wechat: Server, bot: FaultyBot, look: Look) -> str:
    """The conversation of a follower who has just spoken."""
    wechat.say("路灯不亮")
    found: str = look(select(ChatSession.id))[0]
    return found


@pytest.fixture
def person(session_id: str, sessions: sessionmaker[Session], clock: Clock) -> Say:
    """A colleague who has taken the conversation over, and speaks."""
    with sessions.begin() as db:
        staff.take_over(db, session_id, "staff-1", clock.now)

    def say(text: str) -> None:
        with sessions.begin() as db:
            staff.say(db, session_id, "staff-1", text, clock.now)

    return say


def test_the_words_of_staff_arrive_in_order_and_once(
    person: Say, wechat: Server, wechat_api: FakeWechat, work: Work, bot: FaultyBot
) -> None:
    person("您好，我是小李")
    person("请问灯杆上有编号吗？")
    work()
    work()
    assert wechat_api.texts[1:] == ["【工作人员】您好，我是小李", "【工作人员】请问灯杆上有编号吗？"]
    assert "真人" in wechat_api.texts[0]
    assert {one["touser"] for one in wechat_api.sent} == {OPENID}
    assert wechat.say("有，编号 12") is None, "a person answers, the bot is silent"
    assert bot.texts == ["路灯不亮"]


def test_nothing_personal_lies_in_what_waits(person: Say, sessions: sessionmaker[Session], work: Work) -> None:
    person("王小明，13800000001，对吗")
    work()
    with sessions() as db:
        rows = [db.connection().exec_driver_sql(f"select * from {name}").all() for name in ("deliveries", "outbox")]
    assert "王小明" not in str(rows)
    assert OPENID not in str(rows)


def test_the_web_has_its_own_way(
    client: TestClient, wechat: Server, sessions: sessionmaker[Session], clock: Clock, look: Look, work: Work
) -> None:
    resident = Resident(client)
    with sessions.begin() as db:
        staff.take_over(db, resident.id, "staff-1", clock.now)
    work()
    assert look(select(OutboxEvent.topic)) == []
    assert look(select(Delivery)) == []


class TestNews:
    @pytest.fixture
    def case_no(self, bot: FaultyBot, session_id: str, actions: Actions) -> str:
        number: str = actions.file(bot.heard[0]["sender"], **FILING).json()["case_no"]
        return number

    @pytest.fixture
    def move(self, client: TestClient, case_no: str, sign_in: SignIn, clock: Clock) -> Callable[..., None]:
        def act(**body: Any) -> None:
            headers = sign_in(Role.CLERK)
            client.post(f"/api/v1/cases/{case_no}/actions", json=body, headers=headers).raise_for_status()

        return act

    def test_news_come_as_a_message_inside_the_window(
        self, move: Callable[..., None], case_no: str, wechat_api: FakeWechat, work: Work
    ) -> None:
        move(action="受理")
        move(action="派单")
        work()
        work()
        assert wechat_api.texts == [f"{case_no} 已派给区城市管理局办理。"]
        assert wechat_api.notified == []

    def test_after_48_hours_a_template_comes_and_the_words_when_the_follower_writes(
        self, move: Callable[..., None], case_no: str, wechat: Server, wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        move(action="受理")
        clock.forward(hours=49)
        move(action="派单")
        work()
        work()
        (notice,) = wechat_api.notified
        assert (notice["touser"], notice["template_id"], wechat_api.sent) == (OPENID, "template-of-news", [])
        assert notice["client_msg_id"].startswith("laoxian-")
        fields = {name: field["value"] for name, field in notice["data"].items()}
        assert fields == {
            "character_string1": case_no,
            "phrase2": "已派单",
            "thing3": "区城市管理局",
            "time4": "2026-11-26 11:00",
        }
        wechat.say("在吗")
        work()
        assert wechat_api.texts == [f"{case_no} 已派给区城市管理局办理。"]
        assert len(wechat_api.notified) == 1

    @pytest.mark.parametrize("code", [45015, 45047])
    def test_a_window_that_wechat_has_closed_is_taken_as_closed(
        self, move: Callable[..., None], wechat: Server, wechat_api: FakeWechat, work: Work, code: int
    ) -> None:
        move(action="受理")
        move(action="派单")
        wechat_api.errors = [("custom/send", code)]
        work()
        assert (len(wechat_api.notified), wechat_api.sent) == (1, [])
        wechat.say("在吗")
        work()
        assert (len(wechat_api.notified), len(wechat_api.sent)) == (1, 1)

    def test_two_news_are_two_templates(
        self, move: Callable[..., None], wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        move(action="受理")
        clock.forward(hours=49)
        move(action="派单")
        work()
        move(action="改派", reason="归住建", department="区住房和城乡建设局")
        work()
        assert len(wechat_api.notified) == 2

    def test_without_a_template_the_words_wait(
        self,
        move: Callable[..., None],
        wechat: Server,
        wechat_api: FakeWechat,
        work: Work,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setenv("LAOXIAN_WECHAT_NEWS_TEMPLATE", "")
        get_settings.cache_clear()
        move(action="受理")
        clock.forward(hours=49)
        move(action="派单")
        work()
        assert (wechat_api.notified, wechat_api.sent) == ([], [])
        wechat.say("在吗")
        work()
        assert len(wechat_api.sent) == 1

    def test_news_wait_for_a_dead_api_in_order(
        self, move: Callable[..., None], wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        wechat_api.down()
        move(action="受理")
        move(action="派单")
        work()
        clock.forward(minutes=5)
        move(action="改派", reason="归住建", department="区住房和城乡建设局")
        work()
        wechat_api.up()
        for _ in range(4):
            clock.forward(minutes=5)
            work()
        assert ["已派给" in text for text in wechat_api.texts] == [True, False]


def test_a_reply_after_48_hours_is_announced_by_the_other_template(
    person: Say, wechat_api: FakeWechat, work: Work, clock: Clock
) -> None:
    work()
    clock.forward(hours=49)
    person("查到了，明天修 LX20261124-00001")
    work()
    assert [one["template_id"] for one in wechat_api.notified] == ["template-of-replies"]


@pytest.mark.parametrize("known", [True, False])
def test_who_has_left_is_left_alone(
    person: Say, wechat: Server, wechat_api: FakeWechat, work: Work, look: Look, known: bool
) -> None:
    work()
    if known:
        wechat.send("event", Event="unsubscribe")
    else:
        wechat_api.errors = [("custom/send", 43004)]
    person("您好")
    person("还在吗")
    work()
    assert len(wechat_api.sent) == 1, "only the line of the takeover"
    assert look(select(Follower))[0].left_at is not None
    assert {one.outcome for one in look(select(Delivery))} == {"passive", "sent", "left"}


def test_what_wechat_refuses_is_given_up_with_its_code(
    person: Say, wechat_api: FakeWechat, work: Work, look: Look
) -> None:
    wechat_api.errors = [("custom/send", 40003)]
    work()
    (refused,) = [one for one in look(select(Delivery)) if one.outcome == "refused"]
    assert refused.last_error == "40003"


@pytest.mark.parametrize("error", [("stable_token", 40164), ("custom/send", 48001)])
def test_what_the_administrator_can_mend_is_waited_for(
    person: Say, wechat_api: FakeWechat, work: Work, clock: Clock, look: Look, error: tuple[str, int]
) -> None:
    wechat_api.errors = [error]
    work()
    assert [one.last_error for one in look(select(Delivery)) if one.outcome is None] == [str(error[1])]
    clock.forward(minutes=1)
    work()
    assert len(wechat_api.sent) == 1


def test_what_nobody_came_for_ends(
    person: Say, wechat_api: FakeWechat, work: Work, clock: Clock, look: Look, sessions: sessionmaker[Session]
) -> None:
    work()
    with sessions.begin() as db:
        db.execute(update(Follower).values(last_message_at=clock.now - timedelta(days=3)))
    person("您好")
    work()
    clock.forward(days=31)
    work()
    assert [one.outcome for one in look(select(Delivery).order_by(Delivery.id))] == ["passive", "sent", "expired"]
