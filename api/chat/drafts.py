"""Appeals in the making: what is known, the full text behind what the bot saw, and filing."""

import json
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.filing import DESCRIPTION_LIMIT, Filing, file_case
from api.cases.history import record
from api.cases.models import Case
from api.cases.moves import lock
from api.chat.lines import Line, front_lines
from api.chat.models import ANSWERED, BOT, PENDING, RESIDENT, ChatMessage, ChatSession, Draft
from api.chat.store import append, new_draft
from api.chat.text import BOT_CHARS, for_bot
from api.crypto import mask_numbers, mask_phone, phone_index
from api.db import session_factory
from api.outbox.models import emit
from classifier.places import PlaceResolver
from classifier.triage import Triager

log = structlog.get_logger(__name__)

SILENCE = timedelta(seconds=120)
"""A draft that tells of danger is filed as it stands once its resident has been silent for so long."""


@dataclass(frozen=True)
class Known:
    """What is known of an appeal, as the action server sends it; empty strings mean unknown."""

    description: str = ""
    place_text: str | None = None
    phone: str | None = None
    name: str | None = None
    anonymous: bool = False


def known(draft: Draft) -> Known:
    """Returns what was last kept of a draft."""
    return Known(**json.loads(draft.known)) if draft.known else Known()


def keep(draft: Draft, what: Known) -> None:
    """Keeps what is known, encrypted; what an earlier message told and this one lacks is not forgotten."""
    before = known(draft)
    merged = replace(
        what,
        description=what.description or before.description,
        place_text=what.place_text or before.place_text,
        phone=what.phone or before.phone,
        name=what.name or before.name,
    )
    draft.known = json.dumps(merged.__dict__, ensure_ascii=False)


def mark_emergency(db: Session, draft: Draft, number: str | None, now: datetime) -> None:
    """Marks a threat to life; the first time the duty officer is rung."""
    draft.emergency_number = number or draft.emergency_number
    if draft.emergency_at is None:
        draft.emergency_at = now
        emit(db, "emergency.detected", {"draft_id": draft.id, "session_id": draft.session_id})


def take_back(draft: Draft) -> None:
    """Forgets a danger that the resident has called a false alarm: silence does not file it any more."""
    draft.emergency_at = draft.emergency_number = None


def _own_words(db: Session, draft: Draft) -> list[ChatMessage]:
    query = select(ChatMessage).where(ChatMessage.draft_id == draft.id, ChatMessage.author == RESIDENT)
    return list(db.scalars(query.order_by(ChatMessage.seq)))


def full_description(db: Session, draft: Draft, description: str) -> str:
    """Returns the description with every text restored that was cut before the bot read it.

    Where the bot's wording still holds the cut text, the whole one takes its place; otherwise it is added below.
    """
    for message in _own_words(db, draft):
        if len(message.text) <= BOT_CHARS or message.text in description:
            continue
        head = for_bot(message.text)
        if head in description:
            description = description.replace(head, message.text, 1)
        elif description.strip() and description.strip() in message.text:
            description = message.text
        else:
            description = f"{description}\n\n居民原话：{message.text}"
    return description.strip()[:DESCRIPTION_LIMIT]


def file_draft(
    db: Session,
    draft: Draft,
    what: Known,
    now: datetime,
    *,
    emergency: bool,
    triager: Triager,
    places: PlaceResolver,
    part: int | None = None,
) -> tuple[Case, bool]:
    """Files a draft as a case of its conversation; the draft's id makes it happen once.

    Args:
        db: the session; committing is the caller's.
        draft: the draft.
        what: what is known of it, or of one of its matters.
        now: when.
        emergency: it is known for a threat to life.
        triager: judges it.
        places: finds it.
        part: which of several matters this is, from 1; empty when the draft tells of one.

    Returns:
        the case, and whether this call created it.

    Raises:
        Problem: 422 when the description is empty.
    """
    said = what.description if part or not what.description.strip() else full_description(db, draft, what.description)
    filing = Filing(
        description=said,
        place_text=what.place_text,
        name=what.name,
        phone=what.phone,
        anonymous=what.anonymous,
        source=db.get_one(ChatSession, draft.session_id).channel,
        idempotency_key=f"{draft.id}#{part}" if part and part > 1 else draft.id,
        emergency=emergency,
        session_id=draft.session_id,
        draft_id=draft.id,
        group=draft.id if part else None,
    )
    actor = Actor("resident", draft.session_id, "resident")
    case, created = file_case(db, filing, triager, places, now, actor)
    if filing.idempotency_key == draft.id:
        draft.case_no = case.no
    if not created:
        _complete(db, case, what, now, places)
        case.group = case.group or filing.group
    return case, created


def _complete(db: Session, case: Case, what: Known, now: datetime, places: PlaceResolver) -> None:
    """Adds place and phone to a case that was filed before they were known: an emergency filed in silence."""
    lock(db, case)
    reporter = case.reporter
    added: dict[str, Any] = {}
    if what.phone and not reporter.phone:
        reporter.phone, reporter.phone_index = what.phone, phone_index(what.phone)
        added["phone"] = mask_phone(what.phone)
    if what.name and not reporter.name and not what.anonymous:
        reporter.name = what.name
    if what.place_text and not case.place_text:
        place = places.resolve(what.place_text)
        case.place_text = mask_numbers(what.place_text)
        case.street, case.community, case.grid = place.street, place.community, place.grid
        added["place_text"] = case.place_text
    if added:
        actor = Actor("resident", case.session_id or "", "resident")
        record(db, case, "补充", actor, now, before=dict.fromkeys(added), after=added, public=True)


def file_silent_emergencies(now: datetime, triager: Triager, places: PlaceResolver) -> list[str]:
    """Files the drafts that tell of danger and whose resident has fallen silent; returns the case numbers.

    One transaction each, so that one that fails holds up no other; safe to run in several workers.
    """
    waiting = (
        Draft.emergency_at.is_not(None),
        Draft.case_no.is_(None),
        Draft.last_message_at <= now - SILENCE,
    )
    with session_factory()() as db:
        ids = db.scalars(select(Draft.id).where(*waiting).order_by(Draft.emergency_at)).all()
    filed = []
    for draft_id in ids:
        try:
            with session_factory().begin() as db:
                locked = select(Draft).where(Draft.id == draft_id, *waiting).with_for_update(skip_locked=True)
                if (draft := db.scalar(locked)) is not None:
                    filed.append(_file_silent(db, draft, triager, places, now))
        except Exception:
            log.exception("chat.emergency.filing_failed", draft_id=draft_id)
    return filed


def _file_silent(db: Session, draft: Draft, triager: Triager, places: PlaceResolver, now: datetime) -> str:
    words = _own_words(db, draft)
    what = known(draft)
    unheard = [message.text for message in words if message.status == PENDING or not what.description]
    parts = [what.description, *(text for text in unheard if text not in what.description)]
    what = replace(what, description="\n".join(part for part in parts if part) or "紧急求助，对话中断")
    case, _ = file_draft(db, draft, what, now, emergency=True, triager=triager, places=places)
    for message in words:
        if message.status == PENDING:
            message.status = ANSWERED
    session = db.get_one(ChatSession, draft.session_id)
    text = front_lines().emergency_filed.format(case_no=case.no, number=draft.emergency_number or "110")
    append(db, session, BOT, [Line(text, case_no=case.no)], now, draft_id=draft.id)
    if session.draft_id == draft.id:
        new_draft(db, session, now)
    return case.no


def case_fields(case: Case) -> dict[str, Any]:
    """Returns what the action server is told of a filed case."""
    return {
        "case_no": case.no,
        "status": case.status,
        "kind": case.kind,
        "category": case.category,
        "subcategory": case.subcategory,
        "urgency": case.urgency,
        "department": case.department,
        "level": case.level,
        "due_at": case.due_at.isoformat(),
        "place": {
            "street": case.street,
            "community": case.community,
            "grid": case.grid,
            "text": case.place_text,
        },
    }
