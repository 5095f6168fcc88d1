"""Sign-ins as their page shows and ends them, each a short transaction; run in a thread (``Desk.run``)."""

from datetime import datetime
from typing import Any

from api.accounts.models import Role
from api.accounts.routes import session_view
from api.accounts.sessions import end_session, live_sessions, note_seen
from api.console.data import Ticket, as_staff
from api.db import session_factory


def own_sessions(ticket: Ticket, now: datetime) -> list[dict[str, Any]]:
    """Returns this person's sessions that hold, the one at hand among them."""
    with as_staff(ticket) as (db, user):
        return [session_view(one, owner, ticket.session_id) for one, owner in live_sessions(db, now, user)]


def other_sessions(ticket: Ticket, now: datetime) -> list[dict[str, Any]]:
    """Returns everybody else's, for administrators; nothing for others."""
    with as_staff(ticket) as (db, user):
        if user.role != Role.ADMIN:
            return []
        found = live_sessions(db, now)
        return [session_view(one, owner, ticket.session_id) for one, owner in found if owner.id != user.id]


def end(ticket: Ticket, session_id: str, now: datetime) -> None:
    """Ends a session; raises ``Problem`` 404 for one that is not this person's to end."""
    with as_staff(ticket) as (db, user):
        end_session(db, session_id, user, now)
        db.commit()


def seen(session_id: str, now: datetime) -> None:
    """Notes that the owner of a session is here."""
    with session_factory()() as db:
        note_seen(db, session_id, now)
