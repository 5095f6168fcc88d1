"""Two matters in one case are parted at the console, from what the system proposes."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.console.conftest import Console

Sit = Callable[..., Page]
TOLD = "两件事：第一，株洲路路灯坏了三天没人修；第二，楼下饭店油烟直接往居民楼里排，呛得没法开窗"


def test_the_proposed_parts_are_edited_and_become_linked_cases(sit: Sit, console: Console) -> None:
    no = console.file(TOLD)
    page = sit("clerk", f"/cases/{no}")
    page.locator(".moves").get_by_role("button", name="拆分", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("系统看出这几件")
    parts = page.locator(".part textarea")
    expect(parts).to_have_count(2)
    expect(parts.first).to_have_value("株洲路路灯坏了三天没人修")
    parts.nth(1).fill("饭店油烟往居民楼里排")
    page.get_by_role("button", name="再加一件").click()
    page.locator(".field-reason textarea").fill("两件事归两家管")
    page.get_by_role("button", name="确认拆分").click()
    expect(page.locator(".story").first).to_have_text("株洲路路灯坏了三天没人修")
    expect(page.locator(".history")).to_contain_text("把这件拆开，几件事分开办")
    expect(page.locator(".history")).to_contain_text(TOLD)
    page.locator(".facts").get_by_role("link").first.click()
    expect(page.locator(".story").first).to_have_text("饭店油烟往居民楼里排")
    expect(page.locator(".history")).to_contain_text(f"由 {no} 拆分")
    expect(page.locator(".facts")).to_contain_text(no)
    expect(page.locator(".head .class")).to_contain_text("环境保护")


def test_one_matter_is_split_by_hand_and_one_part_is_refused(sit: Sit, console: Console) -> None:
    no = console.file("路灯杆倒在路边")
    page = sit("clerk", f"/cases/{no}")
    page.locator(".moves").get_by_role("button", name="拆分", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("系统只看出一件事")
    page.locator(".field-reason textarea").fill("想拆")
    page.get_by_role("button", name="确认拆分").click()
    expect(page.get_by_text("拆成的几件：没有填")).to_be_visible()
