"""Filing: the one way in which a case comes to be, whatever the source."""

from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.deadlines import get_deadlines, set_deadlines, start_clock
from api.cases.history import record
from api.cases.matter_words import embedding
from api.cases.models import Case
from api.cases.numbers import next_number
from api.cases.reporters import Contact
from api.crypto import mask_numbers
from api.errors import Problem
from api.outbox.models import emit
from classifier.places import PlaceResolver
from classifier.taxonomy import LEVELS
from classifier.triage import Triager

DESCRIPTION_LIMIT = 20_000
PLACE_LIMIT = 300


@dataclass(frozen=True)
class Filing:
    """What a source hands in.

    Attributes:
        source: ``web``, ``console``, ``grid``, ``api`` …
        idempotency_key: the same key gives the same case, at most 64 characters.
        emergency: the source already knows it for a threat to life: urgency becomes 特急 whatever the model says.
        session_id: the chat session that owns the case.
        draft_id: the draft that became the case.
        group: what the cases of one message share; empty for a case by itself.
        split_from: the case that told of this matter too: its reporters and the start of its clock go with it.
    """

    description: str
    place_text: str | None
    name: str | None
    phone: str | None
    anonymous: bool
    source: str
    idempotency_key: str | None
    emergency: bool = False
    session_id: str | None = None
    draft_id: str | None = None
    group: str | None = None
    split_from: Case | None = None


def file_case(
    db: Session, filing: Filing, triager: Triager, places: PlaceResolver, now: datetime, actor: Actor
) -> tuple[Case, bool]:
    """Files a case, or finds the one that the same key filed before.

    Adds the history row and the outbox event and flushes; committing is the caller's.

    Returns:
        the case, and whether this call created it.

    Raises:
        Problem: 422 when the description is empty or too long.
    """
    if existing := _by_key(db, filing.idempotency_key):
        return existing, False
    description = filing.description.strip()
    if not description:
        raise Problem(422, "请先说说是什么事，诉求内容不能为空")
    if len(description) > DESCRIPTION_LIMIT:
        raise Problem(422, f"诉求内容太长，请控制在 {DESCRIPTION_LIMIT} 字以内")
    # The model runs before the number is drawn: drawing it locks the day's counter until the commit.
    case = _triaged(filing, description, triager, places, now)
    try:
        with db.begin_nested() if filing.idempotency_key else nullcontext():
            case.no = next_number(db, now)
            db.add(case)
            db.flush()
    except IntegrityError:
        # Somebody filed with this key between the look and the insert.
        if existing := _by_key(db, filing.idempotency_key):
            return existing, False
        raise
    action, note = ("拆出", f"由 {filing.split_from.no} 拆分") if filing.split_from else ("提交", None)
    after = {"status": case.status, "urgency": case.urgency}
    record(db, case, action, actor, now, before={}, after=after, note=note, public=True)
    emit(db, "case.filed", {"case_no": case.no, "source": case.source, "urgency": case.urgency})
    db.flush()
    return case, True


def _by_key(db: Session, key: str | None) -> Case | None:
    return db.scalar(select(Case).where(Case.idempotency_key == key)) if key else None


def _triaged(filing: Filing, description: str, triager: Triager, places: PlaceResolver, now: datetime) -> Case:
    place = places.resolve(filing.place_text or description)
    # A community alone decides the street, and the street decides which street office acts.
    where = " ".join(filter(None, (place.street, filing.place_text))) or None
    triage = triager.triage(description, where)
    masked = mask_numbers(description)
    case = Case(
        idempotency_key=filing.idempotency_key,
        status="待受理",
        kind=triage.kind,
        category=triage.category,
        subcategory=triage.subcategory,
        urgency="特急" if filing.emergency else triage.urgency,
        department=triage.department,
        co_departments=list(triage.co_departments),
        level=LEVELS[-1] if filing.emergency else triage.level,
        needs_review=triage.needs_review,
        suggestion=triage.as_dict(),
        description=masked,
        description_sealed=description if masked != description else None,
        place_text=mask_numbers(filing.place_text)[:PLACE_LIMIT] if filing.place_text else None,
        street=place.street,
        community=place.community,
        grid=place.grid,
        source=filing.source,
        session_id=filing.session_id,
        draft_id=filing.draft_id,
        group=filing.group,
        embedding=embedding(description, triager),
        created_at=now,
        updated_at=now,
    )
    start_clock(case, now, get_deadlines())
    if filing.split_from:
        _come_from(case, filing.split_from, now)
    else:
        case.reporters = [Contact(filing.name, filing.phone, filing.anonymous).reporter(filing.session_id)]
    return case


def _come_from(case: Case, origin: Case, now: datetime) -> None:
    """Gives a part the reporters of the whole, each with a rating of their own, and the day on which they reported."""
    case.clock_started_at, case.pauses = origin.clock_started_at, list(origin.pauses)
    set_deadlines(case, now, get_deadlines())
    staying = [one for one in origin.reporters if one.left_at is None]
    case.reporters = [Contact(one.name, one.phone, one.anonymous).reporter(one.session_id) for one in staying]
