"""Who called me in a note, each a short transaction; run in a thread (``Desk.run``)."""

from datetime import datetime
from typing import Any

from api.cases import routes
from api.console.data import Ticket, as_staff
from api.notices.mentions import colleagues, mentions, read, unread


def unread_mentions(ticket: Ticket) -> int:
    """Returns how many calls this person has not read."""
    with as_staff(ticket) as (db, user):
        return unread(db, user)


def all_mentions(ticket: Ticket) -> list[dict[str, Any]]:
    """Returns the latest calls, unread first."""
    with as_staff(ticket) as (db, user):
        return mentions(db, user)


def read_all(ticket: Ticket, now: datetime) -> None:
    """Marks every call as read."""
    with as_staff(ticket) as (db, user):
        read(db, user, now)
        db.commit()


def read_case(ticket: Ticket, no: str, now: datetime) -> None:
    """Marks the calls on a case as read: it is being looked at."""
    with as_staff(ticket) as (db, user):
        routes.find_case(db, no, user)
        read(db, user, now, no)
        db.commit()


def who_may_be_called(ticket: Ticket, no: str) -> list[dict[str, Any]]:
    """Returns the colleagues who may see a case; raises ``Problem`` 404 out of scope."""
    with as_staff(ticket) as (db, user):
        return colleagues(db, routes.find_case(db, no, user), user)
