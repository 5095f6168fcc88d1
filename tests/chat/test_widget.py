"""The resident's page in a real browser, on the real service."""

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy.orm import Session, sessionmaker

from api.chat import staff
from api.chat.models import ChatSession
from api.columns import utcnow
from tests.chat.conftest import FaultyBot, says

# One database is enough here: the pages never see which.
pytestmark = [pytest.mark.parametrize("database_url", ["sqlite"], indirect=True), pytest.mark.timeout(90)]


def say(page: Page, text: str) -> None:
    """Types a message and presses Enter."""
    page.get_by_role("textbox").fill(text)
    page.get_by_role("textbox").press("Enter")


def texts(page: Page, author: str) -> list[str]:
    """Returns what the bubbles of an author say."""
    return page.locator(f".row.{author} .text").all_inner_texts()


def test_a_talk_survives_a_reload_and_is_shown_once(page: Page, bot: FaultyBot) -> None:
    say(page, "路灯坏了")
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    page.reload()
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    assert texts(page, "resident") == ["路灯坏了"]
    say(page, "海尔路61号")
    expect(page.get_by_text("听到：海尔路61号")).to_be_visible()
    assert len(texts(page, "bot")) == 4


def test_what_is_said_never_becomes_markup(page: Page, bot: FaultyBot) -> None:
    evil = "<img src=x onerror=\"document.title='坏'\"><script>document.title='坏'</script>"
    bot.script = lambda _request: says(evil, quick_replies=[{"title": evil, "payload": "好"}])
    say(page, evil)
    expect(page.locator(".row.bot .text").last).to_have_text(evil)
    assert texts(page, "resident") == [evil]
    assert page.locator("laoxian-chat img, laoxian-chat script").count() == 0
    assert page.title() == "崂先办 · 崂山区诉求服务"


def test_a_case_number_is_a_card_to_copy(page: Page, bot: FaultyBot) -> None:
    bot.script = lambda _request: says("登记好了，编号 LX20261124-00001", case_no="LX20261124-00001")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    say(page, "匿名")
    page.get_by_role("button", name="复制编号").click()
    expect(page.get_by_text("已复制")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == "LX20261124-00001"


def test_emergency_numbers_ring(page: Page, bot: FaultyBot) -> None:
    bot.down()
    say(page, "我家楼下着火了")
    expect(page.get_by_role("link", name="立即拨打 119")).to_have_attribute("href", "tel:119")
    assert page.locator(".urgent a").count() == 4


def test_numbers_that_are_no_hotline_are_no_links(page: Page, bot: FaultyBot) -> None:
    bot.script = lambda _request: says("您家 120 平米，110 号楼，电费 119 元，对吗？")
    say(page, "对")
    expect(page.get_by_text("120 平米")).to_be_visible()
    assert page.locator(".row.bot a").count() == 0


def test_a_quick_reply_is_said_and_goes(page: Page, bot: FaultyBot) -> None:
    page.get_by_role("button", name="查办理进度").click()
    expect(page.get_by_text("听到：查办理进度")).to_be_visible()
    assert page.locator(".quick button").count() == 0


def test_the_retry_button_replays(page: Page, bot: FaultyBot) -> None:
    bot.script = lambda _request: 503
    say(page, "路灯坏了")
    retry = page.get_by_role("button", name="重试")
    expect(retry).to_be_visible()
    bot.script = lambda request: says(f"听到：{request['message']}")
    retry.click()
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()


def test_an_answer_that_got_lost_is_asked_for_again_and_runs_once(page: Page, bot: FaultyBot) -> None:
    lost: list[str] = []

    def lose_first(route: Route) -> None:
        if route.request.method == "POST" and not lost:
            lost.append(route.fetch().text())
            route.abort()
        else:
            route.continue_()

    page.route("**/api/v1/chat/messages*", lose_first)
    say(page, "路灯坏了")
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    assert lost
    assert bot.texts == ["路灯坏了"]
    assert texts(page, "resident") == ["路灯坏了"]


def test_what_is_written_offline_waits_also_through_a_reload(page: Page, bot: FaultyBot) -> None:
    page.route("**/api/v1/chat/messages*", lambda route: route.abort())
    say(page, "路灯坏了")
    say(page, "海尔路61号")
    expect(page.get_by_text("已存好")).to_be_visible()
    expect(page.get_by_role("button", name="重新发送").first).to_be_visible()
    page.reload()
    expect(page.locator(".row.resident")).to_have_count(2)
    assert bot.heard == []
    page.unroute("**/api/v1/chat/messages*")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.get_by_text("听到：海尔路61号")).to_be_visible()
    assert bot.texts == ["路灯坏了", "海尔路61号"]
    assert texts(page, "resident") == ["路灯坏了", "海尔路61号"]
    expect(page.get_by_text("已存好")).to_be_hidden()


def test_enter_sends_but_not_while_an_input_method_composes(page: Page, bot: FaultyBot) -> None:
    field = page.get_by_role("textbox")
    field.fill("lu deng")
    field.evaluate(
        "e => e.dispatchEvent(new KeyboardEvent('keydown', {key: 'Enter', isComposing: true, bubbles: true}))"
    )
    field.evaluate("e => e.dispatchEvent(new CompositionEvent('compositionstart'))")
    field.press("Enter")
    assert bot.heard == []
    field.evaluate("e => e.dispatchEvent(new CompositionEvent('compositionend'))")
    field.fill("第一行")
    field.press("Shift+Enter")
    field.press_sequentially("第二行")
    field.press("Enter")
    expect(page.get_by_text("听到：第一行")).to_be_visible()
    assert bot.texts == ["第一行\n第二行"]
    expect(field).to_be_focused()


def test_the_counter_warns_near_the_limit(page: Page, bot: FaultyBot) -> None:
    field, send = page.get_by_role("textbox"), page.get_by_role("button", name="发送", exact=True)
    field.fill("长" * 19_990)
    expect(page.get_by_text("还可以写 10 字")).to_be_visible()
    field.fill("长" * 20_001)
    expect(page.get_by_text("超出 1 字")).to_be_visible()
    expect(send).to_be_disabled()
    field.fill("长" * 20_000)
    expect(send).to_be_enabled()


def test_a_new_conversation_begins_empty(page: Page, bot: FaultyBot) -> None:
    say(page, "路灯坏了")
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    page.get_by_role("button", name="新对话").click()
    page.get_by_role("button", name="开始新的").click()
    expect(page.locator(".row.resident")).to_have_count(0)
    expect(page.locator(".row.bot:not(.typing)")).to_have_count(2)
    say(page, "楼道灯坏了")
    expect(page.get_by_text("听到：楼道灯坏了")).to_be_visible()
    assert bot.heard[0]["sender"] != bot.heard[1]["sender"]


def test_a_lost_session_goes_on_in_a_new_one(page: Page, bot: FaultyBot, sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        db.query(ChatSession).delete()
    say(page, "路灯坏了")
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    assert texts(page, "resident") == ["路灯坏了"]


def test_two_tabs_show_the_same(page: Page, bot: FaultyBot, site: str) -> None:
    second = page.context.new_page()
    second.goto(site)
    say(page, "路灯坏了")
    say(second, "海尔路61号")
    for tab in (page, second):
        expect(tab.get_by_text("听到：海尔路61号")).to_be_visible(timeout=20_000)
        expect(tab.get_by_text("听到：路灯坏了")).to_be_visible(timeout=20_000)
        assert sorted(texts(tab, "resident")) == sorted(["路灯坏了", "海尔路61号"])


def test_a_person_speaks_up(page: Page, bot: FaultyBot, sessions: sessionmaker[Session]) -> None:
    with sessions.begin() as db:
        session = db.query(ChatSession).one()
        staff.take_over(db, session.id, "u1", utcnow())
        staff.say(db, session.id, "u1", "您好，我是小李", utcnow())
    expect(page.get_by_text("您好，我是小李")).to_be_visible(timeout=20_000)
    expect(page.get_by_text("工作人员正在为您服务")).to_be_visible()
    say(page, "谢谢小李")
    expect(page.locator(".typing")).to_be_hidden()
    assert bot.heard == []


def test_one_tag_embeds_it_in_any_site(browser: Browser, elsewhere: str, bot: FaultyBot) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(elsewhere)
    page.get_by_role("button", name="有事找崂先办").click()
    expect(page.get_by_role("textbox")).to_be_focused()
    say(page, "路灯坏了")
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    assert context.cookies() == []
    page.get_by_role("textbox").press("Escape")
    expect(page.get_by_role("button", name="有事找崂先办")).to_be_focused()
    context.close()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_nothing_sticks_out_at_any_width_or_letter_size(page: Page, bot: FaultyBot, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    say(page, "w" * 300)
    expect(page.get_by_text("听到：")).to_be_visible()
    for size in ("100%", "200%"):
        page.evaluate("size => document.documentElement.style.fontSize = size", size)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        log = page.get_by_role("log")
        assert log.evaluate("e => e.scrollWidth <= e.clientWidth")
        assert log.evaluate("e => e.clientHeight") > 100
