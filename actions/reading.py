"""From Rasa's tracker to ``Said`` and ``Known``, and back to slots."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, SlotSet

from actions.contact import without_phone
from actions.place_words import own_words
from actions.state import SLOTS, Contact, Known, Said

_PUNCTUATION = " ,。.!?、;:~…"
_ONLY_PHOTOS = "[图片]"
_AWAY_SECONDS = 3600.0


def said_from(tracker: Tracker) -> Said:
    """Returns the latest message as the NLU read it."""
    message = tracker.latest_message
    text = message.get("text") or ""
    entities = message.get("entities") or []
    metadata = message.get("metadata") or {}
    entities = [one for one in entities if one["entity"] != "place" or _is_place(one["value"])]
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
        rest="" if text == _ONLY_PHOTOS else _without(text, entities),
        beside="" if text == _ONLY_PHOTOS else _without(text, [one for one in entities if one["entity"] != "place"]),
        typed=metadata.get("typed") or text,
        photos=int(metadata.get("attachments") or 0),
        danger="danger" in facts,
        pinyin="pinyin" in facts,
        returning=_was_away(tracker.events),
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
        matters=tuple(slots.get("matters") or ()),
        whole=bool(slots.get("whole")),
        similar=slots.get("similar"),
        photos=int(slots.get("photos") or 0),
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
        "matters": list(known.matters),
        "whole": known.whole,
        "similar": known.similar,
        "photos": known.photos,
        "matter_text": matter_text(known),
        "place_text": place_text(known),
        "contact_text": contact_text(known.contact),
        "photos_text": f"\n· 照片 {known.photos} 张" if known.photos else "",
    }
    return [SlotSet(key, value) for key, value in values.items() if value != tracker.slots.get(key)]


def no_slots() -> list[EventType]:
    """Returns the events that forget an intake."""
    gone = ("triage", "emergency", "retries", "matters", "whole", "similar", "photos", "outcome", "ask_style")
    return [SlotSet(key, None) for key in (*SLOTS, *gone)]


def shorten(text: str, limit: int = 120) -> str:
    """Returns ``text`` cut to ``limit`` characters for reading back."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def matter_text(known: Known) -> str:
    """Returns the matter as read back to the resident: one line, or a numbered list of the separate matters.

    Their own number, told in the same breath, stands under the contact and not in the story.
    """
    if not known.matters:
        return shorten(without_phone(known.matter or "", known.contact.phone))
    return "".join(f"\n  {number}. {shorten(one, 60)}" for number, one in enumerate(known.matters, 1))


def place_text(known: Known) -> str:
    """Returns the place as read back to the resident: full names first, then their own words."""
    place = known.place or {}
    names = f"{place.get('street') or ''}{place.get('community') or ''}"
    own = place.get("text") or ""
    for part in (place.get("street"), place.get("community")):
        own = own.replace(part or "\0", "")
    stems = (names.replace("街道", "").replace("社区", ""), (place.get("community") or "").removesuffix("社区"))
    short = tuple(stem for stem in (*stems, (place.get("street") or "").removesuffix("街道")) if stem)
    return f"{names} {own_words(own, short)}".strip() or "未说明"


def given_place(known: Known) -> str | None:
    """Returns the place as the API is told it; None when none is known."""
    return place_text(known) if known.place and not known.place.get("unknown") else None


def contact_text(contact: Contact) -> str:
    """Returns the contact as read back to the resident."""
    who = "匿名" if contact.anonymous else contact.name or ""
    return " ".join(part for part in (who, contact.phone) if part) or "未留电话"


def draft_from(known: Known) -> dict[str, Any]:
    """Returns the draft that the API keeps or files."""
    return {
        "description": known.matter or "",
        "place_text": given_place(known),
        "phone": known.contact.phone,
        "name": None if known.contact.anonymous else known.contact.name,
        "anonymous": known.contact.anonymous,
        "emergency": known.emergency,
        **({"matters": list(known.matters)} if known.matters else {}),
    }


def _is_place(value: dict[str, Any]) -> bool:
    """Tells whether what the resolver found is a place at all: 出租车司机绕路 only ends like a road."""
    return bool(value.get("street") or value.get("candidates") or value.get("outside") or own_words(value["text"]))


def _was_away(events: Sequence[dict[str, Any]]) -> bool:
    """Tells whether the latest message came an hour or more after the one before it."""
    said = [event["timestamp"] for event in events if event.get("event") == "user" and event.get("timestamp")]
    return len(said) > 1 and said[-1] - said[-2] >= _AWAY_SECONDS


def _without(text: str, entities: list[dict[str, Any]]) -> str:
    spans = sorted((entity["start"], entity["end"]) for entity in entities)
    kept, position = [], 0
    for start, end in spans:
        kept.append(text[position : max(start, position)])
        position = max(end, position)
    return "".join([*kept, text[position:]]).strip(_PUNCTUATION)
