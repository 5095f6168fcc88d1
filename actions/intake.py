"""One turn of an intake in three steps: hear what was said, weigh it with the triage, decide what to ask. No I/O."""

import re
from dataclasses import replace
from typing import Any

from actions import phrases
from actions.adverts import advertises
from actions.contact import read_contact, without_phone
from actions.danger import FALSE_ALARM, of_themselves, speaks_of_suicide, still_in_danger, takes_back, what_remains
from actions.matter import read_command, read_matter
from actions.place import read_place
from actions.state import Heard, Known, Said, Step

MAX_ASKS = 2
MAX_STUMBLES = 2
APPEAL_BAR = 0.5  # below it the triage sees nobody asking for anything

# Intents that a turn in mid-form answers in passing before the open question comes again.
DIGRESSIONS = {
    "greet": "utter_greet_again",
    "thanks": "utter_thanks",
    "ask_capabilities": "utter_capabilities_short",
    "ask_privacy": "utter_privacy",
    "ask_hours": "utter_hours",
    "ask_bot": "utter_bot",
    "insult": "utter_insult",
    "chitchat": "utter_chitchat",
}
FOLLOWUPS = {"ask_status", "urge", "withdraw", "rate", "ask_human"}


def read_ending(said: Said, known: Known, asked: str | None) -> Step | None:
    """Returns the last step when the message ends the form, or starts it over; None when it goes on."""
    if read_command(said, known):
        return None  # 第二件不报了 gives up one matter, not the form
    if known.emergency and takes_back(said.text):
        calm = replace(known, emergency=False, triage=None)
        return Step(calm, None, outcome="abandoned", lines=("utter_false_alarm",))
    if not known.matter and advertises(said.text):
        return Step(known, None, outcome="abandoned", lines=("utter_out_of_scope",))
    # What comes into the form comes for what it tells, whatever else it looks like.
    return None if asked is None else _given_up(said, known, asked)


def _given_up(said: Said, known: Known, asked: str) -> Step | None:
    """Returns the last step when the message in mid-form gives it up, or starts it over."""
    if _goes_elsewhere(said, known, asked):
        return Step(known, None, outcome="abandoned", lines=("utter_elsewhere",))
    if _cancels(said, asked):
        return Step(known, None, outcome="cancelled")
    nothing = not (known.matter or said.has_facts or said.photos or said.danger)
    if said.intent in ("nothing", "goodbye") and nothing:
        return Step(known, None, outcome="abandoned", lines=(f"utter_{said.intent}",))
    if said.intent == "start_over" and not said.has_substance:
        return Step(Known(), "matter", lines=("utter_restarted",))
    return None


def _goes_elsewhere(said: Said, known: Known, asked: str | None) -> bool:
    """Tells whether somebody who was told that the place lies outside the district turns to the others."""
    if asked not in ("place", "contact") or not (known.place or {}).get("outside") or said.has_facts:
        return False
    return bool(phrases.ELSEWHERE.search(said.text)) or (asked == "place" and bool(phrases.UNDERSTOOD.match(said.text)))


def _cancels(said: Said, asked: str | None) -> bool:
    if said.intent != "cancel" or said.has_facts:
        return False
    shrug = bool(phrases.SHRUG.match(said.text))
    if asked == "contact" and not phrases.GIVE_UP.search(said.text):
        return said.confidence >= 0.8 and not shrug  # 算了 to that question: no phone then
    return shrug or bool(phrases.GIVE_UP.search(said.text)) or not said.has_substance


def hear(said: Said, known: Known, asked: str | None) -> Heard:
    """Returns what is known with the message taken in, and whether its matter is to be triaged (again)."""
    if command := read_command(said, known):
        return command
    if known.emergency and FALSE_ALARM.search(said.text):
        really = replace(known, emergency=False, triage=None, matter=what_remains(said.text))
        return Heard(really, grew=True, calm=not still_in_danger(said.text))
    after = read_contact(said, read_place(said, known, asked), asked)
    heard = read_matter(said, known, after, asked)
    lines = []
    if said.photos:
        heard = replace(heard, known=replace(heard.known, photos=known.photos + said.photos))
        lines.append("utter_photos")
    if passing := _passing(said, known, heard.known):
        lines.append(passing)
    return replace(heard, lines=tuple(lines))


def weigh(heard: Heard, triage: dict[str, Any]) -> Heard:
    """Returns what was heard with the triage of the matter: danger found now comes before everything else."""
    known = heard.known
    triage = {**triage, "emergency": False} if heard.calm and not known.emergency else triage
    emergency = known.emergency or bool(triage.get("emergency"))
    if heard.doubtful and not emergency and triage.get("appeal", 1.0) < APPEAL_BAR:
        return replace(heard, known=replace(known, matter=None))
    told = (one["text"] for one in triage.get("matters") or ())
    matters = tuple(known.matters) or tuple(without_phone(one, known.contact.phone) for one in told)
    single = emergency or known.whole or len(matters) < 2
    after = replace(known, triage=triage, emergency=emergency, matters=() if single else matters)
    if not emergency or known.emergency:
        return replace(heard, known=after)
    alarm = f"utter_emergency_{triage.get('emergency_number') or '110'}"
    if speaks_of_suicide(triage):
        alarm = "utter_emergency_selfharm" if of_themselves(known.matter or "") else "utter_emergency_selfharm_other"
    return replace(heard, known=after, lines=(alarm, *(line for line in heard.lines if line != "utter_photos")))


def decide(said: Said, before: Known, heard: Heard, asked: str | None) -> Step:
    """Returns the next question, or the end of the form."""
    known = _read_confirmation(said, before, heard.known, asked)
    followup = said.intent in FOLLOWUPS and known == before
    slot, style = _missing(said, known, asked)
    if slot is None:
        return Step(replace(known, confirmed=True), None, lines=heard.lines, outcome="file")
    unmoved = asked == slot and known == before
    aside = unmoved and (bool(heard.lines) or followup)
    told_when = asked == slot == "place" and bool(phrases.WHEN.match(said.text))
    count = known.asked.get(slot, 0) + (0 if aside or told_when else 1)
    if slot == "confirmed" and unmoved and not aside:
        style = "what_to_change"
    elif slot == "matter" and count > 1:
        style = "pinyin" if said.pinyin else "again" if count == MAX_ASKS else "example"
    elif told_when and style in (None, "no_street"):
        style = "told_when"
    stuck = unmoved and not aside and asked is not None
    stumbles = known.asked.get("stumbles", 0) + 1 if stuck else known.asked.get("stumbles", 0) if aside else 0
    lines = heard.lines
    if stumbles >= MAX_STUMBLES and not known.emergency:
        lines, stumbles = (*lines, "utter_offer_person"), 0
    counts = {**known.asked, slot: count, "stumbles": stumbles, **({"outside": 1} if style == "outside" else {})}
    return Step(replace(known, asked=counts), slot, style, lines, None, followup)


def _passing(said: Said, before: Known, after: Known) -> str | None:
    """Returns the answer to a digression, if the message is one and told nothing else."""
    if after.matter != before.matter or said.has_facts or said.photos:
        return None
    if said.pinyin and before.matter:
        return "utter_write_chinese"
    if said.intent == "greet" and said.returning and before.matter:
        return "utter_welcome_back"
    return DIGRESSIONS.get(said.intent)


def _read_confirmation(said: Said, before: Known, after: Known, asked: str | None) -> Known:
    if asked != "confirmed":
        return after
    changed = (after.matter, after.matters, after.place, after.contact, after.photos) != (
        before.matter, before.matters, before.place, before.contact, before.photos,
    )  # fmt: skip
    if changed or said.has_facts:
        return replace(after, confirmed=None)
    yes = phrases.YES.match(said.text) or (
        said.intent == "affirm" and said.confidence >= 0.5 and not phrases.NOT_YES.match(said.text)
    )
    return replace(after, confirmed=True if yes else None)


def _missing(said: Said, known: Known, asked: str | None) -> tuple[str | None, str | None]:
    """Returns the next slot to ask for and the wording, or (None, None) when everything needed is known."""
    if not known.matter:
        return "matter", "pinyin" if said.pinyin else None
    if style := _place_style(known):
        return "place", style if style != "plain" else None
    if not known.contact.settled and known.asked.get("contact", 0) < MAX_ASKS + 1:
        wrong = asked == "contact" and (said.bad_phone or re.search(r"\d{5}", said.text))
        return "contact", "bad_phone" if wrong else ("emergency" if known.emergency else None)
    if known.emergency or known.confirmed:
        return None, None
    return "confirmed", "several" if known.matters else None


def _place_style(known: Known) -> str | None:
    """Returns how to ask for the place, or None when what is known suffices."""
    place, count, triage = known.place, known.asked.get("place", 0), known.triage or {}
    advice = triage.get("urgency") == "咨询" or triage.get("kind") == "发展诉求"
    settled = place and (place.get("unknown") or place.get("settled") or (known.emergency and count >= 1))
    outside = bool(place and place.get("outside"))
    if outside and not settled and not known.emergency:
        return None if known.asked.get("outside") else "outside"
    if count >= MAX_ASKS or settled:
        return None
    if not place:
        return "emergency" if known.emergency else "advice" if advice else "plain"
    if place.get("candidates"):
        return "candidates"
    if place.get("street"):
        return None if place.get("precise") or advice else "street_only"
    return "no_street" if not known.emergency else None if outside else "emergency"
