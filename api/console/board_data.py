"""What a supervisor watches, counted by the database within the scope of whoever looks; run in a thread."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, or_, select
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


def _measures(now: datetime) -> dict[str, ColumnElement[bool]]:
    return {
        "open": is_open(),
        "late": and_(is_open(), is_late(now), Case.clock_stopped_at.is_(None)),
        "returned": and_(is_open(), Case.returned_count >= 2),
        "unsatisfied": Case.reopened_count > 0,
        "closed": Case.closed_at > now - SINCE,
    }


def _lines(db: Session, user: User, by: SQLColumnExpression[str | None] | None, now: datetime) -> list[Line]:
    counts = [func.count().filter(where).label(name) for name, where in _measures(now).items()]
    # What is open, and what happened of late; the rest of the archive is not looked at.
    recent = or_(is_open(), Case.updated_at > now - SINCE)
    columns: list[Any] = [*([by.label("name")] if by is not None else []), *counts]
    query = select(*columns).where(visible_cases(user), recent)
    if by is not None:
        query = query.group_by(by)
    lines = []
    for row in db.execute(query).mappings():
        numbers = {name: int(row[name]) for name in MEASURES}
        lines.append(Line(str(row.get("name") or "没有定位到街道"), numbers))
    return sorted(lines, key=lambda line: (-line.numbers["late"], -line.numbers["open"], line.name))
