"""Conversations that want a person: take over, answer, hand back."""

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import Depends
from nicegui import ui

from api.columns import utcnow
from api.console import chat_data
from api.console.case_page import chat_lines
from api.console.chat_data import STATES, Talk
from api.console.data import CHAT_ROLES
from api.console.frame import caught, frame, text
from api.console.session import Desk, desk_of


@ui.page("/chats", title="对话 · 崂先办工作台", response_timeout=30)
async def chats(desk: Annotated[Desk, Depends(desk_of(*CHAT_ROLES))], session: str = "") -> None:
    """Shows the conversations that want a person."""
    live = await frame(desk, "/chats")
    page = ChatsPage(desk, session)
    await page.build()
    live.on("chats", page.refresh)


class ChatsPage:
    """The list of conversations, and the open one beside it."""

    def __init__(self, desk: Desk, session_id: str) -> None:
        self.desk, self.session_id = desk, session_id
        self.shown: Talk | None = None

    async def build(self) -> None:
        """Adds the page."""
        with ui.element("div").classes("page chats"):
            self.list = ui.element("nav").classes("list").props('aria-label="对话"')
            with ui.element("section").classes("talk"):
                self.head = ui.element("header").classes("head")
                self.lines = ui.element("div").classes("lines").props('aria-live="polite"')
                with ui.element("footer").classes("say") as self.foot:
                    self.words = ui.textarea(placeholder="对居民说……（Enter 发送，Shift+Enter 换行）")
                    self.words.props("outlined dense autogrow maxlength=2000").classes("wide")
                    # The line break must not be typed before the message is sent.
                    self.words.on("keydown.enter.exact.prevent", self._say)
                    ui.button("发送", on_click=self._say).props("unelevated")
        await self.refresh()

    async def refresh(self) -> None:
        """Reads list and conversation anew."""
        found = await self.desk.run(chat_data.talks, utcnow())
        self.list.clear()
        with self.list:
            for one in found:
                self._item(one)
            if not found:
                text("现在没有居民在等人工。", "p", "empty")
        await self._open()

    def _item(self, one: dict[str, Any]) -> None:
        button = ui.element("button").classes("item" + (" here" if one["id"] == self.session_id else ""))
        button.props["data-state"] = "mine" if one["mine"] else one["state"]
        with button:
            text(one["title"], "b")
            text(one["since"], "time")
            text(one["last"], "p", "new" if one["unanswered"] else "")

        async def choose() -> None:
            self.session_id = one["id"]
            self.desk.touch()
            with caught():
                await self.refresh()
                ui.navigate.history.replace(f"?session={self.session_id}")

        button.on("click", choose)

    async def _open(self) -> None:
        shown = await self.desk.run(chat_data.talk, self.session_id) if self.session_id else None
        if shown == self.shown and shown is not None:
            return
        self.shown = shown
        self.foot.set_visibility(bool(shown and shown.mine))
        self.head.clear()
        self.lines.clear()
        with self.head:
            self._head(shown)
        if shown:
            with self.lines:
                chat_lines(shown.lines)
            ui.run_javascript(
                f"requestAnimationFrame(() => {{ const e = getHtmlElement({self.lines.id}); e.scrollTop = 1e9; }})"
            )

    def _head(self, shown: Talk | None) -> None:
        if shown is None:
            text("左边选一段对话。接入后机器人不再说话，由您来答；办完请交还给机器人。", "p", "hint")
            return
        state = f"{shown.speaker}在接待" if shown.speaker and not shown.mine else STATES[shown.state]
        text("您在接待" if shown.mine else state, "b")
        if shown.reason:
            text(f"原因：{shown.reason}", classes="hint")
        for no in shown.cases[:3]:
            with ui.element("a").props(f'href="/console/cases/{no}"'):
                text(no)
        ui.element("div").classes("grow")
        if shown.mine:
            self._button("交还给机器人", chat_data.hand_back, "outline")
        elif shown.state != "person":
            self._button("接入", chat_data.take_over, "unelevated")
            if shown.state == "wants_person":
                self._button("不用人工了", chat_data.hand_back, "flat")

    def _button(self, words: str, job: Callable[..., Any], look: str) -> None:
        async def do() -> None:
            with caught():
                await self.desk.run(job, self.session_id, utcnow())
                await self.refresh()

        ui.button(words, on_click=do).props(f"{look} dense")

    async def _say(self) -> None:
        said = (self.words.value or "").strip()
        if not said:
            return
        with caught():
            await self.desk.run(chat_data.say, self.session_id, said, utcnow())
            self.words.set_value("")
            self.desk.touch()
            await self.refresh()
