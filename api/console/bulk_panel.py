"""The bar that appears over the queue when rows are selected: one move for all of them, the outcome of each."""

from collections.abc import Awaitable, Callable
from typing import Any

from nicegui import ui

from api.cases.fields import FIELD_NAMES
from api.columns import utcnow
from api.console import bulk_data, data
from api.console.bulk_data import BulkMove, Outcome
from api.console.case_moves import HINTS
from api.console.frame import caught, text
from api.console.session import Desk


class BulkPanel:
    """Moves for the selected rows of a table of cases."""

    def __init__(self, desk: Desk, table: ui.table, done: Callable[[], Awaitable[None]]) -> None:
        self.desk, self.table, self.done = desk, table, done
        self.bar = ui.element("div").classes("bulk").props('role="region" aria-label="批量办理"')
        # Dialogs live outside the bar, which is built anew with every tick.
        self.layer = ui.element("div")
        table.on_select(lambda _event: self.show())
        self.show()

    def show(self) -> None:
        """Builds the bar for what is selected now; nothing selected, no bar."""
        rows = self.table.selected
        self.bar.clear()
        self.bar.set_visibility(bool(rows))
        if not rows:
            return
        moves = bulk_data.bulk_moves(self.desk.role, (row["status"] for row in rows))
        with self.bar:
            text(f"已选 {len(rows)} 件", classes="chosen")
            for move in moves:
                button = ui.button(move.action, on_click=lambda move=move: self._ask(move))
                button.props("outline dense no-caps" + (" color=negative" if move.closes else ""))
            if not moves:
                text("这几件的状态不同，没有能一起办的动作", classes="hint")
            ui.element("div").classes("grow")
            ui.button("取消选择", on_click=self.clear).props("flat dense")

    def clear(self) -> None:
        """Selects nothing."""
        self.table.selected = []
        self.show()

    def _ask(self, move: BulkMove) -> None:
        rows = [(row["no"], row["status"]) for row in self.table.selected]

        async def submit() -> None:
            with caught():
                values = {name: field.value for name, field in fields.items() if field.value}
                missing = [FIELD_NAMES[name] for name in move.needs if name not in values]
                if missing:
                    ui.notify(f"请填写{'、'.join(missing)}", type="warning", position="top")
                    return
                sure.disable()
                found = await self.desk.run(bulk_data.bulk, rows, move.action, values, utcnow())
                dialog.close()
                self.clear()
                self._tell(move, found)
                await self.done()

        with self.layer, ui.dialog().props("persistent") as dialog, ui.card().classes("sheet"):
            text(f"{move.action} {len(rows)} 件", "h2")
            text("居民能看到这一步的说明。" if move.public else "只有工作人员能看到。", "p", "hint")
            fields = {name: self._field(name, move) for name in _asked(move)}
            with ui.element("div").classes("cluster end"):
                ui.button("取消", on_click=dialog.close).props("flat dense")
                sure = ui.button(f"确认{move.action} {len(rows)} 件", on_click=submit).props("unelevated dense")
        dialog.on("hide", dialog.delete)
        dialog.open()

    def _field(self, name: str, move: BulkMove) -> Any:
        label = FIELD_NAMES[name] + ("（必填）" if name in move.needs else "（可不填）")
        if name == "department":
            if name not in move.needs:
                label = "主办单位（不选就各按现在的单位）"
            field: Any = ui.select(data.choices()["department"], label=label, with_input=True, clearable=True)
        else:
            field = ui.textarea(label, placeholder=HINTS[name]).props("autogrow maxlength=2000")
        return field.props("outlined dense").classes(f"wide field-{name}")

    def _tell(self, move: BulkMove, found: list[Outcome]) -> None:
        done = sum(one.done for one in found)
        with self.layer, ui.dialog() as dialog, ui.card().classes("sheet outcomes"):
            text(f"{move.action}：{done} 件办好，{len(found) - done} 件没有办成", "h2")
            with ui.element("ul"):
                # What failed stands first: that is what is left to do.
                for one in sorted(found, key=lambda one: one.done):
                    with ui.element("li").props(f'data-done="{str(one.done).lower()}"'):
                        with ui.element("a").props(f'href="/console/cases/{one.no}"'):
                            text(one.no)
                        text(one.words)
            with ui.element("div").classes("cluster end"):
                ui.button("知道了", on_click=dialog.close).props("unelevated dense")
        dialog.on("hide", dialog.delete)
        dialog.open()


def _asked(move: BulkMove) -> list[str]:
    names = ["department"] if move.assigns else []
    names += [name for name in move.needs if name not in names]
    return names if {"note", "reason"} & set(names) else [*names, "note"]
