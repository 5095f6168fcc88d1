"""What a staff member may see: role ∩ department, street and community. What is out of scope is not found."""

from sqlalchemy import ColumnElement, Text, and_, cast, false, or_, true

from api.accounts.models import Role, User
from api.cases.models import Case, Reporter


def visible_cases(user: User) -> ColumnElement[bool]:
    """Returns the SQL condition for the cases that ``user`` may see.

    A handler sees what the own department leads or helps with; a grid worker the own community (or street); the
    others everything within the street or department of their account, if it names one.
    """
    parts: list[ColumnElement[bool]] = []
    if user.department:
        helps = cast(Case.co_departments, Text).like(f"%|{user.department}|%")
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
