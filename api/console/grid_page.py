"""A grid worker's phone page: orders that wait for a receipt, today's tasks, reporting a matter."""

from functools import partial
from typing import Annotated, Any

from fastapi import Depends
from nicegui import ui

from api.accounts.models import Role
from api.cases.filing import DESCRIPTION_LIMIT, PLACE_LIMIT
from api.cases.numbers import LOCAL
from api.chat.attachments import MAX_PHOTOS
from api.columns import utcnow
from api.console import case_data, grid_data, orders_data
from api.console.case_data import CasePage
from api.console.case_links import ask_reveal
from api.console.case_moves import Moves
from api.console.frame import caught, frame, text
from api.console.grid_data import Day, Task
from api.console.photo_form import area, form_assets, fresh_key, hidden, line, photo_form, restore_forms
from api.console.session import Desk, desk_of
from api.console.turns import Offer
from api.orders.schemas import WORDS_LIMIT

# What a move means to somebody who stands in the street.
MEANS = {
    "接单": "我去办",
    "反馈": "办好了，答复居民",
    "跟进": "记一笔进展",
    "退单": "不归我办",
    "上报": "办不了，请上级办",
    "申请延期": "时间不够",
}
SHORT = 90
"""Characters of a story before it is folded."""


@ui.page("/grid", title="网格 · 崂先办", response_timeout=30)
async def grid(desk: Annotated[Desk, Depends(desk_of(Role.GRID))], filed: str = "", answered: str = "") -> None:
    """Shows the page."""
    form_assets()
    live = await frame(desk, "/grid")
    page = GridPage(desk)
    await page.build(filed[:20], bool(answered))
    live.on("cases", page.refresh)
    live.on("notices", page.refresh)


class GridPage:
    """The page of one worker. Tasks follow changes by themselves; forms stay as they are until asked."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.shown: Day | None = None
        self.phones: dict[str, str] = {}
        self.unfolded: set[str] = set()

    async def build(self, filed: str, answered: bool) -> None:
        """Adds the page; ``filed`` is a case just reported, ``answered`` tells of a receipt just given."""
        self.shown = await self.desk.run(grid_data.day, utcnow())
        self.owed = _due(self.shown.orders)
        self.layer = ui.element("div")
        with ui.element("main").classes("page grid-day"):
            now = utcnow().astimezone(LOCAL)
            with ui.element("header"):
                text(f"{now.month}月{now.day}日　{self.desk.user.name}", "h1")
                text(self.shown.place, "p", "hint")
            if filed or answered:
                await self._thanks(filed)
            with ui.element("div").classes("news").props('role="status"') as self.news:
                text("指令有了新变化。")
                ui.button("刷新", on_click=ui.navigate.reload).props("flat")
            self.news.set_visibility(False)
            self._orders(self.shown)
            with ui.element("section").props('id="tasks" tabindex="-1"'):
                self.tasks = ui.element("div")
            self._report()
            with ui.element("section"):
                self.reported = ui.element("div")
        self._bar()
        self._fill(self.shown)
        restore_forms()

    async def refresh(self) -> None:
        """Shows the tasks anew if they have changed; of orders it says so: half-written words must not go away."""
        with caught():
            found, known = await self.desk.run(grid_data.day, utcnow()), self.shown
            if known is None or self.news.is_deleted:
                return
            self.news.set_visibility(_due(found.orders) != self.owed)
            if (found.tasks, found.reported) != (known.tasks, known.reported):
                self._fill(found)

    async def _thanks(self, filed: str) -> None:
        seen = await self.desk.run(grid_data.filed, filed) if filed else None
        with ui.element("div").classes("thanks").props('role="status"'):
            if not filed:
                text("回执交上去了。")
                return
            text(f"已登记 {filed}" + (f"，{seen.department}承办。" if seen else "。"))
            if seen:
                with ui.element("a").props(f'href="/console/cases/{seen.no}"'):
                    text("看这件")
            else:
                text("不在您的街道、社区，之后由那里的人办。")

    def _orders(self, day: Day) -> None:
        with ui.element("section").props('id="orders" tabindex="-1"'):
            if not day.orders:
                return
            text(f"要回执的指令 {day.order_count}", "h2")
            for one in day.orders:
                self._order(one)

    def _order(self, one: dict[str, Any]) -> None:
        with ui.element("article").classes("slip directive").props(f'data-late="{str(one["mine_overdue"]).lower()}"'):
            with ui.element("div").classes("top-line"):
                text(one["level"], classes="urgency").props["data-urgency"] = one["level"]
                text(one["mine"], classes="status")
                late = "逾期，应在" if one["mine_overdue"] else ""
                text(f"{late}{one['due']}前回执", classes="clock").props["data-tone"] = (
                    "red" if one["mine_overdue"] else "calm"
                )
            text(one["title"], "h3")
            text(one["text"], "p", "words")
            if one["note"]:
                text(f"交代：{one['note']}", "p", "note")
            text(f"{one['issuer']}发　{one['no']}", "p", "hint")
            if one["mine"] == "未读":
                ui.button("收到，已读", on_click=partial(self._read, one["id"])).props("outline no-caps").classes("big")
            with ui.element("details").props("open" if one["mine"] != "未读" else ""):
                text("交回执", "summary", "big")
                with photo_form(f"/orders/{one['id']}/receipt", "交回执", 1):
                    area("text", "办得怎么样（必填）", "去了哪里、做了什么、还有什么问题", WORDS_LIMIT)

    async def _read(self, order_id: int) -> None:
        with caught():
            await self.desk.run(orders_data.mark_read, order_id, utcnow())
            ui.navigate.reload()

    def _fill(self, day: Day) -> None:
        self.shown = day
        self.tasks.clear()
        with self.tasks:
            text(f"等我办的件 {day.task_count}", "h2")
            for task in day.tasks:
                self._task(task)
            if not day.tasks:
                text("现在没有等您办的件。", "p", "empty")
            if day.task_count > len(day.tasks):
                with ui.element("a").classes("big second").props('href="/console/?tab=mine"'):
                    text(f"共 {day.task_count} 件，全部看")
        self.reported.clear()
        with self.reported:
            if day.reported:
                text("我上报的", "h2")
            for one in day.reported:
                with ui.element("a").classes("slip mine").props(f'href="/console/cases/{one["no"]}"'):
                    with ui.element("span").classes("top-line"):
                        text(one["no"], "b")
                        text(one["status"], classes="status").props["data-status"] = one["status"]
                        text(one["at"], "time")
                    text(one["story"], classes="words")
                    text(one["department"], classes="hint")

    def _task(self, task: Task) -> None:
        with ui.element("article").classes("slip").props(f'data-tone="{task.clock.tone}"'):
            with ui.element("div").classes("top-line"):
                text(task.urgency, classes="urgency").props["data-urgency"] = task.urgency
                text(task.status, classes="status").props["data-status"] = task.status
                text(task.clock.short, classes="clock").props["data-tone"] = task.clock.tone
            text(task.place, "h3", "where")
            self._story(task)
            with ui.element("div").classes("person"):
                self._person(task)
            with ui.element("div").classes("moves"):
                for move in task.moves:
                    self._move(task, move)
            with ui.element("a").classes("more").props(f'href="/console/cases/{task.no}"'):
                text(f"{task.no}　看全部 ›")

    def _story(self, task: Task) -> None:
        if len(task.story) <= SHORT:
            text(task.story, "p", "words")
            return
        with ui.element("details").props("open" if task.no in self.unfolded else "") as story:
            with ui.element("summary").classes("words"):
                text(f"{task.story[:SHORT]}……")
            text(task.story, "p", "words")
        story.on("toggle", lambda: self.unfolded.symmetric_difference_update({task.no}))

    def _person(self, task: Task) -> None:
        if phone := self.phones.get(task.no):
            with ui.element("a").classes("big call").props(f'href="tel:{phone}"'):
                text(f"打电话 {phone}")
            return
        text(f"{task.who}　{task.phone or '没有留电话'}")
        if task.phone and task.may_reveal:
            ui.button("看号码", on_click=partial(self._reveal, task)).props("outline no-caps").classes("big")

    def _reveal(self, task: Task) -> None:
        def show(seen: dict[str, Any]) -> None:
            self.phones[task.no] = seen["reporter"]["phone"] or ""
            if self.shown:
                self._fill(self.shown)

        ask_reveal(self.desk, self.layer, task.no, None, show)

    def _move(self, task: Task, move: Offer) -> None:
        look = "unelevated" if move.forward else "outline"
        words = f"{move.action}：{MEANS[move.action]}" if move.action in MEANS else move.action
        ui.button(words, on_click=partial(self._ask, task.no, move.action)).props(f"{look} no-caps").classes(
            "big forward" if move.forward else "big"
        )

    async def _ask(self, no: str, action: str) -> None:
        async def again() -> CasePage:
            await self.refresh()
            return await self.desk.run(case_data.case_page, no, utcnow())

        with caught(self.refresh):
            # Judged by what stands there now, not by what the list showed.
            moves = Moves(self.desk, await self.desk.run(case_data.case_page, no, utcnow()), self.layer, again)
            if moves.offered(action):
                moves.ask(action)
            else:
                ui.notify(f"{no} 现在不能{action}了，已为您刷新", type="warning", position="top")
                await self.refresh()

    def _report(self) -> None:
        with ui.element("section").classes("slip").props('id="report" tabindex="-1"'):
            text("上报", "h2")
            with photo_form("/grid/report", "上报", MAX_PHOTOS):
                area("text", "什么事（必填）", "看到了什么，有没有危险", DESCRIPTION_LIMIT, rows=4)
                line("place", "在哪里", "哪条路、哪个小区、什么旁边", PLACE_LIMIT)
                for name in ("lat", "lng", "accuracy"):
                    hidden(name)
                hidden("key", fresh_key())
                with ui.element("button").classes("big second").props('type="button" data-locate="1"'):
                    text("用手机定位")

    def _bar(self) -> None:
        day = self.shown
        with ui.element("nav").classes("thumb").props('aria-label="本页"'):
            for target, words, number in (
                ("orders", "指令", day.order_count if day else 0),
                ("tasks", "待办", day.task_count if day else 0),
                ("report", "上报", 0),
            ):
                if target == "orders" and not number:
                    continue
                with ui.element("a").props(f'href="#{target}"'):
                    text(words)
                    if number:
                        text(str(number), classes="count")


def _due(orders: list[dict[str, Any]]) -> list[tuple[int, bool]]:
    return [(one["id"], one["mine_overdue"]) for one in orders]
