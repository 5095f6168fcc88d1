"""What a grid worker's phone page reads and does, each a short transaction; run in a thread (``Desk.run``)."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from api.accounts.models import User
from api.accounts.scope import may_reveal, visible_cases
from api.cases.deadlines import get_deadlines
from api.cases.listing import CaseFilter, list_cases
from api.cases.models import Case, CaseHistory
from api.cases.views import case_summary
from api.cases.workflow import get_workflow
from api.chat import location
from api.chat.reports import GRID, Report, develop, place_of, report
from api.console.clock import ClockView, clock_view, moment
from api.console.data import Ticket, as_staff, order_of
from api.console.turns import Offer, my_turn, offers
from api.errors import Problem
from api.orders.service import find_order
from api.orders.views import list_orders, order_view, tree
from api.triage.service import get_places, get_triager

TASKS, ORDERS, REPORTED = 30, 20, 5
"""How many the page shows, at most."""


@dataclass(frozen=True)
class Task:
    """A case that waits for the worker.

    Attributes:
        phone: masked, ``None`` when the reporter left none.
        may_reveal: the number may be asked for.
        moves: what may be done now.
    """

    no: str
    urgency: str
    status: str
    story: str
    place: str
    clock: ClockView
    who: str
    phone: str | None
    may_reveal: bool
    moves: list[Offer]


@dataclass(frozen=True)
class Day:
    """Everything on the page.

    Attributes:
        tasks: the most urgent first; ``task_count`` counts those not shown too.
        orders: those that wait for the worker's receipt, as ``order_view`` gives them.
        reported: what the worker reported last, ``{no, status, story, at, department}``.
        place: where the worker belongs.
    """

    tasks: list[Task]
    task_count: int
    orders: list[dict[str, Any]]
    order_count: int
    reported: list[dict[str, str]]
    place: str


def day(ticket: Ticket, now: datetime) -> Day:
    """Returns the worker's page."""
    with as_staff(ticket) as (db, user):
        cases, count = list_cases(
            db, user, CaseFilter(page_size=TASKS), now, where=my_turn(user), order=order_of("urgent")
        )
        items, order_count = list_orders(db, user, now, waiting=True, page_size=ORDERS)
        return Day(
            tasks=[_task(db, case, user, now) for case in cases],
            task_count=count,
            orders=[_order(db, one["id"], user, now) for one in items],
            order_count=order_count,
            reported=_reported(db, user, now),
            place=" ".join(filter(None, (user.street, user.community))) or "没有设街道、社区，请找管理员",
        )


def _task(db: Session, case: Case, user: User, now: datetime) -> Task:
    shown = case_summary(case, now, user.role)
    place, reporter = shown["place"], shown["reporter"]
    named = [place["text"]] if place["text"] else [place["street"], place["community"]]
    return Task(
        no=case.no,
        urgency=case.urgency,
        status=case.status,
        story=case.description,
        place=" ".join(filter(None, named)) or "没有写地点",
        clock=clock_view(case, now, get_deadlines()),
        who=reporter["name"] or ("匿名" if reporter["anonymous"] else "没有留姓名"),
        phone=reporter["phone"],
        may_reveal=may_reveal(user, case),
        moves=[
            one
            for one in offers(db, case, get_workflow().actions(case.status, user.role), user.role, now)
            if one.refusal is None
        ],
    )


def _order(db: Session, order_id: int, user: User, now: datetime) -> dict[str, Any]:
    found = find_order(db, order_id, user)
    own = tree(db, found, user, now)
    return order_view(db, found, user, now) | {"note": own[0].note, "due": moment(own[0].due_at, now)}


def _reported(db: Session, user: User, now: datetime) -> list[dict[str, str]]:
    mine = exists().where(CaseHistory.case_id == Case.id, CaseHistory.action == "提交", CaseHistory.actor_id == user.id)
    rows = select(Case).where(Case.source == GRID, mine, visible_cases(user)).order_by(Case.id.desc()).limit(REPORTED)
    return [
        {
            "no": case.no,
            "status": case.status,
            "story": case.description[:60],
            "at": moment(case.created_at, now),
            "department": case.department,
        }
        for case in db.scalars(rows)
    ]


@dataclass(frozen=True)
class Filed:
    """A case that the worker may open."""

    no: str
    department: str


def filed(ticket: Ticket, no: str) -> Filed | None:
    """Returns a case of that number within the worker's scope."""
    with as_staff(ticket) as (db, user):
        case = db.scalar(select(Case).where(Case.no == no, visible_cases(user)))
        return Filed(case.no, case.department) if case else None


def file(
    ticket: Ticket,
    text: str,
    place: str,
    where: location.Where | None,
    photos: list[bytes],
    key: str,
    now: datetime,
) -> str:
    """Files what the worker reports and returns the number; the same key files it once. Raises ``Problem``."""
    if not text.strip():
        raise Problem(422, "请先写明是什么事")
    shots = [develop(data) for data in photos]  # outside the transaction: it takes a while
    with as_staff(ticket) as (db, user):
        own_key = hashlib.sha256(f"{user.id}:{key}".encode()).hexdigest()
        told = Report(text, place, where, shots, own_key)
        case, created = report(db, user, told, get_triager(), get_places(), now)
        no = case.no
        if created:
            db.commit()
        return no


def place_words(_ticket: Ticket, where: location.Where) -> str:
    """Says where a phone is; raises ``Problem`` 422 when it does not know itself."""
    return place_of(where)
