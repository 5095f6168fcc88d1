"""One move on several rows of the queue: each row by itself, with its own outcome; run in a thread (``Desk.run``)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy.orm import Session

from api.accounts.models import User
from api.cases import routes
from api.cases.fields import FIELD_NAMES
from api.cases.moves import lock
from api.cases.schemas import ActionIn
from api.cases.workflow import Move, get_workflow
from api.console.data import Ticket, as_staff
from api.errors import Problem
from api.triage.service import get_triager

LIMIT = 100
# What can be said once for many; an answer, a call-back or a rating is each reporter's own.
SHARED = ("department", "reason", "note")


@dataclass(frozen=True)
class BulkMove:
    """A move that is on offer for a selection.

    Attributes:
        needs: fields that must be filled in.
        assigns: a department may be named with it.
        public: the residents read what is written.
        closes: it ends the cases.
    """

    action: str
    needs: tuple[str, ...]
    assigns: bool
    public: bool
    closes: bool


@dataclass(frozen=True)
class Outcome:
    """How it ended for one row."""

    no: str
    done: bool
    words: str


def bulk_moves(role: str, statuses: Iterable[str]) -> list[BulkMove]:
    """Returns the moves that the table allows ``role`` in every one of ``statuses``, in the order of the table."""
    workflow, wanted = get_workflow(), set(statuses)
    found = []
    for action in dict.fromkeys(move.action for move in workflow.moves):
        rows = [move for move in workflow.rows(action) if role in move.roles and _shared(move)]
        if wanted and all(any(status in move.sources for move in rows) for status in wanted):
            found.append(_offer(action, [move for move in rows if wanted.intersection(move.sources)]))
    return found


def _shared(move: Move) -> bool:
    # What residents do as well (催办, 补充, 撤回) is one person's wish each.
    return move.when is None and set(move.needs) <= set(SHARED) and "resident" not in move.roles


def _offer(action: str, rows: list[Move]) -> BulkMove:
    needs = tuple(name for name in SHARED if any(name in move.needs for move in rows))
    assigns = any("assign" in move.does for move in rows)
    closes = any(move.to in get_workflow().final for move in rows)
    return BulkMove(action, needs, assigns, any(move.public for move in rows), closes)


def bulk(
    ticket: Ticket, rows: list[tuple[str, str]], action: str, fields: dict[str, Any], now: datetime
) -> list[Outcome]:
    """Does one move on several cases, each in a transaction of its own.

    Args:
        ticket: who does it.
        rows: number of each case, and the status in which it was shown.
        action: as in the workflow table.
        fields: the same for every row.
        now: the moment.

    Raises:
        Problem: 422 for no row, too many rows or a bad field; what is wrong with one row stands in its outcome.
    """
    if not 0 < len(rows) <= LIMIT:
        raise Problem(422, f"一次办 1 到 {LIMIT} 件")
    try:
        body = ActionIn(action=action, **fields)
    except ValidationError as error:
        wrong = "、".join(FIELD_NAMES.get(str(one["loc"][0]), str(one["loc"][0])) for one in error.errors())
        raise Problem(422, f"{wrong}：没有填、太长或超出范围") from error
    return [_one(ticket, no, status, body, now) for no, status in rows]


def _one(ticket: Ticket, no: str, status: str, body: ActionIn, now: datetime) -> Outcome:
    try:
        with as_staff(ticket) as (db, user):
            _still(db, user, no, status)
            view = routes.act(no, body, db, user, now, get_triager())
    except Problem as problem:
        if problem.status == 401:
            raise
        return Outcome(no, False, problem.detail)
    return Outcome(no, True, f"已{body.action}，{view['department']}")


def _still(db: Session, user: User, no: str, status: str) -> None:
    case = routes.find_case(db, no, user)
    lock(db, case)
    if case.status != status:
        raise Problem(409, f"已有人办过，现在是“{case.status}”，没有再办")
