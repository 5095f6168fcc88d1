"""Whose case it is: filed in this conversation, or proven in it by case number and phone."""

import re
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CompoundSelect, func, or_, select
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.models import Case, CaseHistory, Reporter
from api.cases.public_words import public_summary
from api.cases.reporters import acting, may_read, number_of
from api.chat.models import ChatLookup, Draft
from api.crypto import mask_numbers
from api.errors import Problem

WINDOW = timedelta(hours=1)
MAX_FAILURES = 5
"""Failed proofs in an hour, for one conversation and for one case: four digits must not be guessed."""

LOOKED_BACK = 50
"""Notes looked through for the last one that a reporter may read."""

_NOT_FOUND = "没有查到：编号和预留手机号后四位要都对得上，请核对后再试"


def owned_ids(session_id: str) -> CompoundSelect[int]:
    """Returns the query for the ids of a conversation's cases: filed or joined in it, or proven."""
    proven = select(ChatLookup.case_no).where(ChatLookup.session_id == session_id, ChatLookup.proven.is_(True))
    own = select(Reporter.case_id).where(Reporter.session_id == session_id)
    return own.union(select(Case.id).where(Case.no.in_(proven)))


def owned_cases(db: Session, session_id: str, limit: int = 20) -> list[Case]:
    """Returns the cases of a conversation, newest first."""
    query = select(Case).where(Case.id.in_(owned_ids(session_id))).order_by(Case.created_at.desc(), Case.id.desc())
    return list(db.scalars(query.limit(limit)))


def owned_case(db: Session, session_id: str, case_no: str) -> Case:
    """Returns one case of a conversation; raises ``Problem`` 404 for any other, whether it exists or not."""
    case = db.scalar(select(Case).where(Case.no == normal_number(case_no), Case.id.in_(owned_ids(session_id))))
    if case is None:
        raise Problem(404, "没有查到这个编号的诉求")
    return case


def reporter_of(db: Session, session_id: str, case: Case) -> Reporter:
    """Returns as which of its reporters a conversation has a case: by filing or joining it, or by the phone proven."""
    if any(one.session_id == session_id for one in case.reporters):
        return acting(case, Actor("resident", session_id, "resident"), None)
    proven = select(ChatLookup.reporter_id).where(
        ChatLookup.session_id == session_id, ChatLookup.case_no == case.no, ChatLookup.proven.is_(True)
    )
    shown = db.scalar(proven.order_by(ChatLookup.id.desc()).limit(1))
    return next((one for one in case.reporters if one.id == shown), case.reporter)


def normal_number(text: str) -> str:
    """Returns a case number as it is kept: ``lx20261124 00012`` becomes ``LX20261124-00012``."""
    found = re.fullmatch(r"LX(\d{8})\D?(\d{5,})", re.sub(r"\s", "", text.upper().replace("—", "-")))
    return f"LX{found[1]}-{found[2]}" if found else text[:20]


def prove(db: Session, draft: Draft, case_no: str, phone_last4: str, now: datetime) -> Case | None:
    """Opens a case to the conversation when the last four digits of a reporter's phone fit.

    The attempt is counted in the caller's transaction, so the caller commits also when None comes back.

    Returns:
        the case, or None when number or phone are wrong: ``not_found`` says so in one wording for both.

    Raises:
        Problem: 429 after 5 failures in an hour.
    """
    number = normal_number(case_no)
    same = or_(ChatLookup.session_id == draft.session_id, ChatLookup.case_no == number)
    failures = select(func.count()).where(same, ChatLookup.proven.is_(False), ChatLookup.at > now - WINDOW)
    if (db.scalar(failures) or 0) >= MAX_FAILURES:
        seconds = str(int(WINDOW.total_seconds()))
        raise Problem(429, "核对失败次数太多，请一小时后再试，或拨打 12345 查询", {"Retry-After": seconds})
    case = db.scalar(select(Case).where(Case.no == number))
    digits = re.sub(r"\D", "", phone_last4)
    fits = [one for one in case.reporters if _ends(one.phone, digits)] if case and len(digits) == 4 else []
    whose = fits[0].id if fits else None
    db.add(ChatLookup(session_id=draft.session_id, case_no=number, proven=bool(fits), reporter_id=whose, at=now))
    return case if fits else None


def _ends(phone: str | None, digits: str) -> bool:
    return bool(phone) and re.sub(r"\D", "", phone or "").endswith(digits)


def not_found() -> Problem:
    """Returns the one answer to a wrong number and to a wrong phone."""
    return Problem(404, _NOT_FOUND)


def item(db: Session, case: Case, session_id: str) -> dict[str, Any]:
    """Returns what a resident hears of their case: no names, no numbers, no notes between staff.

    Who joined a case that somebody else filed hears nothing that was said by or to the others.
    """
    reporter = reporter_of(db, session_id, case)
    number = number_of(case, reporter)
    return {
        "case_no": case.no,
        "status": "已撤回" if reporter.left_at else case.status,
        "category": case.category,
        "urgency": case.urgency,
        "department": case.department,
        "summary": case.description[:60] if number == 1 else public_summary(case),
        "created_at": case.created_at.isoformat(),
        "due_at": case.due_at.isoformat(),
        "last_note": _last_note(db, case, number),
        "followers": case.followers,
        "related": _related(db, case, session_id) if number == 1 else [],
    }


def _last_note(db: Session, case: Case, number: int) -> str | None:
    told = select(CaseHistory).where(
        CaseHistory.case_id == case.id, CaseHistory.public.is_(True), CaseHistory.note.is_not(None)
    )
    rows = db.scalars(told.order_by(CaseHistory.seq.desc()).limit(LOOKED_BACK))
    note = next((row.note for row in rows if may_read(row, number)), None)
    return note if number == 1 or note is None else mask_numbers(note)


def _related(db: Session, case: Case, session_id: str) -> list[str]:
    if case.group is None:
        return []
    same = select(Case.no).where(Case.group == case.group, Case.id != case.id, Case.id.in_(owned_ids(session_id)))
    return list(db.scalars(same.order_by(Case.id)))
