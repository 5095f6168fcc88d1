"""Orders for staff: the list with counts, one order with the tree of its receipts, issuing and passing down."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Depends, Query
from nicegui import ui

from api.columns import utcnow
from api.console import orders_data
from api.console.clock import moment
from api.console.forms import Id
from api.console.frame import caught, frame, text
from api.console.orders_data import PAGE_SIZE, ROLES, OrderPage, Rights
from api.console.orders_dialog import SendDialog
from api.console.photo_form import area, form_assets, photo_form, restore_forms
from api.console.session import Desk, desk_of
from api.orders.schemas import WORDS_LIMIT
from api.orders.views import Node

Sitting = Annotated[Desk, Depends(desk_of(*ROLES))]


@ui.page("/orders", title="指令 · 崂先办工作台", response_timeout=30)
async def orders(desk: Sitting, page: Annotated[int, Query(ge=1, le=100_000)] = 1) -> None:
    """Shows the list."""
    live = await frame(desk, "/orders")
    shown = OrdersPage(desk, page, await desk.run(orders_data.rights))
    await shown.build()
    live.on("notices", shown.refresh)


class OrdersPage:
    """The list of one staff member."""

    def __init__(self, desk: Desk, page: int, rights: Rights) -> None:
        self.desk, self.page, self.rights = desk, page, rights
        self.rows: tuple[list[dict[str, Any]], int] | None = None

    async def build(self) -> None:
        """Adds the page."""
        self.layer = ui.element("div")
        with ui.element("main").classes("page orders"):
            with ui.element("div").classes("bar"):
                text("指令", "h1")
                text("只列本单位和下级的；点开看回执", "span", "hint")
                ui.element("div").classes("grow")
                if self.rights.issue:
                    ui.button("发指令", icon="campaign", on_click=self._issue).props("unelevated no-caps")
            if self.rights.unit is None:
                text("您的账号是区直部门的，不在区、街道、社区这棵树上，收不到也发不了指令。", "p", "notice")
            self.list = ui.element("div").classes("order-list")
            self.pages = ui.element("footer").classes("pages")
        await self.refresh()

    async def refresh(self) -> None:
        """Reads the list anew; what has not changed is left alone."""
        with caught():
            found = await self.desk.run(orders_data.orders, self.page, utcnow())
            if found == self.rows:
                return
            self.rows = found
            self.list.clear()
            with self.list:
                for one in found[0]:
                    _line(one)
                if not found[0]:
                    text("还没有指令", "p", "empty")
            self._pages(found[1])

    def _pages(self, total: int) -> None:
        self.pages.clear()
        last = max(-(-total // PAGE_SIZE), 1)
        with self.pages:
            text(f"共 {total} 条")
            if last > 1:
                pager = ui.pagination(1, last, value=min(self.page, last)).props("dense max-pages=7")
                pager.on_value_change(lambda event: ui.navigate.to(f"/orders?page={event.value}"))

    async def _issue(self) -> None:
        with caught():
            units = await self.desk.run(orders_data.units)
            SendDialog(self.desk, self.layer, units).issue()


def _line(one: dict[str, Any]) -> None:
    counts = one["counts"]
    with ui.element("a").classes("order-line").props(f'href="/console/orders/{one["id"]}"'):
        text(one["level"], classes="urgency").props["data-urgency"] = one["level"]
        text(one["title"], "b", "title")
        if one["mine"] and one["mine"] != "已回执":
            late = "，逾期" if one["mine_overdue"] else ""
            text(f"本单位{one['mine']}{late}", classes="flag").props["data-late"] = str(one["mine_overdue"]).lower()
        text(f"{one['issuer']}发　{_at(one['due_at'])} 前　{one['no']}", classes="hint")
        with ui.element("span").classes("tally"):
            _tally(counts)


def _at(value: str) -> str:
    return moment(datetime.fromisoformat(value), utcnow())


def _tally(counts: dict[str, int]) -> None:
    text(f"回执 {counts['done']}/{counts['total']}")
    text(f"已读 {counts['read']}")
    if counts["overdue"]:
        text(f"逾期 {counts['overdue']}", classes="late")


@ui.page("/orders/{order_id}", title="指令 · 崂先办工作台", response_timeout=30)
async def order(order_id: Id, desk: Sitting) -> None:
    """Shows one order."""
    form_assets()
    shown = await desk.run(orders_data.order, order_id, utcnow())
    ui.page_title(f"{shown.view['title']} · 崂先办工作台")
    live = await frame(desk, "")
    page = OrderView(desk, order_id, shown)
    page.build()
    live.on("notices", page.refresh)


class OrderView:
    """One order. The tree follows changes by itself; the form for the own receipt stays."""

    def __init__(self, desk: Desk, order_id: int, shown: OrderPage) -> None:
        self.desk, self.order_id, self.shown = desk, order_id, shown

    def build(self) -> None:
        """Adds the page."""
        view = self.shown.view
        self.layer = ui.element("div")
        with ui.element("main").classes("page order-page"):
            with ui.element("header").classes("head"):
                with ui.element("a").classes("back").props('href="/console/orders"'):
                    text("‹ 指令")
                text(view["level"], classes="urgency").props["data-urgency"] = view["level"]
                text(view["title"], "h1")
            with ui.element("div").classes("columns"):
                with ui.element("div").classes("left"):
                    self._told(view)
                    with ui.element("section").classes("card"):
                        self.tree = ui.element("div")
                with ui.element("div").classes("right"):
                    self._mine(view)
        self._fill()
        restore_forms()

    def _told(self, view: dict[str, Any]) -> None:
        with ui.element("section").classes("card told"):
            text(view["text"], "p", "story")
            with ui.element("dl").classes("facts"):
                for name, value in (
                    ("发令单位", view["issuer"]),
                    ("编号", view["no"]),
                    ("发出", _at(view["created_at"])),
                    ("回执时限", _at(view["due_at"])),
                ):
                    text(name, "dt")
                    text(value, "dd")

    def _mine(self, view: dict[str, Any]) -> None:
        if view["mine"] is None:
            return
        with ui.element("section").classes("card own"):
            text(f"本单位：{view['mine']}" + ("，逾期" if view["mine_overdue"] else ""), "h2")
            if view["may_pass_down"]:
                ui.button("下派给下级", on_click=self._pass).props("unelevated no-caps")
            if view["may_answer"] and view["mine"] == "未读":
                ui.button("收到，已读", on_click=self._read).props("outline no-caps")
            if view["may_answer"]:
                with photo_form(f"/orders/{self.order_id}/receipt", "交回执", 1):
                    area("text", "办得怎么样（必填）", "做了什么、下级到位没有、还有什么问题", WORDS_LIMIT)

    async def _read(self) -> None:
        with caught():
            await self.desk.run(orders_data.mark_read, self.order_id, utcnow())
            ui.navigate.reload()

    async def _pass(self) -> None:
        with caught():
            units = await self.desk.run(orders_data.units)
            SendDialog(self.desk, self.layer, units).pass_down(self.order_id, self.shown.view["due_at"])

    async def refresh(self) -> None:
        """Reads the tree anew; what has not changed is left alone."""
        with caught():
            found = await self.desk.run(orders_data.order, self.order_id, utcnow())
            if found.tree != self.shown.tree:
                self.shown = found
                self._fill()

    def _fill(self) -> None:
        counts = self.shown.view["counts"]
        self.tree.clear()
        with self.tree:
            with ui.element("div").classes("tally"):
                text("回执", "h2")
                _tally(counts)
            if not self.shown.tree:
                text("下级没有收到这条指令。", "p", "hint")
            _branch(self.shown.tree, self.order_id)


def _branch(nodes: list[Node], order_id: int) -> None:
    with ui.element("ul").classes("branch"):
        for node in sorted(nodes, key=lambda one: (not one.counts.overdue, one.path)):
            with ui.element("li"):
                _node(node, order_id)
                if node.children:
                    _branch(node.children, order_id)


def _node(node: Node, order_id: int) -> None:
    with ui.element("div").classes("node").props(f'data-late="{str(node.overdue).lower()}"'):
        text(node.name, "b")
        text(node.kind, classes="hint")
        text("逾期未回执" if node.overdue else node.state, classes="state").props["data-state"] = node.state
        if node.late:
            text("晚交", classes="late")
        at = node.done_at or node.read_at
        text(" ".join(filter(None, (node.by, moment(at)))) if at else f"{moment(node.due_at)} 前", "time")
        if node.children:
            below = node.counts
            text(f"含下级 回执 {below.done}/{below.total}", classes="hint")
            if below.overdue:
                text(f"逾期 {below.overdue}", classes="late")
    if node.note:
        text(f"交代：{node.note}", "p", "hint")
    if node.words:
        text(node.words, "p", "note")
    if node.photo:
        with ui.element("a").props(f'href="/console/orders/{order_id}/photo/{node.id}" target="_blank"'):
            text("看照片")
