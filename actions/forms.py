"""The intake form: reads every message, decides the next question."""

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions import offers
from actions.desk import get_desk
from actions.followups import CALLBACK, awaits_supplement, follow_up, is_proof
from actions.intake import decide, hear, read_ending, weigh
from actions.reading import draft_from, given_place, known_from, said_from, slots_from
from actions.state import Heard, Known, Said, Step


class ValidateAppealForm(Action):
    """Runs once a message while the form is active; its events are the whole state of the intake."""

    def name(self) -> str:
        """Returns the name that Rasa calls for ``appeal_form``."""
        return "validate_appeal_form"

    async def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Reads the message; an API that does not answer fails the turn, which then never happened for Rasa."""
        sender, said, known = tracker.sender_id, said_from(tracker), known_from(tracker)
        asked = tracker.get_slot("requested_slot")
        if choice := offers.read_choice(said, known, asked):
            if await offers.carry_out(dispatcher, sender, known, choice):
                return _events(Step(known, None, outcome="abandoned"), tracker)
            return _events(decide(said, known, Heard(known), asked), tracker)
        if (events := await _beside_the_form(dispatcher, tracker, said, known)) is not None:
            return [*events, *_events(Step(known, None, outcome="abandoned"), tracker)]
        step = await offers.look(sender, await _read(said, known, asked))
        if not step.known.matter and said.phone and tracker.get_slot("followup") == CALLBACK:
            return _events(Step(step.known, None, outcome="callback"), tracker)
        for line in step.lines:
            dispatcher.utter_message(response=line)
        if step.followup:
            await follow_up(dispatcher, tracker, said)
        if step.known.similar and not known.similar:
            offers.show(dispatcher, step.known.similar[0])
        if step.style == "candidates":
            _offer(dispatcher, step.known)
        await _keep_danger(sender, known, step)
        return _events(step, tracker)


async def _beside_the_form(
    dispatcher: CollectingDispatcher, tracker: Tracker, said: Said, known: Known
) -> list[EventType] | None:
    """Answers what begins no intake though it came to the form: a wish for a person, a number, what was asked for."""
    asked, waiting = tracker.get_slot("requested_slot"), tracker.get_slot("followup")
    if said.danger:
        return None
    if asked is None and (is_proof(said, waiting) or awaits_supplement(waiting)):
        return await follow_up(dispatcher, tracker, said)
    if asked is not None and said.intent == "ask_human" and not known.matter:
        return await follow_up(dispatcher, tracker, said)
    if waiting and waiting != CALLBACK and asked is None and said.phone and not said.has_substance:
        dispatcher.utter_message(response="utter_no_number")
        return []
    return None


async def _read(said: Said, known: Known, asked: str | None) -> Step:
    """Reads the turn; the API is asked for a triage only when the matter has grown."""
    if ending := read_ending(said, known, asked):
        return ending
    heard = hear(said, known, asked)
    if heard.grew:
        triage = await get_desk().triage(heard.known.matter or "", given_place(heard.known))
        heard = weigh(heard, triage)
    return decide(said, known, heard, asked)


async def _keep_danger(sender: str, before: Known, step: Step) -> None:
    """Keeps what is known of an emergency, so that it is filed even if the resident falls silent; or takes it back."""
    if step.known.emergency and step.outcome != "file":
        draft = draft_from(step.known) | {"emergency_number": (step.known.triage or {}).get("emergency_number")}
        await get_desk().save_draft(sender, draft | {"emergency": step.outcome != "cancelled"})
    elif before.emergency and not step.known.emergency:
        await get_desk().save_draft(sender, draft_from(step.known))


def _events(step: Step, tracker: Tracker) -> list[EventType]:
    return [
        *slots_from(step.known, tracker),
        *([SlotSet("ask_style", step.style)] if step.style != tracker.get_slot("ask_style") else []),
        *([SlotSet("outcome", step.outcome)] if step.outcome else []),
        SlotSet("requested_slot", step.ask),
    ]


def _offer(dispatcher: CollectingDispatcher, known: Known) -> None:
    candidates = (known.place or {}).get("candidates") or []
    titles = [f"{one['street']}{one['community']}" for one in candidates[:6]]
    dispatcher.utter_message(
        response="utter_candidates", buttons=[{"title": title, "payload": title} for title in titles]
    )
