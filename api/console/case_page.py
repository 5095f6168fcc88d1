"""The page of one case: the story, who reported it, what the clock does, what may be done, what was done."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from nicegui import ui

from api.columns import utcnow
from api.console import case_data, mentions_data
from api.console.case_data import CasePage
from api.console.case_links import SimilarCard, ask_reveal, case_links, followers
from api.console.case_moves import MovesCard
from api.console.case_photos import PhotosCard
from api.console.case_triage import TriageCard
from api.console.data import Ticket
from api.console.frame import caught, frame, text
from api.console.session import CurrentDesk, Desk
from api.console.words import events
from api.errors import Problem

AUTHORS = {"resident": "居民", "bot": "机器人", "staff": "工作人员"}


@ui.page("/cases/{no}", title="诉求件 · 崂先办工作台", response_timeout=30)
async def case(no: str, desk: CurrentDesk) -> None:
    """Shows one case."""
    shown = await desk.run(case_data.case_page, no, utcnow())
    await desk.run(mentions_data.read_case, no, utcnow())
    ui.page_title(f"{no} · 崂先办工作台")
    live = await frame(desk, "")
    page = CaseView(desk, no, shown)
    page.build()
    live.on("cases", page.follow)


class CaseView:
    """The page of one case, built anew whenever the case has changed."""

    def __init__(self, desk: Desk, no: str, shown: CasePage) -> None:
        self.desk, self.no, self.shown = desk, no, shown

    def build(self) -> None:
        """Adds the page."""
        self.main = ui.element("div").classes("page case")
        # Dialogs, beside the page that is built anew.
        self.layer = ui.element("div")
        self._fill()

    async def refresh(self) -> CasePage:
        """Reads the case anew, shows it and returns it."""
        with caught():
            if fresh := await self._read():
                self._show(fresh)
        return self.shown

    async def follow(self) -> None:
        """Shows what has changed, unless that would take a half-filled form away: then a line says so."""
        if not (fresh := await self._read()):
            return
        rows = [row for row in fresh.view["history"] if row["seq"] > self.shown.seq]
        if not rows:
            self._clock(fresh)
        elif not (self.triage.busy or self.revealed):
            self._show(fresh)
        elif any(row["action"] not in case_data.QUIET for row in rows):
            self.news.set_visibility(True)

    async def _read(self) -> CasePage | None:
        try:
            return await self.desk.run(case_data.case_page, self.no, utcnow())
        except Problem as problem:
            if problem.status != 404:
                raise
            # It has gone to another department, street or level: nothing to see here any more.
            ui.navigate.to("/")
            return None

    def _show(self, fresh: CasePage) -> None:
        self.shown = fresh
        self.main.clear()
        self._fill()

    def _fill(self) -> None:
        self.revealed = False
        with self.main:
            self._head()
            with ui.element("div").classes("news").props('role="status"') as self.news:
                text("这件刚刚有了新变化。")
                ui.button("刷新", on_click=self.refresh).props("flat dense")
            self.news.set_visibility(False)
            with ui.element("div").classes("columns"):
                with ui.element("div").classes("left"):
                    self._story()
                    PhotosCard(self.no, self.shown.photos, self.layer)
                    self._answer()
                    self._transcript()
                    self._history()
                with ui.element("div").classes("right"):
                    moves = MovesCard(self.desk, self.shown, self.layer, self.refresh)
                    with ui.element("section").classes("card due"):
                        text("时限", "h2")
                        self.clock = ui.element("div")
                        self._clock(self.shown)
                    self.triage = TriageCard(self.desk, self.no, self.shown, self.refresh)
                    SimilarCard(self.desk, self.no, moves)

    def _head(self) -> None:
        view = self.shown.view
        with ui.element("header").classes("head"):
            with ui.element("a").classes("back").props('href="/console/" onclick="this.href=consoleList()"'):
                text("← 列表")
            text(self.no, "h1")
            text(view["urgency"], classes="urgency").props["data-urgency"] = view["urgency"]
            text(view["status"], classes="status").props["data-status"] = view["status"]
            text(f"{view['category']} › {view['subcategory']}", classes="class")
            for flag in self._flags():
                text(flag, classes="flag")
            ui.element("div").classes("grow")
            self.short = text(self.shown.clock.short, classes="clock")
            self.short.props["data-tone"] = self.shown.clock.tone

    def _flags(self) -> Iterator[str]:
        view, flags = self.shown.view, self.shown.view["flags"]
        if view["needs_review"]:
            yield "需复核"
        if flags["supervised_at"]:
            yield "督办"
        for count, words in (("urged_count", "催办"), ("returned_count", "退单"), ("reopened_count", "重办")):
            if flags[count]:
                yield f"{words} {flags[count]} 次"
        if flags["extension_asked"]:
            yield f"申请延期 {flags['extension_asked']} 个工作日"

    def _clock(self, shown: CasePage) -> None:
        self.short.set_text(shown.clock.short)
        self.short.props["data-tone"] = shown.clock.tone
        self.clock.clear()
        with self.clock:
            for i, words in enumerate(shown.clock.words):
                line = text(words, "p", "clock words" if i == 0 else "hint")
                if i == 0:
                    line.props["data-tone"] = shown.clock.tone

    def _story(self) -> None:
        view = self.shown.view
        place = view["place"]
        with ui.element("section").classes("card told"):
            text("诉求内容", "h2")
            self.story = ui.element("p").classes("story")
            with self.story:
                text(view["description"])
            with ui.element("dl").classes("facts"):
                where = " · ".join(filter(None, (place["street"], place["community"], place["grid"])))
                self._fact("地点", place["text"] or "没有写")
                self._fact("定位", where or "没有定位到街道，派单前请核实")
                if self.shown.position:
                    self._fact("手机定位", self.shown.position)
                self._fact("主办单位", f"{view['department']}（{view['level']}级）")
                self._fact("协办单位", "、".join(view["co_departments"]) or "无")
                self._reporter()
                followers(view, self._show_follower if self.shown.may_reveal else None)
                self._fact("来源", view["source_name"])
                case_links("已并入", [view["merged_into"]] if view["merged_into"] else [])
                case_links("并入本件", view["merged"])
                case_links("同时反映", view["related"])
        ui.timer(0.1, self._highlight, once=True)

    def _fact(self, name: str, value: str) -> None:
        text(name, "dt")
        text(value, "dd")

    def _reporter(self) -> None:
        reporter = self.shown.view["reporter"]
        words = [
            reporter["name"] or ("匿名" if reporter["anonymous"] else "没有留姓名"),
            reporter["phone"] or "没有留电话",
        ]
        text("反映人", "dt")
        with ui.element("dd").classes("reporter"):
            self.person = text("　".join(words))
            if self.shown.may_reveal and (reporter["name"] or reporter["phone"]):
                ask = partial(ask_reveal, self.desk, self.layer, self.no, None, self._reveal)
                self.show = ui.button("显示", on_click=ask).props("flat dense")

    def _show_follower(self, number: int, line: ui.element) -> None:
        def show(seen: dict[str, Any]) -> None:
            self.revealed = True
            one = seen["reporter"]
            line.clear()
            with line:
                text("　".join(filter(None, (str(number), one["name"] or "匿名", one["phone"]))))

        ask_reveal(self.desk, self.layer, self.no, number, show)

    def _reveal(self, seen: dict[str, Any]) -> None:
        self.revealed = True
        reporter = seen["reporter"]
        self.person.set_text("　".join(filter(None, (reporter["name"] or "匿名", reporter["phone"]))))
        self.show.set_visibility(False)
        self.story.clear()
        with self.story:
            text(seen["description"])

    async def _highlight(self) -> None:
        story = self.shown.view["description"]
        with caught():
            weights = await self.desk.run(_explained, story)
            if self.revealed or self.story.is_deleted:
                return
            self.story.clear()
            with self.story:
                for piece, weight in pieces(story, weights):
                    if weight:
                        text(piece, "mark").style(f"--weight: {weight:.2f}")
                    else:
                        text(piece)

    def _answer(self) -> None:
        view = self.shown.view
        if not view["answer"]:
            return
        with ui.element("section").classes("card answer"):
            text("给居民的答复", "h2")
            text(view["answer"], "p", "story")
            if view["stars"]:
                text(f"居民评分：{'★' * view['stars']}{'☆' * (5 - view['stars'])}", "p")

    def _transcript(self) -> None:
        lines = self.shown.transcript
        if not lines:
            return
        with ui.element("details").classes("card"):
            text(f"对话记录（{len(lines)} 句）", "summary")
            chat_lines(lines)
            if self.shown.session_id:
                with ui.element("a").props(f'href="/console/chats?session={self.shown.session_id}"'):
                    text("打开这段对话，可以接着和居民说")

    def _history(self) -> None:
        with ui.element("section").classes("card"):
            text("办理记录", "h2")
            with ui.element("ol").classes("history"):
                for event in events(self.shown.view["history"], self.shown.names):
                    with ui.element("li").props(f'data-tone="{event.tone}"'):
                        with ui.element("div").classes("line"):
                            text(event.who, "b")
                            text(event.what)
                            text(event.at, "time")
                        if event.note:
                            text(event.note, "p", "note")
                        for name, before, after in event.changes:
                            with ui.element("div").classes("change"):
                                text(f"{name}：")
                                text(before, "del")
                                text(" → ")
                                text(after, "ins")


def chat_lines(lines: list[dict[str, str]]) -> None:
    """Adds the lines of a conversation as bubbles."""
    with ui.element("div").classes("bubbles"):
        for line in lines:
            with ui.element("div").classes("bubble").props(f'data-author="{line["author"]}"'):
                text(f"{AUTHORS[line['author']]} {line['at']}", classes="who")
                text(line["text"], "p")


def _explained(_ticket: Ticket, story: str) -> list[dict[str, object]]:
    return case_data.explain(story)


def pieces(story: str, weights: list[dict[str, object]]) -> list[tuple[str, float]]:
    """Cuts a story at the words that spoke for the answer: ``(text, weight from 0 to 1)``, 0 for the rest.

    Args:
        story: as it was written; the words come from its normalised form, those not found in it are passed over.
        weights: ``{word, weight}`` in text order.
    """
    strongest = max((float(str(one["weight"])) for one in weights), default=0.0)
    cut, at = list[tuple[str, float]](), 0
    for one in weights:
        word, weight = str(one["word"]), float(str(one["weight"]))
        found = story.find(word, at)
        # A word that barely moves the answer explains nothing.
        if found < 0 or strongest <= 0 or weight < strongest * 0.2:
            continue
        if found > at:
            cut.append((story[at:found], 0.0))
        cut.append((word, weight / strongest))
        at = found + len(word)
    return [*cut, (story[at:], 0.0)] if at < len(story) else cut
