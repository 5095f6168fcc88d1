"""The one door through which the status of a case changes: the workflow table, applied."""

from datetime import datetime
from typing import Any

from pydantic import ValidationError
from sqlalchemy import bindparam, select
from sqlalchemy.orm import Session, joinedload

from api.accounts.deps import Actor
from api.cases.checks import CHECKS, CONDITIONS, Step
from api.cases.deadlines import get_deadlines
from api.cases.effects import EFFECTS, move_clock
from api.cases.fields import FIELD_NAMES, ActionFields
from api.cases.history import record
from api.cases.models import Case
from api.cases.reporters import PERSONAL, number_of
from api.cases.workflow import Move, Workflow, get_workflow
from api.errors import Problem
from api.notices.mentions import call
from api.outbox.models import emit
from api.triage.service import get_taxonomy
from classifier.triage import Triager

# What the history compares; texts and personal data are not among it.
TRACKED = (
    "status",
    "kind",
    "category",
    "subcategory",
    "urgency",
    "department",
    "co_departments",
    "level",
    "due_at",
    "extension_asked",
    "extension_days",
    "reviewed",
    "merged_into",
    "returned_count",
    "reopened_count",
    "urged_count",
    "supervised_at",
    "yellow_at",
    "red_at",
)


def apply_action(
    db: Session,
    case: Case,
    action: str,
    actor: Actor,
    now: datetime,
    *,
    triager: Triager | None = None,
    **fields: Any,
) -> Case:
    """Does one workflow action, with its history row and its event, and flushes; committing is the caller's.

    Args:
        db: the session that holds ``case``.
        case: the case; its row is locked and read again first.
        action: as in the table, for example 派单.
        actor: its role decides; whether it may see the case at all is the caller's business.
        now: the moment of the action.
        triager: judges what the action tells anew (拆分); the process's own when empty.
        fields: as in ``ActionFields``.

    Raises:
        Problem: 422 for a missing or bad field or an @ that reaches nobody, 403 for a role that may never do it, 409
            when the status or a rule refuses, 429 for 催办 too soon.
    """
    filled = _fields(fields)
    lock(db, case)
    step = Step(db, case, filled, now, get_deadlines(), get_taxonomy(), actor, triager)
    reporter = step.reporter
    if actor.kind == "resident" and reporter.left_at:
        raise Problem(409, "您已经撤回了这件诉求")
    move = _find(get_workflow(), step, action, actor)
    _require(move, filled)
    for name in move.checks:
        if refusal := CHECKS[name](step):
            raise Problem(409, refusal)
    before = snapshot(case)
    case.status = move.to or case.status
    move_clock(step, move.sla)
    for name in move.does:
        EFFECTS[name](step)
    case.updated_at = now
    old, new = difference(before, snapshot(case))
    new |= step.told
    if filled.stars:
        new["stars"] = filled.stars
    event: dict[str, Any] = {"case_no": case.no, "action": action}
    if actor.kind == "resident" or action in PERSONAL or filled.reporter:
        event["reporter"] = number_of(case, reporter)
        if len(case.reporters) > 1:
            new["reporter"] = event["reporter"]
    row = record(db, case, action, actor, now, before=old, after=new, note=filled.words, public=move.public)
    if filled.words and actor.kind == "staff" and not move.public:
        call(db, case, filled.words, actor, row.seq, now)
    emit(db, "case.changed", event | {"seq": row.seq})
    db.flush()
    return case


def lock(db: Session, case: Case) -> None:
    """Locks the row of ``case`` until the commit and reads it again, so that two changes follow one another."""
    db.flush()
    db.scalars(_LOCK, {"id": case.id}).unique().one()


# Built once: putting a statement together takes SQLAlchemy longer than the database needs to run it.
_LOCK = (
    select(Case)
    .where(Case.id == bindparam("id"))
    .options(joinedload(Case.reporters, innerjoin=True))
    .with_for_update(of=Case)
    .execution_options(populate_existing=True)
)


def snapshot(case: Case) -> dict[str, Any]:
    """Returns the fields that the history compares, as JSON values."""
    values = {name: getattr(case, name) for name in TRACKED}
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in values.items()}


def difference(before: dict[str, Any], after: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns the old and the new values of what changed."""
    changed = [name for name in after if before[name] != after[name]]
    return {name: before[name] for name in changed}, {name: after[name] for name in changed}


def _fields(fields: dict[str, Any]) -> ActionFields:
    try:
        return ActionFields(**fields)
    except ValidationError as error:
        names = [str(one["loc"][0]) for one in error.errors()]
        wrong = "、".join(dict.fromkeys(FIELD_NAMES.get(name, name) for name in names))
        raise Problem(422, f"{wrong}：格式不对或超出范围") from error


def _find(workflow: Workflow, step: Step, action: str, actor: Actor) -> Move:
    rows = list(workflow.rows(action))
    if not rows:
        raise Problem(422, f"没有“{action}”这个动作")
    allowed = [move for move in rows if actor.role in move.roles]
    if not allowed:
        raise Problem(403, f"您的岗位不能做“{action}”")
    for move in allowed:
        if step.case.status in move.sources and (move.when is None or CONDITIONS[move.when](step)):
            return move
    raise Problem(409, f"诉求件现在是“{step.case.status}”，不能做“{action}”", current=step.case.status)


def _require(move: Move, fields: ActionFields) -> None:
    missing = [name for name in move.needs if getattr(fields, name) is None]
    if missing:
        raise Problem(422, f"“{move.action}”要填写{'、'.join(FIELD_NAMES[name] for name in missing)}", missing=missing)
