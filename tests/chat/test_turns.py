"""Turns over HTTP: what a resident may type, and what happens when it is sent twice, at once, or far too long."""

from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from fastapi.testclient import TestClient
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.cases.models import Case
from api.chat import staff
from api.chat.limits import MESSAGES_PER_SESSION
from api.chat.lines import Line
from api.chat.models import ChatSession
from api.triage.service import get_triager
from tests.chat.conftest import Actions, FaultyBot, Look, Resident, says
from tests.conftest import Clock


def test_a_conversation_opens_with_a_greeting_and_an_unguessable_key(resident: Resident, look: Look) -> None:
    assert [line["author"] for line in resident.greeting] == ["bot", "bot"]
    assert resident.greeting[-1]["quick_replies"]
    assert len(resident.token) >= 40
    assert look(select(ChatSession.token_hash)) != [resident.token]
    assert resident.transcript() == resident.greeting


@pytest.mark.parametrize("header", ["", "Bearer ", "Bearer short", "Basic dTpw", f"Bearer {'x' * 43}", "Bearer é"])
def test_without_the_token_nothing_is_said(client: TestClient, bot: FaultyBot, header: str) -> None:
    headers = {"Authorization": header.encode("latin-1")}
    for answer in (
        client.post("/api/v1/chat/messages", json={"text": "在吗"}, headers=headers),
        client.get("/api/v1/chat/messages", headers=headers),
    ):
        assert answer.status_code == 401
        assert answer.headers["content-type"] == "application/problem+json"
    assert bot.heard == []


def test_conversations_do_not_see_each_other(client: TestClient, bot: FaultyBot) -> None:
    mine, other = Resident(client), Resident(client)
    mine.say("我的秘密")
    assert "秘密" not in str(other.transcript())


def test_text_at_rest_is_encrypted(resident: Resident, bot: FaultyBot, sessions: sessionmaker[Session]) -> None:
    resident.say("我叫王小明，13800000001")
    with sessions() as db:
        raw = db.connection().exec_driver_sql("select text from chat_messages").scalars().all()
    assert "王小明" not in str(raw)
    assert resident.transcript()[-2]["text"] == "我叫王小明，13800000001"


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b\u3000", "\x00\x01"])
def test_without_words_the_front_asks_for_some(resident: Resident, bot: FaultyBot, text: str) -> None:
    (line,) = resident.say(text)
    assert "文字" in line["text"]
    assert bot.heard == []


@pytest.mark.parametrize(
    "text", ["😀😀", "<img src=x onerror=alert(1)>", "'; DROP TABLE cases;--", "{{7*7}} ${x}", "Ｈｅｌｌｏ", "说\n两行"]
)
def test_whatever_is_typed_is_text(resident: Resident, bot: FaultyBot, text: str) -> None:
    assert resident.say(text)[0]["text"] == f"听到：{text}"
    assert resident.transcript()[-2]["text"] == text


def test_control_characters_and_lone_surrogates_are_cleaned(resident: Resident, bot: FaultyBot) -> None:
    body = rb'{"text": "\ud83d\u0000\u0007\u202e\u597d", "message_id": "a\udc00"}'
    headers = resident.headers | {"Content-Type": "application/json"}
    assert resident.client.post("/api/v1/chat/messages", content=body, headers=headers).status_code == 200
    assert bot.texts == ["好"]


@pytest.mark.parametrize("text", ["/restart", " /query_status{}", "@@/restart", "／restart", "/", "@"])
def test_a_command_never_reaches_the_bot(resident: Resident, bot: FaultyBot, text: str) -> None:
    assert resident.say(text)
    assert not any(heard.startswith(("/", "@", "／")) for heard in bot.texts)


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff\xfe", b'{"text": 5}', b'{"text": null}', b"{}"])
def test_a_bad_body_is_a_problem_in_chinese(resident: Resident, bot: FaultyBot, body: bytes) -> None:
    headers = resident.headers | {"Content-Type": "application/json"}
    answer = resident.client.post("/api/v1/chat/messages", content=body, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert not answer.json()["detail"].isascii()


def test_the_bot_reads_the_head_and_the_case_keeps_the_whole(
    resident: Resident, bot: FaultyBot, actions: Actions, look: Look
) -> None:
    text = "路灯不亮" * 4_999 + "完。"
    resident.say(text)
    assert bot.texts == [text[:1000]]
    assert actions.file(bot.heard[0]["sender"], text[:1000]).status_code == 201
    assert look(select(Case.description)) == [text]


def test_more_than_20000_characters_are_refused_kindly(resident: Resident, bot: FaultyBot) -> None:
    answer = resident.post("长" * 20_001)
    assert answer.status_code == 413
    assert "20000" in answer.json()["detail"]
    assert resident.post("长" * 20_000).status_code == 200


def test_the_same_message_id_never_runs_twice(resident: Resident, bot: FaultyBot) -> None:
    first = resident.say("路灯坏了", message_id="m1")
    assert resident.say("路灯坏了", message_id="m1") == first
    assert bot.texts == ["路灯坏了"]
    assert len(resident.transcript()) == len(resident.greeting) + 2


def test_the_same_message_id_in_two_conversations_is_two_messages(client: TestClient, bot: FaultyBot) -> None:
    Resident(client).say("甲", message_id="m1")
    Resident(client).say("乙", message_id="m1")
    assert bot.texts == ["甲", "乙"]


@pytest.mark.parametrize("redis", [True, False])
def test_turns_of_one_conversation_run_one_at_a_time(
    resident: Resident, bot: FaultyBot, redis: bool, request: pytest.FixtureRequest
) -> None:
    if redis:
        request.getfixturevalue("redis_server")
    with ThreadPoolExecutor(8) as tabs:
        answers = list(tabs.map(lambda n: resident.say(f"第{n}句", message_id=f"m{n % 6}"), range(12)))
    assert all(answers)
    assert bot.most_at_once == 1
    assert len(bot.texts) == 6
    numbers = [line["seq"] for line in resident.transcript()]
    assert numbers == list(range(1, len(resident.greeting) + 13))


def test_conversations_run_side_by_side(client: TestClient, bot: FaultyBot) -> None:
    people = [Resident(client) for _ in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda one: one.say("你好"), people))
    assert len(bot.heard) == 6


def test_a_filed_appeal_is_followed_by_a_new_draft(resident: Resident, bot: FaultyBot, actions: Actions) -> None:
    def script(request: dict[str, str]) -> object:
        if "登记" not in request["message"]:
            return says("在哪里？")
        case_no = actions.file(request["sender"]).json()["case_no"]
        return says(f"编号 {case_no}", case_no=case_no)

    bot.script = script
    resident.say("路灯坏了")
    line = resident.say("登记")[-1]
    assert line["case_no"] == resident.transcript()[-1]["case_no"]
    resident.say("还有一件事")
    senders = [request["sender"] for request in bot.heard]
    assert senders[0] == senders[1] != senders[2]


def test_draft_done_without_a_case_begins_anew_too(resident: Resident, bot: FaultyBot) -> None:
    bot.script = lambda _request: says("好的，不登记了", draft_done=True)
    resident.say("算了")
    resident.say("另外一件")
    assert bot.heard[0]["sender"] != bot.heard[1]["sender"]


def test_traditional_script_is_answered_in_kind(resident: Resident, bot: FaultyBot) -> None:
    bot.script = lambda _request: says("请问在哪里？", quick_replies=[{"title": "查办理进度", "payload": "查办理进度"}])
    (line,) = resident.say("我家門口的路燈壞了，請儘快處理")
    assert line["text"] == "請問在哪裡？"
    assert line["quick_replies"] == [{"title": "查辦理進度", "payload": "查办理进度"}]


def test_a_person_takes_over_and_the_bot_is_silent(
    resident: Resident, bot: FaultyBot, sessions: sessionmaker[Session], clock: Clock
) -> None:
    with sessions.begin() as db:
        staff.take_over(db, resident.id, "u1", clock.now)
        staff.say(db, resident.id, "u1", "您好，我是小李", clock.now)
    assert resident.say("你好") == []
    assert bot.heard == []
    assert [line["author"] for line in resident.transcript(after=2)] == ["bot", "staff", "resident"]
    with sessions.begin() as db:
        staff.hand_back(db, resident.id, clock.now)
    assert resident.say("在吗")[0]["text"] == "听到：在吗"


def test_the_transcript_comes_in_pages(resident: Resident, sessions: sessionmaker[Session], clock: Clock) -> None:
    with sessions.begin() as db:
        for n in range(250):
            staff.tell(db, resident.id, Line(f"通知{n}"), clock.now)
    page = resident.client.get("/api/v1/chat/messages", headers=resident.headers).json()
    assert page["more"]
    assert len(resident.transcript(after=page["messages"][-1]["seq"])) == 52


@pytest.mark.usefixtures("redis_server")
def test_too_many_messages_are_slowed_down(resident: Resident, bot: FaultyBot) -> None:
    answers = [resident.post("喂") for _ in range(MESSAGES_PER_SESSION.count + 1)]
    assert {answer.status_code for answer in answers[:-1]} == {200}
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["Retry-After"]) >= 1
    assert "秒" in answers[-1].json()["detail"]


def test_other_sites_may_call_the_chat_and_nothing_else(client: TestClient) -> None:
    origin = {"Origin": "https://example.gov.cn"}
    asked = origin | {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization"}
    assert client.options("/api/v1/chat/messages", headers=asked).headers["access-control-allow-origin"] == "*"
    refused = client.post("/api/v1/chat/messages", json={}, headers=origin)
    assert refused.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in refused.headers
    assert "access-control-allow-origin" not in client.get("/api/v1/cases", headers=origin).headers
    page = client.get("/")
    assert "崂先办 · 崂山区诉求服务" in page.text
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "unsafe" not in page.headers["content-security-policy"]


def test_the_bot_gets_the_sentence_vector_so_that_the_text_is_encoded_once(resident: Resident, bot: FaultyBot) -> None:
    resident.say("小区的路灯坏了")
    encoder, vector = get_triager().encoder, bot.heard[0]["vector"]
    sent = np.frombuffer(b64decode(vector["base64"]), np.float32)
    assert vector["model"] == encoder.version
    assert sent == pytest.approx(encoder.embed(["小区的路灯坏了"])[0], abs=1e-6)
    assert sent != pytest.approx(encoder.embed(["噪声扰民"])[0], abs=1e-2)
