"""What the pages read and do, each a short transaction for one staff member; run in a thread (``Desk.run``)."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, SQLColumnExpression, and_, func, select
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.accounts.scope import visible_cases
from api.accounts.sessions import session_owner
from api.cases.deadlines import get_deadlines
from api.cases.listing import COUNTED, CaseFilter, count_cases, list_cases
from api.cases.models import Case, CaseHistory
from api.cases.routing import office_of
from api.cases.views import case_summary
from api.cases.workflow import get_workflow
from api.chat.models import WANTS_PERSON, ChatMessage, ChatSession, Draft
from api.columns import utcnow
from api.console.clock import ago, clock_view, moment
from api.console.turns import is_open, most_urgent_first, my_turn
from api.db import session_factory
from api.errors import Problem
from api.notices.models import Notice
from api.notices.routes import seen as notice_seen
from api.notices.routes import unseen
from api.orders.models import PREFIX as ORDER_PREFIX
from api.triage.service import get_places, get_taxonomy

TABS = {"mine": "待我处理", "urgent": "特急", "review": "需复核", "all": "全部"}
ORDERS = {"urgent": "先急后缓", "due": "先到期", "new": "最新"}
CHAT_ROLES = (Role.CLERK, Role.SUPERVISOR, Role.ADMIN)
SOURCES = {
    "web": "网页对话",
    "console": "后台录入",
    "grid": "网格上报",
    "api": "接口",
    "wechat": "微信",
    "12345": "12345",
}


@dataclass(frozen=True)
class Ticket:
    """Who calls: an account, and by which of its sessions."""

    user_id: str
    session_id: str


@dataclass(frozen=True)
class Queue:
    """One page of the queue, ready to show, with the number of cases on every tab."""

    rows: list[dict[str, Any]]
    total: int
    counts: dict[str, int]


@contextmanager
def as_staff(ticket: Ticket) -> Iterator[tuple[Session, User]]:
    """Yields a database session and the account; raises ``Problem`` 401 once the session does not hold any more."""
    with session_factory()() as db:
        user = session_owner(db, ticket.session_id, utcnow())
        if user is None or user.id != ticket.user_id:
            raise Problem(401, "这次登录已结束、账号已停用或密码已更改，请重新登录")
        yield db, user


def whoami(ticket: Ticket) -> User:
    """Returns the account."""
    with as_staff(ticket) as (_db, user):
        return user


def pulse(ticket: Ticket) -> dict[str, int]:
    """Returns numbers that rise with every change of cases, notices and conversations: cheap to ask often."""
    with as_staff(ticket) as (db, _user):
        tables = {"cases": CaseHistory.id, "notices": Notice.id, "chats": ChatMessage.id}
        return {name: db.scalar(select(func.max(column))) or 0 for name, column in tables.items()}


def queue(ticket: Ticket, tab: str, order: str, wanted: CaseFilter, now: datetime) -> Queue:
    """Returns one page of a tab, and the counts of all tabs."""
    with as_staff(ticket) as (db, user):
        cases, total = list_cases(db, user, wanted, now, where=tab_of(user, tab), order=order_of(order))
        return Queue([_row(case, user, now) for case in cases], total, _counts(db, user, _tabs(user)))


def tab_of(user: User, tab: str) -> ColumnElement[bool] | None:
    """Returns the SQL condition of a tab, ``None`` for the one that shows everything."""
    tabs = _tabs(user)
    return and_(is_open(), tabs[tab]) if tab in tabs else None


def order_of(order: str) -> tuple[SQLColumnExpression[Any], ...]:
    """Returns what comes first in an order of ``ORDERS``."""
    orders: dict[str, tuple[SQLColumnExpression[Any], ...]] = {
        "urgent": (*most_urgent_first(), Case.due_at),
        "due": (most_urgent_first()[0], Case.due_at),
        "new": (),
    }
    return orders[order]


def _tabs(user: User) -> dict[str, ColumnElement[bool]]:
    return {"mine": my_turn(user), "urgent": Case.urgency == "特急", "review": Case.needs_review.is_(True)}


def _counts(db: Session, user: User, tabs: dict[str, ColumnElement[bool]]) -> dict[str, int]:
    """Counts every tab; what is over, nearly everything after some months, only as far as ``COUNTED``."""
    counted = select(*(func.count().filter(where) for where in tabs.values())).select_from(Case)
    numbers = db.execute(counted.where(visible_cases(user), is_open())).one()
    return {**dict(zip(tabs, map(int, numbers), strict=True)), "all": count_cases(db, visible_cases(user))}


def counted(total: int) -> str:
    """Returns a number of cases as it is shown, ``10000+`` where counting has stopped."""
    return str(total) if total <= COUNTED else f"{COUNTED}+"


def _row(case: Case, user: User, now: datetime) -> dict[str, Any]:
    shown, clock = case_summary(case, now, user.role), clock_view(case, now, get_deadlines())
    place = shown["place"]
    return {
        "no": case.no,
        "urgency": case.urgency,
        "status": case.status,
        "category": case.category,
        "subcategory": case.subcategory,
        "summary": " ".join(shown["description"].split())[:120],
        "place": place["text"] or place["community"] or place["street"] or "",
        "street": place["community"] or place["street"] or "",
        "department": case.department,
        "tone": clock.tone,
        "clock": clock.short,
        "due": moment(case.due_at, now),
        "source": SOURCES.get(case.source, case.source),
        "created": moment(case.created_at, now),
        "review": case.needs_review,
        "flags": "、".join(_flags(case)),
        "over": case.status in get_workflow().final,
    }


def _flags(case: Case) -> Iterator[str]:
    if case.supervised_at:
        yield "督办"
    if case.urged_count:
        yield f"催办{case.urged_count}"
    if case.returned_count:
        yield f"退单{case.returned_count}"
    if case.reopened_count:
        yield "重办"
    if case.extension_asked:
        yield "申请延期"


def alarms(ticket: Ticket, now: datetime) -> list[dict[str, Any]]:
    """Returns what must not wait: 特急 cases that are this person's turn, and urgent notices nobody has seen.

    Each is ``{words, path, notice}``: ``notice`` is the id to tick off, ``None`` for a case.
    """
    with as_staff(ticket) as (db, user):
        where = and_(my_turn(user), Case.urgency == "特急")
        cases, _total = list_cases(
            db, user, CaseFilter(page_size=50), now, where=where, order=(Case.created_at.desc(),)
        )
        known = {case.no for case in cases}
        notices = [one for one in unseen(db, user)["items"] if one["urgent"] and one["subject"] not in known]
        # Notices first: a conversation that is no case yet is in no queue.
        return [_bell(db, user, one) for one in notices] + [_alarm(case, now) for case in cases]


def _alarm(case: Case, now: datetime) -> dict[str, Any]:
    where = case.place_text or case.street or "地点不明"
    words = f"{case.no} {where}：{case.description[:40]}（{ago(case.created_at, now)}）"
    return {"words": words, "path": f"/cases/{case.no}", "notice": None}


def _bell(db: Session, user: User, notice: dict[str, Any]) -> dict[str, Any]:
    """A notice leads to its case or order, or to the conversation of its draft."""
    subject, path = notice["subject"], None
    if subject.startswith("LX"):
        path = f"/cases/{subject}"
    elif subject.startswith(ORDER_PREFIX):
        path = "/grid" if user.role == Role.GRID else f"/orders/{int(subject.removeprefix(ORDER_PREFIX))}"
    elif user.role in CHAT_ROLES and (draft := db.get(Draft, subject)):
        path = f"/chats?session={draft.session_id}"
    return {"words": notice["title"], "path": path, "notice": notice["id"]}


def tick_off(ticket: Ticket, notice_id: int, now: datetime) -> None:
    """Marks a notice as seen."""
    with as_staff(ticket) as (db, user):
        notice_seen(notice_id, db, user, now)


def waiting_chats(ticket: Ticket) -> int:
    """Returns how many conversations wait for a person."""
    with as_staff(ticket) as (db, user):
        if user.role not in CHAT_ROLES:
            return 0
        return db.scalar(select(func.count()).where(ChatSession.state == WANTS_PERSON)) or 0


@lru_cache
def choices() -> dict[str, list[str]]:
    """Returns what the filters and forms offer: statuses, categories, streets, departments."""
    workflow, taxonomy = get_workflow(), get_taxonomy()
    streets = [name for name in get_places().words() if name.endswith("街道")]
    return {
        "status": [*workflow.open, *workflow.final],
        "category": taxonomy.categories,
        "street": streets,
        "department": [*taxonomy.departments, *(office_of(street) for street in streets)],
    }
