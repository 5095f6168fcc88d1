"""What every page of the console shares: header, alarms, live changes, keyboard, errors."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import RedirectResponse, Response
from nicegui import Client, ui
from nicegui.elements.mixins.text_element import TextElement

from api.accounts.models import Role
from api.columns import utcnow
from api.console import data, mentions_data
from api.console.board_data import ROLES as BOARD_ROLES
from api.console.feedback_data import ROLES as FEEDBACK_ROLES
from api.console.orders_data import ROLES as ORDER_ROLES
from api.console.session import Desk, SignInNeededError
from api.curation.service import ROLES as CURATION_ROLES
from api.errors import TITLES, Problem

ASSETS = Path(__file__).parent / "assets"
PULSE_SECONDS = 4
# Clocks run on without any change of a case.
CLOCK_BEATS = 15
# More lines than this would push the work itself off the screen.
ALARMS = 3

log = structlog.get_logger("api.console")


def text(words: str, tag: str = "span", classes: str = "") -> TextElement:
    """Adds an element with plain text: whatever residents write stays text."""
    return TextElement(tag=tag, text=words).classes(classes)


@contextmanager
def caught(stale: Callable[[], Awaitable[Any]] | None = None) -> Iterator[None]:
    """Turns an error of an event handler into a Chinese notification.

    Args:
        stale: called when the case has changed under the reader's hands, to show it anew.
    """
    try:
        yield
    except Problem as problem:
        if problem.status == 401:
            # The page checks again who is signed in, leads to the login, and back here.
            ui.navigate.reload()
            return
        kind: Literal["warning", "negative"] = "warning" if problem.status in (409, 422, 429) else "negative"
        ui.notify(problem.detail, type=kind, position="top", timeout=8000, close_button="知道了")
        if stale and problem.extra.get("stale"):
            ui.timer(0, stale, once=True)
    except Exception:
        log.exception("console event failed")
        ui.notify("系统出了点问题，已经记录下来，请稍后再试", type="negative", position="top", close_button="知道了")


class Live:
    """Asks every few seconds whether something has changed, and tells the parts of the page that show it."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._listeners = desk, list[tuple[str, Callable[[], Awaitable[None]]]]()
        self._seen: dict[str, int] | None = None
        self._beats = 0
        ui.timer(PULSE_SECONDS, self._beat)

    def on(self, topic: str, listener: Callable[[], Awaitable[None]]) -> None:
        """Calls ``listener`` when ``topic`` (cases, notices, chats) has changed, and each minute for the clocks."""
        self._listeners.append((topic, listener))

    async def _beat(self) -> None:
        with caught():
            now = await self._desk.run(data.pulse)
            self._beats += 1
            if self._seen is not None:
                minute = self._beats % CLOCK_BEATS == 0
                changed = {topic for topic, number in now.items() if minute or number != self._seen[topic]}
                for topic, listener in self._listeners:
                    if topic in changed:
                        await listener()
            self._seen = now


def assets() -> None:
    """Adds style and keyboard to a page."""
    ui.add_head_html(f"<style>{(ASSETS / 'console.css').read_text('utf-8')}</style>")
    ui.add_body_html(f"<script>{(ASSETS / 'console.js').read_text('utf-8')}</script>")


async def frame(desk: Desk, here: str) -> Live:
    """Adds header and alarms to a page and returns its pulse.

    Args:
        desk: who sits here.
        here: path of the page, to mark it in the menu.
    """
    assets()
    ui.colors(primary="#0b5a8f", negative="#c0392b", warning="#a86400", positive="#1e7d4f")
    live = Live(desk)
    help_ = _help()
    chats, calls = await _header(desk, here, help_)
    bar = ui.element("div").classes("alarms").props('role="alert"')

    async def alarms() -> None:
        await _alarms(desk, bar, alarms)

    async def waiting() -> None:
        if chats:
            _count(chats, await desk.run(data.waiting_chats))

    async def called() -> None:
        _count(calls, await desk.run(mentions_data.unread_mentions))

    await alarms()
    live.on("cases", alarms)
    live.on("notices", alarms)
    live.on("notices", called)
    live.on("chats", waiting)
    ui.on("staff-active", desk.touch)
    ui.on("staff-help", help_.open)
    return live


async def _header(desk: Desk, here: str, help_: ui.dialog) -> tuple[TextElement | None, TextElement]:
    """Adds the header; returns the counts in it, of waiting conversations and of unread calls."""
    chats = None
    with ui.header().classes("top"):
        with ui.element("a").props('href="/console/"').classes("brand"):
            text("崂先办", classes="name")
            text("工作台", classes="place")
        with ui.element("nav"):
            if desk.role == Role.GRID:
                _link("今天", "/grid", here)
            _link("诉求件", "/", here)
            if desk.role in ORDER_ROLES:
                _link("指令", "/orders", here)
            if desk.role in data.CHAT_ROLES:
                with _link("对话", "/chats", here):
                    chats = text("", classes="count")
                    _count(chats, await desk.run(data.waiting_chats))
            if desk.role in BOARD_ROLES:
                _link("看板", "/board", here)
            if desk.role in FEEDBACK_ROLES:
                _link("改判反馈", "/feedback", here)
            if desk.role in CURATION_ROLES:
                _link("整理", "/curation", here)
                _link("走势", "/drift", here)
            with _link("@我", "/mentions", here):
                calls = text("", classes="count")
                _count(calls, await desk.run(mentions_data.unread_mentions))
        ui.element("div").classes("grow")
        ui.button("?", on_click=help_.open).props("flat dense round color=white").classes("help").tooltip("快捷键")
        with ui.element("a").classes("me").props('href="/console/sessions" title="登录的地方"'):
            text(desk.user.name, classes="name")
            text(desk.user.department or desk.user.street or desk.role_name, classes="role")

        async def out() -> None:
            with caught():
                await desk.leave()
            ui.navigate.to("/login")

        ui.button("退出", on_click=out).props("flat dense color=white").classes("out")
    return chats, calls


def _link(words: str, path: str, here: str) -> ui.element:
    link = ui.element("a").props(f'href="/console{path}"').classes("here" if path == here else "")
    with link:
        text(words)
    return link


def _count(badge: TextElement, number: int) -> None:
    badge.set_text(str(number) if number else "")
    badge.set_visibility(bool(number))


async def _alarms(desk: Desk, bar: ui.element, again: Callable[[], Awaitable[None]]) -> None:
    found = await desk.run(data.alarms, utcnow())
    bar.clear()
    bar.set_visibility(bool(found))
    ui.run_javascript(f"consoleAlarm({len(found)})")
    with bar:
        for one in found[:ALARMS]:
            with ui.element("div").classes("alarm"):
                text("特急" if one["notice"] is None else "提醒", classes="mark")
                link = ui.element("a") if one["path"] else ui.element("span")
                if one["path"]:
                    link.props(f'href="/console{one["path"]}"')
                with link:
                    text(one["words"])
                if one["notice"] is not None:

                    async def seen(_event: object, notice_id: int = one["notice"]) -> None:
                        with caught():
                            await desk.run(data.tick_off, notice_id, utcnow())
                            await again()

                    ui.button("知道了", on_click=seen).props("flat dense color=white")
        if len(found) > ALARMS:
            with ui.element("a").classes("more").props('href="/console/?tab=urgent&order=new"'):
                text(f"共 {len(found)} 件，全部看")


def _help() -> ui.dialog:
    keys = [
        ("/", "到搜索框"),
        ("j　k", "下一件、上一件"),
        ("Enter", "打开选中的件"),
        ("x", "选上、不选当前这件，可以一起办"),
        ("b", "从诉求件回到列表"),
        ("m", "到改判表单"),
        ("1–9", "整理页：选分类；q w e r 紧急程度，a s d 类型，n 非诉求，p 有个人信息，Enter 保存，u 撤销，x 跳过"),
        ("Esc", "离开输入框、关上窗口"),
        ("?", "这份说明"),
    ]
    with ui.dialog() as dialog, ui.card().classes("sheet"):
        text("快捷键", "h2")
        for key, does in keys:
            with ui.element("div").classes("key"):
                text(key, "kbd")
                text(does)
        text("列表每几秒自动更新，选中的行不会丢；筛选条件在网址里，可以收藏和转发。", "p", "hint")
        ui.button("关闭", on_click=dialog.close).props("flat dense")
    return dialog


def install_errors(app: FastAPI) -> None:
    """Makes the console lead to the login, and show errors as Chinese pages."""

    @app.exception_handler(SignInNeededError)
    async def _sign_in(request: Request, _error: SignInNeededError) -> Response:
        root = request.scope.get("root_path", "")
        wanted = request.url.path.removeprefix(root) + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"{root}/login?wanted={quote(wanted)}", 303)

    @app.exception_handler(Problem)
    async def _problem(request: Request, error: Problem) -> Response:
        return _error_page(request, error.status, error.detail)

    @app.exception_handler(404)
    async def _missing(request: Request, _error: Exception) -> Response:
        return _error_page(request, 404, "没有这个页面")

    @app.exception_handler(Exception)
    async def _unforeseen(request: Request, error: Exception) -> Response:
        log.error("console page failed", exc_info=error)
        return _error_page(request, 500, "系统出了点问题，已经记录下来，请稍后再试")


def _error_page(request: Request, status: int, detail: str) -> Response:
    with Client(ui.page(""), request=request) as client:
        assets()
        with ui.element("div").classes("page error"):
            text(TITLES.get(status, "出错了"), "h1")
            text(detail, "p")
            with ui.element("a").props('href="/console/"'):
                text("回到诉求件列表")
    return client.build_response(request, status)
