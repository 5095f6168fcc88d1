"""A colleague is called in an internal note, completed while it is typed, and finds the call."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.console.conftest import Console

Sit = Callable[..., Page]


def test_a_call_is_completed_arrives_without_reload_and_is_read_with_the_case(sit: Sit, console: Console) -> None:
    no = console.file("海尔路路灯不亮", "海尔路")
    handler = sit("lights")
    expect(handler.locator("nav")).to_contain_text("@我")
    count = handler.locator("nav a").filter(has_text="@我").locator(".count")
    expect(count).to_be_hidden()
    page = sit("clerk", f"/cases/{no}")
    page.locator(".moves").get_by_role("button", name="跟进", exact=True).click()
    box = page.locator(".field-note textarea")
    expect(box).to_have_attribute("data-colleagues", re.compile("lights"))
    box.press_sequentially("先看现场 @城管")
    expect(page.get_by_role("option")).to_have_count(1)
    box.press("Enter")
    expect(box).to_have_value("先看现场 @lights ")
    box.press_sequentially("谢谢")
    page.get_by_role("button", name="确认跟进").click()
    expect(page.locator(".history")).to_contain_text("先看现场 @lights 谢谢")
    expect(count).to_have_text("1", timeout=15_000)
    handler.locator("nav a").filter(has_text="@我").click()
    call = handler.locator(".noted").first
    expect(call).to_contain_text("受理员小李在")
    expect(call).to_contain_text("先看现场 @lights 谢谢")
    call.get_by_role("link").click()
    expect(handler.get_by_role("heading", name=no)).to_be_visible()
    expect(count).to_be_hidden()


def test_somebody_without_sight_is_neither_offered_nor_accepted(sit: Sit, console: Console) -> None:
    no = console.file("松岭路路灯不亮", "松岭路")
    page = sit("clerk", f"/cases/{no}")
    page.locator(".moves").get_by_role("button", name="跟进", exact=True).click()
    box = page.locator(".field-note textarea")
    expect(box).to_have_attribute("data-colleagues", re.compile("lights"))
    box.press_sequentially("@")
    expect(page.get_by_role("option").first).to_be_visible()
    assert "roads" not in " ".join(page.get_by_role("option").all_inner_texts())
    box.press_sequentially("roads 看一下")
    expect(page.get_by_role("option")).to_have_count(0)
    page.get_by_role("button", name="确认跟进").click()
    expect(page.get_by_text("住建小张（@roads）看不到这件，不能在这里提到他")).to_be_visible()
