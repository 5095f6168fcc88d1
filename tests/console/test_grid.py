"""A grid worker's day on a phone, and the orders that come to it, in a real browser at 360 px."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import select

from api.accounts.models import Role, User
from api.accounts.service import create_user
from api.cases.models import Case
from api.columns import utcnow
from api.orders.models import OrderReceipt
from api.orders.schemas import OrderIn
from api.orders.service import issue
from api.orders.units import home
from tests.chat.photos import from_a_phone, photo
from tests.conftest import PASSWORD
from tests.console.conftest import Console, enter

STREET, COMMUNITY = "中韩街道", "枯桃社区"
PHONE = {
    "viewport": {"width": 360, "height": 740},
    "user_agent": "Mozilla/5.0 (Linux; Android 13; Pixel 5) AppleWebKit/537.36 Chrome/120.0 Mobile Safari/537.36",
    "is_mobile": True,
    "has_touch": True,
}
AT = {"latitude": 36.144, "longitude": 120.484, "accuracy": 18}
Sit = Callable[..., Page]


@pytest.fixture(scope="module")
def walker(console: Console) -> str:
    """The account id of a grid worker of 枯桃社区; a clerk sits in the street above, another in the community."""
    with console.sessions.begin() as db:
        user = create_user(db, "walker", PASSWORD, "网格员小徐", Role.GRID, None, STREET, COMMUNITY)
        create_user(db, "street", PASSWORD, "街道小周", Role.CLERK, None, STREET)
        create_user(db, "village", PASSWORD, "社区小吴", Role.CLERK, None, STREET, COMMUNITY)
        return user.id


@pytest.fixture
def hand(browser: Browser, console: Console, walker: str) -> Iterator[Callable[..., Page]]:
    """Opens the console on the worker's phone."""
    errors: list[str] = []
    contexts: list[BrowserContext] = []

    def open_(path: str = "/", **more: Any) -> Page:
        contexts.append(browser.new_context(locale="zh-CN", **PHONE, **more))
        page = contexts[-1].new_page()
        page.set_default_timeout(15_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        enter(page, console, "walker", path=path)
        expect(page.locator(".page:not(.login)")).to_be_visible()
        return page

    yield open_
    for context in contexts:
        context.close()
    assert errors == []


def dispatched(console: Console, description: str, **more: Any) -> str:
    """Files a case in the worker's community that waits for somebody to take it on."""
    no = console.file(description, f"{STREET}{COMMUNITY}", **more)
    for action in ("受理", "派单"):
        console.act(no, "clerk", action)
    return no


def order(console: Console, issuer: str, units: list[str], title: str) -> int:
    """Issues an order behind the browser's back."""
    with console.sessions() as db:
        user = db.scalars(select(User).where(User.username == issuer)).one()
        wanted = OrderIn(title=title, text="今晚排查低洼路段", level="特急", units=units)
        made, _ = issue(db, user, wanted, None, utcnow())
        db.commit()
        return made.id


def unit(console: Console, username: str) -> str:
    """The path of somebody's unit."""
    with console.sessions() as db:
        return home(db.scalars(select(User).where(User.username == username)).one()) or ""


def fits(page: Page) -> None:
    """Nothing is wider than the phone."""
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    wide = "[...document.querySelectorAll('.page, .page *')].filter(e => e.getBoundingClientRect().right > 361)"
    assert page.evaluate(f"{wide}.map(e => e.outerHTML.slice(0, 120))") == []


def fills(page: Page) -> None:
    """Every card is as wide as the phone lets it be."""
    widths = page.locator(".slip").evaluate_all("all => all.map(e => Math.round(e.getBoundingClientRect().width))")
    assert set(widths) == {360 - 24}


def thumbs(page: Page) -> None:
    """Everything to press is large enough for a thumb."""
    small = page.locator(".page :is(button, .big, input:not([type=hidden]):not([type=file])):visible").evaluate_all(
        "all => all.filter(e => e.getBoundingClientRect().height < 44).map(e => e.outerHTML.slice(0, 120))"
    )
    assert small == []


def test_on_a_phone_the_day_opens_and_at_a_desk_the_queue(hand: Sit, sit: Sit, console: Console) -> None:
    expect(hand()).to_have_url(f"{console.url}/console/grid")
    expect(sit("walker")).to_have_url(f"{console.url}/console/")
    answer = hand("/?tab=all")
    expect(answer).to_have_url(f"{console.url}/console/?tab=all")


def test_a_task_is_taken_on_and_answered(hand: Sit, console: Console) -> None:
    no = dispatched(console, f"枯桃花卉市场门口路灯整排不亮，{'晚上看不见路，' * 20}请尽快", urgency="特急")
    page = hand()
    task = page.locator("article").filter(has_text=no)
    expect(task).to_contain_text(f"{STREET}{COMMUNITY}")
    expect(task).to_contain_text("王**　138****0001")
    expect(task.locator(".clock")).to_contain_text("剩")
    fits(page)
    thumbs(page)
    task.get_by_role("button", name="看号码").click()
    page.get_by_role("button", name="联系上门").click()
    page.get_by_role("button", name="显示", exact=True).click()
    expect(task.get_by_role("link", name="打电话 13800000001")).to_have_attribute("href", "tel:13800000001")
    task.get_by_role("button", name="接单：我去办").click()
    fits(page)
    page.get_by_role("button", name="确认接单").click()
    expect(task.locator(".status")).to_have_text("办理中")
    expect(task.get_by_role("link", name="打电话 13800000001")).to_be_visible()
    task.get_by_role("button", name="反馈：办好了，答复居民").click()
    page.locator(".field-answer textarea").fill("换了灯头，已经亮了")
    page.get_by_role("button", name="确认反馈").click()
    expect(page.locator("article").filter(has_text=no)).to_have_count(0)
    with console.sessions() as db:
        case = console.case(db, no)
        assert case.status == "已反馈"
        assert "查看联系方式" in [row.action for row in case.history]


def test_somebody_elses_community_is_not_on_the_page(hand: Sit, console: Console) -> None:
    no = console.file("金家岭的路灯坏了", "金家岭街道")
    for action in ("受理", "派单"):
        console.act(no, "clerk", action)
    mine = dispatched(console, "枯桃的路灯坏了")
    page = hand()
    expect(page.get_by_text(mine)).to_be_visible()
    expect(page.get_by_text(no)).to_have_count(0)


def test_a_new_task_appears_without_reload(hand: Sit, console: Console) -> None:
    page = hand()
    no = dispatched(console, "枯桃社区的井盖响")
    expect(page.get_by_text(no)).to_be_visible(timeout=15_000)


def test_an_order_is_read_and_its_receipt_given_with_a_photo(hand: Sit, sit: Sit, console: Console) -> None:
    number = order(console, "street", [unit(console, "walker"), unit(console, "village")], "台风橙色预警")
    page = hand()
    slip = page.locator("article.directive").filter(has_text="台风橙色预警")
    expect(slip).to_contain_text("前回执")
    expect(slip).to_contain_text(f"{STREET}发")
    slip.get_by_role("button", name="收到，已读").click()
    expect(slip.locator(".status")).to_have_text("已读")
    fits(page)
    fills(page)
    slip.get_by_label("办得怎么样").fill("三处低洼已放沙袋")
    slip.get_by_label("拍照").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": from_a_phone()})
    expect(slip.get_by_role("button", name="删掉照片 1")).to_be_visible()
    # The picture itself is seen, not a box over it.
    expect(slip.locator(".shots img")).to_have_js_property("complete", True)
    top = "e => { const r = e.getBoundingClientRect(); return document.elementFromPoint(r.x + 9, r.bottom - 9) === e; }"
    assert slip.locator(".shots img").evaluate(top)
    thumbs(page)
    slip.get_by_role("button", name="交回执", exact=True).click()
    expect(page.get_by_text("回执交上去了")).to_be_visible()
    expect(page.locator("article.directive").filter(has_text="台风橙色预警")).to_have_count(0)

    desk = sit("street", f"/orders/{number}")
    node = desk.locator(".branch li").filter(has_text="网格员小徐")
    expect(node).to_contain_text("已回执")
    expect(node).to_contain_text("三处低洼已放沙袋")
    with desk.context.expect_page() as opened:
        node.get_by_role("link", name="看照片").click()
    assert opened.value.evaluate("document.images[0].naturalWidth") == 480
    expect(desk.locator(".tally").first).to_contain_text("回执 1/2")


def test_words_outlive_a_refusal_and_a_lost_page(hand: Sit, console: Console) -> None:
    order(console, "street", [unit(console, "walker")], "森林防火")
    page = hand()
    slip = page.locator("article.directive").filter(has_text="森林防火")
    slip.get_by_text("交回执").first.click()
    slip.get_by_label("办得怎么样").fill("山口已设卡")
    slip.get_by_label("拍照").set_input_files(
        {"name": "a.jpg", "mimeType": "image/jpeg", "buffer": b"%PDF-1.4 no photo"}
    )
    slip.get_by_role("button", name="交回执", exact=True).click()
    expect(slip.get_by_role("status")).to_contain_text("这不是照片")
    page.reload()
    expect(slip.locator("textarea")).to_have_value("山口已设卡")


def test_a_matter_is_reported_with_photo_and_place_and_found_again(hand: Sit, sit: Sit, console: Console) -> None:
    page = hand("/grid", geolocation=AT, permissions=["geolocation"])
    form = page.locator("#report")
    page.locator(".thumb").get_by_role("link", name="上报").click()
    form.get_by_role("button", name="上报", exact=True).click()
    expect(form.get_by_role("status")).to_have_text("请先写明是什么事")
    form.get_by_label("什么事").fill("人行道塌了一块，有人差点摔倒")
    form.get_by_role("button", name="用手机定位").click()
    expect(form.get_by_role("status")).to_contain_text("误差约 18 米")
    expect(form.get_by_label("在哪里")).to_have_value(f"{STREET}{COMMUNITY}附近")
    form.get_by_label("拍照").set_input_files({"name": "a.jpg", "mimeType": "image/jpeg", "buffer": from_a_phone()})
    form.get_by_label("从相册选").set_input_files({"name": "b.jpg", "mimeType": "image/jpeg", "buffer": photo()})
    expect(form.locator(".shots button")).to_have_count(2)
    fits(page)
    thumbs(page)
    form.get_by_role("button", name="上报", exact=True).click()
    expect(page.locator(".thanks")).to_contain_text("已登记 LX", timeout=60_000)
    with console.sessions() as db:
        case = db.scalars(select(Case).where(Case.source == "grid").order_by(Case.id.desc())).first()
        assert case is not None
        assert (case.street, case.community, case.status) == (STREET, COMMUNITY, "待受理")
        assert case.suggestion["category"] == "城乡建设"  # the model's own judgement
        assert [(row.action, row.actor_role) for row in case.history] == [("提交", "grid")]
        assert case.reporter.name == "网格员小徐"
        no = case.no
    page.locator(".slip.mine").filter(has_text=no).click()
    expect(page.get_by_role("heading", name=no)).to_be_visible()
    expect(page.locator(".photos img")).to_have_count(2)
    expect(page.locator(".facts")).to_contain_text("网格上报")
    expect(page.locator(".facts")).to_contain_text("纬度 36.14400，经度 120.48400")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360
    clerk = sit("clerk", f"/cases/{no}")
    expect(clerk.locator(".photos img")).to_have_count(2)
    expect(clerk.get_by_text("打开这段对话")).to_have_count(0)


def test_the_same_report_sent_twice_is_one_case(hand: Sit, console: Console) -> None:
    page = hand("/grid")
    send = """async () => {
        const body = new FormData();
        body.append("key", "twice");
        body.append("text", "枯桃社区健身器材坏了");
        const answers = [];
        for (let i = 0; i < 2; i++)
            answers.push(await (await fetch("/console/grid/report", {method: "POST", body})).json());
        return answers;
    }"""
    first, second = page.evaluate(send)
    assert first == second
    with console.sessions() as db:
        same = [case for case in db.scalars(select(Case)) if case.description == "枯桃社区健身器材坏了"]
        assert len(same) == 1
        # No place given: the worker's own.
        assert (same[0].place_text, same[0].community) == (None, COMMUNITY)


def test_without_a_place_it_is_the_workers_own(hand: Sit, console: Console) -> None:
    page = hand("/grid")
    form = page.locator("#report")
    form.get_by_label("什么事").fill("楼道里的灯不亮")
    form.get_by_label("在哪里").fill("三号楼二单元")
    form.get_by_role("button", name="上报", exact=True).click()
    expect(page.locator(".thanks")).to_contain_text("已登记", timeout=60_000)
    with console.sessions() as db:
        case = db.scalars(select(Case).where(Case.description == "楼道里的灯不亮")).one()
        assert (case.place_text, case.community) == (f"{STREET}{COMMUNITY}三号楼二单元", COMMUNITY)


def test_the_page_is_the_grid_workers_alone(sit: Sit, console: Console) -> None:
    page = sit("clerk", "/grid")
    expect(page.get_by_text("您的岗位没有这一页")).to_be_visible()
    page.goto(f"{console.url}/console/")
    refused = page.evaluate(
        """async () => {
            const body = new FormData();
            body.append("key", "x"); body.append("text", "x");
            const answer = await fetch("/console/grid/report", {method: "POST", body});
            return [answer.status, (await answer.json()).detail];
        }"""
    )
    assert refused[0] == 403
    outside = httpx.post(f"{console.url}/console/grid/report", data={"key": "x", "text": "x"})
    assert outside.status_code == 303


def test_an_order_is_issued_passed_down_and_the_overdue_show_red(sit: Sit, console: Console, walker: str) -> None:
    page = sit("boss", "/orders")
    page.get_by_role("button", name="发指令").click()
    dialog = page.get_by_role("dialog")
    dialog.get_by_role("button", name="发出").click()
    expect(page.get_by_text("标题、内容、收令单位：没有填、太长或格式不对")).to_be_visible()
    dialog.get_by_label("标题").fill("暴雨红色预警")
    dialog.get_by_label("内容").fill("地下车库逐个排查")
    dialog.get_by_label("发给").fill(STREET)
    page.get_by_role("option", name=STREET, exact=True).click()
    dialog.get_by_label("内容").click()
    dialog.get_by_role("button", name="发出").click()
    expect(page).to_have_url(re.compile(r"/console/orders/\d+$"))
    expect(page.locator(".branch li")).to_have_count(1)
    expect(page.locator(".branch li")).to_contain_text("未读")
    number = int(page.url.rpartition("/")[2])

    street = sit("street", f"/orders/{number}")
    street.get_by_role("button", name="下派给下级").click()
    street.get_by_role("button", name="全部网格员（1）").click()
    street.get_by_role("dialog").get_by_label("交代").fill("先看桥洞")
    street.get_by_role("dialog").get_by_role("button", name="下派", exact=True).click()
    expect(street.locator(".branch .branch li")).to_contain_text("先看桥洞")
    expect(street.locator(".branch .branch li")).to_contain_text("网格员小徐")

    with console.sessions.begin() as db:
        for receipt in db.scalars(select(OrderReceipt).where(OrderReceipt.order_id == number)):
            receipt.due_at = receipt.sent_at
    page.reload()
    expect(page.locator(".tally .late")).to_have_text("逾期 2")
    expect(page.locator(".node[data-late=true]")).to_have_count(2)
    red = page.locator(".node[data-late=true]").first
    assert red.evaluate("e => getComputedStyle(e).color") == "rgb(179, 38, 30)"
    page.goto(f"{console.url}/console/orders")
    expect(page.locator(".order-line").filter(has_text="暴雨红色预警")).to_contain_text("逾期 2")
    roads = sit("roads", "/orders")
    expect(roads.get_by_text("不在区、街道、社区这棵树上")).to_be_visible()
    roads.goto(f"{console.url}/console/orders/{number}")
    expect(roads.get_by_text("没有找到这条指令")).to_be_visible()
