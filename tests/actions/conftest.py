"""What several tests of the actions read."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
import yaml
from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions import filing, followups, forms, offers
from actions.forms import ValidateAppealForm


@pytest.fixture(scope="session")
def domain_responses() -> dict[str, Any]:
    """The responses of domain.yml."""
    domain = Path(__file__).resolve().parents[2] / "domain.yml"
    responses: dict[str, Any] = yaml.safe_load(domain.read_text(encoding="utf-8"))["responses"]
    return responses


@pytest.fixture
def play(monkeypatch):
    """Runs one action against a desk; returns the names of the responses, the slots and the desk."""

    def run(
        action: Any,
        desk: Any,
        text: str,
        intent: str,
        slots: dict[str, Any] | None = None,
        photos: int = 0,
        **facts: Any,
    ) -> Any:
        for module in (filing, followups, forms, offers):
            monkeypatch.setattr(module, "get_desk", lambda: desk)
        entities = []
        for kind, value in facts.items():
            words = value["text"] if isinstance(value, dict) else value
            start = text.index(words)
            entities.append({"entity": kind, "value": value, "start": start, "end": start + len(words)})
        message = {
            "text": text,
            "intent": {"name": intent, "confidence": 0.9},
            "entities": entities,
            "metadata": {"attachments": photos},
        }
        events = [{"event": "user", "timestamp": 1.0}]
        loop = {"name": "appeal_form"} if action is ValidateAppealForm else {}
        tracker = Tracker("draft", dict(slots or {}), message, events, False, None, loop, "action_listen")
        dispatcher = CollectingDispatcher()
        done = asyncio.run(action().run(dispatcher, tracker, {}))
        said = [message["response"] for message in dispatcher.messages]
        return said, {event["name"]: event["value"] for event in done if event["event"] == "slot"}, dispatcher.messages

    return run
