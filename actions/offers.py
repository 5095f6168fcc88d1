"""Cases like the one being told: shown once above the first summary, joined instead of filing on a word.

No turn is spent on it: the summary stands as it is, and 确认提交 files all the same.
"""

import re
from dataclasses import dataclass, replace
from typing import Any

import httpx
from rasa_sdk.executor import CollectingDispatcher

from actions import phrases
from actions.desk import RefusedError, get_desk
from actions.reading import draft_from, given_place, shorten
from actions.state import Known, Said, Step

_MASKED_PHONE = re.compile(r"[,，;；\s]*(?:我的?)?(?:联系)?(?:电话|手机号?|号码)?(?:是|:|：)?\s*1\d\d\*+\d{4}")


@dataclass(frozen=True)
class Choice:
    """What the resident does with a case that was shown: 关注, or 催办 and 补充 when it is their own."""

    move: str
    case: dict[str, Any]


def read_choice(said: Said, known: Known, asked: str | None) -> Choice | None:
    """Returns the choice among the cases shown, or None when the message makes none."""
    if asked != "confirmed" or not known.similar or phrases.DIFFERENT.search(said.text):
        return None
    case = known.similar[0]
    if case["own"]:
        if phrases.URGE.search(said.text):
            return Choice("催办", case)
        if phrases.ADD.search(said.text) or phrases.SAME.search(said.text):
            return Choice("补充", case)
        return None
    return Choice("关注", case) if phrases.SAME.search(said.text) else None


async def look(sender: str, step: Step) -> Step:
    """Returns the step with similar cases looked up, the first time that the summary of a single matter is shown.

    One case is enough to choose from, their own before others'. A search that fails costs the hint, never the turn.
    """
    known = step.known
    if step.ask != "confirmed" or known.similar is not None or known.emergency or known.matters:
        return step
    try:
        found = await get_desk().similar(sender, known.matter or "", given_place(known))
    except (httpx.HTTPError, RefusedError):
        found = []
    best = sorted(found, key=lambda case: not case["own"])[:1]
    return replace(step, known=replace(known, similar=best))


def show(dispatcher: CollectingDispatcher, case: dict[str, Any]) -> None:
    """Says which case is like this one, with the buttons to join it."""
    titles = ("催办", "补充") if case["own"] else ("加入关注",)
    dispatcher.utter_message(
        response="utter_similar_own" if case["own"] else "utter_similar",
        buttons=[{"title": title, "payload": title} for title in titles],
        case_no=case["case_no"],
        summary=shorten(_MASKED_PHONE.sub("", case["summary"]), 30),
        place=case.get("place") or "附近",
        status=case["status"],
        department=case["department"],
    )


async def carry_out(dispatcher: CollectingDispatcher, sender: str, known: Known, choice: Choice) -> bool:
    """Joins or moves the chosen case and says so; returns whether that ends the draft."""
    number, contact = choice.case["case_no"], known.contact
    try:
        if choice.move == "关注":
            who = {"phone": contact.phone, "name": draft_from(known)["name"], "anonymous": contact.anonymous}
            case = await get_desk().follow(sender, number, who)
        else:
            case = await get_desk().act(sender, number, choice.move, note=known.matter)
    except RefusedError:
        status = choice.case["status"]
        dispatcher.utter_message(response="utter_action_refused", case_no=number, status=status)
        return False
    response = {"关注": "utter_followed", "催办": "utter_urged_instead", "补充": "utter_supplemented_instead"}[
        choice.move
    ]
    dispatcher.utter_message(response=response, case_no=number, status=case["status"], department=case["department"])
    return True
