"""The queue: tabs, filters, a table that pages on the server and follows changes by itself."""

from typing import Any
from urllib.parse import urlencode

from fastapi import Request
from nicegui import ui
from nicegui.events import ValueChangeEventArguments
from pydantic import ValidationError

from api.accounts.models import Role
from api.cases.listing import COUNTED, CaseFilter
from api.cases.numbers import LOCAL
from api.columns import utcnow
from api.console import data, export_data
from api.console.bulk_panel import BulkPanel
from api.console.frame import ASSETS, caught, frame, text
from api.console.session import CurrentDesk, Desk
from api.console.views_bar import ViewsBar
from classifier.taxonomy import URGENCIES

PAGE_SIZE = 30
PICK = '<q-td class="c-pick"><q-checkbox v-model="props.selected" dense size="sm" /></q-td>'
LISTS = {"status": "状态", "category": "分类", "urgency": "紧急程度", "street": "街道", "department": "承办单位"}
COLUMNS = {
    "urgency": "紧急",
    "no": "编号",
    "status": "状态",
    "category": "分类",
    "summary": "摘要",
    "place": "地点",
    "department": "承办单位",
    "clock": "时限",
    "source": "来源",
}


@ui.page("/", title="诉求件 · 崂先办工作台", response_timeout=30)
async def queue(request: Request, desk: CurrentDesk) -> None:
    """Shows the queue."""
    live = await frame(desk, "/")
    page = QueuePage(desk, request)
    await page.build()
    live.on("cases", page.refresh)


class QueuePage:
    """The queue of one staff member; tab, order, filters and page stand in the address."""

    def __init__(self, desk: Desk, request: Request) -> None:
        query = request.query_params
        self.desk = desk
        self.tabs = {name: words for name, words in data.TABS.items() if name != "mine" or desk.role != Role.TRAINER}
        self.tab = query.get("tab", "") if query.get("tab") in self.tabs else next(iter(self.tabs))
        self.order = query.get("order", "") if query.get("order") in data.ORDERS else _order(self.tab)
        self.wanted = _filter(query)
        self.total = 0

    async def build(self) -> None:
        """Adds the page."""
        with ui.element("div").classes("page queue"):
            with ui.element("div").classes("bar"):
                self.toggle = ui.toggle(self.tabs, value=self.tab, on_change=self._turn).props(
                    "unelevated no-caps dense"
                )
                self.toggle.classes("tabs")
                ui.element("div").classes("grow")
                self._search()
            self._filters()
            self.views = ViewsBar(self.desk, self._address)
            rows = [{"name": name, "label": label, "field": name, "align": "left"} for name, label in COLUMNS.items()]
            # A trainer moves no case, and selects none.
            picks = self.desk.role != Role.TRAINER
            self.table = ui.table(
                rows=[],
                columns=rows,
                row_key="no",
                pagination={"rowsPerPage": 0},
                selection="multiple" if picks else None,
            )
            self.table.props("flat dense hide-bottom wrap-cells").classes("cases picks" if picks else "cases")
            row = (ASSETS / "row.html").read_text("utf-8")
            self.table.add_slot("body", row if picks else row.replace(PICK, ""))
            self.bulk = BulkPanel(self.desk, self.table, self.refresh) if picks else None
            self.empty = text("没有符合条件的诉求件", "p", "empty")
            with ui.element("footer").classes("pages"):
                self.summary = text("")
                ui.button("导出 Excel", icon="download", on_click=self._export).props("flat dense no-caps")
                self.pager = ui.pagination(1, 1, value=1, on_change=self._page).props(
                    "max-pages=7 dense boundary-numbers"
                )
        await self.views.refresh()
        await self.refresh()

    async def _export(self) -> None:
        with caught():
            self.desk.touch()
            now = utcnow()
            data_, total = await self.desk.run(export_data.queue_xlsx, self.tab, self.order, self.wanted, now)
            if total > export_data.LIMIT:
                words = f"共 {data.counted(total)} 件，只导出前 {export_data.LIMIT} 件，请加筛选条件分次导出"
                ui.notify(words, type="warning", position="top", timeout=8000)
            ui.download.content(data_, f"诉求件-{now.astimezone(LOCAL):%Y%m%d-%H%M}.xlsx")

    def _search(self) -> None:
        box = ui.input(placeholder="搜编号、内容、地点（按 / ）", value=self.wanted.q or "", on_change=self._find)
        box.props('dense outlined clearable debounce=300 maxlength=200 aria-label="搜索"').classes("search")

    def _filters(self) -> None:
        choices = data.choices() | {"urgency": list(URGENCIES)}
        with ui.element("details").classes("filters").props("open") as panel:
            text("筛选", "summary")
            for name, label in LISTS.items():
                if name == "department" and self.desk.user.department:
                    continue
                chosen = [value for value in getattr(self.wanted, name) if value in choices[name]]
                select = ui.select(choices[name], multiple=True, label=label, value=chosen, clearable=True)
                select.on_value_change(lambda event, name=name: self._narrow(name, event.value or []))
                select.props(f'dense outlined options-dense aria-label="{label}"').classes("filter")
            for name, label in (("overdue", "只看超期"), ("needs_review", "只看需复核")):
                box = ui.checkbox(label, value=bool(getattr(self.wanted, name)))
                box.on_value_change(lambda event, name=name: self._narrow(name, True if event.value else None))
                box.props("dense size=sm")
            ui.element("div").classes("grow")
            self.sorting = ui.select(data.ORDERS, value=self.order, label="排序", on_change=self._sort)
            self.sorting.props("dense outlined options-dense").classes("order")
        # A phone has no room for it until it is asked for.
        ui.run_javascript(f"if (innerWidth < 700) document.getElementById('{panel.html_id}').removeAttribute('open')")

    async def _turn(self, event: ValueChangeEventArguments[Any]) -> None:
        self.tab = event.value
        self.order = _order(self.tab)
        self.sorting.set_value(self.order)
        await self._narrow("page", 1)

    async def _sort(self, event: ValueChangeEventArguments[Any]) -> None:
        if event.value != self.order:
            self.order = event.value
            await self._narrow("page", 1)

    async def _find(self, event: ValueChangeEventArguments[Any]) -> None:
        await self._narrow("q", (event.value or "").strip()[:200] or None)

    async def _page(self, event: ValueChangeEventArguments[Any]) -> None:
        if event.value != self.wanted.page:
            await self._narrow("page", event.value)

    async def _narrow(self, name: str, value: Any) -> None:
        self.wanted = self.wanted.model_copy(update={"page": 1} | {name: value})
        self.desk.touch()
        with caught():
            await self.refresh()
            ui.navigate.history.replace(f"?{self._address()}")

    def _address(self) -> str:
        own = self.wanted.model_dump(exclude_defaults=True, exclude={"page_size"})
        return urlencode({"tab": self.tab, "order": self.order} | own, doseq=True)

    async def refresh(self) -> None:
        """Reads the page of the queue anew; what has not changed is left alone."""
        found = await self.desk.run(data.queue, self.tab, self.order, self.wanted, utcnow())
        pages = max(-(-min(found.total, COUNTED) // PAGE_SIZE), 1)
        if self.wanted.page > pages:
            self.wanted = self.wanted.model_copy(update={"page": pages})
            found = await self.desk.run(data.queue, self.tab, self.order, self.wanted, utcnow())
        self.toggle.set_options(
            {name: f"{words} {data.counted(found.counts[name])}" for name, words in self.tabs.items()}
        )
        if found.rows != self.table.rows:
            self.table.rows = found.rows
            if self.bulk and self.table.selected:
                # Only what is on the page stays selected, as it is now.
                chosen = {row["no"] for row in self.table.selected}
                self.table.selected = [row for row in found.rows if row["no"] in chosen]
                self.bulk.show()
        self.empty.set_visibility(not found.rows)
        self.summary.set_text(f"共 {data.counted(found.total)} 件")
        self.pager.max = pages
        self.pager.set_visibility(pages > 1)
        self.pager.set_value(self.wanted.page)


def _order(tab: str) -> str:
    """Returns the order in which a tab opens: work by urgency, the archive by age."""
    return "new" if tab == "all" else "urgent"


def _filter(query: Any) -> CaseFilter:
    """Returns the filters that an address holds; an address that somebody has mistyped filters nothing."""
    fields = {name: query.getlist(name) for name in LISTS} | {
        name: query[name] for name in ("q", "page", "overdue", "needs_review") if query.get(name)
    }
    try:
        return CaseFilter(**fields, page_size=PAGE_SIZE)
    except ValidationError:
        return CaseFilter(page_size=PAGE_SIZE)
