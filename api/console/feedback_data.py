"""Overrides as training feedback: what the model suggested, what a person decided, why."""

import csv
import io
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, func, or_, select

from api.accounts.models import Role, User
from api.accounts.scope import visible_cases
from api.cases.models import Case, TriageFeedback
from api.cases.override import DECIDED
from api.console.clock import moment
from api.console.data import Ticket, as_staff
from api.errors import Problem

ROLES = (Role.TRAINER, Role.SUPERVISOR, Role.ADMIN)
FIELDS = {
    "kind": "诉求类型",
    "category": "一级分类",
    "subcategory": "二级分类",
    "urgency": "紧急程度",
    "department": "承办单位",
}
EXPORT_LIMIT = 50_000
PAGE = 50


@dataclass(frozen=True)
class FeedbackFilter:
    """What to list.

    Attributes:
        field: only overrides that changed this field of the suggestion.
        category: only those whose suggestion or decision was of this class.
        q: words of the story or the reason.
    """

    field: str | None = None
    category: str | None = None
    q: str = ""
    page: int = 1


def feedback(ticket: Ticket, wanted: FeedbackFilter) -> tuple[list[dict[str, Any]], int]:
    """Returns one page, newest first, and how many there are in all; raises ``Problem`` 403 for other roles."""
    return _read(ticket, wanted, PAGE, (wanted.page - 1) * PAGE)


def feedback_csv(ticket: Ticket, wanted: FeedbackFilter) -> bytes:
    """Returns the filtered overrides as CSV that Excel opens: UTF-8 with a mark, formulas defused."""
    rows, _total = _read(ticket, wanted, EXPORT_LIMIT, 0)
    out = io.StringIO()
    writer = csv.writer(out)
    pairs = [f"{name}{side}" for name in FIELDS.values() for side in ("（建议）", "（决定）")]
    writer.writerow(["时间", "编号", "诉求内容", *pairs, "原因", "改判人", "模型版本"])
    for row in rows:
        values = [row[side][name] for name in FIELDS for side in ("suggested", "decided")]
        cells = [row["at"], row["no"], row["text"], *values, row["reason"], row["who"], row["model"]]
        writer.writerow([_defused(str(cell or "")) for cell in cells])
    return out.getvalue().encode("utf-8-sig")


def _read(ticket: Ticket, wanted: FeedbackFilter, limit: int, offset: int) -> tuple[list[dict[str, Any]], int]:
    with as_staff(ticket) as (db, user):
        if user.role not in ROLES:
            raise Problem(403, "您的岗位没有这一页")
        where = [visible_cases(user)]
        if wanted.field in FIELDS:
            suggested, decided = _value("suggested", wanted.field), _value("decided", wanted.field)
            where.append(suggested.is_distinct_from(decided))
        if wanted.category:
            sides = (_value(side, "category") == wanted.category for side in ("suggested", "decided"))
            where.append(or_(*sides))
        for word in wanted.q.split():
            texts = (Case.no, Case.description, TriageFeedback.reason)
            where.append(or_(*(text.icontains(word, autoescape=True) for text in texts)))
        joined = select(TriageFeedback, Case, User.name).join(Case).outerjoin(User, User.id == TriageFeedback.actor_id)
        query = joined.where(and_(*where))
        total = db.scalar(select(func.count()).select_from(query.subquery())) or 0
        page = db.execute(query.order_by(TriageFeedback.id.desc()).limit(limit).offset(offset))
        return [_row(one, case, name) for one, case, name in page], total


def _value(side: str, field: str) -> Any:
    return getattr(TriageFeedback, side)[field].as_string()


def _row(one: TriageFeedback, case: Case, name: str | None) -> dict[str, Any]:
    changed = [field for field in DECIDED if one.suggested.get(field) != one.decided.get(field)]
    return {
        "id": one.id,
        "at": moment(one.at),
        "no": case.no,
        "text": case.description,
        "suggested": {field: one.suggested.get(field) for field in DECIDED},
        "decided": {field: one.decided.get(field) for field in DECIDED},
        "changed": changed,
        "reason": one.reason,
        "who": name or "—",
        "model": one.model_version,
    }


def _defused(cell: str) -> str:
    """A cell that a spreadsheet would take for a formula is shown as text."""
    return f"'{cell}" if cell[:1] in ("=", "+", "-", "@", "\t", "\r") else cell
