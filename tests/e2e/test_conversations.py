"""The conversation table, over HTTP against live processes."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.chat.photos import photo
from tests.e2e.conftest import House, Resident

TABLE = yaml.safe_load((Path(__file__).parent / "conversations.yml").read_text(encoding="utf-8"))
TO_THE_RATING = [
    {"action": "受理"},
    {"action": "派单"},
    {"action": "接单"},
    {"action": "反馈", "answer": "已修好"},
    {"action": "审核通过"},
    {"action": "回访", "note": "电话接通"},
]


class Talk:
    """One conversation of the table as it is held: who speaks, what was said, which cases came of it."""

    def __init__(self, url: str, staff: httpx.Client) -> None:
        """Opens the resident's window."""
        self.url, self.staff = url, staff
        self.resident = Resident(url)
        self.filed: list[str] = []
        self.story: list[str] = []

    def take(self, line: dict[str, Any]) -> None:
        """Says one line of the table and checks the answer."""
        if line.get("window") == "new":
            self.resident = Resident(self.url)
        if line.get("staff") == "办到回访":
            self._work_off()
        text = str(line["text"]).replace("{编号}", self.filed[-1] if self.filed else "")
        photos = [self._upload(number) for number in range(line.get("photos", 0))]
        reply = self.resident.say(text, **({"attachments": photos} if photos else {}))
        self.filed += [number for number in self.resident.case_nos if number not in self.filed]
        self.story.append(f"居民：{text}\n机器人：{reply} {self.resident.buttons}")
        told = "\n".join(self.story)
        assert reply.strip(), told
        if "expect" in line:
            assert re.search(line["expect"], reply, re.DOTALL), f"应有 {line['expect']!r}\n{told}"
        if "never" in line:
            assert not re.search(line["never"], reply), f"不应有 {line['never']!r}\n{told}"
        assert set(line.get("buttons", [])) <= set(self.resident.buttons), told

    def _upload(self, number: int) -> str:
        answer = httpx.post(
            f"{self.url}/api/v1/chat/attachments",
            files={"file": ("照片.jpg", photo(color=(200, 60, 40 * number)), "image/jpeg")},
            headers={"Authorization": f"Bearer {self.resident.token}"},
        )
        identifier: str = answer.raise_for_status().json()["id"]
        return identifier

    def _work_off(self) -> None:
        for move in TO_THE_RATING:
            answer = self.staff.post(f"/api/v1/cases/{self.filed[-1]}/actions", json=move)
            assert answer.status_code == 200 or move["action"] == "审核通过", answer.text  # not every case has a review

    def case(self, number: str) -> dict[str, Any]:
        """Returns a filed case with its place and reporter on one level, as the table names them."""
        case: dict[str, Any] = self.staff.get(f"/api/v1/cases/{number}").raise_for_status().json()
        return {**case, **case["place"], **case["reporter"]}


def check(talk: Talk, conversation: dict[str, Any]) -> None:
    """Compares the filed cases with what the table wants of them."""
    wanted = conversation["cases"] if "cases" in conversation else [conversation["case"]]
    wanted = [] if wanted == ["none"] else wanted
    told = "\n".join(talk.story)
    assert len(talk.filed) == len(wanted), told
    for number, want in zip(talk.filed, wanted, strict=True):
        seen = talk.case(number)
        assert {key: seen[key] for key in want} == want, told
        assert seen["department"], told


def hold(conversation: dict[str, Any], url: str, staff: httpx.Client) -> None:
    """Holds one conversation of the table and checks what came of it."""
    talk = Talk(url, staff)
    for entry in conversation["say"]:
        talk.take(entry if isinstance(entry, dict) else {"text": entry})
    check(talk, conversation)


@pytest.mark.parametrize("conversation", TABLE, ids=[one["name"] for one in TABLE])
def test_conversation(conversation: dict[str, Any], house: House) -> None:
    with house.staff("admin") as admin:
        hold(conversation, house.url, admin)


def test_the_table_covers_enough() -> None:
    names = [one["name"] for one in TABLE]
    assert len(names) == len(set(names)) >= 45
