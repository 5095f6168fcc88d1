"""The saved views of the queue: chips that lead back to filters, and the box that saves the present ones."""

from collections.abc import Callable

from nicegui import ui

from api.console import views_data
from api.console.frame import caught, text
from api.console.session import Desk


class ViewsBar:
    """The own views of one staff member, over the queue."""

    def __init__(self, desk: Desk, address: Callable[[], str]) -> None:
        self.desk, self.address = desk, address
        self.bar = ui.element("div").classes("views").props('role="navigation" aria-label="我的视图"')
        self.layer = ui.element("div")

    async def refresh(self) -> None:
        """Reads the views anew."""
        views = await self.desk.run(views_data.saved_views)
        self.bar.clear()
        with self.bar:
            for name, query in views.items():
                with ui.element("span").classes("view"):
                    link = ui.element("a")
                    link.props["href"] = f"/console/?{query}"
                    with link:
                        text(name)
                    drop = ui.button(icon="close", on_click=lambda name=name: self._drop(name)).props("flat dense")
                    drop.props["aria-label"] = f"删除视图{name}"
            ui.button("存为视图", icon="bookmark_add", on_click=self._ask).props("flat dense no-caps")

    async def _drop(self, name: str) -> None:
        with caught():
            await self.desk.run(views_data.drop_view, name)
            await self.refresh()

    def _ask(self) -> None:
        async def save() -> None:
            with caught():
                await self.desk.run(views_data.save_view, box.value or "", self.address())
                dialog.close()
                await self.refresh()

        with self.layer, ui.dialog() as dialog, ui.card().classes("sheet"):
            text("存为视图", "h2")
            text("记住现在的标签页、筛选和排序，只有您自己看得到；同名的会被替换。", "p", "hint")
            box = (
                ui.input("名字")
                .props("outlined dense autofocus maxlength=32")
                .classes("wide")
                .on("keydown.enter", save)
            )
            with ui.element("div").classes("cluster end"):
                ui.button("取消", on_click=dialog.close).props("flat dense")
                ui.button("保存", on_click=save).props("unelevated dense")
        dialog.on("hide", dialog.delete)
        dialog.open()
