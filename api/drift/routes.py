"""The weekly report over HTTP."""

from dataclasses import asdict
from datetime import date, datetime, time
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query

from api.accounts.deps import Now, require_role
from api.accounts.models import User
from api.accounts.scope import visible_cases
from api.cases.numbers import LOCAL
from api.db import SessionDep
from api.drift.rules import get_drift
from api.drift.service import ROLES, WEEK, monday, weekly

router = APIRouter(prefix="/api/v1/drift", tags=["培训"])


@router.get("")
def drift(
    db: SessionDep,
    user: Annotated[User, Depends(require_role(*ROLES))],
    now: Now,
    day: Annotated[date | None, Query(description="要看的那一周里的任一天；不给就是上一周")] = None,
) -> dict[str, Any]:
    """一周的判读和之前几周比：分类构成、把握、改判率，出了界的在 ``alerts``。"""
    begin = monday(datetime.combine(day, time(12), LOCAL)) if day else monday(now) - WEEK
    report = weekly(db, begin, get_drift(), visible_cases(user))
    return {"from": begin.isoformat(), "to": (begin + WEEK).isoformat(), **asdict(report)}
