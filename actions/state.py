"""What one message says, what an intake knows, and what comes of a turn: plain values."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_MATTER = 20_000

SLOTS = ("matter", "place", "contact", "confirmed")

_OPENER = re.compile(
    r"^(?:你好|您好|喂|在吗|那个|请问|麻烦|哎|唉)*[,。!? ]*(?:我们?|俺)?"
    r"(?:要|想|想要|来|需要|得)?(?:投诉|举报|反映|反应|报修|求助|咨询|报|说)"
    r"(?:一下|下)?(?:个|一个|一件|点|些)?(?:问题|事情?|情况|诉求)?(?:吧|啊|呀)?[,。!?:; ]*$"
)
_PLACE_AND_MORE = 8


@dataclass(frozen=True)
class Said:
    """One message as the NLU read it; ``text`` is in normal form, ``typed`` in the resident's own words.

    Attributes:
        rest: the text without the facts that were found in it; ``beside`` still holds the place.
        photos: how many pictures came with it.
        danger: the safety net has caught something in it; the triage tells how grave it is.
        pinyin: it is written in Latin letters that sound out Chinese.
        returning: the conversation had lain for an hour or more.
    """

    text: str
    intent: str
    confidence: float = 1.0
    phone: str | None = None
    bad_phone: str | None = None
    name: str | None = None
    anonymous: bool = False
    place: dict[str, Any] | None = None
    rest: str = ""
    beside: str = ""
    typed: str = ""
    photos: int = 0
    danger: bool = False
    pinyin: bool = False
    returning: bool = False

    @property
    def has_facts(self) -> bool:
        """Tells whether the message carries a fact, whatever it is about."""
        return bool(self.phone or self.bad_phone or self.name or self.anonymous or self.place)

    @property
    def has_substance(self) -> bool:
        """Tells whether something is told besides facts and openers such as 我要投诉."""
        enough = 2 if self.intent in ("report", "emergency") else 4
        return not self.pinyin and len(re.findall(r"\w", self.rest)) >= enough and not _OPENER.match(self.text)

    @property
    def may_hold_more(self) -> bool:
        """Tells whether the words of the place may hide a matter: the resolver may have taken too many of them."""
        return bool(self.place) and len(re.findall(r"\w", self.beside)) >= _PLACE_AND_MORE


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
    """What the intake knows; the form's slots in one value.

    Attributes:
        matter: everything told of it, in the resident's words.
        matters: the separate matters in it, two or more; empty when it is one.
        whole: the resident wants it filed as one, however many matters it looks like.
        similar: the case that others, or this resident earlier, have reported of the same; None before anyone looked.
        photos: how many pictures came so far.
        asked: how often each slot was asked for, and under ``stumbles`` how many turns in a row got nowhere.
    """

    matter: str | None = None
    place: dict[str, Any] | None = None
    contact: Contact = field(default_factory=Contact)
    confirmed: bool | None = None
    triage: dict[str, Any] | None = None
    emergency: bool = False
    asked: dict[str, int] = field(default_factory=dict)
    matters: Sequence[str] = ()
    whole: bool = False
    similar: Sequence[dict[str, Any]] | None = None
    photos: int = 0


@dataclass(frozen=True)
class Heard:
    """A message read against what was known, before anything is judged or asked.

    Attributes:
        known: what is known with its facts taken in.
        grew: the matter was told or added to, so it is to be triaged.
        doubtful: it may be no matter at all; the triage says.
        calm: it tells of no danger, whatever the triage makes of it together with what was told before.
        lines: responses to say.
    """

    known: Known
    grew: bool = False
    doubtful: bool = False
    calm: bool = False
    lines: tuple[str, ...] = ()


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
