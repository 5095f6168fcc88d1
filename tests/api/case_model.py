"""What the rules say of one case, written a second time and without a database: the oracle of ``test_case_life``.

It reads the raw table and knows the meaning of every condition by itself, so that a mistake in ``api.cases`` shows as
a difference.
"""

from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from api.cases.deadlines import get_deadlines
from api.cases.worktime import Span, Unit

TABLE: dict[str, Any] = yaml.safe_load(Path("nlu_data/workflow.yml").read_text("utf-8"))
ROWS: list[dict[str, Any]] = TABLE["moves"]
OPEN: list[str] = TABLE["statuses"]["open"]
ACTIONS = sorted({row["action"] for row in ROWS})
LEVELS = ("社区", "街道", "区")
# Two matters: one that only the district settles, one that goes up and down.
CLASSES = {("城乡建设", "路灯照明"): "区", ("民政", "社会救助"): "街道"}
WORDS = {"reason": "原因", "note": "说明", "answer": "答复", "department": "区城市管理局", "co_departments": []}
PARTS = ["路灯坏了", "井盖丢了"]
WORDS["parts"] = PARTS
MERGEABLE = ("待受理", "已受理", "已派单", "办理中", "挂起")


@dataclass
class Person:
    """One reporter."""

    session: str
    called_back: bool = False
    rated: bool = False
    left: bool = False


@dataclass
class Attempt:
    """Somebody tries something: who, what, and with which fields."""

    role: str
    action: str
    session: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass
class Model:
    """One case by the rules."""

    no: str
    natural_level: str
    level: str
    urgency: str
    started: datetime
    people: list[Person]
    status: str = TABLE["first"]
    halted: datetime | None = None
    pauses: list[tuple[datetime, datetime]] = field(default_factory=list)
    extension: int = 0
    asked: int | None = None
    dispatched: datetime | None = None
    called_back: datetime | None = None
    urged: datetime | None = None
    returned: int = 0
    reopened: int = 0
    reviewed: bool = False
    answered: bool = False
    main: str | None = None

    @property
    def person(self) -> Person:
        """The main reporter."""
        return next((one for one in self.people if not one.left), self.people[0])

    def acting(self, attempt: Attempt) -> Person | None:
        """The reporter whose move it is; ``None`` when there is no such one."""
        number = attempt.fields.get("reporter")
        if number:
            return self.people[number - 1] if number <= len(self.people) else None
        if attempt.role == "resident":
            own = [one for one in self.people if one.session == attempt.session]
            return next((one for one in own if not one.left), own[0] if own else self.person)
        return self.person

    def due(self) -> datetime:
        """When the answer is due: from the start of the clock, with extension and pauses, and nothing else."""
        rules = get_deadlines()
        span = rules.clocks[self.urgency].done
        due = rules.calendar.add(self.started, span)
        if self.extension:
            due = rules.calendar.add(due, Span(self.extension, Unit.WORKING_DAYS))
        for begin, end in self.pauses:
            worked = rules.calendar.working_time(begin, end)
            due = rules.calendar.add_working_time(due, worked) if span.working else due + (end - begin)
        return due


World = dict[str, Model]


def verdict(world: World, case: Model, attempt: Attempt, now: datetime) -> int | dict[str, Any]:
    """Returns the row that lets the attempt through, or the HTTP status that refuses it."""
    who = case.acting(attempt)
    if who is None:
        return 422
    if attempt.role == "resident" and who.left:
        return 409
    rows = [row for row in ROWS if row["action"] == attempt.action and attempt.role in row["roles"]]
    if not rows:
        return 403
    here = [row for row in rows if case.status in row["from"] and _holds(world, case, row, attempt, who)]
    if not here:
        return 409
    row = here[0]
    if any(attempt.fields.get(name) is None for name in row.get("needs", [])):
        return 422
    for check in row.get("checks", []):
        if not FULFILLED[check](Look(world, case, attempt.fields, who, now)):
            return 429 if check == "urge_interval" else 409
    return row


def _holds(world: World, case: Model, row: dict[str, Any], attempt: Attempt, who: Person) -> bool:
    merged = sum(len(one.people) for one in world.values() if one.main == case.no)
    followers = sum(not one.left for one in case.people) - 1 + merged
    match row.get("when"):
        case None:
            return True
        case "unsatisfied_first":
            return (attempt.fields.get("stars") or 5) <= 2 and case.reopened == 0
        case "of_follower":
            return who is not case.person
        case "others_stay":
            return (attempt.role == "resident" or "reporter" in attempt.fields) and followers > 0
    raise AssertionError(f"the oracle does not know the condition {row['when']}")


@dataclass
class Look:
    """What a check looks at."""

    world: World
    case: Model
    fields: dict[str, Any]
    who: Person
    now: datetime

    @property
    def main(self) -> Model | None:
        """The case into which this one is to be merged."""
        return self.world.get(self.fields.get("main_no") or "")

    @property
    def leads(self) -> bool:
        """Whether others are merged into this case."""
        return any(one.main == self.case.no for one in self.world.values())


def _in_time(look: Look) -> bool:
    limit = Span(2, Unit.WORKING_DAYS)
    return look.now <= get_deadlines().calendar.add(look.case.dispatched or look.case.started, limit)


def _mergeable(look: Look) -> bool:
    main = look.main
    return main is not None and main is not look.case and main.status in MERGEABLE and not look.leads


FULFILLED: dict[str, Callable[[Look], bool]] = {
    "urgent": lambda look: look.case.urgency == "特急",
    "return_in_time": _in_time,
    "first_return": lambda look: look.case.returned < 2,
    "repeated_return": lambda look: look.case.returned >= 2,
    "can_go_up": lambda look: look.case.level != "区",
    "can_go_down": lambda look: look.case.level != "社区" and look.case.natural_level != "区",
    "awaits_review": lambda look: look.case.level != "区" and not look.case.reviewed,
    "reviewed": lambda look: look.case.level == "区" or look.case.reviewed,
    "not_extended": lambda look: not look.case.extension and not look.case.asked and look.fields["days"] <= 10,
    "extension_asked": lambda look: bool(look.case.asked),
    "not_rated": lambda look: not look.who.rated,
    "called_back": lambda look: look.who.called_back,
    "told": lambda look: look.who.called_back or look.case.called_back is not None,
    "main_answered": lambda look: look.world[look.case.main or ""].answered,
    "silence_over": lambda look: bool(look.case.called_back and look.now >= look.case.called_back + timedelta(days=7)),
    "can_merge": _mergeable,
    "can_split": lambda look: not look.leads,
    "urge_interval": lambda look: look.case.urged is None or look.now >= look.case.urged + timedelta(hours=4),
}


def follow(case: Model, row: dict[str, Any], attempt: Attempt, now: datetime) -> None:
    """Does to the model what ``row`` does to the case."""
    who = case.acting(attempt)
    assert who is not None
    case.status = row.get("to", case.status)
    _clock(case, row.get("sla"), now)
    for effect in row.get("does", []):
        EFFECTS[effect](case, attempt, who, now)


def _clock(case: Model, effect: str | None, now: datetime) -> None:
    match effect:
        case "stop" | "pause":
            case.halted = case.halted or now
        case "resume":
            if case.halted:
                case.pauses.append((case.halted, now))
            case.halted = None
        case "restart":
            case.started, case.halted, case.pauses, case.extension = now, None, [], 0
        case "extend":
            case.extension, case.asked = case.asked or 0, None


def _call_back(case: Model, attempt: Attempt, who: Person, now: datetime) -> None:
    who.called_back = True
    case.called_back = now if who is case.person else case.called_back


def _reopen(case: Model, attempt: Attempt, who: Person, now: datetime) -> None:
    case.reopened += 1
    case.called_back, case.answered, case.reviewed = None, False, False
    for one in case.people:
        one.called_back = one.rated = False


def _sets(**values: Any) -> Callable[[Model, Attempt, Person, datetime], None]:
    """Returns an effect that sets fields of the case; a function stands for a value that depends on the case."""

    def effect(case: Model, attempt: Attempt, who: Person, now: datetime) -> None:
        for name, value in values.items():
            setattr(case, name, value(case, attempt, now) if callable(value) else value)

    return effect


def _rate(case: Model, attempt: Attempt, who: Person, now: datetime) -> None:
    who.rated = True


def _leave(case: Model, attempt: Attempt, who: Person, now: datetime) -> None:
    who.left = True


EFFECTS: dict[str, Callable[[Model, Attempt, Person, datetime], None]] = {
    "assign": _sets(dispatched=lambda case, attempt, now: now),
    "count_return": _sets(returned=lambda case, attempt, now: case.returned + 1),
    "level_up": _sets(level=lambda case, attempt, now: LEVELS[LEVELS.index(case.level) + 1]),
    "level_down": _sets(level=lambda case, attempt, now: LEVELS[LEVELS.index(case.level) - 1]),
    "keep_answer": _sets(answered=True, reviewed=False),
    "approve": _sets(reviewed=True),
    "withdraw_answer": _sets(answered=False, reviewed=False),
    "ask_extension": _sets(asked=lambda case, attempt, now: attempt.fields["days"]),
    "refuse_extension": _sets(asked=None),
    "call_back": _call_back,
    "rate": _rate,
    "reopen": _reopen,
    "merge": _sets(main=lambda case, attempt, now: attempt.fields["main_no"]),
    "unmerge": _sets(main=None),
    "leave": _leave,
    "urge": _sets(urged=lambda case, attempt, now: now),
    "close": _sets(),
    "supervise": _sets(),
    # The triager of the walk judges the first part as it judged the whole.
    "split": _sets(),
}


def part_of(case: Model, no: str) -> Model:
    """Returns what is split off: a case of its own, with the reporters who stay and the same start of the clock."""
    level = "区" if case.urgency == "特急" else case.natural_level
    people = [Person(one.session) for one in case.people if not one.left]
    return Model(no, case.natural_level, level, case.urgency, case.started, people, pauses=list(case.pauses))


def attempts(world: World, case: Model) -> Iterator[Attempt]:
    """Yields what anybody could try on a case, every field filled in well."""
    others = [no for no in world if no != case.no] or ["LX0"]
    roles = sorted({role for row in ROWS for role in row["roles"]})
    for action, role in product(ACTIONS, roles):
        for stars in (1, 4) if action == "评价" else (4,):
            fields = WORDS | {"days": 5, "stars": stars, "main_no": others[0]}
            yield Attempt(role, action, case.people[0].session, fields)


def legal(world: World, case: Model, now: datetime) -> list[Attempt]:
    """Returns what the rules let through."""
    return [one for one in attempts(world, case) if not isinstance(verdict(world, case, one, now), int)]


def way_out(world: World, no: str, now: datetime) -> list[Attempt]:
    """Returns a shortest series of legal moves that ends a case; raises ``AssertionError`` at a dead end."""
    paths: list[tuple[World, list[Attempt]]] = [(deepcopy(world), [])]
    seen: set[tuple[Any, ...]] = set()
    while paths:
        here, path = paths.pop(0)
        case = here[no]
        if case.status not in OPEN:
            return path
        key = (case.status, case.level, case.reviewed, case.returned, case.person.rated, bool(case.called_back))
        if key in seen:
            continue
        seen.add(key)
        ways = {(one.action, one.fields["stars"]): one for one in legal(here, case, now)}
        for one in ways.values():
            # Closing the file against the reporter's wish is no way out.
            if one.action in ("撤回", "不予受理", "并单"):
                continue
            then = deepcopy(here)
            row = verdict(then, then[no], one, now)
            assert not isinstance(row, int)
            follow(then[no], row, one, now)
            paths.append((then, [*path, one]))
    raise AssertionError(f"dead end: {world[no]}")
