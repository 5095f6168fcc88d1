"""Conversations and training feedback at the console."""

from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from api.accounts.deps import Actor
from api.cases.override import Override, override_triage
from api.chat.lines import Line
from api.chat.models import RESIDENT, WANTS_PERSON, ChatSession
from api.chat.staff import transcript
from api.chat.store import append, token_digest
from api.columns import utcnow
from api.triage.service import get_taxonomy
from tests.console.conftest import Console

Sit = Callable[..., Page]


def open_chat(console: Console, said: str) -> str:
    """Makes a conversation that waits for a person."""
    now = utcnow()
    with console.sessions() as db:
        session_id = f"s{now.timestamp()}".replace(".", "")[:32]
        session = ChatSession(
            id=session_id,
            token_hash=token_digest(session_id),
            draft_id="d" + session_id[1:],
            state=WANTS_PERSON,
            wants_person_at=now,
            human_reason="居民要求人工",
            last_seq=0,
            created_at=now,
            last_seen_at=now,
        )
        db.add(session)
        db.flush()
        append(db, session, RESIDENT, [Line(said)], now)
        db.commit()
        return session_id


def test_a_clerk_takes_a_conversation_over_answers_and_hands_it_back(sit: Sit, console: Console) -> None:
    session_id = open_chat(console, "我要找真人 <b>急</b> 13912345678")
    page = sit("clerk", "/chats")
    page.locator(".item", has_text="我要找真人").click()
    expect(page.locator(".bubble").last).to_contain_text("我要找真人 <b>急</b> 139****5678")
    page.get_by_role("button", name="接入").click()
    page.get_by_placeholder("对居民说").fill("您好，我来帮您看")
    page.keyboard.press("Enter")
    expect(page.locator(".bubble[data-author=staff]")).to_contain_text("您好，我来帮您看")
    expect(page.get_by_placeholder("对居民说")).to_have_value("")
    with console.sessions() as db:
        append(db, db.get_one(ChatSession, session_id), RESIDENT, [Line("谢谢，就是路灯的事")], utcnow())
        db.commit()
    expect(page.locator(".bubble").last).to_contain_text("谢谢，就是路灯的事", timeout=15_000)
    page.get_by_role("button", name="交还给机器人").click()
    expect(page.get_by_placeholder("对居民说")).to_be_hidden()
    with console.sessions() as db:
        assert db.get_one(ChatSession, session_id).state == "bot"
        assert [line.author for line in transcript(db, session_id)] == ["resident", "bot", "staff", "resident", "bot"]


def test_a_trainer_reads_overrides_and_downloads_them(sit: Sit, console: Console) -> None:
    no = console.file("=cmd|' /C calc'!A0 其实是噪声")
    with console.sessions() as db:
        wish = Override(category="环境保护", subcategory="噪音污染", reason="听到的是噪声")
        override_triage(db, console.case(db, no), wish, Actor("staff", "nobody", "clerk"), utcnow(), get_taxonomy())
        db.commit()
    page = sit("trainer", "/feedback")
    card = page.locator(".decision", has_text=no)
    expect(card).to_contain_text("一级分类：城乡建设 → 环境保护")
    expect(card).to_contain_text("听到的是噪声")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载 CSV").click()
    content = Path(download.value.path()).read_text("utf-8-sig")
    (line,) = [line for line in content.splitlines() if no in line]
    assert "城乡建设,环境保护" in line
    assert "'=cmd" in line  # a spreadsheet must not run it


def test_pages_are_for_the_roles_that_need_them(sit: Sit, console: Console) -> None:
    page = sit("trainer")
    expect(page.get_by_role("link", name="对话")).to_have_count(0)
    page.goto(f"{console.url}/console/chats")
    expect(page.get_by_text("您的岗位没有这一页")).to_be_visible()
    page = sit("lights")
    page.goto(f"{console.url}/console/feedback")
    expect(page.get_by_text("您的岗位没有这一页")).to_be_visible()
    page.goto(f"{console.url}/console/nothing-here")
    expect(page.get_by_text("没有这个页面")).to_be_visible()
