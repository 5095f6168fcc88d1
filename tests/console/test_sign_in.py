"""Signing in and out of the console: wrong passwords, lock-out, the way back, silence, switched-off accounts."""

import re
from collections.abc import Callable
from pathlib import Path

import httpx
import nicegui
from playwright.sync_api import Page, expect
from sqlalchemy import select

from api.accounts.models import Role, StaffSession, User
from api.accounts.service import create_user, disable
from tests.conftest import PASSWORD
from tests.console.conftest import Console, enter, start


def test_wrong_password_is_told_and_the_right_one_leads_to_the_page_that_was_wanted(
    page: Page, console: Console
) -> None:
    no = console.file("路灯坏了")
    enter(page, console, "clerk", "不是这个密码", f"/cases/{no}")
    expect(page.get_by_role("alert")).to_have_text("用户名或密码不对")
    expect(page.get_by_label("用户名")).to_have_value("clerk")
    page.get_by_label("密码").fill(PASSWORD)
    page.get_by_role("button", name="登录").click()
    expect(page).to_have_url(f"{console.url}/console/cases/{no}")
    expect(page.get_by_role("heading", name=no)).to_be_visible()


def test_five_failures_lock_the_account(page: Page, console: Console) -> None:
    with console.sessions.begin() as db:
        create_user(db, "forgetful", PASSWORD, "忘密码", Role.CLERK)
    for _ in range(5):
        enter(page, console, "forgetful", "不是这个密码")
    enter(page, console, "forgetful", PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("锁定 15 分钟")


def test_every_page_asks_who_is_there(console: Console) -> None:
    for path in ("/", "/cases/LX20261124-00001", "/chats", "/feedback"):
        answer = httpx.get(f"{console.url}/console{path}")
        assert answer.status_code == 303, path
        assert answer.headers["location"].startswith("/console/login?wanted=/"), path
    assert httpx.get(f"{console.url}/console").headers["location"] == "/console/"


def test_pages_stay_out_of_frames_and_caches(console: Console) -> None:
    answer = httpx.get(f"{console.url}/console/login")
    assert answer.headers["cache-control"] == "no-store"
    assert "frame-ancestors 'self'" in answer.headers["content-security-policy"]
    asset = f"{console.url}/console/_nicegui/{nicegui.__version__}/static/nicegui.js"
    assert "immutable" in httpx.get(asset).headers["cache-control"]


def test_the_way_back_never_leads_out_of_the_console(console: Console) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/\\evil.example"):
        form = {"username": "clerk", "password": PASSWORD, "wanted": wanted}
        assert httpx.post(f"{console.url}/console/sign-in", data=form).headers["location"] == "/console/", wanted


def test_another_site_cannot_sign_anybody_in(console: Console) -> None:
    form = {"username": "clerk", "password": PASSWORD}
    answer = httpx.post(f"{console.url}/console/sign-in", data=form, headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status_code == 403


def test_a_cookie_from_before_the_sign_in_opens_nothing(page: Page, console: Console) -> None:
    page.goto(f"{console.url}/console/login")
    before = page.context.cookies()
    enter(page, console, "clerk")
    expect(page).to_have_url(f"{console.url}/console/")
    planted = {cookie["name"]: cookie["value"] for cookie in before if "name" in cookie and "value" in cookie}
    assert planted
    assert httpx.get(f"{console.url}/console/", cookies=planted).status_code == 303


def test_signing_out_ends_it_in_every_tab(sit: Callable[..., Page], console: Console) -> None:
    page = sit("clerk")
    other = page.context.new_page()
    other.goto(f"{console.url}/console/")
    page.get_by_role("button", name="退出").click()
    expect(page).to_have_url(re.compile("/console/login"))
    expect(other).to_have_url(re.compile("/console/login"), timeout=15_000)


def test_a_switched_off_account_is_out_at_once(sit: Callable[..., Page], console: Console) -> None:
    with console.sessions.begin() as db:
        create_user(db, "leaver", PASSWORD, "要走的人", Role.CLERK)
    page = sit("leaver")
    with console.sessions.begin() as db:
        disable(db.scalars(select(User).where(User.username == "leaver")).one())
    expect(page).to_have_url(re.compile("/console/login"), timeout=15_000)
    expect(page.get_by_role("alert")).to_contain_text("账号已停用")


def test_too_long_a_silence_ends_the_session(page: Page, tmp_path: Path) -> None:
    console, process = start(tmp_path, LAOXIAN_TOKEN_MINUTES="0")
    try:
        enter(page, console, "clerk")
        expect(page.get_by_role("alert")).to_have_text("太久没有操作，请重新登录")
    finally:
        process.terminate()
        process.wait(20)


def test_a_session_is_ended_from_the_list_and_is_out_at_once(sit: Callable[..., Page], console: Console) -> None:
    with console.sessions.begin() as db:
        create_user(db, "twice", PASSWORD, "两处登录", Role.CLERK)
    lost, page = sit("twice"), sit("twice")
    page.locator("header .me").click()
    cards = page.locator("[data-session]")
    expect(cards).to_have_count(2)
    expect(cards.filter(has_text="现在这里")).to_contain_text("Chrome · Linux")
    page.get_by_role("button", name="结束").click()
    expect(cards).to_have_count(1)
    expect(lost).to_have_url(re.compile("/console/login"), timeout=15_000)
    expect(lost.get_by_role("alert")).to_contain_text("这次登录已结束")


def test_signing_out_ends_the_session(sit: Callable[..., Page], console: Console) -> None:
    with console.sessions.begin() as db:
        create_user(db, "orderly", PASSWORD, "有始有终", Role.CLERK)
    page = sit("orderly")
    page.get_by_role("button", name="退出").click()
    expect(page).to_have_url(re.compile("/console/login"))
    with console.sessions() as db:
        (session,) = db.scalars(select(StaffSession).join(User).where(User.username == "orderly"))
        assert session.ended_at
