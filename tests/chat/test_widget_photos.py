"""Photos and position in the resident's page, in a real browser on the real service."""

import pytest
from playwright.sync_api import Browser, Page, Route, expect
from sqlalchemy import func, select

from api.chat.enclosures import Attachment
from tests.chat.conftest import FaultyBot, Look
from tests.chat.photos import from_a_phone, photo
from tests.chat.test_widget import say, texts

pytestmark = [pytest.mark.parametrize("database_url", ["sqlite"], indirect=True), pytest.mark.timeout(90)]

UPLOADS = "**/api/v1/chat/attachments"


def add(page: Page, *contents: bytes, kind: str = "image/jpeg") -> None:
    """Chooses photos through the button, as a thumb or the keyboard would."""
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="添加照片").click()
    assert chooser.value.is_multiple()
    chooser.value.set_files([{"name": f"{n}.jpg", "mimeType": kind, "buffer": one} for n, one in enumerate(contents)])


def ready(page: Page, count: int) -> None:
    """Waits until so many photos are uploaded."""
    expect(page.locator(".tile[data-state=ready]")).to_have_count(count)


def drawn(page: Page, selector: str) -> list[bool]:
    """Whether each picture that ``selector`` finds is really drawn."""
    return page.locator(selector).evaluate_all("all => all.map(i => i.complete && i.naturalWidth > 0)")


def test_photos_go_with_the_words_and_are_counted_after_a_reload(page: Page, bot: FaultyBot) -> None:
    add(page, from_a_phone(), photo(color=(0, 0, 250)))
    ready(page, 2)
    assert drawn(page, ".tile img") == [True, True]
    say(page, "路灯坏了")
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    assert bot.heard[0]["metadata"]["attachments"] == 2
    assert drawn(page, ".row.resident .photos img") == [True, True]
    expect(page.locator(".tray")).to_be_hidden()
    page.reload()
    expect(page.locator(".row.resident .photos")).to_have_text("照片 2 张")
    assert texts(page, "resident") == ["路灯坏了"]


def test_photos_alone_can_be_sent_by_keyboard(page: Page, bot: FaultyBot) -> None:
    page.on("filechooser", lambda _chooser: None)  # so that the browser hands choosers over before the key is pressed
    send = page.get_by_role("button", name="发送", exact=True)
    expect(send).to_be_disabled()
    page.get_by_role("textbox").focus()
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Shift+Tab")
    expect(page.get_by_role("button", name="添加照片")).to_be_focused()
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files([{"name": "a.jpg", "mimeType": "image/jpeg", "buffer": photo()}])
    ready(page, 1)
    expect(send).to_be_enabled()
    page.get_by_role("textbox").press("Enter")
    expect(page.get_by_text("听到：[图片]")).to_be_visible()
    assert drawn(page, ".row.resident .photos img") == [True]


def test_a_photo_is_taken_back_before_sending(page: Page, bot: FaultyBot, look: Look) -> None:
    add(page, photo(), photo(color=(0, 0, 250)))
    ready(page, 2)
    with page.expect_response(UPLOADS + "/*"):
        page.get_by_role("button", name="删掉这张照片").first.click()
    ready(page, 1)
    assert look(select(func.count()).select_from(Attachment)) == [1]
    say(page, "看")
    expect(page.get_by_text("听到：看")).to_be_visible()
    assert bot.heard[0]["metadata"]["attachments"] == 1


def test_an_upload_that_fails_is_tried_again(page: Page, bot: FaultyBot) -> None:
    page.route(UPLOADS, lambda route: route.abort())
    add(page, photo())
    expect(page.get_by_text("照片没有传上")).to_be_visible()
    expect(page.get_by_role("button", name="发送", exact=True)).to_be_disabled()
    page.unroute(UPLOADS)
    page.get_by_role("button", name="重试").click()
    ready(page, 1)
    expect(page.get_by_text("照片没有传上")).to_be_hidden()


def test_words_do_not_wait_for_photos_which_follow(page: Page, bot: FaultyBot) -> None:
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(UPLOADS, hold)
    add(page, photo())
    expect(page.locator(".tile progress")).to_be_visible()
    say(page, "着火了")
    expect(page.get_by_text("听到：着火了")).to_be_visible()
    expect(page.get_by_text("传完就自动发出")).to_be_visible()
    held[0].continue_()
    expect(page.get_by_text("听到：[图片]")).to_be_visible()
    assert [one["metadata"]["attachments"] for one in bot.heard] == [0, 1]


def test_what_is_no_photo_is_explained_and_blocks_nothing(page: Page, bot: FaultyBot) -> None:
    add(page, b"%PDF-1.7 words", kind="application/pdf")
    expect(page.get_by_text("PDF 文档")).to_be_visible()
    expect(page.locator(".tile .bad")).to_be_visible()
    add(page, photo())
    ready(page, 1)
    say(page, "看")
    expect(page.get_by_text("听到：看")).to_be_visible()
    assert bot.heard[0]["metadata"]["attachments"] == 1


def test_the_seventh_is_not_taken(page: Page, bot: FaultyBot) -> None:
    add(page, *(photo((40, 30), color=(n, 0, 0)) for n in range(0, 210, 30)))
    expect(page.get_by_text("一次最多 6 张照片")).to_be_visible()
    ready(page, 6)


def test_a_huge_photo_is_shrunk_before_it_is_sent(page: Page, bot: FaultyBot, look: Look) -> None:
    huge = photo((6000, 4000), quality=100) + b"\0" * 12_000_000  # over the server's limit as it is
    add(page, huge)
    ready(page, 1)
    (row,) = look(select(Attachment))
    assert (row.width, row.height) == (2048, 1365)


def test_photos_not_yet_delivered_survive_a_reload(page: Page, bot: FaultyBot) -> None:
    add(page, photo())
    ready(page, 1)
    page.route("**/api/v1/chat/messages*", lambda route: route.abort())
    say(page, "看")
    expect(page.get_by_text("已存好")).to_be_visible()
    page.reload()
    expect(page.locator(".row.resident .photos")).to_have_text("照片 1 张")
    page.unroute("**/api/v1/chat/messages*")
    page.evaluate("window.dispatchEvent(new Event('online'))")
    expect(page.get_by_text("听到：看")).to_be_visible()
    assert bot.heard[0]["metadata"]["attachments"] == 1


def test_a_conversation_that_is_gone_loses_the_photos_but_not_the_words(page: Page, bot: FaultyBot) -> None:
    add(page, photo())
    ready(page, 1)
    token = "localStorage.getItem(Object.keys(localStorage).find(key => key.endsWith(':token')))"
    before = page.evaluate(token)
    page.route(
        "**/api/v1/chat/messages*",
        lambda route: (
            route.fulfill(status=401, json={"detail": "失效"})
            if before in route.request.headers.get("authorization", "")
            else route.continue_()
        ),
    )
    say(page, "路灯坏了")
    expect(page.get_by_text("听到：路灯坏了")).to_be_visible()
    assert bot.heard[0]["metadata"]["attachments"] == 0


def test_the_position_is_said_in_words(page: Page, bot: FaultyBot) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 36.1440, "longitude": 120.4840, "accuracy": 20})
    page.get_by_role("button", name="发送我现在的位置").click()
    expect(page.get_by_text("听到：我在中韩街道枯桃社区附近")).to_be_visible()
    assert texts(page, "resident") == ["我在中韩街道枯桃社区附近"]
    page.reload()
    expect(page.locator(".row.resident .text")).to_have_text("我在中韩街道枯桃社区附近")


def test_a_position_that_is_kilometres_wrong_is_not_used(page: Page, bot: FaultyBot) -> None:
    page.context.grant_permissions(["geolocation"])
    page.context.set_geolocation({"latitude": 36.1440, "longitude": 120.4840, "accuracy": 30_000})
    page.get_by_role("button", name="发送我现在的位置").click()
    expect(page.get_by_text("定位误差约 30 公里")).to_be_visible()
    expect(page.locator(".row.resident.refused")).to_have_count(1)
    assert bot.heard == []


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        ("", "您没有允许定位"),  # what a browser without the permission says by itself
        ("navigator.geolocation.getCurrentPosition = (_ok, fail) => fail({code: 2})", "没有定到位置"),
        ("navigator.geolocation.getCurrentPosition = (_ok, fail) => fail({code: 3})", "没有等到"),
        ("Object.defineProperty(navigator, 'geolocation', {value: undefined})", "这个浏览器不能定位"),
        ("Object.defineProperty(window, 'isSecureContext', {value: false})", "不是 https"),
    ],
    ids=["denied", "nowhere", "timeout", "too old", "http"],
)
def test_without_a_position_one_line_says_what_to_do(page: Page, bot: FaultyBot, spoil: str, words: str) -> None:
    page.evaluate(f"() => {{ {spoil} }}")
    button = page.get_by_role("button", name="发送我现在的位置")
    button.click()
    expect(page.locator(".composer .hint")).to_contain_text(words)
    expect(page.locator(".composer .hint")).to_contain_text("请直接写出位置")
    expect(button).to_be_enabled()
    page.get_by_role("textbox").fill("海")
    expect(page.locator(".composer .hint")).to_be_hidden()


def test_photos_work_on_another_site(browser: Browser, elsewhere: str, bot: FaultyBot) -> None:
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(elsewhere)
    page.get_by_role("button", name="有事找崂先办").click()
    add(page, photo(), photo(color=(0, 0, 250)))
    ready(page, 2)
    page.get_by_role("button", name="删掉这张照片").first.click()
    say(page, "看")
    expect(page.get_by_text("听到：看")).to_be_visible()
    assert bot.heard[0]["metadata"]["attachments"] == 1
    context.close()


@pytest.mark.parametrize("width", [320, 390, 1280])
def test_nothing_sticks_out_with_six_photos(page: Page, bot: FaultyBot, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    add(page, *(photo((400, 300), color=(n, 0, 0)) for n in range(0, 180, 30)))
    ready(page, 6)
    for size in ("100%", "200%"):
        page.evaluate("size => document.documentElement.style.fontSize = size", size)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.get_by_role("log").evaluate("e => e.clientHeight") > 100
        expect(page.get_by_role("button", name="发送", exact=True)).to_be_in_viewport()
