"""Many rows in one move, saved views, the Excel file, the supervisor's board, in a real browser."""

import re
import zipfile
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.console.conftest import Console

Sit = Callable[..., Page]


def pick(page: Page, *numbers: str) -> None:
    """Ticks rows of the queue."""
    for no in numbers:
        page.locator(f"tr[data-no='{no}'] .c-pick .q-checkbox").click()


def test_selected_rows_are_moved_together_and_each_tells_how_it_ended(sit: Sit, console: Console) -> None:
    first, second, third = (console.file(f"批量的路灯{word}") for word in "甲乙丙")
    page = sit("clerk", "/?tab=all&q=批量的路灯")
    expect(page.locator("tr[data-no]")).to_have_count(3)
    pick(page, first, second, third)
    bar = page.locator(".bulk")
    expect(bar).to_contain_text("已选 3 件")
    # Somebody else is faster with one of them.
    console.act(third, "clerk", "受理")
    bar.get_by_role("button", name="受理", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".field-note textarea").fill("一起受理")
    dialog.get_by_role("button", name="确认受理 3 件").click()
    outcomes = page.locator(".outcomes")
    expect(outcomes).to_contain_text("2 件办好，1 件没有办成")
    expect(outcomes.locator("li").first).to_contain_text(third)
    expect(outcomes.locator("li").first).to_contain_text("已有人办过")
    page.get_by_role("button", name="知道了").click()
    expect(page.locator(f"tr[data-no='{first}'] .status")).to_have_text("已受理")
    expect(bar).to_be_hidden()
    with console.sessions() as db:
        assert console.case(db, second).history[-1].note == "一起受理"
        assert len(console.case(db, third).history) == 2


def test_what_must_be_given_is_asked_for_and_the_keyboard_selects(sit: Sit, console: Console) -> None:
    no = console.file("键盘选上的路灯")
    page = sit("clerk", "/?tab=all&q=键盘选上")
    expect(page.locator("tr[data-no]")).to_have_count(1)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.locator(".bulk").get_by_role("button", name="不予受理").click()
    page.get_by_role("button", name="确认不予受理 1 件").click()
    expect(page.get_by_text("请填写原因")).to_be_visible()
    page.get_by_role("dialog").locator(".field-reason textarea").fill("不在本区")
    page.get_by_role("button", name="确认不予受理 1 件").click()
    expect(page.locator(".outcomes")).to_contain_text("1 件办好")
    with console.sessions() as db:
        assert console.case(db, no).status == "不予受理"


def test_a_view_is_saved_comes_back_and_is_ones_own(sit: Sit, console: Console) -> None:
    console.file("视图里的路灯")
    page = sit("clerk", "/?tab=all&q=视图里")
    page.get_by_role("button", name="存为视图").click()
    page.get_by_label("名字").fill("看<b>路灯")
    page.get_by_role("button", name="保存").click()
    page.goto(f"{console.url}/console/")
    page.locator(".view").get_by_role("link", name="看<b>路灯").click()
    expect(page.get_by_placeholder("搜编号")).to_have_value("视图里")
    expect(page.locator("tr[data-no]")).to_have_count(1)
    other = sit("lights")
    expect(other.locator(".views")).to_be_visible()
    expect(other.locator(".view")).to_have_count(0)
    page.get_by_role("button", name="删除视图看<b>路灯").click()
    expect(page.locator(".view")).to_have_count(0)


def test_the_excel_file_holds_what_is_shown_masked_and_without_formulas(
    sit: Sit, console: Console, tmp_path: Path
) -> None:
    console.file("=HYPERLINK(“x”) 导出的路灯 13912345678")
    page = sit("clerk", "/?tab=all&q=导出的路灯")
    expect(page.locator("tr[data-no]")).to_have_count(1)
    with page.expect_download() as waiting:
        page.get_by_role("button", name="导出 Excel").click()
    assert re.fullmatch(r"诉求件-\d{8}-\d{4}\.xlsx", waiting.value.suggested_filename)
    waiting.value.save_as(tmp_path / "x.xlsx")
    with zipfile.ZipFile(tmp_path / "x.xlsx") as book:
        text = "".join(book.read(name).decode() for name in book.namelist() if name.endswith(".xml"))
    assert "导出的路灯 139****5678" in text
    assert "138****0001" in text
    assert "13912345678" not in text
    assert "<f>" not in text


def test_the_board_counts_leads_to_the_cases_and_fits_a_phone(sit: Sit, console: Console) -> None:
    no = console.file("看板上的路灯")
    page = sit("boss", "/board")
    open_ = int(page.locator(".tile.open .number").inner_text())
    assert open_ > 0
    expect(page.locator(".chart canvas").first).to_be_visible()
    row = page.locator("tr", has=page.get_by_role("link", name="区城市管理局"))
    expect(row.locator("td.open")).to_have_text(re.compile(r"\d+"))
    console.file("看板上又一盏路灯")
    expect(page.locator(".tile.open .number")).to_have_text(str(open_ + 1), timeout=15_000)
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    row.get_by_role("link").click()
    expect(page.locator(f"tr[data-no='{no}']")).to_be_visible()
    clerk = sit("clerk")
    clerk.goto(f"{console.url}/console/board")
    expect(clerk.get_by_text("您的岗位没有这一页")).to_be_visible()
