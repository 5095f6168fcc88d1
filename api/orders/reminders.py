"""Receipts that are overdue, reminded of once; and the notices that orders bring to their units."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.models import Role
from api.cases.numbers import LOCAL
from api.notices.models import Notice
from api.orders.models import OrderReceipt
from api.orders.rules import get_orders
from api.orders.views import overdue_at
from api.outbox.delivery import subscribe
from api.outbox.models import OutboxEvent, emit

BATCH = 500


def remind_overdue(sessions: sessionmaker[Session], now: datetime) -> int:
    """Marks every receipt that has become overdue and announces it, once; returns how many.

    Several workers may run this at once: each row is locked by the one that announces it.
    """
    reminded = 0
    while True:
        with sessions.begin() as db:
            due = select(OrderReceipt).where(overdue_at(now), OrderReceipt.reminded_at.is_(None))
            rows = db.scalars(due.order_by(OrderReceipt.id).limit(BATCH).with_for_update(skip_locked=True)).all()
            for row in rows:
                row.reminded_at = now
                emit(db, "order.overdue", {"receipt_id": row.id})
        reminded += len(rows)
        if len(rows) < BATCH:
            return reminded


@subscribe("order.sent")
def _sent(db: Session, event: OutboxEvent, now: datetime) -> None:
    db.add(_notice(db.get_one(OrderReceipt, event.payload["receipt_id"]), "sent", now))


@subscribe("order.overdue")
def _overdue(db: Session, event: OutboxEvent, now: datetime) -> None:
    receipt = db.get_one(OrderReceipt, event.payload["receipt_id"])
    # Answered between the sweep and the delivery: nothing to remind of.
    if receipt.done_at is None:
        db.add(_notice(receipt, "overdue", now))


def _notice(receipt: OrderReceipt, event: str, now: datetime) -> Notice:
    order, rules, due = receipt.order, get_orders(), receipt.due_at.astimezone(LOCAL)
    words = {"title": order.title, "level": order.level, "due": f"{due.month}月{due.day}日 {due:%H:%M}"}
    level = rules.levels.get(order.level)
    return Notice(
        at=now,
        roles=list(Role),
        unit=receipt.path,
        urgent=bool(level and level.rings),
        title=rules.notices[event].format(**words)[:200],
        subject=order.no,
    )
