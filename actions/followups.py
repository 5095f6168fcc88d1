"""After filing: status, 催办, 补充, 撤回, 评价, a person; and messages outside a form that fit nothing."""

import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import RefusedError, get_desk
from actions.filing import spoken_time
from actions.intake import Said
from actions.reading import said_from, shorten

_CASE_NO = re.compile(r"LX[\s-]?(\d{8})[\s-]?(\d{5})", re.IGNORECASE)
_LAST4 = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_STARS = re.compile(r"([1-5一二三四五])\s*(?:颗)?(?:星|分)")
_HAN = {"一": 1, "二": 2, "三": 3, "四": 4, "五": 5}
_MOVES = {"urge": "催办", "withdraw": "撤回", "supplement": "补充", "rate": "评价"}
_CLOSED = ("已办结", "已撤回", "不予受理", "已合并")
_SHOWN = 3


class ActionFollowup(Action):
    """Answers outside a form whatever concerns an earlier case, a person, or cannot be understood."""

    def name(self) -> str:
        """Returns the action's name in domain.yml."""
        return "action_followup"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Follows up; a message that tells of a matter after all leads into the form."""
        said = said_from(tracker)
        waiting = tracker.get_slot("followup") or {}
        if waiting or said.intent in _MOVES or said.intent in ("ask_status", "ask_human") or _CASE_NO.search(said.text):
            return await follow_up(dispatcher, tracker, said)
        if said.has_substance:
            triage = await get_desk().triage(said.text)
            if triage.get("appeal", True) or triage.get("emergency"):
                return [FollowupAction("appeal_form")]
        if said.has_facts or said.intent in ("affirm", "correct"):
            return [FollowupAction("appeal_form")]
        dispatcher.utter_message(response="utter_please_rephrase")
        return []


async def follow_up(dispatcher: CollectingDispatcher, tracker: Tracker, said: Said) -> list[EventType]:
    """Answers one question about earlier cases; returns the event that remembers what is still open."""
    waiting = tracker.get_slot("followup") or {}
    if said.intent == "ask_human":
        available = await get_desk().call_human(tracker.sender_id, said.text[:200])
        dispatcher.utter_message(response="utter_human_available" if available else "utter_human_offline")
        return []
    wish = said.intent if said.intent in _MOVES or said.intent == "ask_status" else waiting.get("wish", "ask_status")
    case = await _find_case(dispatcher, tracker.sender_id, said, waiting)
    if case is None:
        return [SlotSet("followup", {"wish": wish})]
    if wish == "ask_status":
        await _tell_status(dispatcher, tracker.sender_id, case)
        return [SlotSet("followup", None)]
    return await _move(dispatcher, tracker, said, wish, case)


async def _find_case(
    dispatcher: CollectingDispatcher, sender: str, said: Said, waiting: dict[str, Any]
) -> dict[str, Any] | None:
    """Returns the case that is meant and owned, or None after saying what is needed."""
    owned = await get_desk().cases(sender)
    named = _CASE_NO.search(said.text)
    number = f"LX{named[1]}-{named[2]}" if named else waiting.get("case_no")
    if not number:
        if owned:
            return owned[0]
        dispatcher.utter_message(response="utter_no_cases")
        return None
    if mine := next((case for case in owned if case["case_no"] == number), None):
        return mine
    proof = _LAST4.search(_CASE_NO.sub("", said.text)) or (re.search(r"(\d{4})$", said.phone) if said.phone else None)
    if not proof:
        dispatcher.utter_message(response="utter_ask_case_proof")
        return None
    try:
        return await get_desk().lookup(sender, number, proof[1])
    except RefusedError as refusal:
        dispatcher.utter_message(response="utter_lookup_locked" if refusal.status == 429 else "utter_lookup_failed")
        return None


async def _tell_status(dispatcher: CollectingDispatcher, sender: str, case: dict[str, Any]) -> None:
    owned = await get_desk().cases(sender)
    shown = [case, *(one for one in owned if one["case_no"] != case["case_no"])][:_SHOWN]
    for one in shown:
        note = one.get("last_note") or ""
        dispatcher.utter_message(
            response="utter_case_closed" if one["status"] in _CLOSED else "utter_case_status",
            case_no=one["case_no"],
            summary=shorten(one["summary"], 40),
            status=one["status"],
            department=one["department"],
            due=spoken_time(one.get("due_at")),
            note=f"\n最近进展：{note}" if note else "",
        )


async def _move(
    dispatcher: CollectingDispatcher, tracker: Tracker, said: Said, wish: str, case: dict[str, Any]
) -> list[EventType]:
    number = case["case_no"]
    asked = bool((tracker.get_slot("followup") or {}).get("case_no"))
    fields: dict[str, Any] = {"note": said.text}
    if wish == "rate":
        stars = _STARS.search(said.text)
        if not stars:
            dispatcher.utter_message(response="utter_ask_stars", case_no=number)
            return [SlotSet("followup", {"wish": wish, "case_no": number})]
        fields["stars"] = _HAN.get(stars[1]) or int(stars[1])
    if wish == "supplement" and not asked and len(said.rest) < 10:
        dispatcher.utter_message(response="utter_ask_supplement", case_no=number)
        return [SlotSet("followup", {"wish": wish, "case_no": number})]
    done = {"urge": "urged", "withdraw": "withdrawn", "supplement": "supplemented", "rate": "rated"}[wish]
    try:
        await get_desk().act(tracker.sender_id, number, _MOVES[wish], **fields)
        dispatcher.utter_message(response=f"utter_{done}", case_no=number)
    except RefusedError as refusal:
        if refusal.status == 429:
            dispatcher.utter_message(response="utter_urged_recently", case_no=number)
        else:
            dispatcher.utter_message(response="utter_action_refused", case_no=number, reason=refusal.reason)
    return [SlotSet("followup", None)]
