"""Ends an intake: files the case once, or lets the draft go."""

from datetime import datetime
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType
from rasa_sdk.executor import CollectingDispatcher

from actions.danger import number_to_ring
from actions.desk import get_desk
from actions.reading import draft_from, known_from, no_slots

# Worded so that the triage sees a question for the service windows: an operator rings back.
CALLBACK_MATTER = "请求人工回电：居民想咨询政务服务中心窗口怎么办事，请打电话联系。"


class ActionFileCase(Action):
    """Runs after the form. Refuses to file while anything needed is missing, whatever Rasa believes."""

    def name(self) -> str:
        """Returns the action's name in domain.yml."""
        return "action_file_case"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Files with the draft id as idempotency key and reports the number."""
        outcome, known = tracker.get_slot("outcome"), known_from(tracker)
        if outcome == "callback":
            await file_callback(dispatcher, tracker.sender_id, draft_from(known))
            return no_slots()
        number = number_to_ring(known.triage)
        if outcome == "cancelled":
            response = "utter_cancelled_emergency" if known.emergency else "utter_cancelled"
            dispatcher.utter_message(response=response, number=number)
        if outcome in ("cancelled", "abandoned"):
            return no_slots()
        if outcome != "file" or not known.matter or not (known.confirmed or known.emergency):
            dispatcher.utter_message(response="utter_not_filed")
            return []
        case = await get_desk().file(tracker.sender_id, draft_from(known))
        if known.matters:
            report_several(dispatcher, case["cases"], bool(known.contact.phone))
            return no_slots()
        response = "utter_filed" if known.contact.phone else "utter_filed_no_phone"
        dispatcher.utter_message(
            response="utter_filed_emergency" if known.emergency else response,
            case_no=case["case_no"],
            department=case["department"],
            due=spoken_time(case["due_at"]),
            number=number,
        )
        return no_slots()


def report_several(dispatcher: CollectingDispatcher, cases: list[dict[str, Any]], phone: bool) -> None:
    """Reports each of the linked cases in a message of its own, and at last how the answers will come."""
    for number, case in enumerate(cases, 1):
        dispatcher.utter_message(
            response="utter_filed_one_of_several",
            number=number,
            case_no=case["case_no"],
            department=case["department"],
            due=spoken_time(case["due_at"]),
        )
    dispatcher.utter_message(response="utter_filed_several" if phone else "utter_filed_several_no_phone")


async def file_callback(dispatcher: CollectingDispatcher, sender: str, draft: dict[str, Any]) -> None:
    """Files the wish to be rung by a person, as a case like any other, and says its number."""
    case = await get_desk().file(sender, {**draft, "description": CALLBACK_MATTER})
    dispatcher.utter_message(response="utter_callback_filed", case_no=case["case_no"])


def spoken_time(iso: str | None) -> str:
    """Returns an ISO time as people say it: ``11月30日 17:00``."""
    if not iso:
        return "近日"
    moment = datetime.fromisoformat(iso)
    return f"{moment.month}月{moment.day}日 {moment:%H:%M}"
