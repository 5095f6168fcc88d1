"""A follower talks: the same intake as on the web, inside five seconds or a little later, once and never lost."""

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.cases.models import Case
from api.chat import limits
from api.chat.enclosures import Attachment
from api.chat.models import ChatMessage, ChatSession
from api.outbox.models import Delivery, OutboxEvent
from api.wechat.envelope import Envelope
from api.wechat.followers import keep
from api.wechat.hearing import Heard
from api.wechat.models import Follower, Inbound
from api.wechat.words import MAX_BYTES
from tests.chat.conftest import Actions, FaultyBot, Look, says
from tests.conftest import Clock
from tests.wechat.conftest import OPENID, FakeWechat, Server, Work

both = pytest.mark.parametrize("mode", ["plain", "safe"], indirect=True)


def reply(title: str) -> dict[str, str]:
    return {"title": title, "payload": f"/{title}"}


def wait_for(condition: Any) -> None:
    for _ in range(200):
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError("it did not happen within ten seconds")


def photo(colour: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (320, 240), colour).save(out, "JPEG")
    return out.getvalue()


@both
def test_a_text_is_answered_at_once(wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work) -> None:
    assert wechat.say("海尔路61号的路灯不亮") == "听到：海尔路61号的路灯不亮"
    assert wechat.say("13800000001 ]]> <b>") == "听到：13800000001 ]] > <b>"
    wechat.clock.forward(minutes=2)
    work()
    assert (bot.texts, wechat_api.sent) == (["海尔路61号的路灯不亮", "13800000001 ]]> <b>"], [])


def test_each_follower_has_one_conversation(wechat: Server, bot: FaultyBot, look: Look) -> None:
    for openid in (OPENID, "oOther", OPENID):
        wechat.say("在吗", openid)
    assert len(look(select(ChatSession))) == 2
    assert bot.heard[0]["sender"] == bot.heard[2]["sender"] != bot.heard[1]["sender"]


def test_several_lines_become_one_text_with_a_numbered_list(wechat: Server, bot: FaultyBot) -> None:
    bot.script = lambda _request: {
        "messages": [{"text": "记下了。"}, {"text": "要匿名吗？", "quick_replies": [reply("匿名"), reply("留电话")]}]
    }
    assert wechat.say("路灯不亮") == "记下了。\n\n要匿名吗？\n\n回复数字就行：\n1. 匿名\n2. 留电话"


@pytest.mark.parametrize("typed", ["2", "２", "2.", " 2、"])
def test_a_digit_picks_a_reply(wechat: Server, bot: FaultyBot, typed: str) -> None:
    bot.script = lambda request: says(
        "要匿名吗？", quick_replies=[reply("匿名"), {"title": "留电话", "payload": "我留电话"}]
    )
    wechat.say("路灯不亮")
    wechat.say(typed)
    assert bot.texts[1] == "我留电话"


def test_a_digit_without_a_list_or_outside_it_stays_a_digit(wechat: Server, bot: FaultyBot) -> None:
    wechat.say("几号楼都不亮")
    wechat.say("2")
    bot.script = lambda request: says("要匿名吗？", quick_replies=[reply("匿名"), reply("留电话")])
    wechat.say("好")
    wechat.say("3")
    wechat.say("13800000001")
    assert bot.texts[1:] == ["2", "好", "3", "13800000001"]


def test_stars_are_picked_by_their_own_number(wechat: Server, bot: FaultyBot) -> None:
    stars = [{"title": f"{n} 星", "payload": f"{n} 星"} for n in (5, 4, 3, 2, 1)]
    bot.script = lambda request: says("请打分", quick_replies=stars)
    assert wechat.say("查进度") == "请打分\n\n回复数字就行：\n5 星\n4 星\n3 星\n2 星\n1 星"
    wechat.say("5")
    assert bot.texts[1] == "5 星"


class TestRepetitions:
    def test_a_repeated_message_runs_once_and_gets_the_same_answer(self, wechat: Server, bot: FaultyBot) -> None:
        answers = {wechat.say("路灯不亮", MsgId=7) for _ in range(3)}
        assert (answers, bot.texts) == ({"听到：路灯不亮"}, ["路灯不亮"])

    def test_repetitions_at_once_run_once(self, wechat: Server, bot: FaultyBot, look: Look) -> None:
        bot.script = lambda request: time.sleep(0.5) or says("好的")  # type: ignore[func-returns-value]
        with ThreadPoolExecutor(3) as pool:
            answers = set(pool.map(lambda _n: wechat.say("路灯不亮", MsgId=7), range(3)))
        assert (answers, bot.texts) == ({"好的"}, ["路灯不亮"])
        assert len(look(select(Inbound))) == len(look(select(Follower))) == 1

    def test_the_repetition_gets_the_answer_that_came_too_late(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, hasty: None, look: Look
    ) -> None:
        go = threading.Event()
        bot.script = lambda request: go.wait(5) and says("好的")
        assert wechat.say("路灯不亮", MsgId=7) is None
        go.set()
        wait_for(lambda: look(select(ChatMessage).where(ChatMessage.author == "bot")))
        assert wechat.say("路灯不亮", MsgId=7) == "好的"
        wechat.clock.forward(minutes=2)
        work()
        assert wechat_api.sent == [], "it has been answered already"

    def test_a_repetition_of_what_was_sent_later_is_not_answered_again(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, hasty: None, look: Look
    ) -> None:
        bot.script = lambda request: time.sleep(0.6) or says("好的")  # type: ignore[func-returns-value]
        assert wechat.say("路灯不亮", MsgId=7) is None
        wait_for(lambda: look(select(OutboxEvent).where(OutboxEvent.topic == "delivery.due")))
        work()
        work()
        assert wechat_api.texts == ["好的"]
        assert wechat.say("路灯不亮", MsgId=7) is None
        assert bot.texts == ["路灯不亮"]

    def test_a_choice_repeated_is_still_that_choice(self, wechat: Server, bot: FaultyBot) -> None:
        bot.script = lambda request: says("要匿名吗？", quick_replies=[reply("匿名"), reply("留电话")])
        wechat.say("路灯不亮")
        for _ in range(2):
            wechat.say("1", MsgId=9)
        assert bot.texts[1:] == ["匿名"]


class TestLate:
    def test_a_slow_answer_comes_as_a_customer_service_message(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, hasty: None, look: Look
    ) -> None:
        bot.script = lambda request: time.sleep(0.6) or says("好的", quick_replies=[reply("匿名"), reply("留电话")])  # type: ignore[func-returns-value]
        assert wechat.say("路灯不亮") is None
        work()
        assert wechat_api.sent == []
        wait_for(lambda: look(select(OutboxEvent).where(OutboxEvent.topic == "delivery.due")))
        work()
        (sent,) = wechat_api.sent
        assert (sent["touser"], sent["msgtype"]) == (OPENID, "text")
        assert sent["text"]["content"] == "好的\n\n回复数字就行：\n1. 匿名\n2. 留电话"
        wechat.clock.forward(minutes=2)
        work()
        assert len(wechat_api.sent) == 1

    def test_an_answer_that_never_left_the_process_is_sent_by_the_worker(
        self,
        wechat: Server,
        bot: FaultyBot,
        wechat_api: FakeWechat,
        work: Work,
        clock: Clock,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        def dies(*_args: Any) -> str:
            raise MemoryError

        monkeypatch.setattr(Envelope, "close", dies)
        assert wechat.post(wechat.xml("text", Content="路灯不亮")).status_code == 500
        clock.forward(seconds=61)
        work()
        assert (bot.texts, wechat_api.texts) == (["路灯不亮"], ["听到：路灯不亮"])

    def test_what_a_dying_process_had_taken_in_is_answered_by_the_worker(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        keep(OPENID, "m1", Heard("路灯不亮"), clock.now)
        work()
        assert bot.texts == []
        clock.forward(seconds=61)
        work()
        assert (bot.texts, wechat_api.texts) == (["路灯不亮"], ["听到：路灯不亮"])

    def test_a_dead_api_loses_nothing(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock, look: Look
    ) -> None:
        for number in range(3):
            keep(f"o{number}", "m1", Heard(f"第{number}件"), clock.now)
        wechat_api.down()
        for minute in (2, 3):
            clock.forward(minutes=minute)
            work()
        wechat_api.up()
        clock.forward(minutes=10)
        work()
        assert sorted(wechat_api.texts) == ["听到：第0件", "听到：第1件", "听到：第2件"]
        assert len(bot.texts) == 3
        assert {one.outcome for one in look(select(Delivery))} == {"sent"}

    @pytest.mark.parametrize("code", [40001, 40014, 42001])
    def test_an_expired_token_is_fetched_anew(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock, code: int
    ) -> None:
        keep(OPENID, "m1", Heard("一"), clock.now)
        clock.forward(minutes=2)
        work()
        assert wechat_api.fetched == 1, "one token for all"
        wechat_api.errors, wechat_api.token = [("custom/send", code)], "token-2"
        keep(OPENID, "m2", Heard("二"), clock.now)
        clock.forward(minutes=2)
        work()
        assert (wechat_api.texts, wechat_api.fetched) == (["听到：一", "听到：二"], 2)

    def test_a_token_refused_though_it_is_the_newest_is_forced_out(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        keep(OPENID, "m1", Heard("一"), clock.now)
        wechat_api.errors = [("custom/send", 40001)]
        clock.forward(minutes=2)
        work()
        assert (wechat_api.texts, wechat_api.token) == (["听到：一"], "token-1+")

    @pytest.mark.parametrize("code", [-1, 45011])
    def test_a_busy_moment_is_sat_out(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock, code: int
    ) -> None:
        keep(OPENID, "m1", Heard("一"), clock.now)
        wechat_api.errors = [("custom/send", code)] * 2
        clock.forward(minutes=2)
        work()
        assert wechat_api.texts == ["听到：一"]

    def test_a_long_answer_comes_in_pieces_and_goes_on_where_it_stopped(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        long = "".join(f"第{number}条规定如下，请知悉。\n" for number in range(200)).strip()
        bot.script = lambda request: says(long)
        wechat_api.down()
        assert wechat.say("政策") is None
        work()
        wechat_api.up()
        clock.forward(minutes=2)
        calls = iter([None, 45009])
        original = wechat_api.answer
        wechat_api.answer = lambda path, query, body: (  # type: ignore[method-assign]
            {"errcode": 45009} if path.endswith("custom/send") and next(calls, None) else original(path, query, body)
        )
        work()
        assert len(wechat_api.sent) == 1
        clock.forward(minutes=5)
        work()
        assert "\n".join(wechat_api.texts) == long
        assert all(len(text.encode()) <= MAX_BYTES for text in wechat_api.texts)


class TestKinds:
    def test_speech_is_read(self, wechat: Server, bot: FaultyBot) -> None:
        assert wechat.send("voice", MediaId="m", Format="amr", Recognition="路灯不亮") == "听到：路灯不亮"
        unheard = wechat.send("voice", MediaId="m", Format="amr", Recognition="")
        assert unheard is not None
        assert "打字" in unheard
        assert bot.texts == ["路灯不亮"]

    @pytest.mark.parametrize(
        ("kind", "word"), [("video", "照片"), ("shortvideo", "照片"), ("link", "截图"), ("miniprogrampage", "文字")]
    )
    def test_what_cannot_be_read_gets_a_polite_line(self, wechat: Server, bot: FaultyBot, kind: str, word: str) -> None:
        answer = wechat.send(kind, MediaId="m")
        assert answer is not None
        assert word in answer
        assert bot.heard == []

    def test_a_photo_is_fetched_and_joins_the_draft(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, look: Look
    ) -> None:
        wechat_api.media["m-1"] = photo()
        answers = {wechat.send("image", PicUrl="http://x/1", MediaId="m-1", MsgId=5) for _ in range(2)}
        assert answers == {"听到：[图片]"}
        assert [request["metadata"]["attachments"] for request in bot.heard] == [1]
        (kept,) = look(select(Attachment))
        (message,) = look(select(ChatMessage).where(ChatMessage.author == "resident"))
        assert (kept.message_id, kept.width, message.attachments) == (message.id, 320, [kept.id])

    def test_photos_picked_together_get_one_answer(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        for number in range(3):
            wechat_api.media[f"m-{number}"] = photo(f"#0000{number}0")
            keep(OPENID, f"m{number}", Heard(media_id=f"m-{number}"), clock.now)
        clock.forward(minutes=2)
        work()
        assert [request["metadata"]["attachments"] for request in bot.heard] == [1, 1, 1]
        assert wechat_api.texts == ["听到：[图片]"]

    def test_a_photo_that_is_gone_or_none_is_said_so(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat
    ) -> None:
        wechat_api.media["m-2"] = b"GIF89a not a picture"
        for media_id in ("m-1", "m-2"):
            answer = wechat.send("image", PicUrl="http://x/1", MediaId=media_id)
            assert answer is not None
            assert "照片" in answer
        assert bot.heard == []

    def test_the_seventh_photo_is_refused(self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat) -> None:
        answers = []
        for number in range(7):
            wechat_api.media[f"m-{number}"] = photo(f"#0000{number}0")
            answers.append(wechat.send("image", PicUrl="http://x/1", MediaId=f"m-{number}"))
        assert answers[:6] == ["听到：[图片]"] * 6
        assert "6 张" in (answers[6] or "")

    def test_a_photo_waits_until_the_server_is_let_in(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        wechat_api.media["m-1"] = photo()
        wechat_api.errors = [("stable_token", 40164)]
        assert wechat.send("image", PicUrl="http://x/1", MediaId="m-1") is None
        clock.forward(minutes=2)
        work()
        assert wechat_api.texts == ["听到：[图片]"]

    def test_a_photo_waits_for_a_dead_api(
        self, wechat: Server, bot: FaultyBot, wechat_api: FakeWechat, work: Work, clock: Clock
    ) -> None:
        wechat_api.media["m-1"] = photo()
        wechat_api.down()
        assert wechat.send("image", PicUrl="http://x/1", MediaId="m-1") is None
        wechat_api.up()
        clock.forward(minutes=2)
        work()
        assert wechat_api.texts == ["听到：[图片]"]

    def test_a_place_becomes_words(self, wechat: Server, bot: FaultyBot, look: Look) -> None:
        # the district's government, in the degrees of Chinese maps
        where = {"Location_X": "36.107538", "Location_Y": "120.468956", "Scale": "16", "Label": "仙霞岭路18号"}
        answer = wechat.send("location", **where)
        assert answer is not None
        assert "街道" in answer
        assert "仙霞岭路18号" in answer
        broken = wechat.send("location", **where | {"Location_X": "here"})
        assert broken is not None
        assert len(bot.heard) == 1

    def test_a_position_reported_by_itself_is_nobody_s_business(self, wechat: Server, look: Look) -> None:
        fields = {"Event": "LOCATION", "Latitude": "36.1", "Longitude": "120.4", "Precision": "30"}
        assert wechat.send("event", **fields) is None
        assert look(select(Follower)) == []


class TestEvents:
    @both
    def test_a_new_follower_is_greeted_with_the_word_on_privacy(self, wechat: Server, bot: FaultyBot) -> None:
        for fields in ({"Event": "subscribe", "EventKey": ""}, {"Event": "subscribe", "EventKey": "qrscene_1"}):
            greeting = wechat.send("event", f"o{fields['EventKey']}", **fields)
            assert greeting is not None
            assert "崂先办" in greeting
            assert "加密" in greeting
        assert bot.heard == []

    def test_leaving_and_coming_back(self, wechat: Server, bot: FaultyBot, look: Look) -> None:
        wechat.say("路灯不亮")
        assert wechat.send("event", Event="unsubscribe") is None
        assert look(select(Follower))[0].left_at == wechat.clock.now
        wechat.clock.forward(hours=1)
        back = wechat.send("event", Event="subscribe", EventKey="")
        assert back is not None
        assert "欢迎回来" in back
        wechat.say("还是不亮")
        assert look(select(Follower))[0].left_at is None
        assert bot.heard[0]["sender"] == bot.heard[1]["sender"]

    @pytest.mark.parametrize(
        ("key", "says"), [("report", "我要反映问题"), ("progress", "查办理进度"), ("person", "人工服务")]
    )
    def test_a_touch_on_the_menu_says_its_words(self, wechat: Server, bot: FaultyBot, key: str, says: str) -> None:
        xml = wechat.xml("event", Event="CLICK", EventKey=key)
        assert {wechat.read(wechat.post(xml)) for _ in range(2)} == {f"听到：{says}"}
        assert bot.texts == [says]
        wechat.clock.forward(seconds=5)
        wechat.send("event", Event="CLICK", EventKey=key)
        assert len(bot.texts) == 2

    def test_an_entry_of_an_older_menu_is_nothing(self, wechat: Server, bot: FaultyBot) -> None:
        assert wechat.send("event", Event="CLICK", EventKey="gone") is None
        assert wechat.send("event", Event="VIEW", EventKey="http://x") is None
        assert wechat.send("event", Event="newer_than_the_library") is None
        assert bot.heard == []


def test_a_dead_bot_is_told_and_nothing_is_lost(wechat: Server, bot: FaultyBot) -> None:
    bot.down()
    answer = wechat.say("路灯不亮")
    assert answer is not None
    assert "记下" in answer
    assert "1. 重试" in answer
    bot.up()
    assert wechat.say("1") == "听到：路灯不亮"


def test_too_fast_is_said_and_means_what_it_says(
    wechat: Server, bot: FaultyBot, look: Look, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "MESSAGES_PER_SESSION", limits.Limit("messages", 3, 600))
    answers = [wechat.say(f"第{number}句") for number in range(5)]
    assert ["太快" in (answer or "") for answer in answers] == [False] * 3 + [True] * 2
    assert len(look(select(Inbound.id))) == 3, "what is to be sent again is not kept as well"


def test_a_case_filed_here_says_so(wechat: Server, bot: FaultyBot, actions: Actions, look: Look) -> None:
    wechat.say("路灯不亮")
    actions.file(bot.heard[0]["sender"])
    assert look(select(Case.source)) == ["wechat"]


def test_nothing_at_rest_names_the_follower(
    wechat: Server, bot: FaultyBot, sessions: sessionmaker[Session], caplog: pytest.LogCaptureFixture, work: Work
) -> None:
    caplog.set_level("DEBUG")
    wechat.say("我叫王小明，13800000001")
    keep(OPENID, "m1", Heard("我叫王小明"), wechat.clock.now)
    wechat.clock.forward(minutes=2)
    work()
    # The test's own client writes the addresses that it calls.
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith("httpx")]
    assert any("/wechat" in line for line in lines)
    with sessions() as db:
        tables = ("wechat_followers", "wechat_inbound", "deliveries", "outbox", "chat_messages", "chat_sessions")
        rows = [db.connection().exec_driver_sql(f"select * from {name}").all() for name in tables]
    for secret in (OPENID, "王小明", "13800000001"):
        assert secret not in str(rows)
        assert secret not in str(lines)
    assert "token-1" not in str(lines)


def test_content_is_forgotten_once_the_transcript_has_it(wechat: Server, bot: FaultyBot, look: Look) -> None:
    wechat.say("路灯不亮")
    assert look(select(Inbound.content)) == [None]


def test_an_erased_conversation_begins_anew(
    wechat: Server, bot: FaultyBot, sessions: sessionmaker[Session], clock: Clock, client: TestClient
) -> None:
    wechat.say("路灯不亮")
    with sessions.begin() as db:
        follower = db.scalars(select(Follower)).one()
        follower.session_id = None
    clock.forward(seconds=timedelta(days=1).total_seconds())
    assert wechat.say("又不亮了") == "听到：又不亮了"
