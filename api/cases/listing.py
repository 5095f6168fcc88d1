"""The list of cases: filters, pages, always within what the viewer may see."""

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ColumnElement, SQLColumnExpression, and_, false, func, literal, select, text
from sqlalchemy.orm import Session, selectinload

from api.accounts.models import User
from api.accounts.scope import visible_cases
from api.cases.models import Case
from api.cases.search import holds_words
from api.cases.words import phrases
from api.columns import UtcDateTime

# What a row says of its reporters, in two queries a page.
WITH_REPORTERS = (selectinload(Case.reporters), selectinload(Case.merged).selectinload(Case.reporters))

COUNTED = 10_000
"""Cases are counted to here; with more, nobody reads the number, and counting them would cost more than the page."""

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
    before: Annotated[Value, Field(description="只要这个编号以前的，最新的在前：翻得再深也一样快")] | None = None
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
    """Returns one page, and how many cases match in all: ``COUNTED`` + 1 when there are more than ``COUNTED``.

    Args:
        db: the session.
        user: who looks; nothing out of their scope is listed or counted.
        wanted: filters and page.
        now: for overdue.
        where: a further condition, such as a tab of the console.
        order: what comes first; newest first among equals.
    """
    for_these_values(db)
    found = and_(visible_cases(user), *_conditions(db, user, wanted, now), *([] if where is None else [where]))
    total = count_cases(db, found)
    first = (*order, Case.id.desc())
    # Rows are wide, and an index often tells which of them are meant: only those of the page are read.
    page = select(Case.id).where(found).order_by(*first)
    page = page.offset((wanted.page - 1) * wanted.page_size).limit(wanted.page_size)
    rows = select(Case).where(Case.id.in_(page)).order_by(*first).options(*WITH_REPORTERS)
    return list(db.scalars(rows)), total


def for_these_values(db: Session) -> None:
    """Has PostgreSQL plan this transaction's statements by their values: a common word needs another way."""
    if db.get_bind().dialect.name == "postgresql":
        db.execute(_PLAN_EACH)


_PLAN_EACH = text("SET LOCAL plan_cache_mode = force_custom_plan")


def count_cases(db: Session, where: ColumnElement[bool]) -> int:
    """Returns how many cases fulfil a condition: ``COUNTED`` + 1 when there are more than ``COUNTED``."""
    some = select(literal(1)).select_from(Case).where(where).limit(COUNTED + 1).subquery()
    return db.scalar(select(func.count()).select_from(some)) or 0


def is_late(now: datetime) -> ColumnElement[bool]:
    """Returns the SQL condition for cases whose answer is late: the clock runs, or ran past the deadline."""
    return func.coalesce(Case.clock_stopped_at, Case.paused_at, literal(now, UtcDateTime())) > Case.due_at


def _conditions(db: Session, user: User, wanted: CaseFilter, now: datetime) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [
        column.in_(getattr(wanted, name)) for name, column in _COLUMNS.items() if getattr(wanted, name)
    ]
    if wanted.overdue is not None:
        found.append(is_late(now) if wanted.overdue else ~is_late(now))
    if wanted.needs_review is not None:
        found.append(Case.needs_review == wanted.needs_review)
    if wanted.before:
        found.append(Case.id < select(Case.id).where(Case.no == wanted.before).scalar_subquery())
    if (wanted.q or "").strip():
        words = phrases(wanted.q or "")
        found.append(holds_words(db, words, user, COUNTED) if words else false())
    return found
