"""What the trainers' page reads and does, each a short transaction for one person."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.orm import Session

from api.accounts.models import User
from api.console.clock import moment
from api.console.data import Ticket, as_staff
from api.curation import service
from api.curation.exports import export
from api.curation.gather import gather
from api.curation.imports import Imported, import_answers
from api.curation.labels import Label
from api.curation.models import CurationItem
from api.curation.rules import get_curation
from api.db import session_factory
from api.settings import get_settings
from api.triage.service import get_taxonomy, get_triager

T = TypeVar("T")


def look(ticket: Ticket) -> dict[str, Any]:
    """Returns the next item for this person, ``None`` when there is none, and the figures."""
    return _do(ticket, lambda db, user: _shown(db, user, service.next_item(db, user)))


def answer(ticket: Ticket, item_id: int, label: Label, now: datetime) -> dict[str, Any]:
    """Keeps an answer; returns what ``look`` does."""
    return _then_look(ticket, lambda db, user: service.respond(db, user, item_id, label, get_taxonomy(), now))


def skip(ticket: Ticket, item_id: int, now: datetime) -> dict[str, Any]:
    """Passes an item over; returns what ``look`` does."""
    return _then_look(ticket, lambda db, user: service.skip(db, user, item_id, now))


def undo(ticket: Ticket, now: datetime) -> dict[str, Any]:
    """Takes the last answer back; returns what ``look`` does, with the item that it belonged to."""
    return _do(ticket, lambda db, user: _shown(db, user, service.undo(db, user, now)))


def comment(ticket: Ticket, item_id: int, text: str, now: datetime) -> dict[str, Any]:
    """Adds a remark; returns what ``look`` does, with the same item."""

    def act(db: Session, user: User) -> dict[str, Any]:
        service.comment(db, user, item_id, text, now)
        return _shown(db, user, db.get_one(CurationItem, item_id))

    return _do(ticket, act)


def fetch(ticket: Ticket, now: datetime) -> int:
    """Fills the queue; returns how many items came."""
    _do(ticket, service.figures)  # who may not come gets nothing done
    return gather(session_factory(), get_triager(), get_curation(), now)


def exported(ticket: Ticket, form: str) -> bytes:
    """Returns all that is settled; see ``api.curation.exports``."""
    return _do(ticket, lambda db, _user: export(db, form, get_settings().nlu_data))


def imported(ticket: Ticket, content: bytes, form: str, now: datetime) -> Imported:
    """Keeps answers from a file; see ``api.curation.imports``."""
    return _do(ticket, lambda db, user: import_answers(db, user, content, form, get_taxonomy(), now))


def _then_look(ticket: Ticket, act: Callable[[Session, User], object]) -> dict[str, Any]:
    _do(ticket, act)
    return look(ticket)


def _do(ticket: Ticket, act: Callable[[Session, User], T]) -> T:
    with as_staff(ticket) as (db, user):
        result = act(db, service.check_trainer(user))
        db.commit()
        return result


def _shown(db: Session, user: User, item: CurationItem | None) -> dict[str, Any]:
    view = service.item_view(item, user, service.names_of(db, item)) if item else None
    if view:
        view["comments"] = [one | {"at": moment(one["at"])} for one in view["comments"]]
    return {"item": view, "figures": service.figures(db, user)}
