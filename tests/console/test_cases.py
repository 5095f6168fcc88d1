"""A clerk's and a department's day at the console, in a real browser."""

from collections.abc import Callable

from playwright.sync_api import Page, expect

from tests.console.conftest import LIGHTS, ROADS, Console

Sit = Callable[..., Page]


def test_clerk_filters_and_finds_a_case(sit: Sit, console: Console) -> None:
    wanted = console.file("景观桥头的信号灯不亮", "仙霞岭路", "紧急")
    other = console.file("景观桥头有人摆摊", "秦岭路", "一般")
    page = sit("clerk")
    page.keyboard.press("/")
    page.keyboard.type("景观桥头")
    expect(page.locator(f"tr[data-no='{wanted}']")).to_be_visible()
    expect(page.locator(f"tr[data-no='{other}']")).to_be_visible()
    expect(page.locator("tr[data-no]")).to_have_count(2)
    choose(page, "紧急程度", "紧急")
    expect(page.locator("tr[data-no]")).to_have_count(1)
    page.keyboard.press("Escape")
    page.reload()  # the address holds tab, words and filters
    expect(page.locator("tr[data-no]")).to_have_count(1)
    page.locator(".page").click(position={"x": 5, "y": 5})
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name=wanted)).to_be_visible()
    page.keyboard.press("b")
    expect(page.locator("tr[data-no].cursor")).to_have_attribute("data-no", wanted)


def test_override_keeps_suggestion_and_decision_apart(sit: Sit, console: Console) -> None:
    no = console.file("楼下歌厅半夜太吵，说是路灯其实不是")
    page = sit("clerk", f"/cases/{no}")
    form = page.locator(".override")
    pick(form, page, "一级分类", "环境保护")
    pick(form, page, "二级分类", "噪音污染")
    form.get_by_role("button", name="保存改判").click()
    expect(page.get_by_text("请写明改判原因")).to_be_visible()
    form.get_by_label("改判原因").fill("说的是歌厅噪声")
    form.get_by_role("button", name="保存改判").click()
    expect(page.locator(".overrides")).to_contain_text("说的是歌厅噪声")
    expect(page.locator(".head .class")).to_have_text("环境保护 › 噪音污染")
    with console.sessions() as db:
        case = console.case(db, no)
        assert (case.suggestion["category"], case.suggestion["subcategory"]) == ("城乡建设", "路灯照明")
        assert (case.category, case.subcategory) == ("环境保护", "噪音污染")
        assert case.department == "市生态环境局崂山分局"
        (kept,) = case.overrides
        assert kept.suggested["category"] == "城乡建设"
        assert kept.decided["category"] == "环境保护"
        assert kept.reason == "说的是歌厅噪声"


def test_clerk_accepts_and_dispatches(sit: Sit, console: Console) -> None:
    no = console.file("石老人广场路灯不亮")
    page = sit("clerk", f"/cases/{no}")
    move(page, "受理")
    expect(page.locator(".history")).to_contain_text("受理员小李（受理员）受理了诉求")
    page.locator(".moves").get_by_role("button", name="派单", exact=True).click()
    dialog = page.get_by_role("dialog")
    dialog.locator(".field-department input").fill("住房和城乡")
    page.get_by_role("option", name=ROADS).click()
    dialog.locator(".field-note textarea").fill("请今天到场")
    dialog.get_by_role("button", name="确认派单").click()
    first = page.locator(".history li").first
    expect(first).to_contain_text(f"派单给{ROADS}")
    expect(first).to_contain_text("请今天到场")
    expect(first).to_contain_text("已受理 → 已派单")
    with console.sessions() as db:
        case = console.case(db, no)
        assert (case.status, case.department) == ("已派单", ROADS)


def test_a_missing_field_is_named_and_nothing_happens(sit: Sit, console: Console) -> None:
    no = console.file("路灯杆歪了")
    page = sit("clerk", f"/cases/{no}")
    page.locator(".moves").get_by_role("button", name="不予受理").click()
    page.get_by_role("button", name="确认不予受理").click()
    expect(page.get_by_text("“不予受理”要填写原因")).to_be_visible()
    with console.sessions() as db:
        assert console.case(db, no).status == "待受理"


def test_a_rule_that_refuses_is_explained(sit: Sit, console: Console) -> None:
    no = console.file("路灯忽明忽暗")
    page = sit("clerk", f"/cases/{no}")
    page.get_by_text("暂时不能办的").click()
    expect(page.locator(".moves")).to_contain_text("派单：只有特急件可以不经受理直接派单，请先受理")


def test_another_department_does_not_see_the_case(sit: Sit, console: Console) -> None:
    no = console.file("只归城管局的路灯")
    for action in ("受理", "派单"):
        console.act(no, "clerk", action)
    mine = sit("lights")
    expect(mine.locator(f"tr[data-no='{no}']")).to_be_visible()
    other = sit("roads", "/?tab=all")
    expect(other.get_by_text("共 ")).to_be_visible()
    expect(other.locator(f"tr[data-no='{no}']")).to_have_count(0)
    other.goto(f"{console.url}/console/cases/{no}")
    expect(other.get_by_text("没有找到这个诉求件")).to_be_visible()
    assert LIGHTS not in other.content()


def test_markup_in_a_story_is_shown_as_text(sit: Sit, console: Console) -> None:
    story = "<img src=x onerror=document.title='坏了'> {{ 6*7 }} <b>粗</b> 13912345678"
    no = console.file(story, "<script>document.title='坏了'</script>")
    page = sit("clerk", f"/?tab=all&q={no}")
    shown = story.replace("13912345678", "139****5678")
    expect(page.locator(f"tr[data-no='{no}'] .c-summary")).to_contain_text(shown)
    page.goto(f"{console.url}/console/cases/{no}")
    expect(page.locator(".story")).to_have_text(shown)
    expect(page.locator(".story mark").first).to_be_visible()  # highlighted, still text
    expect(page.locator(".story")).to_have_text(shown)
    assert page.locator(".page img, .page b:text('粗')").count() == 0
    assert "坏了" not in page.title()


def test_a_change_under_ones_hands_is_told_and_shown(sit: Sit, console: Console) -> None:
    no = console.file("两个人同时办的路灯")
    page = sit("clerk", f"/cases/{no}")
    page.locator(".moves").get_by_role("button", name="受理", exact=True).click()
    console.act(no, "clerk", "受理")
    page.get_by_role("button", name="确认受理").click()
    expect(page.get_by_text("刚刚做了“受理”，这件已经变了")).to_be_visible()
    expect(page.locator(".head .status")).to_have_text("已受理")
    page.get_by_role("button", name="取消").click()
    expect(page.get_by_role("dialog")).to_have_count(0)


def test_half_written_words_outlive_a_change(sit: Sit, console: Console) -> None:
    no = console.file("写到一半的路灯")
    page = sit("clerk", f"/cases/{no}")
    page.locator(".moves").get_by_role("button", name="补充").click()
    page.locator(".field-note textarea").fill("居民来电说又坏了两盏")
    console.act(no, "clerk", "受理")
    expect(page.locator(".head .status")).to_have_text("已受理", timeout=15_000)
    page.get_by_role("button", name="确认补充").click()
    expect(page.get_by_text("刚刚做了“受理”，这件已经变了")).to_be_visible()
    expect(page.locator(".field-note textarea")).to_have_value("居民来电说又坏了两盏")
    page.get_by_role("button", name="确认补充").click()
    expect(page.locator(".history li").first).to_contain_text("居民来电说又坏了两盏")


def test_a_case_that_has_left_ones_department_leads_back_to_the_list(sit: Sit, console: Console) -> None:
    no = console.file("要转走的路灯")
    for action in ("受理", "派单"):
        console.act(no, "clerk", action)
    page = sit("lights", f"/cases/{no}")
    console.act(no, "clerk", "改派", reason="归住建", department=ROADS)
    expect(page.locator(".queue")).to_be_visible(timeout=15_000)


def test_the_number_is_shown_for_a_reason_that_is_kept(sit: Sit, console: Console) -> None:
    no = console.file("要回访的路灯，打 13912345678")
    page = sit("clerk", f"/cases/{no}")
    expect(page.locator(".reporter")).to_contain_text("138****0001")
    page.get_by_role("button", name="显示").click()
    page.get_by_label("为什么要看").fill("回访居民")
    page.get_by_role("dialog").get_by_role("button", name="显示").click()
    expect(page.locator(".reporter")).to_contain_text("王小明")
    expect(page.locator(".reporter")).to_contain_text("13800000001")
    expect(page.locator(".story")).to_contain_text("13912345678")
    with console.sessions() as db:
        last = console.case(db, no).history[-1]
        assert (last.action, last.note) == ("查看联系方式", "回访居民")


def test_new_cases_arrive_by_themselves_and_the_mark_stays(sit: Sit, console: Console) -> None:
    first = console.file("自动刷新之前的路灯")
    page = sit("clerk", "/?tab=all&q=自动刷新")
    expect(page.locator("tr[data-no]")).to_have_count(1)
    page.keyboard.press("j")
    second = console.file("自动刷新之后的煤气味", "秦岭路", "特急")
    expect(page.locator(f"tr[data-no='{second}'] .urgency")).to_have_text("特急", timeout=15_000)
    expect(page.locator("tr.cursor")).to_have_attribute("data-no", first)
    expect(page.locator(".alarms")).to_contain_text(second)


def test_nothing_is_fetched_from_elsewhere_and_it_fits_a_phone(sit: Sit, console: Console) -> None:
    no = console.file("手机上看的路灯")
    page = sit("clerk", f"/?q={no}")
    elsewhere: list[str] = []
    local = (console.url, console.url.replace("http", "ws", 1), "data:", "blob:")
    page.on("request", lambda request: None if request.url.startswith(local) else elsewhere.append(request.url))
    page.set_viewport_size({"width": 390, "height": 844})
    for path in (f"/?q={no}", f"/cases/{no}", "/chats"):
        page.goto(f"{console.url}/console{path}")
        expect(page.locator(".page")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert page.evaluate("document.querySelector('.page').scrollWidth <= innerWidth"), path
    assert elsewhere == []


def move(page: Page, action: str) -> None:
    """Does a move that needs no field."""
    page.locator(".moves").get_by_role("button", name=action, exact=True).click()
    page.get_by_role("button", name=f"确认{action}").click()


def choose(page: Page, label: str, option: str) -> None:
    """Picks an option of a filter of the queue."""
    page.locator(".filters").get_by_label(label, exact=True).first.click()
    page.get_by_role("option", name=option, exact=True).click()


def pick(form, page: Page, label: str, option: str) -> None:  # type: ignore[no-untyped-def]
    """Picks an option of a select of the override form."""
    form.get_by_label(label, exact=True).first.click()
    page.get_by_role("option", name=option, exact=True).click()
