"""What staff bring from the field: photos with a receipt, and a matter that a grid worker reports (网格上报)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.accounts.models import User
from api.cases.filing import PLACE_LIMIT, Filing, file_case
from api.cases.models import Case
from api.chat import attachments, location, store
from api.chat.enclosures import Position
from api.chat.images import Photo, clean_photo
from api.chat.models import RESIDENT, ChatMessage, ChatSession, Draft
from api.errors import Problem
from classifier.places import PlaceResolver
from classifier.triage import Triager

GRID = "grid"
"""Channel of the conversations, and source of the cases."""


@dataclass(frozen=True)
class Shot:
    """A photo as it was uploaded, and as it is kept."""

    original: bytes
    photo: Photo


def develop(data: bytes) -> Shot:
    """Makes an upload safe to keep, as ``clean_photo``: slow, never inside a transaction."""
    return Shot(data, clean_photo(data))


@dataclass(frozen=True)
class Report:
    """What a grid worker reports.

    Attributes:
        text: the matter.
        place: where, in words; empty for where the phone is or, without that, the worker's own place.
        where: where the phone is.
        shots: photos.
        key: the same key gives the same case, at most 64 characters.
    """

    text: str
    place: str
    where: location.Where | None
    shots: Sequence[Shot]
    key: str


def report(
    db: Session, user: User, told: Report, triager: Triager, places: PlaceResolver, now: datetime
) -> tuple[Case, bool]:
    """Files what a grid worker reports, as every source does, and flushes; committing is the caller's.

    Returns:
        the case, and whether this call filed it: when it did not, the caller should roll back.

    Raises:
        Problem: 422 for a text or place that is empty or too long, 409 for too many photos.
    """
    if existing := db.scalar(select(Case).where(Case.idempotency_key == told.key)):
        return existing, False
    if len(told.place) > PLACE_LIMIT:
        raise Problem(422, f"地点太长，请控制在 {PLACE_LIMIT} 字以内")
    session, message = keep_message(db, told.text, told.shots, told.where, now)
    filing = Filing(
        description=told.text,
        place_text=_place(user, told, places),
        name=user.name,
        phone=None,
        anonymous=False,
        source=GRID,
        idempotency_key=told.key,
        session_id=session.id,
        draft_id=message.draft_id,
    )
    case, created = file_case(db, filing, triager, places, now, Actor.of(user))
    if created:
        db.get_one(Draft, message.draft_id).case_no = case.no
        # The worker reads the news at the desk; the conversation only holds what was sent.
        case.reporter.session_id = None
        db.flush()
    return case, created


def _place(user: User, told: Report, places: PlaceResolver) -> str | None:
    """Says where it is so that the resolver finds it: a worker need not write his own street each time."""
    said = told.place.strip()
    if not said and told.where:
        said = place_of(told.where)
    found = places.resolve(said or told.text)
    if found.street or found.outside:
        return said or None
    own = "".join(filter(None, (user.street, user.community)))
    return f"{own}{said}"[:PLACE_LIMIT] or None


def place_of(where: location.Where) -> str:
    """Says where a phone is, ``中韩街道枯桃社区附近``; raises ``Problem`` 422 when it does not know itself."""
    words = location.words(where.lat, where.lng, where.accuracy)
    return words.removeprefix("我现在的位置在").removeprefix("我在")


def keep_message(
    db: Session, words: str, shots: Sequence[Shot], where: location.Where | None, now: datetime
) -> tuple[ChatSession, ChatMessage]:
    """Adds a conversation of one message, in the caller's transaction, with photos and a position.

    Both hang on messages, so that a case finds them and an erasure reaches them wherever they come from. No token
    opens the conversation.

    Raises:
        Problem: 409 for more than ``attachments.MAX_PHOTOS``.
    """
    session = store.start(db, f"ended:{secrets.token_hex(16)}", now, GRID)
    kept = [attachments.keep(db, session.id, session.draft_id, one.original, one.photo, now) for one in shots]
    ids = list(dict.fromkeys(one.id for one in kept))
    message = ChatMessage(
        session_id=session.id,
        seq=store.draw_numbers(db, session, 1, now),
        author=RESIDENT,
        text=words,
        attachments=ids,
        draft_id=session.draft_id,
        created_at=now,
    )
    db.add(message)
    db.flush()
    attachments.send(db, message, ids)
    if where:
        db.add(Position(message_id=message.id, value=where.as_json()))
        db.flush()
    return session, message


def keep_photo(db: Session, shot: Shot, now: datetime) -> str:
    """Keeps one photo that belongs to no case; returns its id."""
    _session, message = keep_message(db, "", [shot], None, now)
    return str(message.attachments[0])
