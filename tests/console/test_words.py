"""Whose turn it is, what the clock says, how the history reads."""

from datetime import UTC, datetime, timedelta

import pytest

from api.accounts.models import Role
from api.cases.deadlines import get_deadlines, start_clock
from api.cases.models import Case
from api.cases.workflow import get_workflow
from api.console.case_page import pieces
from api.console.clock import clock_view, length
from api.console.session import local_path
from api.console.turns import _takes_on
from api.console.words import events

TUESDAY = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)  # 10:00 in Shanghai


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Role.CLERK, {"待受理", "已受理", "已反馈", "已退单", "挂起"}),
        (Role.HANDLER, {"已派单", "办理中", "挂起"}),
        (Role.GRID, {"已派单", "办理中"}),
        (Role.SUPERVISOR, {"待受理", "已退单", "挂起"}),
        (Role.TRAINER, set()),
    ],
)
def test_each_role_has_its_turns(role: Role, statuses: set[str]) -> None:
    workflow = get_workflow()
    assert {status for status in workflow.open if _takes_on(workflow, status, role)} == statuses


def ticking(urgency: str) -> Case:
    case = Case(urgency=urgency, dispatched_at=None)
    start_clock(case, TUESDAY, get_deadlines())
    return case


@pytest.mark.parametrize(
    ("urgency", "later", "tone", "short"),
    [
        ("一般", timedelta(0), "calm", "剩 5 个工作日 6 小时"),
        ("一般", timedelta(days=7), "yellow", "剩 6 小时"),
        ("一般", timedelta(days=8), "red", "超 16 小时 30 分"),
        ("特急", timedelta(hours=1), "calm", "剩 23 小时"),
        ("特急", timedelta(hours=21), "yellow", "剩 3 小时"),
    ],
)
def test_the_clock_says_what_is_left(urgency: str, later: timedelta, tone: str, short: str) -> None:
    shown = clock_view(ticking(urgency), TUESDAY + later, get_deadlines())
    assert (shown.tone, shown.short) == (tone, short)


def test_a_stopped_and_a_paused_clock_say_so() -> None:
    case = ticking("一般")
    case.paused_at = TUESDAY
    assert clock_view(case, TUESDAY + timedelta(days=30), get_deadlines()).tone == "paused"
    case.clock_stopped_at = TUESDAY
    assert clock_view(case, TUESDAY + timedelta(days=30), get_deadlines()).short == "按期停表"


def test_lengths_are_two_units_at_most() -> None:
    assert [length(timedelta(minutes=m)) for m in (0, 59, 60, 61, 1440, 1500)] == [
        "0 分钟", "59 分钟", "1 小时", "1 小时 1 分", "1 天", "1 天 1 小时",
    ]  # fmt: skip


def test_the_history_reads_as_sentences() -> None:
    row = {
        "action": "派单",
        "actor": {"kind": "staff", "id": "u1", "role": "clerk"},
        "at": "2026-11-24T10:00:00+08:00",
        "before": {"status": "已受理", "department": "甲局"},
        "after": {"status": "已派单", "department": "乙局"},
        "note": "请速办",
    }
    (event,) = events([row], {"u1": "小李（受理员）"})
    assert (event.who, event.what, event.at, event.note) == (
        "小李（受理员）", "派单给乙局", "11月24日 10:00", "请速办",
    )  # fmt: skip
    assert event.changes == [("状态", "已受理", "已派单"), ("主办单位", "甲局", "乙局")]


def test_a_story_is_cut_at_the_words_that_decided() -> None:
    weights = [{"word": "路灯", "weight": 1.0}, {"word": "了", "weight": 0.01}, {"word": "没有", "weight": 0.5}]
    assert pieces("门口路灯坏了", weights) == [("门口", 0.0), ("路灯", 1.0), ("坏了", 0.0)]
    assert pieces("没有词", []) == [("没有词", 0.0)]


@pytest.mark.parametrize("wanted", ["//evil", "https://evil", "/\\evil", "", "evil", "/a\nb", "/login"])
def test_a_way_that_leads_out_is_not_taken(wanted: str) -> None:
    assert local_path(wanted) == "/"


def test_a_way_within_is_taken() -> None:
    assert local_path("/?tab=all&q=路灯") == "/?tab=all&q=路灯"
