"""Ends an intake: files the case once, or lets the draft go."""

from datetime import datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import get_desk
from actions.reading import draft_from, known_from, no_slots


class ActionFileCase(Action):
    """Runs after the form. Refuses to file while anything needed is missing, whatever Rasa believes."""

    def name(self) -> str:
        """Returns the action's name in domain.yml."""
        return "action_file_case"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Files with the draft id as idempotency key and reports the number."""
        outcome, known = tracker.get_slot("outcome"), known_from(tracker)
        if outcome == "cancelled":
            dispatcher.utter_message(response="utter_cancelled")
            return no_slots()
        if outcome == "abandoned":
            return no_slots()
        if outcome != "file" or not known.matter or not (known.confirmed or known.emergency):
            dispatcher.utter_message(response="utter_not_filed")
            return []
        case = await get_desk().file(tracker.sender_id, draft_from(known))
        response = "utter_filed" if known.contact.phone else "utter_filed_no_phone"
        dispatcher.utter_message(
            response="utter_filed_emergency" if known.emergency else response,
            case_no=case["case_no"],
            department=case["department"],
            due=spoken_time(case["due_at"]),
            number=(known.triage or {}).get("emergency_number") or "110",
        )
        return no_slots()


def spoken_time(iso: str | None) -> str:
    """Returns an ISO time as people say it: ``11月30日 17:00``."""
    if not iso:
        return "近日"
    moment = datetime.fromisoformat(iso)
    return f"{moment.month}月{moment.day}日 {moment:%H:%M}"
