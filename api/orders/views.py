"""What leaves the service about an order: the branch of the viewer's unit, as a tree with counts."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from api.accounts.models import User
from api.accounts.scope import visible_orders, visible_receipts
from api.cases.views import local_iso
from api.crypto import mask_numbers
from api.orders.models import Order, OrderReceipt
from api.orders.rules import get_orders
from api.orders.units import home, kind_of, names_of, user_names

UNREAD, READ, DONE = "未读", "已读", "已回执"


@dataclass
class Counts:
    """Receipts of a branch: in all, read, carried out, overdue."""

    total: int = 0
    read: int = 0
    done: int = 0
    overdue: int = 0

    def add(self, other: "Counts") -> None:
        """Adds those of another branch."""
        for name, number in vars(other).items():
            setattr(self, name, getattr(self, name) + number)


@dataclass
class Node:
    """One unit's receipt, with those of the units to which it passed the order down.

    Attributes:
        counts: of the node itself and of everything below it.
        late: it was given, after the time.
    """

    id: int
    path: str
    name: str
    kind: str
    state: str
    overdue: bool
    late: bool
    sent_at: datetime
    due_at: datetime
    read_at: datetime | None
    done_at: datetime | None
    by: str | None
    note: str | None
    words: str | None
    photo: bool
    counts: Counts
    children: list["Node"] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Returns it as JSON values, moments in local time."""
        shown = {name: local_iso(value) if name.endswith("_at") else value for name, value in vars(self).items()}
        return shown | {"counts": vars(self.counts), "children": [child.as_dict() for child in self.children]}


def is_overdue(receipt: OrderReceipt, now: datetime) -> bool:
    """Tells whether a receipt is owed and its time is over."""
    return receipt.done_at is None and now > receipt.due_at


def overdue_at(now: datetime) -> ColumnElement[bool]:
    """Returns the same as a condition in SQL."""
    return OrderReceipt.done_at.is_(None) & (OrderReceipt.due_at < now)


def state_of(receipt: OrderReceipt) -> str:
    """Returns how far a receipt is, in words."""
    return DONE if receipt.done_at else READ if receipt.read_at else UNREAD


def tree(db: Session, order: Order, user: User, now: datetime) -> list[Node]:
    """Returns the receipts of an order that ``user`` may see, those without a visible parent first."""
    query = select(OrderReceipt).where(OrderReceipt.order_id == order.id, visible_receipts(user))
    rows = list(db.scalars(query.order_by(OrderReceipt.path)))
    names = names_of(db, [row.path for row in rows])
    people = user_names(db, [row.done_by or row.read_by or "" for row in rows])
    nodes = {row.id: _node(row, names[row.path], people, now) for row in rows}
    children: dict[int | None, list[Node]] = defaultdict(list)
    for row in rows:
        children[row.parent_id if row.parent_id in nodes else None].append(nodes[row.id])
    for node in sorted(nodes.values(), key=lambda one: -one.path.count("/")):
        node.children = children[node.id]
        for child in node.children:
            node.counts.add(child.counts)
    return children[None]


def _node(row: OrderReceipt, name: str, people: dict[str, str], now: datetime) -> Node:
    late = is_overdue(row, now)
    return Node(
        id=row.id,
        path=row.path,
        name=name,
        kind=kind_of(row.path),
        state=state_of(row),
        overdue=late,
        late=bool(row.done_at and row.done_at > row.due_at),
        sent_at=row.sent_at,
        due_at=row.due_at,
        read_at=row.read_at,
        done_at=row.done_at,
        by=people.get(row.done_by or row.read_by or ""),
        note=row.note,
        words=mask_numbers(row.words) if row.words else None,
        photo=row.photo_id is not None,
        counts=Counts(1, int(bool(row.read_at)), int(bool(row.done_at)), int(late)),
    )


def order_summary(db: Session, order: Order, user: User, now: datetime) -> dict[str, Any]:
    """Returns an order as lists show it, with the counts of the viewer's branch and what the own unit owes."""
    mine = db.scalar(
        select(OrderReceipt).where(
            OrderReceipt.order_id == order.id, OrderReceipt.path == home(user), visible_receipts(user)
        )
    )
    return {
        "id": order.id,
        "no": order.no,
        "title": order.title,
        "level": order.level,
        "issuer": names_of(db, [order.issuer])[order.issuer],
        "issued_here": order.issuer == home(user),
        "created_at": local_iso(order.created_at),
        "due_at": local_iso(mine.due_at if mine else order.due_at),
        "counts": vars(_counts(db, order, user, now)),
        "mine": state_of(mine) if mine else None,
        "mine_overdue": bool(mine and is_overdue(mine, now)),
    }


def _counts(db: Session, order: Order, user: User, now: datetime) -> Counts:
    numbers = select(
        func.count(),
        func.count(OrderReceipt.read_at),
        func.count(OrderReceipt.done_at),
        func.count().filter(overdue_at(now)),
    ).select_from(OrderReceipt)
    return Counts(*db.execute(numbers.where(OrderReceipt.order_id == order.id, visible_receipts(user))).one())


def order_view(db: Session, order: Order, user: User, now: datetime) -> dict[str, Any]:
    """Returns one order in full, with the tree of the viewer's branch."""
    rules = get_orders()
    shown = order_summary(db, order, user, now)
    return shown | {
        "text": order.text,
        "may_answer": shown["mine"] is not None and shown["mine"] != DONE and user.role in rules.answer,
        "may_pass_down": shown["mine"] is not None and user.role in rules.pass_down,
        "tree": [node.as_dict() for node in tree(db, order, user, now)],
    }


def list_orders(
    db: Session, user: User, now: datetime, *, waiting: bool = False, page: int = 1, page_size: int = 30
) -> tuple[list[dict[str, Any]], int]:
    """Returns one page of the orders that ``user`` may see, newest first, and how many there are.

    Args:
        db: the session.
        user: who looks.
        now: for overdue.
        waiting: only those for which the own unit still owes its receipt, first due first.
        page: from 1.
        page_size: at most so many.
    """
    found = [visible_orders(user)]
    order_by: list[ColumnElement[Any]] = [Order.id.desc()]
    query = select(Order)
    if waiting:
        query = query.join(OrderReceipt, OrderReceipt.order_id == Order.id)
        found += [OrderReceipt.path == home(user), visible_receipts(user), OrderReceipt.done_at.is_(None)]
        order_by = [OrderReceipt.due_at.asc(), Order.id.asc()]
    query = query.where(*found)
    total = db.scalar(select(func.count()).select_from(query.with_only_columns(Order.id).subquery())) or 0
    rows = db.scalars(query.order_by(*order_by).offset((page - 1) * page_size).limit(page_size))
    return [order_summary(db, order, user, now) for order in rows], total
