"""The moves that are legal now, and the dialog that asks what each of them needs."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from api.cases.deadlines import get_deadlines
from api.cases.fields import FIELD_NAMES
from api.cases.reporters import PERSONAL
from api.columns import utcnow
from api.console import case_data, data, mentions_data
from api.console.case_data import CasePage
from api.console.frame import caught, text
from api.console.parts_field import PartsField
from api.console.session import Desk
from api.console.turns import Offer

HINTS = {
    "answer": "居民会看到：查了什么、怎么处理、什么时候好",
    "reason": "一两句话说清楚",
    "note": "做了什么、下一步做什么",
    "main_no": "LX20261124-00012",
}
STARS = {5: "5 星　很满意", 4: "4 星　满意", 3: "3 星　一般", 2: "2 星　不满意", 1: "1 星　很不满意"}
_READERS = {True: "居民能看到这一步的说明。", False: "只有工作人员能看到。写 @ 可以提到看得到这件的同事。"}

# What is done with one of several reporters.
_OF_ONE = {*PERSONAL, "撤回"}


class Moves:
    """Asks for the moves of a case. Dialogs live in ``layer``: a page built anew leaves half-written words alone."""

    def __init__(self, desk: Desk, shown: CasePage, layer: ui.element, done: Callable[[], Awaitable[CasePage]]) -> None:
        self.desk, self.shown, self.layer, self.done = desk, shown, layer, done

    def offered(self, action: str) -> bool:
        """Tells whether a move can be made now."""
        return any(offer.action == action and offer.refusal is None for offer in self.shown.offers)

    def ask(self, action: str, **filled: str) -> None:
        """Opens the dialog of a move that is on offer, with some of its fields filled in."""
        self._ask(next(offer for offer in self.shown.offers if offer.action == action), filled)

    def _ask(self, offer: Offer, filled: dict[str, str] | None = None) -> None:
        # The move is judged against what was on the page when it was chosen, or was shown after a conflict.
        seq = self.shown.seq

        async def again() -> None:
            nonlocal seq
            seq = (await self.done()).seq

        async def submit() -> None:
            with caught(again):
                values = self._filled(fields)
                await self.desk.run(case_data.act, self.shown.view["no"], seq, offer.action, values, utcnow())
                ui.notify(f"已{offer.action}", type="positive", position="top", timeout=2500)
                dialog.close()
                await self.done()

        with self.layer, ui.dialog().props("persistent") as dialog, ui.card().classes("sheet"):
            text(offer.action, "h2")
            text(_READERS[offer.public], "p", "hint")
            fields = {name: self._field(name, offer) for name in _asked(offer, len(self.shown.view["reporters"]) > 1)}
            if not offer.public:
                self._callable([fields[name] for name in ("note", "reason", "answer") if name in fields])
            for name, value in (filled or {}).items():
                fields[name].set_value(value)
            with ui.element("div").classes("cluster end"):
                ui.button("取消", on_click=dialog.close).props("flat dense")
                sure = ui.button(f"确认{offer.action}", on_click=submit).props("unelevated dense")
                if offer.closes:
                    sure.props("color=negative")
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _callable(self, boxes: list[Any]) -> None:
        """Tells the boxes of an internal note, once they stand, who may be called in them."""

        async def load() -> None:
            with caught():
                found = await self.desk.run(mentions_data.who_may_be_called, self.shown.view["no"])
                for box in boxes:
                    if not box.is_deleted:
                        box.props["data-colleagues"] = json.dumps(found, ensure_ascii=False)
                        box.update()

        ui.timer(0.1, load, once=True)

    def _filled(self, fields: dict[str, Any]) -> dict[str, Any]:
        values = {name: field.value for name, field in fields.items()}
        filled = {name: value for name, value in values.items() if value not in (None, "", [])}
        if "co_departments" in values and (values["co_departments"] or []) != self.shown.view["co_departments"]:
            filled["co_departments"] = values["co_departments"] or []
        if "days" in filled:
            filled["days"] = int(filled["days"])
        return filled

    def _field(self, name: str, offer: Offer) -> Any:
        view, needed = self.shown.view, name in offer.needs
        label = FIELD_NAMES[name] + ("（必填）" if needed else "（可不填）")
        match name:
            case "parts":
                return PartsField(self.desk, view["no"], view["description"])
            case "department":
                if not needed:
                    label = (
                        "主办单位（不选就按层级规则定）"
                        if offer.reroutes
                        else f"主办单位（不选就是{view['department']}）"
                    )
                field: Any = ui.select(_departments(), label=label, with_input=True, clearable=True)
            case "co_departments":
                chosen = view["co_departments"]
                field = ui.select(_departments(*chosen), label=label, value=chosen, multiple=True, with_input=True)
                field.props("use-chips")
            case "stars":
                field = ui.select(STARS, label=label)
            case "days":
                field = ui.number(label, min=1, max=get_deadlines().limits.extension.amount, precision=0)
            case "reporter":
                people = {one["number"]: person(one) for one in view["reporters"] if not one["left_at"]}
                main = next((one["number"] for one in view["reporters"] if one["main"]), 1)
                field = ui.select(people, label="哪一位反映人", value=main)
            case "main_no":
                field = ui.input(label, placeholder=HINTS[name])
            case _:
                field = ui.textarea(label, placeholder=HINTS[name]).props("autogrow maxlength=2000")
        return field.props("outlined dense").classes(f"wide field-{name}")


class MovesCard(Moves):
    """The card of moves."""

    def __init__(self, desk: Desk, shown: CasePage, layer: ui.element, done: Callable[[], Awaitable[CasePage]]) -> None:
        super().__init__(desk, shown, layer, done)
        offers = [offer for offer in shown.offers if offer.refusal is None]
        refused = [offer for offer in shown.offers if offer.refusal]
        with ui.element("section").classes("card moves"):
            text("现在可以办", "h2")
            with ui.element("div").classes("cluster"):
                for offer in offers:
                    self._button(offer)
            if not offers:
                text("您的岗位现在没有要办的。", "p", "hint")
            if refused:
                with ui.element("details"):
                    text("暂时不能办的", "summary")
                    for offer in refused:
                        text(f"{offer.action}：{offer.refusal}", "p", "hint")

    def _button(self, offer: Offer) -> None:
        look = "unelevated" if offer.forward else "outline"
        button = ui.button(offer.action, on_click=lambda: self._ask(offer)).props(f"{look} no-caps")
        if offer.closes:
            button.props("color=negative")


def person(one: dict[str, Any]) -> str:
    """Returns one of several reporters in words, masked: ``2 赵** 139****0002``."""
    name = one["name"] or ("匿名" if one["anonymous"] else "没有留姓名")
    return f"{one['number']} {name} {one['phone'] or '没有留电话'}"


def _departments(*standing: str) -> list[str]:
    """Returns the departments on offer; one that stands already is among them whatever the files say by now."""
    known = data.choices()["department"]
    return known + [name for name in standing if name not in known]


def _asked(offer: Offer, several: bool) -> list[str]:
    """Returns the fields of a move in the order in which people fill them in."""
    names = ["department", "co_departments"] if offer.assigns else []
    names += ["reporter"] if several and offer.action in _OF_ONE else []
    names += [name for name in offer.needs if name not in names]
    return names if {"note", "reason", "answer"} & set(names) else [*names, "note"]
