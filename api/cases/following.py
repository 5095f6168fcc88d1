"""Joining a case that somebody else has filed, instead of filing the same matter again."""

from datetime import datetime

from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.history import record
from api.cases.models import Case
from api.cases.moves import lock
from api.cases.reporters import Contact
from api.cases.workflow import get_workflow
from api.errors import Problem
from api.outbox.models import emit


def follow(db: Session, case: Case, contact: Contact, session_id: str, now: datetime, words: str | None = None) -> bool:
    """Adds the resident of a chat session to the reporters of a case, once; flushes, committing is the caller's.

    Args:
        db: the session.
        case: the case to join.
        contact: how the resident wants to be reached.
        session_id: the chat session.
        now: when.
        words: how they told the matter themselves; the staff read it in the history.

    Returns:
        whether this call did; ``False`` when the session has reported this case already.

    Raises:
        Problem: 409 when the case has been closed meanwhile.
    """
    lock(db, case)
    if any(one.session_id == session_id and one.left_at is None for one in case.reporters):
        return False
    if case.status not in get_workflow().open:
        raise Problem(409, f"这件诉求现在是“{case.status}”，不能再加入关注")
    case.reporters.append(contact.reporter(session_id))
    case.updated_at = now
    number = len(case.reporters)
    actor = Actor("resident", session_id, "resident")
    row = record(db, case, "加入关注", actor, now, before={}, after={"reporter": number}, note=words)
    emit(db, "case.changed", {"case_no": case.no, "action": "加入关注", "seq": row.seq, "reporter": number})
    db.flush()
    return True
