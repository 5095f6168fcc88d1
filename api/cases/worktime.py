"""Working days and working hours of the Chinese calendar, holidays and make-up days included."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum

import chinese_calendar

from api.cases.numbers import LOCAL

# Statutory on the same date each year: all that is known of a year before the State Council publishes its schedule.
_FIXED_HOLIDAYS = {(1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3)}
_DAY = timedelta(days=1)


class Unit(StrEnum):
    """How a span is counted."""

    MINUTES = "分钟"
    HOURS = "小时"
    DAYS = "天"
    WORKING_HOURS = "工作小时"
    WORKING_DAYS = "工作日"


@dataclass(frozen=True)
class Span:
    """A length of time, such as 5 工作日."""

    amount: int
    unit: Unit

    @property
    def working(self) -> bool:
        """Whether the span runs in working time only."""
        return self.unit in (Unit.WORKING_HOURS, Unit.WORKING_DAYS)

    def __str__(self) -> str:
        """As it is written in the rule file."""
        return f"{self.amount} {self.unit}"


_CLOCK = {Unit.MINUTES: timedelta(minutes=1), Unit.HOURS: timedelta(hours=1), Unit.DAYS: _DAY}


@dataclass(frozen=True)
class WorkCalendar:
    """When the offices work.

    Attributes:
        hours: office hours of a working day, in order, without overlap.
        holidays: days off beyond the library's calendar.
        workdays: working days beyond the library's calendar.
    """

    hours: tuple[tuple[time, time], ...]
    holidays: frozenset[date] = frozenset()
    workdays: frozenset[date] = frozenset()

    def is_workday(self, day: date) -> bool:
        """Tells whether ``day`` is worked; for a year not yet published: Monday to Friday less the fixed holidays."""
        if day in self.holidays or day in self.workdays:
            return day in self.workdays
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
            return day.weekday() < 5 and (day.month, day.day) not in _FIXED_HOLIDAYS

    def add(self, moment: datetime, span: Span) -> datetime:
        """Returns the moment ``span`` after ``moment``; working days end with the office hours of the last one."""
        if span.unit in _CLOCK:
            return moment + span.amount * _CLOCK[span.unit]
        if span.unit is Unit.WORKING_HOURS:
            return self.add_working_time(moment, timedelta(hours=span.amount))
        last = self._step(moment.astimezone(LOCAL).date(), span.amount, _DAY)
        return datetime.combine(last, self.hours[-1][1], LOCAL).astimezone(moment.tzinfo)

    def subtract(self, moment: datetime, span: Span) -> datetime:
        """Returns the moment ``span`` before ``moment``; working days keep the time of day."""
        if span.unit in _CLOCK:
            return moment - span.amount * _CLOCK[span.unit]
        if span.unit is Unit.WORKING_HOURS:
            raise ValueError("working hours are only counted forwards")
        local = moment.astimezone(LOCAL)
        day = self._step(local.date(), span.amount, -_DAY)
        return datetime.combine(day, local.time(), LOCAL).astimezone(moment.tzinfo)

    def add_working_time(self, moment: datetime, length: timedelta) -> datetime:
        """Returns the moment at which ``length`` of office time has passed since ``moment``."""
        if not length:
            return moment
        local, left = moment.astimezone(LOCAL), length
        day = local.date()
        while True:
            for opens, closes in self._windows(day):
                start = max(opens, local)
                if start < closes:
                    if closes - start >= left:
                        return (start + left).astimezone(moment.tzinfo)
                    left -= closes - start
            day += _DAY

    def working_time(self, start: datetime, end: datetime) -> timedelta:
        """Returns the office time between two moments."""
        begin, finish, total = start.astimezone(LOCAL), end.astimezone(LOCAL), timedelta(0)
        day = begin.date()
        while day <= finish.date():
            for opens, closes in self._windows(day):
                total += max(min(closes, finish) - max(opens, begin), timedelta(0))
            day += _DAY
        return total

    def _windows(self, day: date) -> list[tuple[datetime, datetime]]:
        if not self.is_workday(day):
            return []
        return [(datetime.combine(day, a, LOCAL), datetime.combine(day, b, LOCAL)) for a, b in self.hours]

    def _step(self, day: date, count: int, direction: timedelta) -> date:
        while count:
            day += direction
            count -= self.is_workday(day)
        return day
