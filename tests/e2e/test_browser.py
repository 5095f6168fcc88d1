"""The main job in a real browser: a resident files through the widget, a clerk finds the case and overrides it."""

import re

import httpx
from playwright.sync_api import Browser, Page, expect

from tests.e2e.conftest import PASSWORD, House


def say(page: Page, text: str, answer: str) -> None:
    """Types a message as a resident would and waits for the answer."""
    box = page.get_by_role("textbox")
    box.fill(text)
    box.press("Enter")
    expect(page.locator(".row.bot:not(.typing)").last).to_contain_text(re.compile(answer, re.DOTALL), timeout=20_000)


def test_from_a_chat_on_a_phone_to_an_override_at_a_desk(house: House, browser: Browser, staff: httpx.Client) -> None:
    phone = browser.new_context(viewport={"width": 390, "height": 844}, locale="zh-CN").new_page()
    phone.goto(house.url)
    say(phone, "凉泉社区村头的路灯一个月没亮了 <b>黑灯瞎火</b>", "电话")
    say(phone, "13800530199", "核对.*凉泉社区")
    phone.get_by_role("button", name="确认提交").last.click()
    filed = phone.locator(".row.bot:not(.typing)").last
    expect(filed).to_contain_text(re.compile(r"LX\d{8}-\d{5}"), timeout=20_000)
    number = re.search(r"LX\d{8}-\d{5}", filed.inner_text())
    assert number

    phone.reload()
    expect(phone.locator(".row.bot:not(.typing)").last).to_contain_text(number[0])

    desk = browser.new_context(viewport={"width": 1366, "height": 850}, locale="zh-CN").new_page()
    desk.goto(f"{house.url}/console")
    desk.get_by_label("用户名").fill("staff")
    desk.get_by_label("密码").fill(PASSWORD)
    desk.get_by_role("button", name="登录").click()
    search = desk.get_by_label("搜索")
    search.fill("黑灯瞎火")
    row = desk.get_by_role("link", name=number[0])
    expect(row).to_be_visible(timeout=20_000)
    row.click()
    expect(desk.get_by_text("<b>黑灯瞎火</b>").first).to_be_visible(timeout=20_000)
    expect(desk.get_by_text("138****0199").first).to_be_visible()

    suggested = staff.get(f"/api/v1/cases/{number[0]}").json()
    body = {"urgency": "紧急" if suggested["urgency"] != "紧急" else "一般", "reason": "天黑老人走夜路有危险"}
    staff.patch(f"/api/v1/cases/{number[0]}/triage", json=body).raise_for_status()
    decided = staff.get(f"/api/v1/cases/{number[0]}").json()
    assert decided["urgency"] == body["urgency"]
    assert decided["triage"]["urgency"] == suggested["triage"]["urgency"], "the model's suggestion stays as it was"
    expect(desk.get_by_text("天黑老人走夜路有危险").first).to_be_visible(timeout=20_000)
