"""Where I am signed in, and for administrators who else is and where; each can be ended."""

from datetime import datetime
from functools import partial
from typing import Any

from nicegui import ui

from api.accounts.models import Role
from api.accounts.sessions import KINDS
from api.columns import utcnow
from api.console import sessions_data
from api.console.clock import moment
from api.console.frame import caught, frame, text
from api.console.session import CurrentDesk, Desk


@ui.page("/sessions", title="登录的地方 · 崂先办工作台", response_timeout=30)
async def sessions(desk: CurrentDesk) -> None:
    """Shows them."""
    await frame(desk, "/sessions")
    await SessionsPage(desk).build()


class SessionsPage:
    """The lists of sign-ins."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk

    async def build(self) -> None:
        """Adds the page."""
        with ui.element("div").classes("page sessions"):
            with ui.element("div").classes("bar"):
                text("登录的地方", "h1")
                text("不认识的就结束它，再改密码。结束后那边马上退出。", classes="hint")
            self.own = ui.element("div").classes("calls")
            if self.desk.role == Role.ADMIN:
                with ui.element("div").classes("bar"):
                    text("其他人", "h2")
                    self.box = ui.input(placeholder="按用户名或姓名找", on_change=self.refresh)
                    self.box.props("dense outlined clearable debounce=300").classes("filter")
                self.others = ui.element("div").classes("calls")
        await self.refresh()

    async def refresh(self) -> None:
        """Reads the lists anew."""
        with caught():
            own = await self.desk.run(sessions_data.own_sessions, utcnow())
            self.own.clear()
            with self.own:
                for one in own:
                    self._one(one)
            if self.desk.role == Role.ADMIN:
                found = await self.desk.run(sessions_data.other_sessions, utcnow())
                wanted = (self.box.value or "").strip()
                self.others.clear()
                with self.others:
                    for one in found:
                        if wanted in one["username"] or wanted in one["name"]:
                            self._one(one)

    def _one(self, one: dict[str, Any]) -> None:
        with ui.element("article").classes("card noted").props(f'data-session="{one["id"]}"'):
            with ui.element("div").classes("line"):
                text(f"{one['name']}（{one['username']}）", "b")
                if one["current"]:
                    text("现在这里", classes="flag")
                else:
                    ui.button("结束", on_click=partial(self._end, one["id"])).props("flat dense color=negative")
            opened, seen = (moment(datetime.fromisoformat(one[name])) for name in ("opened_at", "seen_at"))
            place = "　".join((KINDS[one["kind"]], one["device"], f"来自 {one['source']}"))
            text(place, "p")
            text(f"登录 {opened}　最近一次在 {seen}", "p", "hint")

    async def _end(self, session_id: str) -> None:
        with caught():
            await self.desk.run(sessions_data.end, session_id, utcnow())
            ui.notify("已结束", type="positive", position="top", timeout=2500)
            await self.refresh()
