"""Overrides for trainers: what the model suggested, what a person decided, why; filters and a CSV file."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Depends
from nicegui import ui

from api.cases.numbers import LOCAL
from api.columns import utcnow
from api.console import data, feedback_data
from api.console.feedback_data import FIELDS, PAGE, ROLES, FeedbackFilter
from api.console.frame import caught, frame, text
from api.console.session import Desk, desk_of


@ui.page("/feedback", title="改判反馈 · 崂先办工作台", response_timeout=30)
async def feedback(desk: Annotated[Desk, Depends(desk_of(*ROLES))]) -> None:
    """Shows the overrides."""
    live = await frame(desk, "/feedback")
    page = FeedbackPage(desk)
    await page.build()
    live.on("cases", page.refresh)


class FeedbackPage:
    """The list of overrides."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.wanted = desk, FeedbackFilter()
        self.rows: list[dict[str, Any]] | None = None

    async def build(self) -> None:
        """Adds the page."""
        with ui.element("div").classes("page feedback"):
            with ui.element("div").classes("bar"):
                text("改判反馈", "h1")
                self.summary = text("", classes="hint")
                ui.element("div").classes("grow")
                field = ui.select(FIELDS, label="改了什么", clearable=True)
                field.on_value_change(lambda event: self._narrow(field=event.value))
                category = ui.select(data.choices()["category"], label="涉及分类", clearable=True)
                category.on_value_change(lambda event: self._narrow(category=event.value))
                box = ui.input(placeholder="搜编号、内容、原因")
                box.on_value_change(lambda event: self._narrow(q=event.value or ""))
                box.props("clearable debounce=300").classes("search")
                for one in (field, category, box):
                    one.props("dense outlined options-dense").classes("filter")
                ui.button("下载 CSV", on_click=self._download).props("outline")
            self.list = ui.element("div").classes("decisions")
            self.pager = ui.pagination(1, 1, on_change=lambda event: self._turn(event.value)).props("max-pages=7 dense")
        await self.refresh()

    async def refresh(self) -> None:
        """Reads the page anew."""
        rows, total = await self.desk.run(feedback_data.feedback, self.wanted)
        pages = max(-(-total // PAGE), 1)
        self.summary.set_text(f"共 {total} 条")
        self.pager.max = pages
        self.pager.set_visibility(pages > 1)
        self.pager.set_value(min(self.wanted.page, pages))
        if rows == self.rows:
            return
        self.rows = rows
        self.list.clear()
        with self.list:
            for row in rows:
                _decision(row)
            if not rows:
                text("还没有改判。受理员在诉求件页面改判后，会出现在这里，供训练使用。", "p", "empty")

    async def _narrow(self, **changes: Any) -> None:
        self.wanted = replace(self.wanted, page=1, **changes)
        self.desk.touch()
        with caught():
            await self.refresh()

    async def _turn(self, page: int) -> None:
        if page != self.wanted.page:
            self.wanted = replace(self.wanted, page=page)
            with caught():
                await self.refresh()

    async def _download(self) -> None:
        with caught():
            content = await self.desk.run(feedback_data.feedback_csv, self.wanted)
            day = utcnow().astimezone(LOCAL).strftime("%Y%m%d")
            ui.download.content(content, f"改判反馈-{day}.csv", "text/csv")


def _decision(row: dict[str, Any]) -> None:
    with ui.element("article").classes("card decision"):
        with ui.element("div").classes("line"):
            with ui.element("a").props(f'href="/console/cases/{row["no"]}"'):
                text(row["no"])
            text(f"{row['who']} {row['at']}", "time")
            text(f"模型 {row['model'] or '—'}", classes="hint")
        text(row["text"], "p", "clip")
        for name in row["changed"]:
            with ui.element("div").classes("change"):
                text(f"{FIELDS[name]}：")
                text(str(row["suggested"][name] or "—"), "del")
                text(" → ")
                text(str(row["decided"][name] or "—"), "ins")
        if not row["changed"]:
            text("与模型建议一致", classes="same")
        text(row["reason"], "p", "note")
