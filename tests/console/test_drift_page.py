"""The trainers' page of drift: last week's figures, weeks back and forth, not for other roles."""

from collections.abc import Callable
from datetime import timedelta

from playwright.sync_api import Page, expect
from sqlalchemy import update

from api.cases.models import Case
from api.columns import utcnow
from api.drift.service import WEEK, monday
from tests.console.conftest import Console


def test_a_trainer_reads_last_week_and_the_one_before(console: Console, sit: Callable[..., Page]) -> None:
    no = console.file("路灯不亮，上一周报的")
    with console.sessions.begin() as db:
        db.execute(update(Case).where(Case.no == no).values(created_at=monday(utcnow()) - WEEK + timedelta(hours=9)))
    page = sit("trainer", "/drift")
    row = page.get_by_role("row").filter(has_text="城乡建设")
    expect(row).to_contain_text("0.90")
    expect(row).to_contain_text("0%（0%–")
    expect(page.get_by_text("稳定指数")).to_be_visible()
    page.get_by_role("button", name="前一周").click()
    expect(page.get_by_role("row").filter(has_text="全部").get_by_role("cell").nth(1)).to_have_text("0")
    page.get_by_role("button", name="后一周").click()
    expect(row).to_be_visible()


def test_a_handler_has_no_such_page(sit: Callable[..., Page]) -> None:
    page = sit("lights", "/drift")
    expect(page.get_by_role("navigation").get_by_text("走势")).to_have_count(0)
    expect(page.get_by_text("您的岗位没有这一页")).to_be_visible()
