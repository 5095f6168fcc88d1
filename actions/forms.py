"""The intake form: reads every message, decides the next question."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.desk import get_desk
from actions.followups import follow_up
from actions.intake import Known, Step, read_turn
from actions.reading import draft_from, known_from, place_text, said_from, slots_from


class ValidateAppealForm(Action):
    """Runs once a message while the form is active; its events are the whole state of the intake."""

    def name(self) -> str:
        """Returns the name that Rasa calls for ``appeal_form``."""
        return "validate_appeal_form"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Reads the message; an API that does not answer fails the turn, which then never happened for Rasa."""
        said, known = said_from(tracker), known_from(tracker)
        step = await _read(said, known, tracker.get_slot("requested_slot"))
        for line in step.lines:
            dispatcher.utter_message(response=line)
        if step.followup:
            await follow_up(dispatcher, tracker, said)
        if step.known.emergency and step.outcome != "file":
            draft = draft_from(step.known) | {"emergency_number": (step.known.triage or {}).get("emergency_number")}
            await get_desk().save_draft(tracker.sender_id, draft)
        if step.style == "candidates":
            _offer(dispatcher, step.known)
        return [
            *slots_from(step.known, tracker),
            *([SlotSet("ask_style", step.style)] if step.style != tracker.get_slot("ask_style") else []),
            *([SlotSet("outcome", step.outcome)] if step.outcome else []),
            SlotSet("requested_slot", step.ask),
        ]


async def _read(said: Any, known: Known, asked: str | None) -> Step:
    """Reads the turn; a first pass finds out whether a triage is needed, since the reading itself does no I/O."""
    wanted: list[str] = []

    def note(text: str) -> dict[str, Any]:
        wanted.append(text)
        return {}

    step = read_turn(said, known, asked, note)
    if not wanted:
        return step
    triage = await get_desk().triage(wanted[0], place_text(step.known) if step.known.place else None)
    return read_turn(said, known, asked, lambda _text: triage)


def _offer(dispatcher: CollectingDispatcher, known: Known) -> None:
    candidates = (known.place or {}).get("candidates") or []
    titles = [f"{one['street']}{one['community']}" for one in candidates[:6]]
    dispatcher.utter_message(
        response="utter_candidates", buttons=[{"title": title, "payload": title} for title in titles]
    )
