"""Issuing orders, passing them down, and giving receipts; each within the place of whoever does it."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.accounts.scope import visible_orders, visible_receipts
from api.chat.reports import Shot, keep_photo
from api.errors import Problem
from api.orders.models import Order, OrderReceipt
from api.orders.rules import get_orders
from api.orders.schemas import OrderIn, PassIn
from api.orders.units import home, units_below
from api.outbox.models import emit

LONGEST = timedelta(days=366)


def find_order(db: Session, order_id: int, user: User) -> Order:
    """Returns an order within the scope of ``user``; raises ``Problem`` 404 for any other, whether it exists or not."""
    order = db.scalar(select(Order).where(Order.id == order_id, visible_orders(user)))
    if order is None:
        raise Problem(404, "没有找到这条指令")
    return order


def own_receipt(db: Session, order: Order, user: User) -> OrderReceipt:
    """Returns what the unit of ``user`` owes for an order, its row locked; raises ``Problem`` 409 when it owes none."""
    mine = (OrderReceipt.order_id == order.id, OrderReceipt.path == home(user), visible_receipts(user))
    receipt = db.scalar(select(OrderReceipt).where(*mine).with_for_update().execution_options(populate_existing=True))
    if receipt is None:
        raise Problem(409, "这条指令没有发给您的单位，不用回执")
    return receipt


def issue(db: Session, user: User, wanted: OrderIn, key: str | None, now: datetime) -> tuple[Order, bool]:
    """Issues an order and sends it to its first units; flushes, committing is the caller's.

    Args:
        db: the session.
        user: who issues it, for the unit to which the account belongs.
        wanted: the order.
        key: the same key gives the same order, at most 64 characters.
        now: when.

    Returns:
        the order, and whether this call issued it.

    Raises:
        Problem: 403 for a role or an account outside the tree, 422 for a wrong level, time or unit.
    """
    root, rules = _may(user, get_orders().issue, "发指令"), get_orders()
    if existing := _by_key(db, key):
        return existing, False
    if wanted.level not in rules.levels:
        raise Problem(422, f"级别应是{'、'.join(rules.levels)}之一")
    due = wanted.due_at or now + _span(wanted.level)
    _check_due(due, now, now + LONGEST, "一年")
    paths = _check_units(db, root, wanted.units)
    order = Order(
        idempotency_key=key,
        title=wanted.title,
        text=wanted.text,
        level=wanted.level,
        issuer=root,
        issued_by=user.id,
        created_at=now,
        due_at=due,
    )
    try:
        with db.begin_nested():
            db.add(order)
            db.flush()
    except IntegrityError:
        # Somebody issued with this key between the look and the insert.
        if existing := _by_key(db, key):
            return existing, False
        raise
    _send(db, order, paths, OrderReceipt(due_at=due), user, now)
    return order, True


def _by_key(db: Session, key: str | None) -> Order | None:
    return db.scalar(select(Order).where(Order.idempotency_key == key)) if key else None


def pass_down(db: Session, order: Order, user: User, wanted: PassIn, now: datetime) -> list[OrderReceipt]:
    """Sends an order that the unit of ``user`` got on to units below it; flushes, committing is the caller's.

    Returns:
        the new receipts; a unit that has the order already keeps the one it has.

    Raises:
        Problem: 403 for a role that may not, 409 when the unit did not get the order, 422 for a wrong time or unit.
    """
    root = _may(user, get_orders().pass_down, "下派指令")
    # The lock of the own receipt makes two who pass down at once see each other's units.
    own = own_receipt(db, order, user)
    # Who is late already still gives those below a time in which it can be done.
    latest = own.due_at if own.due_at > now else now + _span(order.level)
    due = wanted.due_at or latest
    _check_due(due, now, latest, "本单位的回执时限")
    paths = _check_units(db, root, wanted.units)
    own.read_at, own.read_by = own.read_at or now, own.read_by or user.id
    return _send(db, order, paths, OrderReceipt(due_at=due, parent_id=own.id, note=wanted.note or None), user, now)


def read(db: Session, order: Order, user: User, now: datetime) -> OrderReceipt:
    """Notes that the unit of ``user`` has read an order; again changes nothing. Flushes."""
    _may(user, get_orders().answer, "给回执")
    receipt = own_receipt(db, order, user)
    if receipt.read_at is None:
        receipt.read_at, receipt.read_by = now, user.id
    db.flush()
    return receipt


def finish(db: Session, order: Order, user: User, words: str, shot: Shot | None, now: datetime) -> OrderReceipt:
    """Gives the receipt that an order is carried out; the same words again change nothing. Flushes.

    Raises:
        Problem: 403 for a role that may not, 409 when it is not owed or was given in other words, 422 without words.
    """
    _may(user, get_orders().answer, "给回执")
    receipt = own_receipt(db, order, user)
    if not words:
        raise Problem(422, "请写明办得怎么样，再交回执")
    if receipt.done_at:
        if receipt.words == words:
            return receipt
        raise Problem(409, "本单位已经交过回执了，不能再改；有新情况请报给上级")
    receipt.read_at, receipt.read_by = receipt.read_at or now, receipt.read_by or user.id
    receipt.done_at, receipt.done_by, receipt.words = now, user.id, words
    if shot:
        receipt.photo_id = keep_photo(db, shot, now)
    db.flush()
    return receipt


def _may(user: User, roles: frozenset[Role], what: str) -> str:
    root = home(user)
    if user.role not in roles:
        raise Problem(403, f"您的岗位不能{what}")
    if root is None:
        raise Problem(403, f"您的账号不在区、街道、社区这棵树上，不能{what}")
    return root


def _span(level: str) -> timedelta:
    levels = get_orders().levels
    # An order may be older than the rules: a level that is gone counts as the calmest.
    return levels.get(level, list(levels.values())[-1]).receipt


def _check_due(due: datetime, now: datetime, latest: datetime, limit: str) -> None:
    if due <= now:
        raise Problem(422, "回执时限要在现在之后")
    if due > latest:
        raise Problem(422, f"回执时限不能晚于{limit}")


def _check_units(db: Session, root: str, wanted: list[str]) -> list[str]:
    below = {unit.path: unit for unit in units_below(db, root)}
    paths = list(dict.fromkeys(wanted))
    # One answer to a unit elsewhere and to none at all.
    if unknown := [path for path in paths if path not in below]:
        raise Problem(422, f"下级里没有这些单位：{'、'.join(unknown[:5])}"[:300])
    if silent := [below[path].name for path in paths if not below[path].people]:
        raise Problem(422, f"这些单位还没有能回执的账号，请先建账号或改发给别的单位：{'、'.join(silent[:10])}")
    return paths


def _send(
    db: Session, order: Order, paths: list[str], like: OrderReceipt, user: User, now: datetime
) -> list[OrderReceipt]:
    # Two who send the same order to the same unit follow one another.
    db.execute(select(Order.id).where(Order.id == order.id).with_for_update())
    has = set(db.scalars(select(OrderReceipt.path).where(OrderReceipt.order_id == order.id)))
    made = [
        OrderReceipt(
            order_id=order.id,
            path=path,
            parent_id=like.parent_id,
            sent_by=user.id,
            sent_at=now,
            due_at=like.due_at,
            note=like.note,
        )
        for path in paths
        if path not in has
    ]
    db.add_all(made)
    db.flush()
    for receipt in made:
        emit(db, "order.sent", {"receipt_id": receipt.id})
    return made
