"""The photos and the position of a case at the console, in a real browser."""

import os
from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from api.chat.models import ChatSession
from tests.chat.photos import from_a_phone, photo
from tests.console.conftest import Console
from tests.console.test_cases import move

Sit = Callable[..., Page]


@pytest.fixture
def no(console: Console) -> str:
    """A case filed in a conversation with two photos and a position; the bot is not needed for it."""
    with httpx.Client(base_url=console.url) as http:
        opened = http.post("/api/v1/chat/sessions", json={}).json()
        http.headers["Authorization"] = f"Bearer {opened['token']}"
        sent = [from_a_phone(), photo((1600, 1200), color=(20, 90, 200))]
        ids = [http.post("/api/v1/chat/attachments", files={"file": one}).json()["id"] for one in sent]
        at = {"lat": 36.144, "lng": 120.484, "accuracy": 18}
        http.post("/api/v1/chat/messages", json={"text": "路灯坏了", "attachments": ids, "location": at})
        with console.sessions() as db:
            draft = db.scalars(select(ChatSession.draft_id).where(ChatSession.id == opened["session_id"])).one()
        body = {"description": "枯桃社区的路灯坏了，晚上看不见路", "place_text": "枯桃社区", "anonymous": True}
        inside = {"X-Laoxian-Secret": os.environ["LAOXIAN_INTERNAL_SECRET"]}
        filed = http.post(f"/internal/v1/drafts/{draft}/file", json=body, headers=inside, timeout=60)
        return str(filed.json()["case_no"])


def loaded(page: Page, selector: str) -> None:
    """Waits until every picture that ``selector`` finds is drawn."""
    page.wait_for_function(
        "s => [...document.querySelectorAll(s)].every(i => i.complete && i.naturalWidth) && document.querySelector(s)",
        arg=selector,
    )


def test_staff_see_photos_and_where_they_were_taken(sit: Sit, console: Console, no: str) -> None:
    page = sit("clerk", f"/cases/{no}")
    expect(page.locator(".photos img")).to_have_count(2)
    loaded(page, ".photos img")
    expect(page.locator(".facts")).to_contain_text("纬度 36.14400，经度 120.48400（WGS-84，误差约 18 米）")
    with console.sessions() as db:
        assert [row.action for row in console.case(db, no).history] == ["提交"]
    page.get_by_role("button", name="照片 1，点开看原图").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("1 / 2")
    loaded(page, ".photo img")
    assert page.locator(".photo img").evaluate("i => [i.naturalWidth, i.naturalHeight]") == [480, 640]
    expect(page.locator(".history")).to_contain_text("看了照片原图")
    dialog.get_by_role("button", name="下一张").click()
    expect(dialog).to_contain_text("2 / 2")
    loaded(page, ".photo img")
    dialog.get_by_role("button", name="关闭").click()
    expect(dialog).to_have_count(0)
    with console.sessions() as db:
        notes = [row.note for row in console.case(db, no).history if row.action == "查看照片"]
    assert notes == ["第 1 张", "第 2 张"]
    move(page, "受理")  # looking at a photo is no change under anybody's hands
    expect(page.locator(".head .status")).to_have_text("已受理")


def test_who_only_teaches_sees_neither(sit: Sit, no: str) -> None:
    page = sit("trainer", f"/cases/{no}")
    expect(page.locator(".history")).to_be_visible()
    expect(page.locator(".photos")).to_have_count(0)
    expect(page.get_by_text("手机定位")).to_have_count(0)


def test_without_signing_in_the_picture_is_not_there(console: Console, no: str) -> None:
    answer = httpx.get(f"{console.url}/console/photos/{no}/{'0' * 32}")
    assert (answer.status_code, answer.headers["location"].startswith("/console/login")) == (303, True)
