"""The parts into which a case is to be split: proposed by the model, edited by a person."""

from nicegui import ui

from api.console import case_data
from api.console.frame import caught, text
from api.console.session import Desk

LEAST, MOST = 2, 5


class PartsField:
    """Some text boxes, one a matter; what stands in them is ``value``."""

    def __init__(self, desk: Desk, no: str, story: str) -> None:
        self._desk, self._no = desk, no
        self._boxes: list[ui.textarea] = []
        self._box = ui.element("div").classes("parts wide")
        with ui.element("div").classes("cluster"):
            self._more = ui.button("再加一件", icon="add", on_click=lambda: self._add("")).props("flat dense")
            self._hint = text("正在看里面说了几件事……", classes="hint")
        # Something to work on until the model has read it, and where it sees one matter only.
        self._fill([story, ""])
        ui.timer(0.1, self._propose, once=True)

    @property
    def value(self) -> list[str]:
        """What is written, without empty boxes."""
        return [words for box in self._boxes if (words := (box.value or "").strip())]

    async def _propose(self) -> None:
        with caught():
            before = self.value
            found = await self._desk.run(case_data.proposed_parts, self._no)
            if self._box.is_deleted or self.value != before:
                return
            several = len(found) >= LEAST
            self._hint.set_text("系统看出这几件，请核对" if several else "系统只看出一件事，请自己分开写")
            if several:
                self._fill(found)

    def _fill(self, parts: list[str]) -> None:
        self._box.clear()
        self._boxes.clear()
        for words in parts:
            self._add(words)

    def _add(self, words: str) -> None:
        number = len(self._boxes) + 1
        label = "第 1 件（留在本件）" if number == 1 else f"第 {number} 件（另立一件）"
        with self._box:
            box = ui.textarea(label, value=words).props("outlined dense autogrow maxlength=20000").classes("wide part")
        self._boxes.append(box)
        self._more.set_visibility(number < MOST)
