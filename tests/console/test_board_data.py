"""The numbers of the supervisor's board, on both databases."""

from datetime import timedelta

import pytest

from api.accounts.deps import SYSTEM
from api.accounts.models import Role
from api.cases.filing import Filing, file_case
from api.console.board_data import NOWHERE, board
from api.errors import Problem
from api.triage.service import get_places
from tests.conftest import ticket_of


def test_each_measure_counts_what_it_says_the_worst_first(sessions, make_user, fixed, clock):
    with sessions.begin() as db:
        cases = [
            file_case(
                db, Filing("路灯坏了", place, None, None, True, "web", None), fixed, get_places(), clock.now, SYSTEM
            )[0]
            for place in ("中韩社区", "中韩社区", "沙子口社区", None, "北宅街道", "北宅街道")
        ]
        cases[2].due_at = clock.now - timedelta(hours=1)
        cases[0].returned_count, cases[1].reopened_count = 2, 1
        for case, days in ((cases[4], 3), (cases[5], 40)):
            case.status, case.closed_at = "已办结", clock.now - timedelta(days=days)
            case.clock_stopped_at = case.closed_at
    boss = make_user(Role.SUPERVISOR)
    shown = board(ticket_of(boss), clock.now)
    assert shown.total == {"open": 4, "late": 1, "returned": 1, "unsatisfied": 1, "closed": 1}
    assert [line.name for line in shown.streets] == ["沙子口街道", "中韩街道", NOWHERE, "北宅街道"]
    assert shown.streets[1].numbers == {"open": 2, "late": 0, "returned": 1, "unsatisfied": 1, "closed": 0}
    assert shown.streets[3].numbers["closed"] == 1
    assert sum(line.numbers["open"] for line in shown.departments) == 4


def test_it_is_the_supervisors(make_user, clock):
    clerk = make_user(Role.CLERK)
    with pytest.raises(Problem, match="没有这一页"):
        board(ticket_of(clerk), clock.now)
