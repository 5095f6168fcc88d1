"""Which moves are offered for a selection of several rows."""

import pytest

from api.accounts.models import Role
from api.console.bulk_data import bulk_moves


def offered(role: Role, *statuses: str) -> list[str]:
    return [move.action for move in bulk_moves(role, statuses)]


def test_only_what_every_status_allows() -> None:
    assert "受理" in offered(Role.CLERK, "待受理")
    assert "受理" not in offered(Role.CLERK, "待受理", "已受理")
    assert "不予受理" in offered(Role.CLERK, "待受理", "已受理")
    assert offered(Role.CLERK, "待受理", "已办结") == []
    assert offered(Role.CLERK) == []


@pytest.mark.parametrize("action", ["反馈", "评价", "并单", "协调", "申请延期", "撤回", "补充"])
def test_what_is_one_persons_or_one_cases_own_is_not_done_in_bulk(action: str) -> None:
    statuses = ("待受理", "已受理", "已派单", "办理中", "已反馈", "待评价", "已退单", "挂起", "已合并")
    assert all(action not in offered(role, status) for role in Role for status in statuses)


def test_what_it_needs_and_what_it_ends_is_told() -> None:
    moves = {move.action: move for move in bulk_moves(Role.CLERK, ["已派单"])}
    assert moves["改派"].needs == ("department", "reason")
    assert (moves["改派"].assigns, moves["改派"].closes) == (True, False)
    assert {move.action for move in bulk_moves(Role.CLERK, ["待受理"]) if move.closes} == {"不予受理"}
