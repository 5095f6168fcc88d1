"""The notes in which colleagues called me, unread first."""

from datetime import datetime
from typing import Any

from nicegui import ui

from api.columns import utcnow
from api.console import mentions_data
from api.console.clock import moment
from api.console.frame import caught, frame, text
from api.console.session import CurrentDesk, Desk


@ui.page("/mentions", title="提到我的 · 崂先办工作台", response_timeout=30)
async def mentions(desk: CurrentDesk) -> None:
    """Shows them."""
    live = await frame(desk, "/mentions")
    page = MentionsPage(desk)
    await page.build()
    live.on("notices", page.refresh)


class MentionsPage:
    """The list of calls."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def build(self) -> None:
        """Adds the page."""
        with ui.element("div").classes("page mentions"):
            with ui.element("div").classes("bar"):
                text("提到我的", "h1")
                self.summary = text("", classes="hint")
                ui.element("div").classes("grow")
                self.all_read = ui.button("全部标为已读", on_click=self._read_all).props("outline")
            self.list = ui.element("div").classes("calls")
        await self.refresh()

    async def refresh(self) -> None:
        """Reads the list anew."""
        with caught():
            found = await self.desk.run(mentions_data.all_mentions)
            waiting = sum(one["seen_at"] is None for one in found)
            self.summary.set_text(f"{waiting} 条没看过" if waiting else "都看过了")
            self.all_read.set_visibility(waiting > 0)
            self.list.clear()
            with self.list:
                for one in found:
                    _call(one)
                if not found:
                    text("还没有人在内部说明里 @ 您。同事写“@您的用户名”，这里就会出现。", "p", "hint")

    async def _read_all(self) -> None:
        with caught():
            await self.desk.run(mentions_data.read_all, utcnow())
            ui.navigate.reload()


def _call(one: dict[str, Any]) -> None:
    with ui.element("article").classes("card noted") as card:
        card.props["data-unread"] = str(one["seen_at"] is None).lower()
        with ui.element("div").classes("line"):
            with ui.element("a").props(f'href="/console/cases/{one["case_no"]}"'):
                text(one["title"], "b")
            text(moment(datetime.fromisoformat(one["at"])), "time")
        text(one["note"] or "（说明已清除）", "p", "note")
