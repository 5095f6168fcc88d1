"""After filing: status, 催办, 补充, 撤回, 评价, a person; and messages outside a form that fit nothing."""

import re
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.adverts import advertises
from actions.danger import number_to_ring
from actions.desk import RefusedError, get_desk
from actions.filing import file_callback, spoken_time
from actions.intake import APPEAL_BAR
from actions.reading import said_from, shorten
from actions.state import Said

_CASE_NO = re.compile(r"LX[\s-]?(\d{8})[\s-]?(\d{5})", re.IGNORECASE)
_LAST4 = re.compile(r"(?<!\d)(\d{4})(?!\d)")
_STARS = re.compile(r"([1-5一二两三四五])\s*(?:颗|个)?(?:星|分)|^([1-5])[。!]?$")
_HAN = {"一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5}
# In this order: 不满意 holds 满意.
_JUDGED = (
    (re.compile(r"重办|重新办|返工|差评|很差|太差|非常不满意|很不满意|不满意|没(?:有)?(?:解决|办好)|敷衍"), 1),
    (re.compile(r"不(?:太|怎么|大|是很)满意"), 2),
    (re.compile(r"一般|还行|凑合|马马虎虎|还可以"), 3),
    (re.compile(r"(?:非常|很|特别|十分|太|挺)满意|好评|满分"), 5),
    (re.compile(r"满意"), 4),
)
_AGAIN = re.compile(r"(?:要求|要|请|给我)?(?:重办|重新办|返工)|不满意.{0,6}(?:重|再)办?")
CALLBACK = {"wish": "ask_human"}
"""The open question after 转人工 out of hours: a phone number that comes next leaves a call-back case."""
_MOVES = {"urge": "催办", "withdraw": "撤回", "supplement": "补充", "rate": "评价"}
_ANSWERS = {
    "greet": "utter_greet",
    "goodbye": "utter_goodbye",
    "thanks": "utter_thanks",
    "nothing": "utter_nothing",
    "ask_capabilities": "utter_capabilities",
    "ask_privacy": "utter_privacy",
    "ask_hours": "utter_hours",
    "ask_bot": "utter_bot",
}
"""What is answered in one line, once nothing grave was found in the words."""
_HAN_CHARS = re.compile(r"[一-鿿]")
_MAY_BE_GRAVE = 4
_SURE = 0.9
_TAIL_ALONE = re.compile(r"^(?:我的?|电话|手机|号码?|尾号|(?:最?后|末)(?:面)?的?四位|是|为|[:,。 ])*\d{4}[。!]?$")
_RATED = ("待评价", "已办结")
_CLOSED = ("已办结", "已撤回", "不予受理", "已合并")
_SHOWN = 3
# How sure the triage must be that somebody asks for something, against an intent that says they do not.
_BARS = {"insult": 0.9, "chitchat": 0.95, "out_of_scope": 0.95, "cancel": 0.95}


class ActionFollowup(Action):
    """Answers outside a form whatever concerns an earlier case, a person, or cannot be understood."""

    def name(self) -> str:
        """Returns the action's name in domain.yml."""
        return "action_followup"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Follows up; a message that tells of a matter after all leads into the form."""
        said = said_from(tracker)
        triage = await _look(said)
        if triage and _is_grave(triage, said):
            if not await _asks_after_danger(tracker, said):
                return [FollowupAction("appeal_form")]
            dispatcher.utter_message(response="utter_ring_now", number=number_to_ring(triage))
        if said.intent in _ANSWERS and not _CASE_NO.search(said.text):
            dispatcher.utter_message(response=_ANSWERS[said.intent])
            return []
        waiting = tracker.get_slot("followup") or {}
        wishes = said.intent in _MOVES or said.intent in ("ask_status", "ask_human") or _AGAIN.search(said.text)
        if (waiting and waiting != CALLBACK) or wishes or _CASE_NO.search(said.text):
            return await follow_up(dispatcher, tracker, said)
        if said.intent == "correct" and (owned := await get_desk().cases(tracker.sender_id)):
            return await _move(dispatcher, tracker, said, "supplement", owned[0])
        if _opens_the_form(said, triage):
            return [FollowupAction("appeal_form")]
        dispatcher.utter_message(response=_passing_line(said, tracker))
        return []


async def _look(said: Said) -> dict[str, Any] | None:
    """Returns the triage of a message that says enough to be grave, whatever the NLU takes it for."""
    enough = len(_HAN_CHARS.findall(said.text)) >= _MAY_BE_GRAVE or said.has_substance or said.danger
    return await get_desk().triage(said.text) if enough and not said.pinyin else None


def _is_grave(triage: dict[str, Any], said: Said) -> bool:
    """Tells whether a message is of danger; 怎么还没人来啊 needs the net to say so, or a model that is sure."""
    if not triage["emergency"] or said.intent not in (*_MOVES, "ask_status"):
        return bool(triage["emergency"])
    return bool(triage.get("emergency_reason")) or triage["confidence"]["urgency"] >= _SURE


async def _asks_after_danger(tracker: Tracker, said: Said) -> bool:
    """Tells whether the danger in a message is one that was filed already: 我刚才报的着火的事怎么样了."""
    if said.intent != "ask_status" and said.intent not in _MOVES:
        return False
    return any(
        case.get("urgency") == "特急" and case["status"] not in _CLOSED
        for case in await get_desk().cases(tracker.sender_id)
    )


def _opens_the_form(said: Said, triage: dict[str, Any] | None) -> bool:
    """Tells whether a message outside the form begins an intake after all."""
    if advertises(said.text):
        return False
    if triage and said.has_substance and triage["appeal"] >= _BARS.get(said.intent, APPEAL_BAR):
        return True
    return said.has_facts or bool(said.photos) or said.intent in ("affirm", "correct")


def _passing_line(said: Said, tracker: Tracker) -> str:
    if said.pinyin:
        return "utter_write_chinese"
    if advertises(said.text):
        return "utter_out_of_scope"
    if said.intent in _BARS:
        return f"utter_{said.intent}"
    return "utter_offer_person" if _puzzled_before(tracker) else "utter_please_rephrase"


async def follow_up(dispatcher: CollectingDispatcher, tracker: Tracker, said: Said) -> list[EventType]:
    """Answers one question about earlier cases; returns the event that remembers what is still open."""
    waiting = tracker.get_slot("followup") or {}
    if said.intent == "ask_human":
        return await _call_person(dispatcher, tracker, said)
    wish = said.intent if said.intent in _MOVES or said.intent == "ask_status" else waiting.get("wish", "ask_status")
    if _AGAIN.search(said.text):
        wish = "rate"
    case = await _find_case(dispatcher, tracker, said, wish)
    if case is None:
        return [] if _in_mid_form(tracker) else [SlotSet("followup", _half_proof(waiting, said, wish))]
    if wish == "ask_status":
        await _tell_status(dispatcher, tracker.sender_id, case)
        return [SlotSet("followup", None)]
    return await _move(dispatcher, tracker, said, wish, case)


def is_proof(said: Said, waiting: dict[str, Any] | None) -> bool:
    """Tells whether a message is a case number, or the digits that were asked for beside one."""
    return bool(_CASE_NO.search(said.text)) or bool(waiting and waiting != CALLBACK and _TAIL_ALONE.match(said.text))


def awaits_supplement(waiting: dict[str, Any] | None) -> bool:
    """Tells whether the resident was just asked what to add to a case: the answer reads like a matter of its own."""
    return bool(waiting and waiting.get("wish") == "supplement" and waiting.get("asked"))


def _half_proof(waiting: dict[str, Any], said: Said, wish: str) -> dict[str, Any]:
    """Returns the open question with the half of the proof that was told: the case number, or the digits alone."""
    number = _number(said.text) or waiting.get("case_no")
    tail = _LAST4.search(_CASE_NO.sub("", said.text))
    return {"wish": wish, **({"case_no": number} if number else {"last4": tail[1]} if tail else {})}


def _number(text: str) -> str | None:
    named = _CASE_NO.search(text)
    return f"LX{named[1]}-{named[2]}" if named else None


def _in_mid_form(tracker: Tracker) -> bool:
    return bool(tracker.active_loop_name and tracker.get_slot("requested_slot"))


async def _call_person(dispatcher: CollectingDispatcher, tracker: Tracker, said: Said) -> list[EventType]:
    """Calls a person; with nobody on duty the phone number, if one is at hand, leaves a call-back case."""
    sender = tracker.sender_id
    if await get_desk().call_human(sender, said.text[:200]):
        dispatcher.utter_message(response="utter_human_available")
        return []
    if tracker.get_slot("matter"):
        dispatcher.utter_message(response="utter_human_offline_go_on")
        return []
    phone = said.phone or (tracker.get_slot("contact") or {}).get("phone")
    if phone:
        await file_callback(dispatcher, sender, {"phone": phone, "name": said.name})
        return []
    dispatcher.utter_message(response="utter_human_offline")
    return [SlotSet("followup", CALLBACK)]


def _puzzled_before(tracker: Tracker) -> bool:
    """Tells whether the last thing said to the resident was already that nothing was understood."""
    said = [event for event in tracker.events if event.get("event") == "bot"]
    return bool(said) and (said[-1].get("metadata") or {}).get("utter_action") == "utter_please_rephrase"


async def _find_case(
    dispatcher: CollectingDispatcher, tracker: Tracker, said: Said, wish: str
) -> dict[str, Any] | None:
    """Returns the case that is meant and owned, or None after saying what is needed."""
    owned = await get_desk().cases(tracker.sender_id)
    waiting = tracker.get_slot("followup") or {}
    if number := _number(said.text) or waiting.get("case_no"):
        mine = next((case for case in owned if case["case_no"] == number), None)
        return mine or await _prove(dispatcher, tracker.sender_id, said, number, waiting.get("last4"))
    if owned:
        return next((one for one in owned if wish == "rate" and one["status"] == "待评价"), owned[0])
    grumbles = wish in _MOVES and _in_mid_form(tracker)  # 光问不办事 in mid-form is no wish to follow up
    dispatcher.utter_message(response="utter_go_on_calmly" if grumbles else "utter_no_cases")
    return None


async def _prove(
    dispatcher: CollectingDispatcher, sender: str, said: Said, number: str, told: str | None
) -> dict[str, Any] | None:
    """Returns a case filed elsewhere once the last four digits of its phone came along; else says what is wrong."""
    found = _LAST4.search(_CASE_NO.sub("", said.text))
    proof = found[1] if found else said.phone[-4:] if said.phone else told
    if not proof:
        dispatcher.utter_message(response="utter_ask_case_proof")
        return None
    try:
        return await get_desk().lookup(sender, number, proof)
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
    asked = bool((tracker.get_slot("followup") or {}).get("asked"))
    fields: dict[str, Any] = {"note": said.text if said.rest or not said.photos else f"补充照片 {said.photos} 张"}
    if wish == "rate":
        stars = _stars(said.text)
        if stars is None:
            dispatcher.utter_message(response="utter_ask_stars", case_no=number)
            return [SlotSet("followup", {"wish": wish, "case_no": number, "asked": True})]
        fields["stars"] = stars
    if wish == "supplement" and not asked and said.intent != "correct" and len(said.rest) < 10 and not said.photos:
        dispatcher.utter_message(response="utter_ask_supplement", case_no=number)
        return [SlotSet("followup", {"wish": wish, "case_no": number, "asked": True})]
    done = {"urge": "urged", "withdraw": "withdrawn", "supplement": "supplemented", "rate": "rated"}[wish]
    try:
        moved = await get_desk().act(tracker.sender_id, number, _MOVES[wish], **fields)
        reopened = wish == "rate" and moved["status"] not in _CLOSED
        dispatcher.utter_message(response="utter_reopened" if reopened else f"utter_{done}", case_no=number)
    except RefusedError as refusal:
        response = _refused(wish, case["status"], refusal.status)
        dispatcher.utter_message(response=response, case_no=number, status=case["status"])
    return [SlotSet("followup", None)]


def _refused(wish: str, status: str, code: int) -> str:
    """Returns the line that says what can be done instead of a move that the API has refused."""
    if code == 429:
        return "utter_urged_recently"
    if wish == "rate" and status not in _RATED:
        return "utter_rated_early"
    return "utter_urged_when_done" if wish == "urge" and status == "待评价" else "utter_action_refused"


def _stars(text: str) -> int | None:
    """Returns the stars that a rating gives in figures or in words, or None."""
    if found := _STARS.search(text):
        given = found[1] or found[2]
        return _HAN.get(given) or int(given)
    return next((stars for words, stars in _JUDGED if words.search(text)), None)
