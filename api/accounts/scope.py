"""What a staff member may see: role ∩ department, street and community. What is out of scope is not found."""

from sqlalchemy import ColumnElement, and_, false, or_, select, true
from sqlalchemy.orm import InstrumentedAttribute

from api.accounts.models import Role, User
from api.cases.models import Case, Reporter
from api.columns import holds_name
from api.orders.models import Order, OrderReceipt
from api.orders.units import home


def visible_cases(user: User) -> ColumnElement[bool]:
    """Returns the SQL condition for the cases that ``user`` may see.

    A handler sees what the own department leads or helps with; a grid worker the own community (or street); the
    others everything within the street or department of their account, if it names one.
    """
    parts: list[ColumnElement[bool]] = []
    if user.department:
        helps = holds_name(Case.co_departments, user.department)
        parts.append(or_(Case.department == user.department, helps))
    if user.street:
        parts.append(Case.street == user.street)
    if user.community:
        parts.append(Case.community == user.community)
    if user.role == Role.HANDLER and not user.department:
        return false()
    if user.role == Role.GRID and not (user.street or user.community):
        return false()
    return and_(true(), *parts)


def who_sees(case: Case) -> ColumnElement[bool]:
    """Returns the SQL condition for the accounts that may see ``case``: ``visible_cases`` asked from the other side."""
    departments = [case.department, *case.co_departments]
    return and_(
        User.active,
        or_(User.department.is_(None), User.department.in_(departments)),
        or_(User.street.is_(None), User.street == case.street),
        or_(User.community.is_(None), User.community == case.community),
        or_(User.role != Role.HANDLER, User.department.is_not(None)),
        or_(User.role != Role.GRID, User.street.is_not(None), User.community.is_not(None)),
    )


def only_helps(user: User, case: Case) -> bool:
    """Tells whether ``user`` handles for a co-handling department, which may follow up but not move the case."""
    return user.role == Role.HANDLER and case.department != user.department


def may_reveal(user: User, case: Case, reporter: Reporter | None = None) -> bool:
    """Tells whether ``user`` may read the reporter's name and number, with a reason that the history keeps.

    Someone who reported anonymously is known only to those who call back.
    """
    if user.role in (Role.ADMIN, Role.CLERK, Role.SUPERVISOR):
        return True
    return (
        user.role in (Role.HANDLER, Role.GRID)
        and not (reporter or case.reporter).anonymous
        and not only_helps(user, case)
    )


def visible_receipts(user: User) -> ColumnElement[bool]:
    """Returns the SQL condition for the receipts that ``user`` may see: of the own unit and of those below it."""
    root = home(user)
    return false() if root is None else _in_branch(OrderReceipt.path, root)


def visible_orders(user: User) -> ColumnElement[bool]:
    """Returns the SQL condition for the orders that ``user`` may see: issued in the own branch, or gone to it."""
    root = home(user)
    if root is None:
        return false()
    received = select(OrderReceipt.order_id).where(_in_branch(OrderReceipt.path, root))
    return or_(_in_branch(Order.issuer, root), Order.id.in_(received))


def _in_branch(path: InstrumentedAttribute[str], root: str) -> ColumnElement[bool]:
    return or_(path == root, path.startswith(f"{root}/", autoescape=True)) if root else true()
