"""What a supervisor watches, counted by the database within the scope of whoever looks; run in a thread."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import SQLColumnExpression, and_, func, literal, select
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.accounts.scope import visible_cases
from api.cases.listing import is_late
from api.cases.models import Case
from api.console.data import Ticket, as_staff
from api.console.turns import is_open
from api.errors import Problem

ROLES = (Role.SUPERVISOR, Role.ADMIN)
SINCE = timedelta(days=30)
# More bars than this nobody reads; the table below the chart has them all.
BARS = 12
NOWHERE = "没有定位到街道"
MEASURES = {
    "open": "在办",
    "late": "超期",
    "returned": "退单两次",
    "unsatisfied": "不满意重办",
    "closed": "近 30 天办结",
}


@dataclass(frozen=True)
class Line:
    """The numbers of one street or department, by the names of ``MEASURES``."""

    name: str
    numbers: dict[str, int]


@dataclass(frozen=True)
class Board:
    """The whole board; both lists hold the worst first."""

    total: dict[str, int]
    streets: list[Line]
    departments: list[Line]


def board(ticket: Ticket, now: datetime) -> Board:
    """Counts; raises ``Problem`` 403 for other roles."""
    with as_staff(ticket) as (db, user):
        if user.role not in ROLES:
            raise Problem(403, "您的岗位没有这一页")
        (whole,) = _lines(db, user, None, now)
        return Board(whole.numbers, _lines(db, user, Case.street, now), _lines(db, user, Case.department, now))


def _lines(db: Session, user: User, by: SQLColumnExpression[str | None] | None, now: datetime) -> list[Line]:
    """Counts what is open and what was closed of late, each found by its index: the archive is not looked at."""
    late = and_(is_late(now), Case.clock_stopped_at.is_(None))
    open_ = {
        "open": func.count(),
        "late": func.count().filter(late),
        "returned": func.count().filter(Case.returned_count >= 2),
        "unsatisfied": func.count().filter(Case.reopened_count > 0),
    }
    closed = {"closed": func.count()}
    found: dict[str, dict[str, int]] = {} if by is not None else {"": {}}
    for counts, where in ((open_, is_open()), (closed, Case.closed_at > now - SINCE)):
        columns: list[Any] = [(literal("") if by is None else by).label("name"), *counts.values()]
        query = select(*columns).where(visible_cases(user), where)
        for name, *numbers in db.execute(query if by is None else query.group_by(by)):
            known = found.setdefault(name if name is not None else NOWHERE, {})
            known |= dict(zip(counts, map(int, numbers), strict=True))
    lines = [Line(name, {one: known.get(one, 0) for one in MEASURES}) for name, known in found.items()]
    return sorted(lines, key=lambda line: (-line.numbers["late"], -line.numbers["open"], line.name))
