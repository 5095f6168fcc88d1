"""Whose turn it is, and what may be done now: both read off the workflow table."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, case, false, or_
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.cases.checks import CHECKS, CONDITIONS, Step
from api.cases.deadlines import get_deadlines
from api.cases.fields import ActionFields
from api.cases.models import Case
from api.cases.workflow import Move, Workflow, get_workflow
from api.errors import Problem
from api.triage.service import get_taxonomy
from classifier.taxonomy import URGENCIES

_OTHERS = {"resident", "system"}


@dataclass(frozen=True)
class Offer:
    """A move that the table allows a role in a status.

    Attributes:
        needs: fields that must be filled in.
        assigns: a department may be named with it.
        reroutes: left unnamed, the department follows from the new level.
        public: the resident reads what is written.
        closes: it ends the case other than by 办结.
        forward: it takes the case on, rather than back, aside or nowhere.
        refusal: the sentence with which a rule refuses it now.
    """

    action: str
    needs: tuple[str, ...]
    assigns: bool
    reroutes: bool
    public: bool
    closes: bool
    forward: bool
    refusal: str | None


def my_turn(user: User) -> ColumnElement[bool]:
    """Returns the SQL condition for the cases that wait for ``user``: those that the role takes a step further."""
    workflow = get_workflow()
    statuses = [status for status in workflow.open if _takes_on(workflow, status, user.role)]
    parts: list[ColumnElement[bool]] = [Case.status.in_(statuses)] if statuses else []
    for move in workflow.moves:
        if "extension_asked" in move.checks and user.role in move.roles:
            parts.append(and_(Case.extension_asked.is_not(None), Case.status.in_(move.sources)))
    if not parts:
        return false()
    turn = or_(*parts)
    # A co-handling department follows up; the turn is the lead department's.
    return and_(turn, Case.department == user.department) if user.role == Role.HANDLER else turn


def _takes_on(workflow: Workflow, status: str, role: str) -> bool:
    return any(role in move.roles for move in _steps(workflow, status))


def _steps(workflow: Workflow, status: str) -> list[Move]:
    """The moves that take a case on from ``status``.

    Those that lead forward and need no excuse; where a status has none (已退单, 挂起), every move out of it.
    """
    leaving = [
        move
        for move in workflow.moves
        if status in move.sources
        and move.to in workflow.open
        and move.to != status
        and not _OTHERS.intersection(move.roles)
    ]
    rank = workflow.open.index
    onward = [move for move in leaving if rank(move.to or status) > rank(status) and "reason" not in move.needs]
    return onward or leaving


def is_open() -> ColumnElement[bool]:
    """Returns the SQL condition for cases that are not over."""
    return Case.status.in_(get_workflow().open)


def most_urgent_first() -> tuple[ColumnElement[int], ...]:
    """Returns the order of a queue: open before closed, 特急 first."""
    rank = case({name: place for place, name in enumerate(URGENCIES)}, value=Case.urgency, else_=len(URGENCIES))
    return (case((is_open(), 0), else_=1), rank)


def offers(db: Session, subject: Case, actions: list[str], role: str, now: datetime) -> list[Offer]:
    """Returns what ``role`` may try on a case, moves that take it on first."""
    workflow = get_workflow()
    steps = _steps(workflow, subject.status) if subject.status in workflow.open else []
    step = Step(db, subject, ActionFields(), now, get_deadlines(), get_taxonomy())
    found = []
    for action in actions:
        rows = list(_rows(workflow, action, subject.status, role))
        # Nothing is filled in yet: a row that holds for one of several reporters only is on offer if there are several.
        one_of_several = rows[0] if len(subject.reporters) > 1 else None
        row = next((row for row in rows if row.when is None or CONDITIONS[row.when](step)), None) or one_of_several
        if row is None:
            continue
        found.append(
            Offer(
                action=action,
                needs=row.needs,
                assigns="assign" in row.does,
                reroutes=bool({"level_up", "level_down"}.intersection(row.does)),
                public=row.public,
                closes=row.to in workflow.final and row.sla == "stop",
                forward=any(one in steps for one in rows),
                refusal=_refusal(step, row),
            )
        )
    return sorted(found, key=lambda offer: not offer.forward)


def _rows(workflow: Workflow, action: str, status: str, role: str) -> Iterator[Move]:
    return (move for move in workflow.rows(action) if status in move.sources and role in move.roles)


def _refusal(step: Step, move: Move) -> str | None:
    if "main_no" in move.needs:
        return None  # judged by the number that is still to be given
    try:
        return next(filter(None, (CHECKS[name](step) for name in move.checks)), None)
    except Problem as problem:
        return problem.detail
