"""The triage of a case: what the model said and how sure it was, what a person decided, and the form to do so."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from nicegui import ui
from nicegui.events import ValueChangeEventArguments

from api.columns import utcnow
from api.console import case_data, data
from api.console.case_data import CasePage
from api.console.clock import moment
from api.console.feedback_data import FIELDS
from api.console.frame import caught, text
from api.console.session import Desk
from api.triage.service import get_taxonomy
from classifier.taxonomy import KINDS, URGENCIES

BY_RULE = "按分派规则自动定"
REASONS = ("分类不对", "紧急程度不对", "应由别的单位办", "核对无误")


class TriageCard:
    """The card of the triage.

    Attributes:
        busy: the form is half filled in, so the page must not be built anew.
    """

    def __init__(self, desk: Desk, no: str, shown: CasePage, done: Callable[[], Awaitable[CasePage]]) -> None:
        self.desk, self.no, self.shown, self.done = desk, no, shown, done
        self.busy = False
        with ui.element("section").classes("card triage"):
            text("智能判读", "h2")
            self._suggestion()
            if shown.may_judge:
                self._candidates()
                self._form()
            self._overrides()

    def _suggestion(self) -> None:
        view, triage = self.shown.view, self.shown.view["triage"]
        with ui.element("table").classes("suggestion"):
            for field, label in FIELDS.items():
                sure = triage.get("confidence", {}).get(field)
                with ui.element("tr"):
                    text(label, "th")
                    with ui.element("td"):
                        differs = triage.get(field) != view[field]
                        text(str(triage.get(field) or "—"), classes="off" if differs else "")
                        if differs:
                            text(f"现为 {view[field]}", "b")
                    with ui.element("td").classes("sure"):
                        if sure is not None:
                            bar = ui.element("i").style(f"--sure: {sure:.2f}")
                            bar.props["data-low"] = sure < 0.5
                            text(f"{sure:.0%}")
        text(f"模型 {triage.get('model_version') or '—'}；涂色的词是判读的依据，越深越重要。", "p", "hint")

    def _candidates(self) -> None:
        with ui.element("div").classes("cluster chips"):
            for one in self.shown.view["triage"].get("candidates", []):
                if one["probability"] < 0.01:
                    continue
                words = f"{one['category']} › {one['subcategory']}　{one['probability']:.0%}"
                pair = (one["category"], one["subcategory"])
                ui.button(words, on_click=lambda pair=pair: self._take(*pair)).props("outline dense no-caps")

    def _form(self) -> None:
        view, taxonomy = self.shown.view, get_taxonomy()
        with ui.element("div").classes("override"):
            text("改判", "h3")
            self.category = self._select("一级分类", taxonomy.categories, view["category"], self._category_changed)
            self.subcategory = self._select("二级分类", taxonomy.subcategories(view["category"]), view["subcategory"])
            self.urgency = self._select("紧急程度", list(URGENCIES), view["urgency"])
            self.kind = self._select("诉求类型", list(KINDS), view["kind"])
            departments = [BY_RULE, *data.choices()["department"]]
            self.department = self._select("主办单位", departments, BY_RULE)
            self.department.props("use-input input-debounce=0 hide-selected fill-input")
            self.reason = ui.input("改判原因（必填）", on_change=self._typed).classes("wide field-reason")
            self.reason.props("outlined dense maxlength=2000")
            with ui.element("div").classes("cluster chips"):
                for words in REASONS:
                    ui.button(words, on_click=lambda words=words: self.reason.set_value(words)).props("flat dense")
            ui.button("保存改判", on_click=self._save).props("unelevated").classes("wide save")

    def _select(
        self, label: str, options: list[str], value: str, changed: Callable[..., Any] | None = None
    ) -> ui.select:
        # A class that the taxonomy no longer has still stands on old cases.
        known = options if value in options else [*options, value]
        select = ui.select(known, label=label, value=value, on_change=changed or self._typed)
        return select.props(f'outlined dense options-dense aria-label="{label}"').classes("wide")

    def _typed(self, _event: ValueChangeEventArguments[Any]) -> None:
        self.busy = True

    def _category_changed(self, event: ValueChangeEventArguments[Any]) -> None:
        self.busy = True
        names = get_taxonomy().subcategories(event.value)
        self.subcategory.set_options(
            names, value=self.subcategory.value if self.subcategory.value in names else names[0]
        )

    def _take(self, category: str, subcategory: str) -> None:
        self.category.set_value(category)
        self.subcategory.set_value(subcategory)
        ui.run_javascript("document.querySelector('.override .field-reason input')?.focus()")

    async def _save(self) -> None:
        view = self.shown.view
        names = ("category", "subcategory", "urgency", "kind")
        wish = {name: getattr(self, name).value for name in names if getattr(self, name).value != view[name]}
        if "category" in wish:
            wish["subcategory"] = self.subcategory.value
        if self.department.value not in (BY_RULE, view["department"]):
            wish["department"] = self.department.value
        # A person who confirms what stands has judged as well: the model learns from that too.
        wish = wish or {"category": view["category"], "subcategory": view["subcategory"]}
        with caught(self.done):
            reason = (self.reason.value or "").strip()
            await self.desk.run(case_data.override, self.no, self.shown.seq, wish | {"reason": reason}, utcnow())
            ui.notify("改判已保存，承办单位和时限已重新计算", type="positive", position="top", timeout=3000)
            await self.done()

    def _overrides(self) -> None:
        overrides = self.shown.view["triage"]["overrides"]
        if not overrides:
            return
        text("人工改判过", "h3")
        with ui.element("ol").classes("overrides"):
            for one in reversed(overrides):
                at = moment(datetime.fromisoformat(one["at"]))
                decided = one["decided"]
                with ui.element("li"):
                    text(f"{self.shown.names.get(one['actor_id'], '工作人员')} {at}", "time")
                    pair = f"{decided['category']} › {decided['subcategory']}"
                    text(f"定为 {pair}，{decided['urgency']}，{decided['department']}")
                    text(one["reason"], "p", "note")
