"""The supervisor's board: what is late, returned twice and unsatisfied, by street and by department."""

from collections.abc import Callable
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Depends
from nicegui import ui
from nicegui.events import EChartPointClickEventArguments

from api.columns import utcnow
from api.console import board_data
from api.console.board_data import BARS, MEASURES, NOWHERE, ROLES, Board, Line
from api.console.frame import caught, frame, text
from api.console.session import Desk, desk_of

# Colours of the console: what is late is red, the rest is calm.
ON_TIME, LATE = "#5b9bc4", "#c62828"
LINKS: dict[str, dict[str, Any]] = {"open": {}, "late": {"overdue": True}}


@ui.page("/board", title="督办看板 · 崂先办工作台", response_timeout=30)
async def board(desk: Annotated[Desk, Depends(desk_of(*ROLES))]) -> None:
    """Shows the board."""
    live = await frame(desk, "/board")
    page = BoardPage(desk)
    await page.build()
    live.on("cases", page.refresh)


class BoardPage:
    """Numbers, two charts with their tables."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.shown: Board | None = None

    async def build(self) -> None:
        """Adds the page."""
        with ui.element("div").classes("page board"):
            with ui.element("div").classes("bar"):
                text("督办看板", "h1")
                text("数字随办件变化自动更新；点数字或柱子看是哪些件", "span", "hint")
            self.tiles = ui.element("div").classes("tiles")
            with ui.element("div").classes("halves"):
                self.streets = Half("按街道", "street")
                self.departments = Half("按承办单位", "department")
        await self.refresh()

    async def refresh(self) -> None:
        """Counts anew; what has not changed is left alone."""
        with caught():
            found = await self.desk.run(board_data.board, utcnow())
            if found == self.shown:
                return
            self.shown = found
            self._tiles(found.total)
            self.streets.show(found.streets)
            self.departments.show(found.departments)

    def _tiles(self, total: dict[str, int]) -> None:
        self.tiles.clear()
        with self.tiles:
            for name, label in MEASURES.items():
                tile = ui.element("a" if name in LINKS else "div").classes(f"tile {name}")
                if name in LINKS:
                    tile.props["href"] = _address(LINKS[name])
                with tile:
                    text(str(total[name]), classes="number")
                    text(label, classes="label")


class Half:
    """One dimension: a chart of the worst, and the table of all."""

    def __init__(self, title: str, field: str) -> None:
        self.field = field
        with ui.element("section").classes("card"):
            text(title, "h2")
            self.chart = ui.echart(_chart([]), on_point_click=_opens(field)).classes("chart")
            with ui.element("div").classes("scroll"):
                self.table = ui.element("table").classes("numbers")

    def show(self, lines: list[Line]) -> None:
        """Draws the lines; the worst stand on top."""
        bars = lines[:BARS]
        self.chart.options.clear()
        self.chart.options.update(_chart(bars))
        self.chart.style(f"height: {60 + 26 * max(len(bars), 2)}px")
        self.chart.update()
        self.table.clear()
        with self.table:
            with ui.element("thead"), ui.element("tr"):
                for head in ("名称", *MEASURES.values()):
                    text(head, "th")
            with ui.element("tbody"):
                for line in lines:
                    self._row(line)

    def _row(self, line: Line) -> None:
        with ui.element("tr").props(f'data-no-row="{self.field}"'):
            with ui.element("td"):
                # No filter finds what has no street.
                link = ui.element("span" if line.name == NOWHERE else "a")
                if line.name != NOWHERE:
                    link.props["href"] = _address({self.field: line.name})
                with link:
                    text(line.name)
            for name in MEASURES:
                number = line.numbers[name]
                text(str(number) if number else "·", "td", f"n {name}" if number else "n none")


def _opens(field: str) -> Callable[[EChartPointClickEventArguments], None]:
    def open_(event: EChartPointClickEventArguments) -> None:
        if event.name == NOWHERE:
            return
        late = {"overdue": True} if event.series_name == "超期" else {}
        ui.navigate.to(_address({field: event.name} | late).removeprefix("/console"))

    return open_


def _address(filters: dict[str, Any]) -> str:
    return f"/console/?{urlencode({'tab': 'all', 'order': 'due'} | filters)}"


def _chart(lines: list[Line]) -> dict[str, Any]:
    """Returns the options of a bar chart, late and in time on one bar; ECharts counts from below."""
    below = lines[::-1]
    late = [line.numbers["late"] for line in below]
    fine = [line.numbers["open"] - line.numbers["late"] for line in below]
    series = {"type": "bar", "stack": "open", "barMaxWidth": 18, "cursor": "pointer"}
    return {
        "animation": False,
        "color": [LATE, ON_TIME],
        "grid": {"left": 4, "right": 24, "top": 28, "bottom": 4, "containLabel": True},
        "legend": {"top": 0, "left": 0, "itemWidth": 12, "itemHeight": 10, "selectedMode": False},
        "tooltip": {"trigger": "axis", "axisPointer": {"type": "shadow"}, "confine": True},
        "xAxis": {"type": "value", "minInterval": 1},
        "yAxis": {
            "type": "category",
            "data": [line.name for line in below],
            "axisTick": {"show": False},
            "axisLabel": {"width": 128, "overflow": "truncate"},
        },
        "series": [series | {"name": "超期", "data": late}, series | {"name": "按期在办", "data": fine}],
    }
