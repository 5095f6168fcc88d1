"""One turn of an intake, read in one place: what was said, what is known after it, what to ask next. No I/O."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

MAX_ASKS = 2
MAX_MATTER = 20_000

SLOTS = ("matter", "place", "contact", "confirmed")

# Intents that a turn in mid-form answers in passing before the open question comes again.
DIGRESSIONS = {
    "greet": "utter_greet_again",
    "thanks": "utter_thanks",
    "ask_capabilities": "utter_capabilities",
    "ask_privacy": "utter_privacy",
    "ask_hours": "utter_hours",
    "ask_bot": "utter_bot",
    "insult": "utter_insult",
    "chitchat": "utter_chitchat",
}
FOLLOWUPS = {"ask_status", "urge", "withdraw", "rate", "ask_human"}
_ASIDE = {*DIGRESSIONS, *FOLLOWUPS, "dont_know", "decline_contact", "affirm", "deny", "goodbye"}
_TELLING = {"report", "emergency", "supplement", "nlu_fallback", "inform", "correct", "out_of_scope", "open_report"}

_OPENER = re.compile(
    r"^(?:你好|您好|喂|在吗|那个|请问|麻烦|哎|唉)*[,。!? ]*(?:我们?|俺)?"
    r"(?:要|想|想要|来|需要|得)?(?:投诉|举报|反映|反应|报修|求助|咨询|报|说)"
    r"(?:一下|下)?(?:个|一个|一件|点|些)?(?:问题|事情?|情况|诉求)?(?:吧|啊|呀)?[,。!?:; ]*$"
)
_CHANGE_PLACE = re.compile(
    r"^(?:我?要?)?(?:修改|改|换)(?:一下)?(?:地点|地址|位置)[了吧。!]?$"
    r"|^(?:地点|地址|位置)(?:写|填|说|记)?(?:错|不对)了?[。!]?$"
)
_CHANGE_PHONE = re.compile(
    r"^(?:我?要?)?(?:修改|改|换)(?:一下)?(?:电话|号码|手机号?|联系方式)[了吧。!]?$"
    r"|^(?:电话|号码|手机号?)(?:写|填|说|记)?(?:错|不对)了?[。!]?$"
)
_FALSE_ALARM = re.compile(
    r"误会|虚惊|没事了|已经?(?:灭了|扑灭|解决|救出|没事)|不是(?:着火|火灾|紧急)"
    r"|搞错了|看错了|不用(?:来|报)了|解除"
)
_YES = re.compile(
    r"^(?:确认|确定|提交|对|是|嗯|好|行|可以|没错|没问题|正确|无误|中|管|ok|OK|yes|y|1)"
    r"[的了滴吧啊呀提交确认没问题\s,。!]*$"
)
_NOT_YES = re.compile(r"^(?:不|错|有误|改|等等|等一下|慢着)")


@dataclass(frozen=True)
class Said:
    """One message as the NLU read it; ``text`` is in normal form, ``typed`` in the resident's own words."""

    text: str
    intent: str
    confidence: float = 1.0
    phone: str | None = None
    bad_phone: str | None = None
    name: str | None = None
    anonymous: bool = False
    place: dict[str, Any] | None = None
    rest: str = ""
    typed: str = ""

    @property
    def has_facts(self) -> bool:
        """Tells whether the message carries a fact, whatever it is about."""
        return bool(self.phone or self.bad_phone or self.name or self.anonymous or self.place)

    @property
    def has_substance(self) -> bool:
        """Tells whether something is told besides facts and openers such as 我要投诉."""
        return len(re.findall(r"[\w]", self.rest)) >= 4 and not _OPENER.match(self.text)


@dataclass(frozen=True)
class Contact:
    """How to reach the reporter; ``declined`` when they gave no phone after being asked."""

    phone: str | None = None
    name: str | None = None
    anonymous: bool = False
    declined: bool = False

    @property
    def settled(self) -> bool:
        """Tells whether the question for a contact needs no more asking."""
        return bool(self.phone) or self.anonymous or self.declined


@dataclass(frozen=True)
class Known:
    """What the intake knows; the form's slots in one value."""

    matter: str | None = None
    place: dict[str, Any] | None = None
    contact: Contact = field(default_factory=Contact)
    confirmed: bool | None = None
    triage: dict[str, Any] | None = None
    emergency: bool = False
    asked: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """The outcome of a turn.

    Attributes:
        known: what is known now.
        ask: the slot to ask for, or None when the form ends.
        style: which wording of the question, see ``ask_style`` in domain.yml.
        lines: responses to say before the question.
        outcome: why the form ends: ``file``, ``cancelled`` or ``abandoned``.
        followup: a question about an earlier case that came up in passing.
    """

    known: Known
    ask: str | None
    style: str | None = None
    lines: tuple[str, ...] = ()
    outcome: str | None = None
    followup: bool = False


Judge = Callable[[str], dict[str, Any]]


def read_turn(said: Said, known: Known, asked: str | None, judge: Judge) -> Step:
    """Reads one message.

    Args:
        said: the message.
        known: what was known before it.
        asked: the slot that was asked for last, None at the start.
        judge: the API's triage of a text, called only when the matter has grown.
    """
    if ended := _ending(said, known, asked):
        return ended
    after, lines = known, []
    if known.emergency and _FALSE_ALARM.search(said.text):
        after = replace(after, emergency=False, triage=dict(known.triage or {}, emergency=False))
        lines.append("utter_false_alarm")
    after = _read_place(said, after, asked)
    after = _read_contact(said, after, asked)
    after, changed = _read_matter(said, known, after, asked)
    if changed and "utter_false_alarm" not in lines:
        after, alarm = _judge(after, judge)
        lines += alarm
    passing = _passing(said, known, after)
    lines += [passing] if passing else []
    if after.place and after.place.get("outside") and after.place != known.place:
        lines.append("utter_outside")
    after = _read_confirmation(said, known, after, asked)
    followup = said.intent in FOLLOWUPS and after == known
    return _next_question(said, known, after, asked, (tuple(lines), followup))


def _ending(said: Said, known: Known, asked: str | None) -> Step | None:
    """Returns the last step when the message ends the form, or starts it over."""
    if said.intent == "cancel" and not said.has_facts and not (asked == "contact" and said.confidence < 0.8):
        return Step(known, None, outcome="cancelled")
    if said.intent in ("nothing", "goodbye") and not known.matter and not said.has_facts:
        return Step(known, None, outcome="abandoned", lines=(f"utter_{said.intent}",))
    if said.intent == "start_over" and asked is not None and not said.has_substance:
        return Step(Known(), "matter", lines=("utter_restarted",))
    return None


def _read_place(said: Said, known: Known, asked: str | None) -> Known:
    if _CHANGE_PLACE.match(said.text):
        return replace(known, place=None, confirmed=None, asked={**known.asked, "place": 0})
    old = known.place
    if said.place:
        wanted = asked in ("place", "confirmed") or said.intent == "correct"
        if old and not wanted and (old.get("precise") or not _fits(said.place, old)):
            return known
        return replace(known, place=_merge(said.place, old if asked == "place" or not wanted else None))
    if asked == "place" and not said.phone:
        return replace(known, place=_own_words(said, old))
    return known


def _own_words(said: Said, old: dict[str, Any] | None) -> dict[str, Any] | None:
    """Returns the place from an answer in which the resolver found none: their words, or that they cannot say."""
    if said.intent in ("dont_know", "deny"):
        return old or {"text": "说不清", "unknown": True}
    if said.intent in _ASIDE | {"open_report"} or not 2 <= len(said.text) <= 60:
        return old
    return _merge({"text": said.text}, old)


def _fits(new: dict[str, Any], old: dict[str, Any]) -> bool:
    return not new.get("street") or not old.get("street") or new["street"] == old["street"]


def _merge(new: dict[str, Any], old: dict[str, Any] | None) -> dict[str, Any]:
    """Returns the new place completed by what was known of the old one: 北宅 then 五龙社区, or 丽达 then 3号楼."""
    chosen = bool(new.get("community") and (old or {}).get("candidates"))
    if not old or old.get("unknown") or chosen or not _fits(new, old):
        return new
    joined = new["text"] if old["text"] in new["text"] else f"{old['text']} {new['text']}"
    merged = {**old, **{key: value for key, value in new.items() if value}, "text": joined}
    merged["precise"] = bool(new.get("precise") or old.get("precise") or not new.get("street"))
    merged["candidates"] = [] if merged.get("community") else list(new.get("candidates") or [])
    return merged


def _read_contact(said: Said, known: Known, asked: str | None) -> Known:
    if _CHANGE_PHONE.match(said.text):
        return replace(known, contact=replace(known.contact, phone=None, declined=False, anonymous=False))
    contact = known.contact
    if said.phone:
        contact = replace(contact, phone=said.phone, declined=False)
    if said.name and (asked == "contact" or said.phone or not contact.name):
        contact = replace(contact, name=said.name)
    if said.anonymous:
        contact = replace(contact, anonymous=True, name=None)
    elif not said.phone and not said.bad_phone and _declines(said, contact, asked):
        contact = replace(contact, declined=True)
    return replace(known, contact=contact)


def _declines(said: Said, contact: Contact, asked: str | None) -> bool:
    if said.intent == "decline_contact":
        return asked == "contact" or not contact.phone
    return asked == "contact" and said.intent in ("deny", "dont_know", "cancel") and not said.has_substance


def _read_matter(said: Said, before: Known, after: Known, asked: str | None) -> tuple[Known, bool]:
    """Returns what is known with the matter grown by this message, and whether it grew."""
    if not said.has_substance:
        return after, False
    words = said.typed or said.text
    if not before.matter:
        tells = said.intent in _TELLING or (asked == "matter" and said.intent not in _ASIDE)
        if not tells or (asked in ("place", "contact") and said.intent == "inform"):
            return after, False
        return replace(after, matter=words[:MAX_MATTER], confirmed=None), True
    adds = said.intent in ("report", "emergency", "supplement")
    adds = adds or (asked == "confirmed" and said.intent == "nlu_fallback" and not said.has_facts)
    only_where = asked == "place" and after.place != before.place and len(said.rest) < 6
    if not adds or only_where or words in before.matter:
        return after, False
    return replace(after, matter=f"{before.matter}；{words}"[:MAX_MATTER], confirmed=None), True


def _judge(known: Known, judge: Judge) -> tuple[Known, list[str]]:
    triage = judge(known.matter or "")
    emergency = known.emergency or bool(triage.get("emergency"))
    if not emergency or known.emergency:
        return replace(known, triage=triage, emergency=emergency), []
    number = triage.get("emergency_number") or "110"
    line = (
        "utter_emergency_selfharm" if "轻生" in (triage.get("emergency_reason") or "") else f"utter_emergency_{number}"
    )
    return replace(known, triage=triage, emergency=True), [line]


def _passing(said: Said, before: Known, after: Known) -> str | None:
    """Returns the answer to a digression, if the message is one and told nothing else."""
    if after.matter != before.matter or said.has_facts:
        return None
    return DIGRESSIONS.get(said.intent)


def _read_confirmation(said: Said, before: Known, after: Known, asked: str | None) -> Known:
    if asked != "confirmed":
        return after
    changed = (after.matter, after.place, after.contact) != (before.matter, before.place, before.contact)
    if changed or said.has_facts:
        return replace(after, confirmed=None)
    yes = _YES.match(said.text) or (
        said.intent == "affirm" and said.confidence >= 0.5 and not _NOT_YES.match(said.text)
    )
    return replace(after, confirmed=True if yes else None)


def _next_question(
    said: Said, before: Known, known: Known, asked: str | None, told: tuple[tuple[str, ...], bool]
) -> Step:
    lines, followup = told
    slot, style = _missing(said, known, asked)
    if slot is None:
        return Step(replace(known, confirmed=True), None, lines=lines, outcome="file")
    unmoved = asked == slot and known == before
    aside = unmoved and (bool(lines) or followup)
    count = known.asked.get(slot, 0) + (0 if aside else 1)
    if slot == "confirmed" and unmoved and not aside:
        style = "what_to_change"
    if slot == "matter" and count > 1:
        style = "again"
    return Step(replace(known, asked={**known.asked, slot: count}), slot, style, lines, None, followup)


def _missing(said: Said, known: Known, asked: str | None) -> tuple[str | None, str | None]:
    """Returns the next slot to ask for and the wording, or (None, None) when everything needed is known."""
    if not known.matter:
        return "matter", None
    if style := _place_style(known):
        return "place", style if style != "plain" else None
    if not known.contact.settled and known.asked.get("contact", 0) < MAX_ASKS + 1:
        wrong = asked == "contact" and (said.bad_phone or re.search(r"\d{5}", said.text))
        return "contact", "bad_phone" if wrong else ("emergency" if known.emergency else None)
    if known.emergency or known.confirmed:
        return None, None
    return "confirmed", None


def _place_style(known: Known) -> str | None:
    """Returns how to ask for the place, or None when what is known suffices."""
    place, count, triage = known.place, known.asked.get("place", 0), known.triage or {}
    advice = triage.get("urgency") == "咨询" or triage.get("kind") == "发展诉求"
    if count >= MAX_ASKS or (place and (place.get("unknown") or (known.emergency and count >= 1))):
        return None
    if not place:
        return "emergency" if known.emergency else "advice" if advice else "plain"
    if place.get("candidates"):
        return "candidates"
    if place.get("street"):
        return None if place.get("precise") or advice else "street_only"
    if place.get("outside"):
        return None
    return "emergency" if known.emergency else "no_street"
