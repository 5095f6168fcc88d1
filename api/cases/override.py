"""A person corrects the triage: the suggestion stays as it was, the decision holds, routing and deadline follow."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.deadlines import get_deadlines, set_deadlines
from api.cases.fields import Words
from api.cases.history import record
from api.cases.models import Case, TriageFeedback
from api.cases.moves import difference, lock, snapshot
from api.cases.routing import check_category, check_department, reroute
from api.cases.workflow import get_workflow
from api.errors import Problem
from api.outbox.models import emit
from classifier.taxonomy import LEVELS, Taxonomy

DECIDED = ("kind", "category", "subcategory", "urgency", "department")


class Override(BaseModel):
    """A staff decision; what is left out stays as it is, except for what follows from the rest."""

    model_config = ConfigDict(extra="forbid")

    category: Words | None = None
    subcategory: Words | None = None
    urgency: Literal["特急", "紧急", "一般", "咨询"] | None = None
    department: Words | None = None
    kind: Literal["民生诉求", "发展诉求", "执法诉求"] | None = None
    reason: Words


def override_triage(db: Session, case: Case, wish: Override, actor: Actor, now: datetime, taxonomy: Taxonomy) -> Case:
    """Applies an override, with history row, feedback row and event; flushes, committing is the caller's.

    A new class runs the routing table again; a new urgency moves the deadline, counted from the same start.

    Raises:
        Problem: 409 on a closed case, 422 for an unknown value or when nothing would change.
    """
    lock(db, case)
    if case.status in get_workflow().final:
        raise Problem(409, f"诉求件现在是“{case.status}”，不能再改分类")
    before = snapshot(case)
    _decide(case, wish, taxonomy)
    if case.department != before["department"]:
        _dispatch_anew(case, now)
    case.needs_review, case.updated_at = False, now
    set_deadlines(case, now, get_deadlines())
    old, new = difference(before, snapshot(case))
    confirmed = {name: getattr(case, name) for name in DECIDED}
    db.add(
        TriageFeedback(
            case_id=case.id,
            at=now,
            actor_id=actor.id,
            suggested={name: case.suggestion.get(name) for name in DECIDED},
            decided=confirmed,
            reason=wish.reason,
            model_version=case.suggestion.get("model_version"),
        )
    )
    row = record(db, case, "改判", actor, now, before=old, after=new, note=wish.reason)
    emit(db, "case.changed", {"case_no": case.no, "action": "改判", "seq": row.seq})
    db.flush()
    db.expire(case, ["overrides"])
    return case


def _decide(case: Case, wish: Override, taxonomy: Taxonomy) -> None:
    if not any(getattr(wish, name) for name in DECIDED):
        raise Problem(422, "请写明要改成什么：分类、紧急程度、承办单位或诉求类型")
    case.kind = wish.kind or case.kind
    if wish.urgency and wish.urgency != case.urgency:
        _set_urgency(case, wish.urgency, taxonomy)
    if wish.category or wish.subcategory:
        pair = check_category(wish.category or case.category, wish.subcategory, taxonomy)
        if pair != (case.category, case.subcategory):
            case.category, case.subcategory = pair
            route = reroute(*pair, case.street, case.urgency == "特急", taxonomy)
            case.department, case.level, case.co_departments = route.department, route.level, route.co_departments
    if wish.department:
        case.department = check_department(wish.department, taxonomy)
    case.co_departments = [name for name in case.co_departments if name != case.department]


def _set_urgency(case: Case, urgency: str, taxonomy: Taxonomy) -> None:
    # The district itself receives an emergency; what was passed up for another reason stays where it is.
    if urgency == "特急":
        case.level = LEVELS[-1]
    elif case.urgency == "特急":
        case.level = taxonomy.entry(case.category, case.subcategory).level
    case.urgency = urgency


def _dispatch_anew(case: Case, now: datetime) -> None:
    """Puts a case that already lay with another department before the new one, as 改派 does."""
    move = next(get_workflow().rows("改派"))
    if case.status in move.sources:
        case.status, case.dispatched_at = move.to or case.status, now
