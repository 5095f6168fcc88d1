"""Filing what one message told of: one case, or a linked case for each of its matters."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cases.models import Case
from api.cases.splitting import place_of
from api.chat.drafts import Known, file_draft
from api.chat.models import Draft
from classifier.places import PlaceResolver
from classifier.triage import Triager

SUMMARY = 60


def file_all(
    db: Session,
    draft: Draft,
    what: Known,
    matters: list[str],
    now: datetime,
    *,
    emergency: bool,
    triager: Triager,
    places: PlaceResolver,
) -> tuple[list[Case], bool]:
    """Files a draft once, as one case for each of its matters when there are several.

    Returns:
        every case of the draft, in the order in which they were told, and whether this call created any.

    Raises:
        Problem: 422 when there is nothing to file.
    """
    emergency = emergency or draft.emergency_at is not None
    if len(matters) < 2:
        _case, created = file_draft(db, draft, what, now, emergency=emergency, triager=triager, places=places)
        return _cases(db, draft), created
    # The alarm is for the matter that caused it; when none of them alone does, nothing is left out.
    alarming = [emergency and triager.triage(text).emergency for text in matters]
    alarming = alarming if any(alarming) else [emergency] * len(matters)
    created = False
    for part, (text, alarm) in enumerate(zip(matters, alarming, strict=True), 1):
        told = replace(what, description=text, place_text=place_of(text, what.place_text, places))
        _case, new = file_draft(db, draft, told, now, emergency=alarm, triager=triager, places=places, part=part)
        created = created or new
    return _cases(db, draft), created


def _cases(db: Session, draft: Draft) -> list[Case]:
    return list(db.scalars(select(Case).where(Case.draft_id == draft.id).order_by(Case.id)))


def brief(case: Case) -> dict[str, Any]:
    """Returns what the dialogue says of one of several cases."""
    return {
        "case_no": case.no,
        "summary": case.description[:SUMMARY],
        "department": case.department,
        "due_at": case.due_at.isoformat(),
        "urgency": case.urgency,
    }
