"""Notices over HTTP."""

from typing import Any

from fastapi import APIRouter
from sqlalchemy import ColumnElement, Text, and_, cast, exists, false, or_, select

from api.accounts.deps import CurrentUser, Now
from api.accounts.models import Role, User
from api.accounts.scope import visible_cases
from api.cases.models import Case
from api.cases.views import local_iso
from api.db import SessionDep
from api.errors import Problem
from api.notices.mentions import mentions, read
from api.notices.models import Notice
from api.orders.units import home

router = APIRouter(prefix="/api/v1/notices", tags=["提醒"])
PAGE = 100


@router.get("")
def unseen(db: SessionDep, user: CurrentUser) -> dict[str, Any]:
    """还没有人看过的提醒，紧急的在前。"""
    query = select(Notice).where(Notice.seen_at.is_(None), _for(user))
    rows = db.scalars(query.order_by(Notice.urgent.desc(), Notice.id.desc()).limit(PAGE))
    return {"items": [_view(row) for row in rows]}


@router.get("/mentions")
def mine(db: SessionDep, user: CurrentUser) -> dict[str, Any]:
    """同事在内部说明里提到我的，没看过的在前；看不到那件了就不再列出。"""
    return {"items": mentions(db, user)}


@router.post("/mentions/seen", status_code=204)
def read_mentions(db: SessionDep, user: CurrentUser, now: Now) -> None:
    """提到我的全部标为已读。"""
    read(db, user, now)
    db.commit()


@router.post("/{notice_id}/seen")
def seen(notice_id: int, db: SessionDep, user: CurrentUser, now: Now) -> dict[str, Any]:
    """标记为已看。"""
    notice = db.scalar(select(Notice).where(Notice.id == notice_id, _for(user)))
    if notice is None:
        raise Problem(404, "没有找到这条提醒")
    if notice.seen_at is None:
        notice.seen_at, notice.seen_by = now, user.id
        db.commit()
    return _view(notice)


def _for(user: User) -> ColumnElement[bool]:
    parts: list[ColumnElement[bool]] = [cast(Notice.roles, Text).like(f"%|{user.role}|%")]
    if user.role == Role.HANDLER:
        parts.append(Notice.department == user.department)
    if user.street:
        parts.append(or_(Notice.street.is_(None), Notice.street == user.street))
    seen_case = exists().where(Case.no == Notice.subject, visible_cases(user))
    parts.append(or_(Notice.subject.not_like("LX%"), seen_case))
    # What is for one unit goes by its place in the tree alone.
    unit = home(user)
    called = and_(Notice.user_id == user.id, seen_case)
    return or_(and_(Notice.unit.is_(None), *parts), Notice.unit == unit if unit else false(), called)


def _view(notice: Notice) -> dict[str, Any]:
    return {
        "id": notice.id,
        "at": local_iso(notice.at),
        "urgent": notice.urgent,
        "title": notice.title,
        "subject": notice.subject,
        "seen_at": local_iso(notice.seen_at),
    }
