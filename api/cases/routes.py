"""Cases over HTTP."""

import hashlib
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Response
from sqlalchemy import and_, false, select
from sqlalchemy.orm import Session

from api.accounts.deps import Actor, CurrentUser, Now, require_role
from api.accounts.models import Role, User
from api.accounts.scope import may_reveal, only_helps, visible_cases
from api.cases.duplicates import get_duplicates
from api.cases.filing import Filing, file_case
from api.cases.history import record
from api.cases.listing import COUNTED, CaseFilter, list_cases
from api.cases.models import Case
from api.cases.moves import apply_action, lock
from api.cases.override import Override, override_triage
from api.cases.reporters import acting
from api.cases.schemas import ActionIn, CaseIn, RevealIn
from api.cases.similar import answered_cases, near_cases, probe_case
from api.cases.splitting import proposed_parts
from api.cases.views import case_summary, case_view, similar_view
from api.cases.workflow import get_workflow
from api.db import SessionDep
from api.errors import Problem
from api.notices.mentions import colleagues
from api.triage.service import get_places, get_taxonomy, get_triager
from classifier.places import PlaceResolver
from classifier.taxonomy import Taxonomy
from classifier.triage import Triager

NEAR = 5
"""Probable duplicates shown to staff, at most."""

router = APIRouter(prefix="/api/v1/cases", tags=["诉求件"])

TriagerDep = Annotated[Triager, Depends(get_triager)]
PlacesDep = Annotated[PlaceResolver, Depends(get_places)]
TaxonomyDep = Annotated[Taxonomy, Depends(get_taxonomy)]
Filer = Annotated[User, Depends(require_role(Role.ADMIN, Role.CLERK, Role.SUPERVISOR, Role.HANDLER, Role.GRID))]
may_judge = require_role(Role.ADMIN, Role.CLERK, Role.SUPERVISOR, Role.TRAINER)
Judge = Annotated[User, Depends(may_judge)]


def find_case(db: Session, no: str, user: User) -> Case:
    """Returns a case within the scope of ``user``; raises ``Problem`` 404 for any other, whether it exists or not."""
    case = db.scalar(select(Case).where(Case.no == no, visible_cases(user)))
    if case is None:
        raise Problem(404, "没有找到这个诉求件，请核对编号")
    return case


def links(db: Session, case: Case, user: User) -> dict[str, list[str]]:
    """Returns the numbers of linked cases, as far as ``user`` may see them.

    ``related`` are those of which the same message told, ``merged`` those merged into this one.
    """
    linked = {"related": Case.group == case.group if case.group else false(), "merged": Case.merged_into == case.no}
    found = {}
    for name, where in linked.items():
        query = select(Case.no).where(where, Case.id != case.id, visible_cases(user)).order_by(Case.id)
        found[name] = list(db.scalars(query))
    return found


def similar_cases(db: Session, case: Case, user: User, triager: Triager, now: datetime) -> list[dict[str, Any]]:
    """Returns what is probably the same matter (``near``), then what was answered before, within the user's scope."""
    rules, probe = get_duplicates(), probe_case(case, triager)
    others = and_(visible_cases(user), Case.id != case.id)
    near = near_cases(db, probe, now, rules, others, NEAR)
    answered = [one for one in answered_cases(db, probe, rules, others) if one not in near]
    return [similar_view(one, now, user.role, near=True) for one in near] + [
        similar_view(one, now, user.role, near=False) for one in answered
    ]


@router.post("", status_code=201)
def file(
    body: CaseIn,
    response: Response,
    db: SessionDep,
    user: Filer,
    now: Now,
    triager: TriagerDep,
    places: PlacesDep,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> dict[str, Any]:
    """提交诉求件。同一个 ``Idempotency-Key`` 总是得到同一件：第一次 201，重复 200。"""
    key = hashlib.sha256(f"{user.id}:{idempotency_key}".encode()).hexdigest() if idempotency_key else None
    filing = Filing(
        description=body.description,
        place_text=body.place.text or None,
        name=body.reporter.name or None,
        phone=body.reporter.phone,
        anonymous=body.reporter.anonymous,
        source=body.source,
        idempotency_key=key,
    )
    actor = Actor.of(user)
    case, created = file_case(db, filing, triager, places, now, actor)
    db.commit()
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/api/v1/cases/{case.no}"
    return _view(db, case, user, now)


@router.get("")
def index(db: SessionDep, user: CurrentUser, now: Now, wanted: Annotated[CaseFilter, Query()]) -> dict[str, Any]:
    """诉求件列表：筛选、分页，只含本岗位看得到的。件数数到一万为止，再多时 ``more`` 为真。"""
    cases, total = list_cases(db, user, wanted, now)
    items = [case_summary(case, now, user.role) for case in cases]
    counted = {"total": min(total, COUNTED), "more": total > COUNTED}
    return {"items": items, "page": wanted.page, "page_size": wanted.page_size} | counted


@router.get("/{no}")
def one(no: str, db: SessionDep, user: CurrentUser, now: Now) -> dict[str, Any]:
    """一个诉求件，含办理记录；联系方式已脱敏。"""
    return _view(db, find_case(db, no, user), user, now)


@router.get("/{no}/similar")
def similar(no: str, db: SessionDep, user: CurrentUser, now: Now, triager: TriagerDep) -> dict[str, Any]:
    """相似件与答复：可能是同一件事的，和同类里已经答复过的，只含本岗位看得到的。"""
    return {"items": similar_cases(db, find_case(db, no, user), user, triager, now)}


@router.get("/{no}/colleagues")
def colleagues_of(no: str, db: SessionDep, user: CurrentUser) -> dict[str, Any]:
    """看得到这件的同事：在内部说明里可以 @ 他们。"""
    return {"items": colleagues(db, find_case(db, no, user), user)}


@router.get("/{no}/parts")
def parts(no: str, db: SessionDep, user: CurrentUser, triager: TriagerDep) -> dict[str, Any]:
    """这件里说了几件事：拆分时的建议，号码已打码；看不出第二件事时只有一条。"""
    return {"parts": proposed_parts(find_case(db, no, user), triager)}


@router.patch("/{no}/triage")
def override(no: str, body: Override, db: SessionDep, user: Judge, now: Now, taxonomy: TaxonomyDep) -> dict[str, Any]:
    """人工改判：系统建议保留，人的决定生效，重新算承办单位、层级和时限，并留作训练反馈。"""
    case = find_case(db, no, user)
    override_triage(db, case, body, Actor.of(user), now, taxonomy)
    db.commit()
    return _view(db, case, user, now)


@router.post("/{no}/actions")
def act(no: str, body: ActionIn, db: SessionDep, user: CurrentUser, now: Now, triager: TriagerDep) -> dict[str, Any]:
    """按流转表办理一步。"""
    case = find_case(db, no, user)
    if only_helps(user, case) and not any(move.co for move in get_workflow().rows(body.action)):
        raise Problem(403, "协办单位可以跟进，其他动作由主办单位来做")
    if body.main_no:
        # What the rules say of a main case would tell of one that this person may not see.
        find_case(db, body.main_no, user)
    fields = body.model_dump(exclude={"action"}, exclude_none=True)
    apply_action(db, case, body.action, Actor.of(user), now, triager=triager, **fields)
    db.commit()
    return _view(db, case, user, now)


@router.post("/{no}/reveal")
def reveal(no: str, body: RevealIn, db: SessionDep, user: CurrentUser, now: Now) -> dict[str, Any]:
    """查看未脱敏的联系方式和原话；谁、何时、为什么都记入办理记录。"""
    case = find_case(db, no, user)
    reporter = acting(case, None, body.reporter)
    if not may_reveal(user, case, reporter):
        raise Problem(403, "您的岗位不能查看这位居民的联系方式")
    lock(db, case)
    whose = {"reporter": body.reporter} if body.reporter else {}
    record(db, case, "查看联系方式", Actor.of(user), now, before={}, after=whose, note=body.reason)
    shown = {"name": reporter.name, "phone": reporter.phone, "anonymous": reporter.anonymous}
    db.commit()
    # The story is the first one's; it stays masked where only another one may be known.
    story = case.full_description if may_reveal(user, case) else case.description
    return {"no": case.no, "reporter": shown, "description": story}


def _view(db: Session, case: Case, user: User, now: Any) -> dict[str, Any]:
    view = case_view(case, Actor.of(user), now) | links(db, case, user)
    if only_helps(user, case):
        view["actions"] = [name for name in view["actions"] if any(move.co for move in get_workflow().rows(name))]
    return view
