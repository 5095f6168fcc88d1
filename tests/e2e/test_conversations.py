"""The conversation table, over HTTP against live processes."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.e2e.conftest import House, Resident

TABLE = yaml.safe_load((Path(__file__).parent / "conversations.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("conversation", TABLE, ids=[one["name"] for one in TABLE])
def test_conversation(conversation: dict[str, Any], house: House, resident: Resident, staff: httpx.Client) -> None:
    story = []
    for entry in conversation["say"]:
        line = entry if isinstance(entry, dict) else {"text": entry}
        reply = resident.say(str(line["text"]))
        story.append(f"居民：{line['text']}\n机器人：{reply} {resident.buttons}")
        told = "\n".join(story)
        assert reply.strip(), told
        if "expect" in line:
            assert re.search(line["expect"], reply, re.DOTALL), f"应有 {line['expect']!r}\n{told}"
        if "never" in line:
            assert not re.search(line["never"], reply), f"不应有 {line['never']!r}\n{told}"
    wanted = conversation["case"]
    if wanted == "none":
        assert not resident.case_nos
        return
    assert len(resident.case_nos) == 1, "\n".join(story)
    case = staff.get(f"/api/v1/cases/{resident.case_nos[0]}").raise_for_status().json()
    seen = {**case, **case["place"], **case["reporter"]}
    assert {key: seen[key] for key in wanted} == wanted
    assert case["department"]
