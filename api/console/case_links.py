"""What stands beside a case: who else reports it, cases it is linked with, similar ones and how they were answered."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from nicegui import ui

from api.cases import routes
from api.cases.checks import MERGES_INTO
from api.columns import utcnow
from api.console import case_data
from api.console.case_moves import MovesCard, person
from api.console.data import Ticket, as_staff
from api.console.frame import caught, text
from api.console.session import Desk
from api.triage.service import get_triager


def similar(ticket: Ticket, no: str, now: datetime) -> list[dict[str, Any]]:
    """Returns the similar cases that the HTTP interface gives; raises ``Problem`` 404 out of scope."""
    with as_staff(ticket) as (db, user):
        return routes.similar_cases(db, routes.find_case(db, no, user), user, get_triager(), now)


def case_links(name: str, numbers: list[str]) -> None:
    """Adds a fact of links to other cases; nothing when there are none."""
    if not numbers:
        return
    text(name, "dt")
    with ui.element("dd").classes("cluster"):
        for no in numbers:
            with ui.element("a").props(f'href="/console/cases/{no}"'):
                text(no)


def followers(view: dict[str, Any], reveal: Callable[[int, ui.element], None] | None) -> None:
    """Adds a fact about the others who report the matter: one line each, masked.

    Args:
        view: the case.
        reveal: shows one of them in clear in place of the masked line; empty for roles that may not.
    """
    if not view["followers"]:
        return
    text("关注的居民", "dt")
    with ui.element("dd").classes("followers"):
        text(f"{view['followers']} 位")
        for one in view["reporters"]:
            if not one["main"]:
                with ui.element("div").classes("cluster hint"):
                    line = ui.element("span")
                    with line:
                        text(_one_line(one))
                    if reveal and (one["name"] or one["phone"]):
                        ask = partial(reveal, one["number"], line)
                        ui.button("显示", on_click=ask).props("flat dense size=sm")


def _one_line(one: dict[str, Any]) -> str:
    called = "已撤回" if one["left_at"] else "已回访" if one["called_back_at"] else "未回访"
    return "　".join(filter(None, (person(one), called, f"{one['stars']} 星" if one["stars"] else None)))


def ask_reveal(
    desk: Desk, layer: ui.element, no: str, number: int | None, show: Callable[[dict[str, Any]], None]
) -> None:
    """Asks why a reporter is to be seen in clear, the main one without ``number``, and shows what comes back."""

    async def submit() -> None:
        with caught():
            show(await desk.run(case_data.reveal, no, reason.value or "", utcnow(), number))
            dialog.close()

    with layer, ui.dialog() as dialog, ui.card().classes("sheet"):
        text("查看联系方式", "h2")
        text("谁、何时、为什么看，都会记入办理记录。", "p", "hint")
        reason = ui.input("为什么要看").props("outlined dense autofocus maxlength=2000").classes("wide")
        reason.on("keydown.enter", submit)
        with ui.element("div").classes("cluster"):
            for words in ("回访居民", "核实地点", "联系上门"):
                ui.button(words, on_click=lambda words=words: reason.set_value(words)).props("outline dense")
        with ui.element("div").classes("cluster end"):
            ui.button("取消", on_click=dialog.close).props("flat dense")
            ui.button("显示", on_click=submit).props("unelevated dense")
    dialog.on("hide", dialog.delete)
    dialog.open()


class SimilarCard:
    """The card of similar cases, filled once the page stands: an answer to quote, a twin to merge into."""

    def __init__(self, desk: Desk, no: str, moves: MovesCard) -> None:
        self.desk, self.no, self.moves = desk, no, moves
        self.card = ui.element("section").classes("card similar")
        self.card.set_visibility(False)
        ui.timer(0.2, self._load, once=True)

    async def _load(self) -> None:
        with caught():
            found = await self.desk.run(similar, self.no, utcnow())
            if self.card.is_deleted or not found:
                return
            self.card.set_visibility(True)
            # What is still open would be handled twice; what was answered is there to be quoted.
            unanswered = [one for one in found if one["near"] and not one["answer"]]
            answered = [one for one in found if one not in unanswered]
            with self.card:
                self._some("可能是同一件，还没答复", unanswered)
                self._some("相似件与答复", answered)

    def _some(self, title: str, cases: list[dict[str, Any]]) -> None:
        if cases:
            text(f"{title}（{len(cases)}）", "h2")
        for one in cases:
            self._one(one)

    def _one(self, one: dict[str, Any]) -> None:
        with ui.element("article").classes("similar-one"):
            with ui.element("div").classes("line"):
                with ui.element("a").props(f'href="/console/cases/{one["no"]}"'):
                    text(one["no"], "b")
                text(one["status"], classes="status").props["data-status"] = one["status"]
                if one["near"]:
                    text("可能是同一件事", classes="flag")
                text(one["created_at"][:10], "time")
            text(" · ".join(filter(None, (one["place"]["text"], one["description"][:120]))), "p")
            if one["answer"]:
                text(f"{one['department']}答复：{one['answer']}", "p", "note")
            with ui.element("div").classes("cluster"):
                self._choices(one)

    def _choices(self, one: dict[str, Any]) -> None:
        if one["answer"] and self.moves.offered("反馈"):
            answer = one["answer"]
            ui.button("引用答复", on_click=lambda: self.moves.ask("反馈", answer=answer)).props("flat dense")
        if one["near"] and one["status"] in MERGES_INTO and self.moves.offered("并单"):
            no = one["no"]
            ui.button("并入这件", on_click=lambda: self.moves.ask("并单", main_no=no)).props("flat dense")
