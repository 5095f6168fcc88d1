"""Deadlines: the real calendar, office hours, pauses and extensions."""

from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cases.deadlines import (
    get_deadlines,
    is_overdue,
    load_deadlines,
    pause_clock,
    resume_clock,
    set_deadlines,
    start_clock,
)
from api.cases.models import Case
from api.cases.numbers import LOCAL
from api.cases.worktime import Span, Unit, WorkCalendar
from classifier.taxonomy import RuleError

RULES = get_deadlines()
CALENDAR = RULES.calendar
MOMENTS = st.datetimes(datetime(2025, 1, 1), datetime(2028, 12, 31)).map(lambda moment: moment.replace(tzinfo=UTC))


def at(text: str) -> datetime:
    """A moment in Shanghai."""
    return datetime.fromisoformat(text).replace(tzinfo=LOCAL)


def case(urgency: str, filed: str) -> Case:
    made = Case(urgency=urgency)
    start_clock(made, at(filed), RULES)
    return made


class TestTheRealCalendar:
    @pytest.mark.parametrize(
        ("day", "worked"),
        [
            ("2026-10-01", False),  # National Day
            ("2026-10-07", False),  # its last day off, a Wednesday
            ("2026-10-10", True),  # a Saturday worked for it
            ("2026-11-22", False),  # a plain Sunday
            ("2026-11-24", True),
            ("2027-01-01", False),  # not yet published: fixed holidays count
            ("2027-05-03", True),
        ],
    )
    def test_days(self, day, worked):
        assert CALENDAR.is_workday(date.fromisoformat(day)) is worked

    def test_staff_add_days_of_their_own(self):
        own = WorkCalendar(CALENDAR.hours, frozenset({date(2027, 2, 5)}), frozenset({date(2027, 2, 7)}))
        assert not own.is_workday(date(2027, 2, 5))
        assert own.is_workday(date(2027, 2, 7))


class TestDueDates:
    @pytest.mark.parametrize(
        ("urgency", "filed", "due"),
        [
            ("特急", "2026-10-01T03:00", "2026-10-02T03:00"),  # holidays stop nothing
            ("紧急", "2026-11-28T22:00", "2026-11-29T22:00"),
            ("一般", "2026-11-24T10:00", "2026-12-01T17:30"),
            ("一般", "2026-11-28T10:00", "2026-12-04T17:30"),  # a Saturday: counted from Monday
            ("一般", "2026-09-29T10:00", "2026-10-12T17:30"),  # across National Day and its make-up Saturday
            ("咨询", "2026-11-27T23:59", "2026-12-02T17:30"),
            ("一般", "2026-12-30T10:00", "2027-01-07T17:30"),  # into the unpublished year
        ],
    )
    def test_done(self, urgency, filed, due):
        assert case(urgency, filed).due_at == at(due)

    @pytest.mark.parametrize(
        ("filed", "due"),
        [
            ("2026-11-24T10:00", "2026-11-24T15:30"),  # two hours, lunch, two hours
            ("2026-11-27T17:00", "2026-11-30T14:00"),  # Friday's last half hour, the rest on Monday
            ("2026-11-28T12:00", "2026-11-30T14:30"),
        ],
    )
    def test_dispatch_of_an_ordinary_case_counts_working_hours(self, filed, due):
        assert case("一般", filed).dispatch_due_at == at(due)

    def test_an_emergency_is_dispatched_in_ten_minutes_and_reached_in_thirty(self):
        made = case("特急", "2026-10-01T03:00")
        assert made.dispatch_due_at == at("2026-10-01T03:10")
        assert made.first_action_due_at == at("2026-10-01T03:30")

    def test_the_yellow_card_comes_one_working_day_before(self):
        assert case("一般", "2026-11-23T10:00").yellow_due_at == at("2026-11-27T17:30")
        # Due on Monday 30 November: the working day before is Friday.
        made = case("一般", "2026-11-20T18:00")
        assert (made.due_at, made.yellow_due_at) == (at("2026-11-27T17:30"), at("2026-11-26T17:30"))


class TestPausesAndExtensions:
    def test_working_time_on_hold_is_added(self):
        made = case("一般", "2026-11-24T10:00")
        pause_clock(made, at("2026-11-25T09:00"))
        resume_clock(made, at("2026-11-27T09:00"), RULES)
        assert made.due_at == at("2026-12-03T17:30")

    def test_a_weekend_on_hold_adds_nothing(self):
        made = case("一般", "2026-11-24T10:00")
        pause_clock(made, at("2026-11-27T18:00"))
        resume_clock(made, at("2026-11-30T08:00"), RULES)
        assert made.due_at == at("2026-12-01T17:30")

    def test_on_hold_it_is_not_overdue(self):
        made = case("一般", "2026-11-24T10:00")
        pause_clock(made, at("2026-11-25T09:00"))
        assert not is_overdue(made, at("2027-03-01T09:00"))

    def test_an_extension_counts_working_days_and_takes_the_yellow_card_back(self):
        made = case("一般", "2026-11-24T10:00")
        made.yellow_at, made.extension_days = at("2026-11-30T17:30"), 3
        set_deadlines(made, at("2026-12-01T09:00"), RULES)
        assert (made.due_at, made.yellow_at) == (at("2026-12-04T17:30"), None)


class TestArithmetic:
    @given(MOMENTS, st.integers(1, 15))
    def test_working_days_end_on_a_working_day_at_closing_time(self, moment, days):
        due = CALENDAR.add(moment, Span(days, Unit.WORKING_DAYS)).astimezone(LOCAL)
        assert CALENDAR.is_workday(due.date())
        assert due.time() == time(17, 30)
        between = (due.date() - moment.astimezone(LOCAL).date()).days
        counted = sum(CALENDAR.is_workday(due.date() - timedelta(days=i)) for i in range(between))
        assert counted == days

    @given(MOMENTS, st.integers(1, 60 * 60 * 40))
    def test_working_time_added_is_working_time_passed(self, moment, seconds):
        length = timedelta(seconds=seconds)
        later = CALENDAR.add_working_time(moment, length)
        assert later > moment
        assert CALENDAR.working_time(moment, later) == length

    @given(MOMENTS, MOMENTS, MOMENTS)
    def test_working_time_adds_up(self, a, b, c):
        first, middle, last = sorted((a, b, c))
        parts = CALENDAR.working_time(first, middle) + CALENDAR.working_time(middle, last)
        assert parts == CALENDAR.working_time(first, last)

    @given(MOMENTS, st.sampled_from(["特急", "紧急", "一般", "咨询"]))
    def test_deadlines_stand_in_their_order(self, filed, urgency):
        made = Case(urgency=urgency)
        start_clock(made, filed, RULES)
        assert filed < made.dispatch_due_at <= made.due_at
        assert filed < made.first_action_due_at <= made.due_at
        assert filed <= made.yellow_due_at < made.due_at

    @given(MOMENTS, st.sampled_from(["一般", "咨询", "紧急"]), st.integers(0, 10**6), st.integers(0, 10**6))
    def test_a_pause_never_shortens_a_deadline(self, filed, urgency, wait, length):
        made = Case(urgency=urgency)
        start_clock(made, filed, RULES)
        before = made.due_at
        held = filed + timedelta(seconds=wait)
        pause_clock(made, held)
        resume_clock(made, held + timedelta(seconds=length), RULES)
        assert made.due_at >= before


class TestTheFile:
    @pytest.mark.parametrize(
        ("old", "new", "line", "word"),
        [
            ("done: 5 工作日", "done: 五工作日", 18, "五工作日"),
            ("done: 5 工作日, ", "", 18, "done"),
            ('["09:00", "12:00"]', '["9点", "12:00"]', 4, "office_hours"),
            ('["13:30", "17:30"]', '["11:00", "17:30"]', 4, "重叠"),
            ("holidays: []", "holidays: [春节]", 10, "holidays"),
            ("  特急: {", "  特别急: {", 16, "特"),
            ("urgency:\n", "urgency:\n  bad: [\n", 0, "YAML"),
        ],
    )
    def test_a_mistake_is_named_with_its_line(self, tmp_path, old, new, line, word):
        text = Path("nlu_data/deadlines.yml").read_text("utf-8")
        assert old in text
        file = tmp_path / "deadlines.yml"
        file.write_text(text.replace(old, new), "utf-8")
        with pytest.raises(RuleError) as caught:
            load_deadlines(file)
        assert word in str(caught.value)
        assert str(caught.value).startswith(f"{file}:{line or ''}")
