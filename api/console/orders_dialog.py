"""The dialogs that send an order: a new one, or one that came from above on to the units below."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import datetime

from nicegui import ui

from api.cases.numbers import LOCAL
from api.columns import utcnow
from api.console import orders_data
from api.console.frame import caught, text
from api.console.photo_form import fresh_key
from api.console.session import Desk
from api.errors import Problem
from api.orders.rules import get_orders
from api.orders.schemas import TEXT_LIMIT, TITLE_LIMIT, WORDS_LIMIT
from api.orders.units import Unit

KINDS = ("街道", "社区", "网格员")


class SendDialog:
    """Asks what goes to whom by when, and sends it.

    Args:
        desk: who sends.
        layer: the part of the page in which dialogs live.
        units: those below the sender's unit.
    """

    def __init__(self, desk: Desk, layer: ui.element, units: list[Unit]) -> None:
        self.desk, self.layer = desk, layer
        self.units = [unit for unit in units if unit.people]
        self.silent = len(units) - len(self.units)

    def issue(self) -> None:
        """Opens the dialog of a new order."""
        key = fresh_key()
        levels = {name: f"{name}（{_span(name)}内回执）" for name in get_orders().levels}

        async def send(due: datetime | None) -> int:
            wanted = {
                "title": title.value or "",
                "text": words.value or "",
                "level": level.value,
                "units": self.chosen.value,
            }
            return await self.desk.run(orders_data.send, wanted | {"due_at": due}, key, utcnow())

        with self._sheet("发指令") as dialog:
            title = ui.input("标题", placeholder="台风橙色预警").props(f"outlined dense maxlength={TITLE_LIMIT}")
            words = ui.textarea("内容", placeholder="做什么、做到什么程度、找谁").props(
                f"outlined dense autogrow maxlength={TEXT_LIMIT}"
            )
            level = ui.select(levels, label="级别", value=list(levels)[-1]).props("outlined dense")
            self._pick()
            self._end(dialog, "发出", send, "回执时限（不填就按级别）")
            for field in (title, words, level):
                field.classes("wide")
        dialog.open()

    def pass_down(self, order_id: int, latest: str) -> None:
        """Opens the dialog that sends an order on; ``latest`` is the own limit, as the interface gives it."""

        async def send(due: datetime | None) -> int:
            wanted = {"units": self.chosen.value, "note": note.value or "", "due_at": due}
            count = await self.desk.run(orders_data.send_on, order_id, wanted, utcnow())
            ui.notify(f"已下派给 {count} 个单位", type="positive", position="top")
            return order_id

        with self._sheet("下派给下级") as dialog:
            self._pick()
            note = (
                ui.textarea("交代（可不填）").props(f"outlined dense autogrow maxlength={WORDS_LIMIT}").classes("wide")
            )
            limit = latest[5:16].replace("T", " ")
            self._end(dialog, "下派", send, f"回执时限（不填就是本单位的 {limit}）")
        dialog.open()

    @contextmanager
    def _sheet(self, title: str) -> Iterator[ui.dialog]:
        with self.layer, ui.dialog().props("persistent") as dialog, ui.card().classes("sheet"):
            text(title, "h2")
            yield dialog
        dialog.on("hide", dialog.delete)

    def _pick(self) -> None:
        options = {unit.path: _label(unit, self.units) for unit in self.units}
        self.chosen = ui.select(options, label="发给", value=[], multiple=True, with_input=True, clearable=True)
        self.chosen.props("outlined dense use-chips").classes("wide units")
        with ui.element("div").classes("cluster"):
            for kind in KINDS:
                paths = [unit.path for unit in self.units if unit.kind == kind]
                if paths:
                    ui.button(f"全部{kind}（{len(paths)}）", on_click=lambda paths=paths: self._add(paths)).props(
                        "outline dense no-caps"
                    )
        if self.silent:
            text(f"另有 {self.silent} 个下级单位还没有能回执的账号，发不到。", "p", "hint")

    def _add(self, paths: list[str]) -> None:
        self.chosen.set_value(list(dict.fromkeys([*self.chosen.value, *paths])))

    def _end(
        self, dialog: ui.dialog, words: str, send: Callable[[datetime | None], Awaitable[int]], due_label: str
    ) -> None:
        due = ui.input(due_label).props("outlined dense type=datetime-local stack-label").classes("wide")

        async def submit() -> None:
            with caught():
                order_id = await send(_moment(due.value))
                dialog.close()
                ui.navigate.to(f"/orders/{order_id}")

        with ui.element("div").classes("cluster end"):
            ui.button("取消", on_click=dialog.close).props("flat dense")
            ui.button(words, on_click=submit).props("unelevated dense")


def _label(unit: Unit, units: list[Unit]) -> str:
    names = {one.path: one.name for one in units}
    above = unit.path.split("/")[:-1]
    return " › ".join([*above, names[unit.path]]) + (f"（{unit.kind}）" if unit.kind == "网格员" else "")


def _span(level: str) -> str:
    minutes = int(get_orders().levels[level].receipt.total_seconds() // 60)
    for size, name in ((1440, "天"), (60, "小时")):
        if minutes % size == 0:
            return f"{minutes // size} {name}"
    return f"{minutes} 分钟"


def _moment(value: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(value).replace(tzinfo=LOCAL) if value else None
    except ValueError as error:
        raise Problem(422, "回执时限没有写对") from error
