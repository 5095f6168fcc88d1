"""The bot or its action server fails: nothing is lost, nothing runs twice, a danger is heard all the same."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from api.cases.models import Case, Reporter
from api.chat.drafts import file_silent_emergencies
from api.chat.models import PENDING, ChatMessage, ChatSession, Draft
from api.outbox.models import OutboxEvent
from api.triage.service import get_places
from tests.chat.conftest import Actions, FaultyBot, Look, Resident, says
from tests.conftest import Clock, FixedTriager

FAULTS = {
    "unavailable": 503,
    "broken": 500,
    "empty": {"messages": []},
    "blank": {"messages": [{"text": " "}]},
    "nothing": [],
    "unreadable": {"messages": "?"},
    "hanging": "hang",
    "refusing": None,
}


def fail(bot: FaultyBot, fault: str) -> None:
    """Makes the bot fail in one of the ways."""
    if FAULTS[fault] is None:
        bot.down()
    else:
        bot.script = lambda _request: FAULTS[fault]


def mend(bot: FaultyBot) -> None:
    """Makes the bot answer again."""
    bot.heard.clear()
    bot.script = lambda request: says(f"听到：{request['message']}")
    if bot.server is None:
        bot.up()


def waiting(look: Look) -> list[str]:
    """Returns what the bot has not answered."""
    return look(select(ChatMessage.text).where(ChatMessage.status == PENDING).order_by(ChatMessage.seq))


@pytest.mark.parametrize("fault", FAULTS)
def test_what_fails_is_kept_and_replayed_in_order(resident: Resident, bot: FaultyBot, look: Look, fault: str) -> None:
    fail(bot, fault)
    for text in ("路灯坏了", "海尔路61号"):
        lines = resident.say(text)
        assert "重试" in [one["title"] for one in lines[-1]["quick_replies"]]
    assert waiting(look) == ["路灯坏了", "海尔路61号"]
    mend(bot)
    lines = resident.say("匿名")
    assert bot.texts == ["路灯坏了", "海尔路61号", "匿名"]
    assert [line["text"] for line in lines] == [f"听到：{text}" for text in bot.texts]
    assert waiting(look) == []
    resident.say("谢谢")
    assert bot.texts[-2:] == ["匿名", "谢谢"]


def test_the_retry_button_replays_and_is_not_itself_said(resident: Resident, bot: FaultyBot) -> None:
    fail(bot, "refusing")
    resident.say("路灯坏了")
    assert resident.say("重试")[-1]["quick_replies"]
    mend(bot)
    assert [line["text"] for line in resident.say("重试")] == ["听到：路灯坏了"]
    assert bot.texts == ["路灯坏了"]
    assert "都已收到" in resident.say("重试")[0]["text"]


def test_repeating_the_message_id_after_a_failure_tries_again(resident: Resident, bot: FaultyBot) -> None:
    fail(bot, "unavailable")
    resident.say("路灯坏了", message_id="m1")
    mend(bot)
    assert resident.say("路灯坏了", message_id="m1")[0]["text"] == "听到：路灯坏了"
    assert bot.texts == ["路灯坏了"]
    assert [line["text"] for line in resident.transcript() if line["author"] == "resident"] == ["路灯坏了"]


def test_a_filing_whose_answer_was_lost_is_told_and_not_repeated(
    resident: Resident, bot: FaultyBot, actions: Actions, look: Look
) -> None:
    def files_then_dies(request: dict[str, Any]) -> int:
        assert actions.file(request["sender"]).status_code == 201
        return 503

    bot.script = files_then_dies
    resident.say("确认提交")
    mend(bot)
    told, answer = resident.say("楼道灯也不亮")
    case_no = look(select(Case.no))[0]
    assert told["case_no"] == case_no
    assert answer["text"] == "听到：楼道灯也不亮"
    assert bot.texts == ["楼道灯也不亮"]


def test_a_message_that_a_healthy_bot_always_refuses_goes_to_a_person(
    resident: Resident, bot: FaultyBot, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    resident.say("在吗")
    monkeypatch.setattr("api.chat.bot_client.BotClient.healthy", _yes)
    bot.script = lambda request: 503 if "毒" in request["message"] else says("好")
    for _ in range(4):
        resident.say("毒句", message_id="m1")
    lines = resident.say("路灯坏了")
    assert ["换个说法" in line["text"] for line in lines] == [True, False]
    assert waiting(look) == []
    assert look(select(ChatSession.state)) == ["wants_person"]


async def _yes(_self: Any) -> bool:
    return True


@pytest.mark.parametrize(
    ("text", "number"),
    [("我家楼下着火了", "119"), ("我妈躺地上叫不醒了", "120"), ("有人拿刀砍人，救命", "110")],
)
@pytest.mark.parametrize("fault", ["refusing", "unavailable", "hanging"])
def test_a_danger_gets_its_number_while_the_bot_is_dead(
    resident: Resident, bot: FaultyBot, look: Look, text: str, number: str, fault: str
) -> None:
    fail(bot, fault)
    lines = resident.say(text)
    assert number in lines[0]["text"]
    assert look(select(Draft.emergency_number)) == [number]
    again = resident.say("在海尔路61号3楼")
    assert number in again[-1]["text"]
    assert look(select(OutboxEvent.topic)) == ["emergency.detected"]


def test_self_harm_gets_the_line_that_listens_while_the_bot_is_dead(
    resident: Resident, bot: FaultyBot, look: Look
) -> None:
    fail(bot, "refusing")
    assert "12356" in resident.say("没人需要我了，再见吧")[0]["text"]
    assert look(select(Draft.emergency_number)) == ["110"]


def test_a_danger_is_filed_by_itself_after_two_minutes_of_silence(
    resident: Resident, bot: FaultyBot, look: Look, clock: Clock, fixed: FixedTriager
) -> None:
    fail(bot, "refusing")
    resident.say("我家楼下着火了")
    clock.forward(seconds=60)
    resident.say("在海尔路61号3楼")
    clock.forward(seconds=119)
    assert file_silent_emergencies(clock.now, fixed, get_places()) == []
    clock.forward(seconds=1)
    (case_no,) = file_silent_emergencies(clock.now, fixed, get_places())
    assert file_silent_emergencies(clock.now + timedelta(hours=1), fixed, get_places()) == []
    (case,) = look(select(Case))
    assert (case.no, case.urgency, case.session_id) == (case_no, "特急", resident.id)
    assert case.description == "我家楼下着火了\n在海尔路61号3楼"
    assert resident.transcript()[-1]["case_no"] == case_no
    mend(bot)
    resident.say("火灭了")
    assert bot.texts == ["火灭了"]


def test_an_emergency_filed_in_silence_takes_up_place_and_phone_later(
    resident: Resident, bot: FaultyBot, actions: Actions, look: Look, clock: Clock, fixed: FixedTriager
) -> None:
    resident.say("我家楼下着火了")
    draft = bot.heard[0]["sender"]
    known = {"description": "我家楼下着火了", "emergency": True, "emergency_number": "119"}
    assert actions.call("PUT", f"drafts/{draft}", known).status_code == 200
    clock.forward(minutes=3)
    assert len(file_silent_emergencies(clock.now, fixed, get_places())) == 1
    filed = actions.file(draft, "我家楼下着火了", place_text="海尔路61号", phone="13800000001", anonymous=False)
    assert (filed.status_code, filed.json()["created"]) == (200, False)
    assert look(select(Case.place_text)) == ["海尔路61号"]
    assert look(select(Reporter.phone)) == ["13800000001"]
