"""The list of cases: filters, pages, always within what the viewer may see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, literal, or_, select
from sqlalchemy.orm import Session, selectinload

from api.accounts.models import User
from api.accounts.scope import visible_cases
from api.cases.models import Case
from api.columns import UtcDateTime

# What a row says of its reporters, in two queries a page.
WITH_REPORTERS = (selectinload(Case.reporters), selectinload(Case.merged).selectinload(Case.reporters))

Value = Annotated[str, Field(max_length=64)]


class CaseFilter(BaseModel):
    """Query parameters of the list; several values of one parameter mean any of them."""

    model_config = ConfigDict(extra="forbid")

    status: list[Value] = []
    category: list[Value] = []
    subcategory: list[Value] = []
    urgency: list[Value] = []
    kind: list[Value] = []
    street: list[Value] = []
    community: list[Value] = []
    department: list[Value] = []
    source: list[Value] = []
    overdue: bool | None = None
    needs_review: bool | None = None
    q: Annotated[str, Field(max_length=200, description="编号、内容或地点里的词")] | None = None
    page: int = Field(1, ge=1, le=100_000)
    page_size: int = Field(20, ge=1, le=100)


_COLUMNS = {
    "status": Case.status,
    "category": Case.category,
    "subcategory": Case.subcategory,
    "urgency": Case.urgency,
    "kind": Case.kind,
    "street": Case.street,
    "community": Case.community,
    "department": Case.department,
    "source": Case.source,
}


def list_cases(
    db: Session,
    user: User,
    wanted: CaseFilter,
    now: datetime,
    *,
    where: ColumnElement[bool] | None = None,
    order: Sequence[SQLColumnExpression[Any]] = (),
) -> tuple[list[Case], int]:
    """Returns one page, and how many cases match in all.

    Args:
        db: the session.
        user: who looks; nothing out of their scope is listed or counted.
        wanted: filters and page.
        now: for overdue.
        where: a further condition, such as a tab of the console.
        order: what comes first; newest first among equals.
    """
    found = and_(visible_cases(user), *_conditions(wanted, now), *([] if where is None else [where]))
    total = db.scalar(select(func.count()).select_from(Case).where(found)) or 0
    query = select(Case).where(found).order_by(*order, Case.id.desc()).options(*WITH_REPORTERS)
    page = query.offset((wanted.page - 1) * wanted.page_size).limit(wanted.page_size)
    return list(db.scalars(page)), total


def is_late(now: datetime) -> ColumnElement[bool]:
    """Returns the SQL condition for cases whose answer is late: the clock runs, or ran past the deadline."""
    return func.coalesce(Case.clock_stopped_at, Case.paused_at, literal(now, UtcDateTime())) > Case.due_at


def _conditions(wanted: CaseFilter, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        column.in_(getattr(wanted, name)) for name, column in _COLUMNS.items() if getattr(wanted, name)
    ]
    if wanted.overdue is not None:
        found.append(is_late(now) if wanted.overdue else ~is_late(now))
    if wanted.needs_review is not None:
        found.append(Case.needs_review == wanted.needs_review)
    for word in (wanted.q or "").split():
        texts = (Case.no, Case.description, Case.place_text, Case.subcategory)
        found.append(or_(*(text.icontains(word, autoescape=True) for text in texts)))
    return found
