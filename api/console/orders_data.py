"""What the pages of orders read and do, each a short transaction; run in a thread (``Desk.run``)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from fastapi.responses import Response
from pydantic import BaseModel, ValidationError

from api.accounts.models import Role
from api.console.data import Ticket, as_staff
from api.errors import Problem
from api.orders import routes
from api.orders.rules import get_orders
from api.orders.schemas import NAMES, OrderIn, PassIn
from api.orders.service import find_order, issue, pass_down, read
from api.orders.units import Unit, home, units_below
from api.orders.views import Node, list_orders, order_view, tree

ROLES = (Role.ADMIN, Role.CLERK, Role.SUPERVISOR, Role.HANDLER)
PAGE_SIZE = 30
M = TypeVar("M", bound=BaseModel)


@dataclass(frozen=True)
class Rights:
    """What somebody may do with orders at all.

    Attributes:
        unit: path of the own unit, ``None`` outside the tree.
    """

    unit: str | None
    issue: bool
    pass_down: bool


@dataclass(frozen=True)
class OrderPage:
    """One order, with the branch of the viewer's unit."""

    view: dict[str, Any]
    tree: list[Node]


def rights(ticket: Ticket) -> Rights:
    """Returns what the account may do."""
    with as_staff(ticket) as (_db, user):
        unit, rules = home(user), get_orders()
        inside = unit is not None
        return Rights(unit, inside and user.role in rules.issue, inside and user.role in rules.pass_down)


def units(ticket: Ticket) -> list[Unit]:
    """Returns the units below the own one; raises ``Problem`` 403 for who sends nothing."""
    with as_staff(ticket) as (db, user):
        routes.units(db, user)
        return units_below(db, home(user) or "")


def orders(ticket: Ticket, page: int, now: datetime) -> tuple[list[dict[str, Any]], int]:
    """Returns one page of the visible orders, newest first, and how many there are."""
    with as_staff(ticket) as (db, user):
        return list_orders(db, user, now, page=page, page_size=PAGE_SIZE)


def order(ticket: Ticket, order_id: int, now: datetime) -> OrderPage:
    """Returns one order; raises ``Problem`` 404 out of scope."""
    with as_staff(ticket) as (db, user):
        found = find_order(db, order_id, user)
        return OrderPage(order_view(db, found, user, now), tree(db, found, user, now))


def send(ticket: Ticket, wanted: dict[str, Any], key: str, now: datetime) -> int:
    """Issues an order and returns its id; the same key issues it once. Raises ``Problem``."""
    with as_staff(ticket) as (db, user):
        made, _created = issue(db, user, _checked(OrderIn, wanted), routes.own_key(user, key), now)
        db.commit()
        return made.id


def send_on(ticket: Ticket, order_id: int, wanted: dict[str, Any], now: datetime) -> int:
    """Passes an order down; returns to how many units it is new. Raises ``Problem``."""
    with as_staff(ticket) as (db, user):
        made = pass_down(db, find_order(db, order_id, user), user, _checked(PassIn, wanted), now)
        db.commit()
        return len(made)


def mark_read(ticket: Ticket, order_id: int, now: datetime) -> None:
    """Notes that the own unit has read an order."""
    with as_staff(ticket) as (db, user):
        read(db, find_order(db, order_id, user), user, now)
        db.commit()


def answer(ticket: Ticket, order_id: int, words: str, photo: bytes, now: datetime) -> None:
    """Gives the receipt of the own unit; ``photo`` empty for none."""
    with as_staff(ticket) as (db, user):
        routes.give_receipt(db, order_id, user, words, photo, now)


def photo(ticket: Ticket, order_id: int, receipt_id: int) -> Response:
    """Returns the photo of a receipt."""
    with as_staff(ticket) as (db, user):
        return routes.photo(order_id, receipt_id, db, user)


def _checked(model: type[M], fields: dict[str, Any]) -> M:
    try:
        return model(**fields)
    except ValidationError as error:
        wrong = "、".join(dict.fromkeys(NAMES.get(str(one["loc"][0]), str(one["loc"][0])) for one in error.errors()))
        raise Problem(422, f"{wrong}：没有填、太长或格式不对") from error
