"""Before filing: is somebody already reporting the same matter? And joining them instead of filing it again."""

from datetime import datetime
from typing import Any

from sqlalchemy import select, true
from sqlalchemy.orm import Session

from api.cases.duplicates import get_duplicates
from api.cases.following import follow
from api.cases.models import Case
from api.cases.public_words import public_place, public_summary
from api.cases.reporters import Contact
from api.cases.similar import near_cases, probe_text
from api.chat.drafts import known
from api.chat.models import Draft
from api.chat.ownership import owned_ids
from api.errors import Problem
from classifier.places import PlaceResolver
from classifier.triage import Triager


def offer(
    db: Session,
    draft: Draft,
    description: str,
    place_text: str | None,
    now: datetime,
    *,
    triager: Triager,
    places: PlaceResolver,
) -> list[dict[str, Any]]:
    """Returns the cases that are probably the same matter, as strangers may read them, and keeps what was offered.

    Nobody in danger is asked to compare; a matter that is not everybody's to see is compared with one's own only. One's
    own are those of the conversation, filed or proven in it: a phone that was merely typed proves nothing, and would
    tell who has reported what.
    """
    if draft.emergency_at is not None or draft.case_no:
        return []
    rules, probe = get_duplicates(), probe_text(description, place_text, triager, places)
    own = set(db.scalars(owned_ids(draft.session_id)))
    where = true() if rules.is_public(probe.category, probe.subcategory) else Case.id.in_(own)
    cases = near_cases(db, probe, now, rules, where, rules.shown)
    draft.offered = list(dict.fromkeys([*draft.offered, *(case.no for case in cases)]))
    return [_shown(case, case.id in own) for case in cases]


def _shown(case: Case, own: bool) -> dict[str, Any]:
    return {
        "case_no": case.no,
        "summary": public_summary(case),
        "place": public_place(case),
        "status": case.status,
        "department": case.department,
        "created_at": case.created_at.isoformat(),
        "own": own,
    }


def join(db: Session, draft: Draft, case_no: str, contact: Contact, now: datetime) -> Case:
    """Makes the resident of a draft a further reporter of a case that was offered to it; the draft is done.

    Raises:
        Problem: 404 for a case that was not offered, 409 when it has been closed meanwhile or the draft is done.
    """
    case = db.scalar(select(Case).where(Case.no == case_no)) if case_no in draft.offered else None
    if case is None:
        raise Problem(404, "没有找到这件诉求")
    # What was merged since the offer goes on in its main case.
    if case.merged_into:
        case = db.scalars(select(Case).where(Case.no == case.merged_into)).one()
    if draft.case_no not in (None, case.no):
        raise Problem(409, f"这件事已经登记为 {draft.case_no}")
    if draft.case_no is None:
        follow(db, case, contact, draft.session_id, now, known(draft).description or None)
        draft.case_no = case.no
    return case
