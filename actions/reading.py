"""From Rasa's tracker to ``Said`` and ``Known``, and back to slots."""

from dataclasses import asdict
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet

from actions.intake import SLOTS, Contact, Known, Said

_PUNCTUATION = " ,。.!?、;:~…"


def said_from(tracker: Tracker) -> Said:
    """Returns the latest message as the NLU read it."""
    message = tracker.latest_message
    text = message.get("text") or ""
    entities = message.get("entities") or []
    facts = {entity["entity"]: entity["value"] for entity in entities}
    intent = message.get("intent") or {}
    return Said(
        text=text,
        intent=intent.get("name") or "nlu_fallback",
        confidence=float(intent.get("confidence") or 0.0),
        phone=facts.get("phone"),
        bad_phone=facts.get("bad_phone"),
        name=facts.get("name"),
        anonymous="anonymous" in facts,
        place=facts.get("place"),
        rest=_without(text, entities),
        typed=(message.get("metadata") or {}).get("typed") or text,
    )


def known_from(tracker: Tracker) -> Known:
    """Returns what the slots hold."""
    slots = tracker.slots
    return Known(
        matter=slots.get("matter"),
        place=slots.get("place"),
        contact=Contact(**(slots.get("contact") or {})),
        confirmed=slots.get("confirmed"),
        triage=slots.get("triage"),
        emergency=bool(slots.get("emergency")),
        asked=slots.get("retries") or {},
    )


def slots_from(known: Known, tracker: Tracker) -> list[EventType]:
    """Returns the events that store what has changed.

    ``turn`` always changes, so that the form never rejects a message; unchanged slots are left out, since Rasa
    replays every event of the conversation at each message.
    """
    contact = asdict(known.contact) if known.contact.settled or known.contact.name else None
    values: dict[str, Any] = {
        "matter": known.matter,
        "place": known.place,
        "contact": contact,
        "confirmed": known.confirmed,
        "triage": known.triage,
        "emergency": known.emergency,
        "retries": known.asked,
        "turn": int(tracker.get_slot("turn") or 0) + 1,
        "matter_text": shorten(known.matter or ""),
        "place_text": place_text(known),
        "contact_text": contact_text(known.contact),
    }
    return [SlotSet(key, value) for key, value in values.items() if value != tracker.slots.get(key)]


def no_slots() -> list[EventType]:
    """Returns the events that forget an intake."""
    return [SlotSet(key, None) for key in (*SLOTS, "triage", "emergency", "retries", "outcome", "ask_style")]


def shorten(text: str, limit: int = 120) -> str:
    """Returns ``text`` cut to ``limit`` characters for reading back."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def place_text(known: Known) -> str:
    """Returns the place as read back to the resident: full names first, then their own words."""
    place = known.place or {}
    names = f"{place.get('street') or ''}{place.get('community') or ''}"
    own = place.get("text") or ""
    for part in (place.get("street"), place.get("community")):
        own = own.replace(part or "\0", "")
    own = own.strip(" ,的")
    stems = (names.replace("街道", "").replace("社区", ""), (place.get("community") or "").removesuffix("社区"))
    return names if own in ("", *stems) else f"{names} {own}".strip() or "未说明"


def contact_text(contact: Contact) -> str:
    """Returns the contact as read back to the resident."""
    who = "匿名" if contact.anonymous else contact.name or ""
    return " ".join(part for part in (who, contact.phone) if part) or "未留电话"


def draft_from(known: Known) -> dict[str, Any]:
    """Returns the draft that the API keeps or files."""
    return {
        "description": known.matter or "",
        "place_text": place_text(known) if known.place and not known.place.get("unknown") else None,
        "phone": known.contact.phone,
        "name": None if known.contact.anonymous else known.contact.name,
        "anonymous": known.contact.anonymous,
        "emergency": known.emergency,
    }


def _without(text: str, entities: list[dict[str, Any]]) -> str:
    spans = sorted((entity["start"], entity["end"]) for entity in entities)
    kept, position = [], 0
    for start, end in spans:
        kept.append(text[position : max(start, position)])
        position = max(end, position)
    return "".join([*kept, text[position:]]).strip(_PUNCTUATION)
