"""Beside the item: figures, remarks, files in and out."""

from typing import TYPE_CHECKING, Any

from nicegui import events, ui

from api.cases.numbers import LOCAL
from api.columns import utcnow
from api.console import curation_data
from api.console.frame import caught, text
from api.console.session import Desk
from api.curation.exports import FORMATS

if TYPE_CHECKING:
    from api.console.curation_page import CurationPage

FIELD_NAMES = {"category": "一级分类", "subcategory": "二级分类", "urgency": "紧急程度", "kind": "诉求类型"}
EXPORTS = {"patch": "补丁（给 nlu_data）", "csv": "CSV", "jsonl": "JSONL", "labelstudio": "Label Studio"}
SHOWN_REFUSALS = 8


class SidePanel:
    """The right-hand side of the trainers' page."""

    def __init__(self, desk: Desk, page: "CurationPage") -> None:
        self.desk, self.page = desk, page

    def build(self) -> None:
        """Adds it."""
        with ui.element("aside"):
            with ui.element("section").classes("card"):
                with ui.element("div").classes("line"):
                    text("进度", "h2")
                    ui.element("div").classes("grow")
                    ui.button("收集新的", on_click=self._fetch).props("outline dense no-caps")
                self.figures = ui.element("dl").classes("figures")
            self.talk = ui.element("section").classes("card")
            with self.talk:
                text("备注", "h2")
                self.remarks = ui.element("div").classes("remarks")
                self.remark = ui.input(placeholder="写一句，Enter 保存").props("dense outlined").classes("wide")
                self.remark.on("keydown.enter", self._comment)
            with ui.element("section").classes("card"):
                text("导出已有结论的", "h2")
                with ui.element("div").classes("cluster"):
                    for form, words in EXPORTS.items():
                        ui.button(words, on_click=lambda _event, form=form: self._export(form)).props(
                            "outline dense no-caps"
                        )
                text("导入在别处标的", "h2")
                self.upload = ui.upload(on_upload=self._import, auto_upload=True).props('accept=".csv,.jsonl"')
                pick = ui.button("选文件（CSV、JSONL）").props("outline dense no-caps")
                # In the browser itself: it opens the chooser only at the very click.
                pick.on("click", js_handler=f"() => runMethod({self.upload.id}, 'pickFiles', [])")
                text("要有 id 列，坏行按行号退回", "p", "hint")
                self.refused = ui.element("ul").classes("refused")

    def show(self, found: dict[str, Any]) -> None:
        """Shows figures and remarks."""
        figures = found["figures"]
        self.figures.clear()
        with self.figures:
            _figure("待标", figures["open"])
            _figure("等第三人看", figures["third"])
            _figure("已有结论", figures["done"])
            _figure("您标过", figures["mine"])
            _figure("两人各标", figures["pairs"])
            for field, words in FIELD_NAMES.items():
                value = figures["kappa"][field]
                _figure(f"κ {words}", "—" if value is None else f"{value:.2f}")
        self.remarks.clear()
        with self.remarks:
            for one in found["item"]["comments"] if found["item"] else []:
                text(f"{one['who']} {one['at']}：{one['text']}", "p", "hint")
        self.talk.set_visibility(found["item"] is not None)

    async def _comment(self) -> None:
        if self.page.item is None:
            return
        with caught():
            words = self.remark.value or ""
            found = await self.desk.run(curation_data.comment, self.page.item["id"], words, utcnow())
            self.remark.set_value("")
            self.page.show(found)

    async def _fetch(self) -> None:
        with caught():
            count = await self.desk.run(curation_data.fetch, utcnow())
            ui.notify(f"收集到 {count} 条新的" if count else "没有新的", position="top")
            self.page.show(await self.desk.run(curation_data.look))

    async def _export(self, form: str) -> None:
        with caught():
            content = await self.desk.run(curation_data.exported, form)
            if not content:
                ui.notify("没有可导出的：还没有结论，或都已经在训练数据里", position="top")
                return
            media, suffix = FORMATS[form]
            day = utcnow().astimezone(LOCAL).strftime("%Y%m%d")
            ui.download.content(content, f"整理-{day}.{suffix}", media)

    async def _import(self, event: events.UploadEventArguments) -> None:
        with caught():
            form = "csv" if event.file.name.lower().endswith(".csv") else "jsonl"
            done = await self.desk.run(curation_data.imported, await event.file.read(), form, utcnow())
            ui.notify(f"收下 {done.kept} 行，退回 {len(done.refused)} 行", position="top")
            self.refused.clear()
            with self.refused:
                for line in done.refused[:SHOWN_REFUSALS]:
                    text(line, "li")
                if len(done.refused) > SHOWN_REFUSALS:
                    text(f"……另有 {len(done.refused) - SHOWN_REFUSALS} 行", "li")
            self.page.show(await self.desk.run(curation_data.look))
        self.upload.reset()


def _figure(words: str, value: object) -> None:
    text(words, "dt")
    text(str(value), "dd")
