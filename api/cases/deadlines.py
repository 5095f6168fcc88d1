"""Deadlines of a case: ``nlu_data/deadlines.yml`` applied to its clock."""

import re
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path

from api.cases.models import Case
from api.cases.rule_files import Rules, read_rules
from api.cases.worktime import Span, Unit, WorkCalendar
from api.settings import get_settings
from classifier.taxonomy import URGENCIES

_SPAN = re.compile(rf"(\d+) ?({'|'.join(Unit)})")


@dataclass(frozen=True)
class Clock:
    """The spans of one urgency: to dispatch, to the first action, to the answer; yellow card that long before."""

    dispatch: Span
    first_action: Span
    done: Span
    yellow: Span


@dataclass(frozen=True)
class Limits:
    """The spans that are the same for every case."""

    return_within: Span
    extension: Span
    silence: Span
    urge_interval: Span


@dataclass(frozen=True)
class Deadlines:
    """Every deadline rule of the district."""

    calendar: WorkCalendar
    clocks: dict[str, Clock]
    limits: Limits


def load_deadlines(file: Path) -> Deadlines:
    """Reads the rule file; raises ``RuleError`` naming file and line."""
    rules = read_rules(file)
    rules.check_keys({"office_hours", "calendar", "urgency", "limits"})
    urgency = rules.section("urgency")
    urgency.check_keys(set(URGENCIES))
    limits = rules.section("limits")
    return Deadlines(
        calendar=_calendar(rules),
        clocks={name: Clock(**_spans(urgency.section(name), Clock)) for name in URGENCIES},
        limits=Limits(**_spans(limits, Limits)),
    )


def _spans(rules: Rules, kind: type[Clock] | type[Limits]) -> dict[str, Span]:
    rules.check_keys(set(kind.__dataclass_fields__))
    spans = {}
    for key, value in rules.plain().items():
        found = _SPAN.fullmatch(str(value))
        if not found:
            raise rules.fail(f"{key} 写成“{value}”，应是数字加 {'、'.join(Unit)}", key)
        spans[key] = Span(int(found[1]), Unit(found[2]))
        if key == "yellow" and spans[key].unit is Unit.WORKING_HOURS:
            raise rules.fail("yellow 不能用工作小时", key)
    return spans


def _calendar(rules: Rules) -> WorkCalendar:
    raw = rules.plain()
    try:
        hours = tuple((time.fromisoformat(a), time.fromisoformat(b)) for a, b in raw["office_hours"])
    except (TypeError, ValueError):
        raise rules.fail('office_hours 应写成 ["09:00", "12:00"] 的列表', "office_hours") from None
    edges = [edge for pair in hours for edge in pair]
    if not hours or edges != sorted(set(edges)):
        raise rules.fail("office_hours 的时间要从早到晚、互不重叠", "office_hours")
    section = rules.section("calendar")
    section.check_keys({"holidays", "workdays"})
    for key, days in section.plain().items():
        if not isinstance(days, list) or not all(type(day) is date for day in days):
            raise section.fail(f"{key} 应是日期列表，例如 [2027-02-05]", key)
    return WorkCalendar(hours, frozenset(raw["calendar"]["holidays"]), frozenset(raw["calendar"]["workdays"]))


@lru_cache
def get_deadlines() -> Deadlines:
    """Returns the rules of this process."""
    return load_deadlines(get_settings().nlu_data / "deadlines.yml")


def start_clock(case: Case, now: datetime, rules: Deadlines) -> None:
    """Starts the reporter's clock: at filing, and once more when an unsatisfied reporter reopens the case."""
    case.clock_started_at, case.clock_stopped_at, case.paused_at = now, None, None
    case.pauses, case.extension_days = [], 0
    case.yellow_at = case.red_at = None
    set_deadlines(case, now, rules)


def pause_clock(case: Case, now: datetime) -> None:
    """Stops the count until ``resume_clock``."""
    case.paused_at = now


def resume_clock(case: Case, now: datetime, rules: Deadlines) -> None:
    """Goes on counting; what passed since the pause is added to the deadline."""
    if case.paused_at:
        case.pauses = [*case.pauses, [case.paused_at.isoformat(), now.isoformat()]]
        case.paused_at = None
    set_deadlines(case, now, rules)


def set_deadlines(case: Case, now: datetime, rules: Deadlines) -> None:
    """Computes every deadline from the start of the clock: after an override, an extension or a pause.

    A card that the new deadline no longer justifies is taken back; the history keeps that it was shown.
    """
    clock, calendar, started = rules.clocks[case.urgency], rules.calendar, case.clock_started_at
    case.dispatch_due_at = calendar.add(started, clock.dispatch)
    case.first_action_due_at = calendar.add(started, clock.first_action)
    due = calendar.add(started, clock.done)
    if case.extension_days:
        due = calendar.add(due, Span(case.extension_days, Unit.WORKING_DAYS))
    for begin, end in case.pauses:
        pause = (datetime.fromisoformat(begin), datetime.fromisoformat(end))
        due = (
            calendar.add_working_time(due, calendar.working_time(*pause))
            if clock.done.working
            else due + (pause[1] - pause[0])
        )
    case.due_at, case.yellow_due_at = due, max(calendar.subtract(due, clock.yellow), started)
    if case.yellow_due_at > now:
        case.yellow_at = None
    if case.due_at > now:
        case.red_at = None


def is_overdue(case: Case, now: datetime) -> bool:
    """Tells whether the answer is late: the clock runs, or ran past the deadline before it stopped."""
    return (case.clock_stopped_at or case.paused_at or now) > case.due_at
