"""What the model made of a week beside the weeks before: mix of classes, confidence, overrides, what has drifted."""

from datetime import datetime
from typing import Annotated

from fastapi import Depends
from nicegui import ui

from api.accounts.scope import visible_cases
from api.cases.numbers import LOCAL
from api.columns import utcnow
from api.console.data import Ticket, as_staff
from api.console.frame import caught, frame, text
from api.console.session import Desk, desk_of
from api.drift.report import Line, Rate, Report
from api.drift.rules import get_drift
from api.drift.service import ROLES, WEEK, monday, weekly

HEADS = ("一级分类", "本周件数", "占比", "以前占比", "平均把握", "以前", "改判率（95% 区间）", "以前（95% 区间）")


def read(ticket: Ticket, begin: datetime) -> Report:
    """Returns the report of the week that begins at ``begin``, of what the reader may see."""
    with as_staff(ticket) as (db, user):
        return weekly(db, begin, get_drift(), visible_cases(user))


@ui.page("/drift", title="判读走势 · 崂先办工作台", response_timeout=30)
async def drift(desk: Annotated[Desk, Depends(desk_of(*ROLES))]) -> None:
    """Shows last week, with a way to those before."""
    await frame(desk, "/drift")
    await DriftPage(desk).build()


class DriftPage:
    """One week's figures."""

    def __init__(self, desk: Desk) -> None:
        self.desk, self.begin = desk, monday(utcnow()) - WEEK

    async def build(self) -> None:
        """Adds the page."""
        with ui.element("div").classes("page drift"):
            with ui.element("div").classes("bar"):
                text("判读走势", "h1")
                ui.button("前一周", on_click=lambda: self._move(-1)).props("outline dense")
                self.week = text("", classes="week")
                self.next = ui.button("后一周", on_click=lambda: self._move(1)).props("outline dense")
                text(f"和之前 {get_drift().weeks} 周比；件数少于 {get_drift().least} 的不下结论", "span", "hint")
            self.tiles = ui.element("div").classes("tiles")
            self.alerts = ui.element("ul").classes("alerts").props('role="status"')
            with ui.element("div").classes("card scroll"):
                self.table = ui.element("table").classes("numbers")
        await self.show()

    async def _move(self, weeks: int) -> None:
        self.begin += weeks * WEEK
        await self.show()

    async def show(self) -> None:
        """Reads the week and draws it."""
        with caught():
            report = await self.desk.run(read, self.begin)
            last = (self.begin + WEEK).astimezone(LOCAL)
            self.week.set_text(f"{self.begin:%Y-%m-%d} 到 {last:%m-%d}")
            self.next.set_enabled(self.begin + WEEK <= utcnow())
            self._tiles(report)
            self.alerts.clear()
            with self.alerts:
                for one in report.alerts:
                    text(one, "li")
            self.alerts.set_visibility(bool(report.alerts))
            self._table(report)

    def _tiles(self, report: Report) -> None:
        shown = {
            "本周判读": str(report.total.cases[0]),
            "稳定指数": "—" if report.stability is None else f"{report.stability:.2f}",
            "平均把握": _number(report.total.confidence[0]),
            "改判率": _percent(report.total.overridden[0].value),
        }
        self.tiles.clear()
        with self.tiles:
            for label, number in shown.items():
                with ui.element("div").classes("tile"):
                    text(number, classes="number")
                    text(label, classes="label")

    def _table(self, report: Report) -> None:
        self.table.clear()
        with self.table:
            with ui.element("thead"), ui.element("tr"):
                for head in HEADS:
                    text(head, "th")
            with ui.element("tbody"):
                for line in (report.total, *report.lines):
                    _row(line)


def _row(line: Line) -> None:
    cells = (
        str(line.cases[0]),
        *(_percent(share) for share in line.share),
        *(_number(value) for value in line.confidence),
        *(_band(rate) for rate in line.overridden),
    )
    with ui.element("tr").classes("late" if line.alert else ""):
        text(line.name, "td")
        for cell in cells:
            text(cell, "td", "n")


def _number(value: float | None) -> str:
    return "—" if value is None else f"{value:.2f}"


def _percent(value: float | None) -> str:
    return "—" if value is None else f"{value:.0%}"


def _band(rate: Rate) -> str:
    return "—" if rate.value is None else f"{rate.value:.0%}（{rate.low:.0%}–{rate.high:.0%}）"
