"""Orders in two streets, each line marked with a word of its own; and every question that could bring one out."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.accounts.models import Role, User
from api.console import grid_data, orders_data
from api.console.data import Ticket
from api.errors import Problem
from api.orders.schemas import OrderIn, PassIn
from api.orders.service import finish, issue, pass_down


@dataclass
class Orders:
    """The orders by id and the marks by what they tell of.

    Attributes:
        titles: mark of each order's title, by its id, with every unit that has it.
        lines: unit of each other mark.
    """

    client: Any
    now: datetime
    titles: dict[int, tuple[str, list[str]]]
    lines: dict[str, str]

    def shown(self, root: str | None) -> set[str]:
        """The marks that the unit ``root`` may read, by the words of docs/security.md and without any SQL."""
        if root is None:
            return set()
        below = {path for path in self.lines.values() if root == "" or path == root or path.startswith(f"{root}/")}
        marks = {mark for mark, path in self.lines.items() if path in below}
        return marks | {mark for mark, paths in self.titles.values() if root == "" or below.intersection(paths)}

    def marks(self) -> set[str]:
        """Every mark."""
        return {*self.lines, *(mark for mark, _paths in self.titles.values())}


def make_orders(sessions: Any, make_user: Callable[..., User], client: Any, now: datetime, places: Any) -> Orders:
    """Issues an order in each place, passes it down and answers it; and one order to all of them."""
    boss = make_user(Role.SUPERVISOR)
    clerks = {
        (street, community): (
            make_user(Role.CLERK, street=street),
            make_user(Role.CLERK, street=street, community=community),
        )
        for street, community in places
    }
    made = Orders(client, now, {}, {})
    with sessions() as db:
        both, _ = issue(db, boss, _order("总令"), None, now)
        made.titles[both.id] = ("总令", [])
        for (street, community), (clerk, village) in clerks.items():
            order, _ = issue(db, boss, _order(f"分令{street}", street), None, now)
            pass_down(db, order, clerk, PassIn(units=[f"{street}/{community}"], note=f"交代{community}"), now)
            finish(db, order, clerk, f"街道回执{street}", None, now)
            finish(db, order, village, f"社区回执{community}", None, now)
            made.titles[order.id] = (f"分令{street}", [street, f"{street}/{community}"])
            made.titles[both.id][1].append(street)
            made.lines |= {
                f"街道回执{street}": street,
                f"社区回执{community}": f"{street}/{community}",
                f"交代{community}": f"{street}/{community}",
            }
        db.commit()
    return made


def _order(title: str, *units: str) -> OrderIn:
    return OrderIn(title=title, text=title, level="紧急", units=list(units) or ["中韩街道", "沙子口街道"])


Ask = Callable[[Orders, Ticket, dict[str, str], int], Any]


def _http(method: str, path: str, **more: Any) -> Ask:
    def ask(orders: Orders, _ticket: Ticket, headers: dict[str, str], order_id: int) -> Any:
        address = f"/api/v1/orders{path.format(order_id=order_id, receipt_id=order_id)}"
        return orders.client.request(method, address, headers=headers, **more).text

    return ask


PASS = {"units": ["中韩街道/中韩社区"]}
# What only tells, asked about every order; the rest changes something, and is asked about hidden ones only.
TELLS: dict[str, Ask] = {
    "GET /api/v1/orders": _http("GET", ""),
    "GET /api/v1/orders/{order_id}": _http("GET", "/{order_id}"),
    "GET /api/v1/orders/{order_id}/receipts/{receipt_id}/photo": _http(
        "GET", "/{order_id}/receipts/{receipt_id}/photo"
    ),
    "orders_data.orders": lambda orders, ticket, _headers, _id: orders_data.orders(ticket, 1, orders.now),
    "orders_data.order": lambda orders, ticket, _headers, id_: orders_data.order(ticket, id_, orders.now),
    "orders_data.photo": lambda _orders, ticket, _headers, id_: orders_data.photo(ticket, id_, id_),
    "grid_data.day": lambda orders, ticket, _headers, _id: grid_data.day(ticket, orders.now),
}
CHANGES: dict[str, Ask] = {
    "POST /api/v1/orders/{order_id}/pass": _http("POST", "/{order_id}/pass", json=PASS),
    "POST /api/v1/orders/{order_id}/read": _http("POST", "/{order_id}/read"),
    "POST /api/v1/orders/{order_id}/receipt": _http("POST", "/{order_id}/receipt", data={"words": "x"}),
    "orders_data.send_on": lambda orders, ticket, _headers, id_: orders_data.send_on(ticket, id_, PASS, orders.now),
    "orders_data.mark_read": lambda orders, ticket, _headers, id_: orders_data.mark_read(ticket, id_, orders.now),
    "orders_data.answer": lambda orders, ticket, _headers, id_: orders_data.answer(ticket, id_, "x", b"", orders.now),
}


def answers(orders: Orders, ticket: Ticket, headers: dict[str, str], hidden: set[int]) -> Iterator[tuple[str, str]]:
    """Yields each question with what comes back, a refusal too."""
    for order_id in orders.titles:
        for name, ask in (TELLS | CHANGES if order_id in hidden else TELLS).items():
            try:
                yield name, repr(ask(orders, ticket, headers, order_id))
            except Problem as problem:
                yield name, problem.detail
