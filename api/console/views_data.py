"""Saved views: filters of the queue under a name, each staff member's own; run in a thread (``Desk.run``)."""

from sqlalchemy import delete, func, select

from api.accounts.models import SavedView
from api.console.data import Ticket, as_staff
from api.errors import Problem

LIMIT = 20
NAME_LENGTH = 32


def saved_views(ticket: Ticket) -> dict[str, str]:
    """Returns the own views: the query string of the queue's address by name, in the order in which they were saved."""
    with as_staff(ticket) as (db, user):
        mine = select(SavedView).where(SavedView.user_id == user.id).order_by(SavedView.id)
        return {one.name: one.query for one in db.scalars(mine)}


def save_view(ticket: Ticket, name: str, query: str) -> None:
    """Keeps the filters under a name, in the place of what it stood for; raises ``Problem`` 422 or 409."""
    name = name.strip()
    if not 0 < len(name) <= NAME_LENGTH:
        raise Problem(422, f"请给视图起个名字，{NAME_LENGTH} 字以内")
    if len(query) > 2000:
        raise Problem(422, "筛选条件太多，存不下，请少选几项")
    with as_staff(ticket) as (db, user):
        mine = SavedView.user_id == user.id
        kept = db.scalar(select(SavedView).where(mine, SavedView.name == name))
        if kept is None:
            if (db.scalar(select(func.count()).select_from(SavedView).where(mine)) or 0) >= LIMIT:
                raise Problem(409, f"最多存 {LIMIT} 个视图，请先删掉不用的")
            kept = SavedView(user_id=user.id, name=name)
            db.add(kept)
        kept.query = query
        db.commit()


def drop_view(ticket: Ticket, name: str) -> None:
    """Forgets one of the own views."""
    with as_staff(ticket) as (db, user):
        db.execute(delete(SavedView).where(SavedView.user_id == user.id, SavedView.name == name))
        db.commit()
