"""Similar cases, quoting an answer, merging, and several reporters on the page of a case."""

from collections.abc import Callable

from playwright.sync_api import Page, expect
from sqlalchemy import select

from api.cases.following import follow
from api.cases.models import Case
from api.cases.reporters import Contact
from api.columns import utcnow
from tests.console.conftest import Console

Sit = Callable[..., Page]


def test_an_answer_is_quoted_into_the_reply(sit: Sit, console: Console) -> None:
    answered = console.file("会展中心旁路灯杆被车撞歪了", "会展中心")
    no = console.file("会展中心旁的路灯杆歪了，快倒了", "会展中心")
    for one, actions in ((answered, ("受理", "派单")), (no, ("受理", "派单"))):
        for action in actions:
            console.act(one, "clerk", action)
        console.act(one, "lights", "接单")
    console.act(answered, "lights", "反馈", answer="已扶正灯杆并加固基座")
    page = sit("lights", f"/cases/{no}")
    card = page.locator(".similar-one").filter(has_text=answered)
    expect(card).to_contain_text("已扶正灯杆并加固基座")
    card.get_by_role("button", name="引用答复").click()
    expect(page.locator(".field-answer textarea")).to_have_value("已扶正灯杆并加固基座")
    page.get_by_role("button", name="确认反馈").click()
    expect(page.locator(".head .status")).to_have_text("已反馈")


def test_a_twin_is_merged_from_the_card_and_the_merge_undone(sit: Sit, console: Console) -> None:
    main = console.file("大剧院门口路灯整排不亮", "青岛大剧院")
    no = console.file("大剧院门口整排路灯不亮了", "青岛大剧院")
    page = sit("clerk", f"/cases/{no}")
    card = page.locator(".similar-one").filter(has_text=main)
    expect(card).to_contain_text("可能是同一件事")
    expect(page.locator(".similar h2").first).to_have_text("可能是同一件，还没答复（1）")
    card.get_by_role("button", name="并入这件").click()
    expect(page.locator(".field-main_no input")).to_have_value(main)
    page.locator(".field-reason textarea").fill("同一排灯")
    page.get_by_role("button", name="确认并单").click()
    expect(page.locator(".head .status")).to_have_text("已合并")
    page.locator(".facts").get_by_role("link", name=main).click()
    expect(page.locator(".facts")).to_contain_text(no)
    expect(page.locator(".facts")).to_contain_text("关注的居民")
    page.locator(".facts").get_by_role("link", name=no).click()
    page.get_by_role("button", name="取消并单", exact=True).click()
    page.locator(".field-reason textarea").fill("看错了")
    page.get_by_role("button", name="确认取消并单").click()
    expect(page.locator(".head .status")).to_have_text("已受理")


def test_a_twin_that_is_answered_is_quoted_and_not_merged_into(sit: Sit, console: Console) -> None:
    main = console.file("极地海洋世界门口路灯整排不亮", "极地海洋世界")
    no = console.file("极地海洋世界门口整排路灯不亮了", "极地海洋世界")
    for who, action in (("clerk", "受理"), ("clerk", "派单"), ("lights", "接单")):
        console.act(main, who, action)
    console.act(main, "lights", "反馈", answer="线路已抢通")
    page = sit("clerk", f"/cases/{no}")
    card = page.locator(".similar-one").filter(has_text=main)
    expect(card).to_contain_text("线路已抢通")
    expect(page.locator(".similar h2").last).to_contain_text("相似件与答复")
    expect(card.get_by_role("button", name="并入这件")).to_have_count(0)


def test_each_follower_is_shown_for_a_reason_and_called_back(sit: Sit, console: Console) -> None:
    no = console.file("石老人浴场的路灯不亮", "石老人海水浴场")
    with console.sessions() as db:
        case = db.scalars(select(Case).where(Case.no == no)).one()
        follow(db, case, Contact("赵小红", "13900000002", False), "another", utcnow())
        db.commit()
    for who, action in (("clerk", "受理"), ("clerk", "派单"), ("lights", "接单")):
        console.act(no, who, action)
    console.act(no, "lights", "反馈", answer="修好了")
    page = sit("clerk", f"/cases/{no}")
    expect(page.locator(".followers")).to_contain_text("2 赵** 139****0002　未回访")
    page.locator(".followers").get_by_role("button", name="显示").click()
    page.get_by_label("为什么要看").fill("回访居民")
    page.get_by_role("dialog").get_by_role("button", name="显示").click()
    expect(page.locator(".followers")).to_contain_text("赵小红　13900000002")
    page.get_by_role("button", name="回访", exact=True).click()
    page.locator(".field-reporter").click()
    page.get_by_role("option", name="赵** 139****0002").click()
    page.locator(".field-note textarea").fill("电话接通")
    page.get_by_role("button", name="确认回访").click()
    expect(page.locator(".followers")).to_contain_text("已回访")
    expect(page.locator(".head .status")).to_have_text("已反馈")
