"""The trainers' page: one message at a time, answered from the keyboard."""

from typing import Annotated, Any

from fastapi import Depends
from nicegui import events, ui

from api.columns import utcnow
from api.console import curation_data
from api.console.curation_panel import SidePanel
from api.console.frame import caught, frame, text
from api.console.session import Desk, desk_of
from api.curation.gather import REASONS
from api.curation.labels import NOT_APPEAL, PERSONAL, Label, in_words
from api.curation.service import ROLES
from api.triage.service import get_taxonomy
from classifier.taxonomy import KINDS, URGENCIES

URGENCY_KEYS = dict(zip("qwer", URGENCIES, strict=True))
KIND_KEYS = dict(zip("asd", KINDS, strict=True))
OTHER_KEYS = {"n": NOT_APPEAL, "p": PERSONAL}
WORDS = {NOT_APPEAL: "不是诉求", PERSONAL: "还看得出是谁"}


@ui.page("/curation", title="整理训练数据 · 崂先办工作台", response_timeout=30)
async def curation(desk: Annotated[Desk, Depends(desk_of(*ROLES))]) -> None:
    """Shows the queue."""
    await frame(desk, "/curation")
    page = CurationPage(desk)
    await page.build()


class CurationPage:
    """One item, the answer in the making, and the figures beside it."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.item: dict[str, Any] | None = None
        self.label = Label()
        self.own: set[str] = set()  # fields set by hand, which a later choice of class leaves alone
        self.panel = SidePanel(desk, self)

    async def build(self) -> None:
        """Adds the page."""
        pairs = [f"{category} / {name}" for category, name in get_taxonomy().pairs()]
        with ui.element("div").classes("page curation"):
            with ui.element("section").classes("work"):
                self.card = ui.element("article").classes("card")
                with ui.element("div").classes("search"):
                    self.all = ui.select(pairs, label="别的分类（按 / 搜）", with_input=True, clearable=True)
                    self.all.props("dense outlined options-dense").classes("wide").on_value_change(self._pick_any)
                self.answer = ui.element("section").classes("card answer")
            self.panel.build()
        ui.keyboard(self._key, repeating=False, ignore=["input", "textarea", "select"])
        with caught():
            self.show(await self.desk.run(curation_data.look))

    def show(self, found: dict[str, Any]) -> None:
        """Shows an item from the start, and the figures."""
        if not self.item or not found["item"] or found["item"]["id"] != self.item["id"]:
            self.label, self.own = Label(), set()
            self.all.set_value(None)
        self.item = found["item"]
        self.panel.show(found)
        self.paint()

    def paint(self) -> None:
        """Draws item and answer anew."""
        self.card.clear()
        self.answer.clear()
        for part in (self.all, self.answer):
            part.set_visibility(self.item is not None)
        if self.item is None:
            with self.card:
                text("没有要您标的了。右边可以“收集新的”，每天也会自动收集一次。", "p", "empty")
            return
        with self.card:
            _told(self.item)
            self._candidates(self.item["candidates"])
        with self.answer:
            self._choices("紧急程度", URGENCY_KEYS, "urgency")
            self._choices("诉求类型", KIND_KEYS, "kind")
            self._choices("不收", OTHER_KEYS, "other")
            with ui.element("div").classes("cluster end"):
                text(self._so_far(), classes="so-far")
                ui.button("撤销上一条 u", on_click=self.undo).props("flat dense no-caps")
                ui.button("跳过 x", on_click=self.skip).props("flat dense no-caps")
                ui.button("保存 Enter", on_click=self.save).props("dense unelevated no-caps").classes("save")

    def _candidates(self, candidates: list[dict[str, Any]]) -> None:
        with ui.element("ol").classes("candidates"):
            for number, one in enumerate(candidates, 1):
                chosen = (one["category"], one["subcategory"]) == (self.label.category, self.label.subcategory)
                with ui.element("li").classes("choice chosen" if chosen else "choice") as line:
                    text(str(number), "kbd")
                    text(f"{one['category']} / {one['subcategory']}", classes="name")
                    text(f"{one['probability']:.0%}", classes="hint")
                line.on("click", lambda _event, at=number: self.choose(at))

    def _choices(self, title: str, keys: dict[str, str], field: str) -> None:
        with ui.element("div").classes("choices"):
            text(title, classes="title")
            for key, value in keys.items():
                chosen = getattr(self.label, field) == value
                with ui.element("span").classes("choice chosen" if chosen else "choice") as chip:
                    text(key, "kbd")
                    text(WORDS.get(value, value))
                chip.on("click", lambda _event, f=field, v=value: self.set(f, v))

    def _so_far(self) -> str:
        done = self.label.other or (self.label.category and self.label.urgency and self.label.kind)
        return f"您的回答：{in_words(self.label.model_dump())}" if done else "还没有回答"

    def choose(self, number: int) -> None:
        """Takes the candidate with this number."""
        if self.item and number <= len(self.item["candidates"]):
            one = self.item["candidates"][number - 1]
            self._pair(one["category"], one["subcategory"])

    def _pick_any(self, event: events.ValueChangeEventArguments[Any]) -> None:
        if event.value:
            category, _, name = event.value.partition(" / ")
            self._pair(category, name)

    def _pair(self, category: str, name: str) -> None:
        """Takes a class, with the kind and urgency that are usual for it."""
        entry = get_taxonomy().entry(category, name)
        usual = {field: getattr(entry, field) for field in ("kind", "urgency") if field not in self.own}
        self.label = self.label.model_copy(update={"category": category, "subcategory": name, "other": "", **usual})
        self.paint()

    def set(self, field: str, value: str) -> None:
        """Sets kind, urgency or ``other``."""
        if field == "other":
            self.label, self.own = Label(other=value), set()
        else:
            self.label = self.label.model_copy(update={field: value, "other": ""})
            self.own.add(field)
        self.paint()

    async def save(self) -> None:
        """Keeps the answer and goes on."""
        if self.item:
            with caught():
                self.show(await self.desk.run(curation_data.answer, self.item["id"], self.label, utcnow()))

    async def skip(self) -> None:
        """Goes on without an answer."""
        if self.item:
            with caught():
                self.show(await self.desk.run(curation_data.skip, self.item["id"], utcnow()))

    async def undo(self) -> None:
        """Takes the last answer back and shows its item."""
        with caught():
            self.item = None
            self.show(await self.desk.run(curation_data.undo, utcnow()))

    async def _key(self, event: events.KeyEventArguments) -> None:
        if not event.action.keydown or event.modifiers.ctrl or event.modifiers.meta or event.modifiers.alt:
            return
        self.desk.touch()
        key = event.key.name
        if key in ("Enter", "x", "u"):
            await {"Enter": self.save, "x": self.skip, "u": self.undo}[key]()
        elif self.item and key.isdigit() and key != "0":
            self.choose(int(key))
        elif self.item:
            for field, keys in (("urgency", URGENCY_KEYS), ("kind", KIND_KEYS), ("other", OTHER_KEYS)):
                if key in keys:
                    self.set(field, keys[key])


def _told(item: dict[str, Any]) -> None:
    with ui.element("div").classes("line"):
        for name in item["reasons"]:
            text(REASONS[name], classes="flag")
        if item["pair"]:
            text("第三人复看" if item["state"] == "third" else "两人各标", classes="status")
    text(item["text"], "p", "told")
    suggestion = item["suggestion"]
    sure = (suggestion.get("confidence") or {}).get("category")
    with ui.element("div").classes("views"):
        text(f"模型建议：{in_words(suggestion)}" + (f"（把握 {sure:.0%}）" if sure is not None else ""), classes="soft")
        if item["decided"]:
            text(f"受理员改判：{in_words(item['decided'])}", classes="soft")
        for number, words in enumerate(item["answers"], 1):
            text(f"第 {number} 个人：{words}", classes="differs")
