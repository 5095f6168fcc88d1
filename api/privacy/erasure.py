"""Erasing persons from what is kept: facts and history stay, and the chain of the history still holds."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import ColumnElement, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.deps import Actor
from api.cases.audit import ERASED
from api.cases.history import record, unguarded
from api.cases.models import Case, CaseHistory, Reporter, TriageFeedback
from api.cases.moves import lock
from api.cases.workflow import get_workflow
from api.chat.enclosures import Attachment, Position
from api.chat.models import WEB, ChatLookup, ChatMessage, ChatSession, Draft
from api.crypto import phone_indexes
from api.curation.models import CurationItem
from api.privacy.rekey import renew_chain
from api.privacy.retention import Retention

BATCH = 200
GONE = "（已清除）"


@dataclass
class Erased:
    """What an erasure on request did.

    Attributes:
        cases: numbers of the cases from which the person was erased.
        waiting: numbers of their cases that are still open: they need the number until they are over.
        drafts: how many unfiled drafts of theirs were deleted.
    """

    cases: list[str] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)
    drafts: int = 0


def erase_due(sessions: sessionmaker[Session], now: datetime, rules: Retention, actor: Actor) -> int:
    """Erases the persons of cases that ended too long ago, each in a transaction of its own; returns how many."""
    ended = func.coalesce(Case.closed_at, Case.updated_at) < now - rules.closed
    due = (Case.status.in_(get_workflow().final), Case.erased_at.is_(None), ended)
    erased = 0
    while True:
        with sessions() as db:
            ids = list(db.scalars(select(Case.id).where(*due).order_by(Case.id).limit(BATCH)))
        if not ids:
            return erased
        for case_id in ids:
            with sessions.begin() as db:
                erase_case(db, db.get_one(Case, case_id), now, actor, "保存期限已满")
            erased += 1


def erase_phone(sessions: sessionmaker[Session], phone: str, now: datetime, actor: Actor) -> Erased:
    """Erases the person with this phone number from every case that is over, on request."""
    done = Erased()
    with sessions() as db:
        theirs = select(Reporter.case_id).where(Reporter.phone_index.in_(phone_indexes(phone)))
        ids = list(db.scalars(select(Case.id).where(Case.id.in_(theirs)).order_by(Case.id)))
    for case_id in ids:
        with sessions.begin() as db:
            case = db.get_one(Case, case_id)
            if case.status in get_workflow().open:
                done.waiting.append(case.no)
                continue
            own = [one for one in case.reporters if one.phone_index in phone_indexes(phone)]
            if len(own) == len(case.reporters):
                erase_case(db, case, now, actor, "本人申请")
            else:
                _erase_reporters(db, case, own, now, actor)
            done.cases.append(case.no)
    with sessions.begin() as db:
        done.drafts = _erase_drafts(db, phone)
    return done


def erase_case(db: Session, case: Case, now: datetime, actor: Actor, why: str) -> None:
    """Takes everybody's names, numbers, words and photos out of a case; flushes, committing is the caller's."""
    lock(db, case)
    told = [one for one in (case.session_id, *(each.session_id for each in case.reporters)) if one]
    _forget_reporters(case.reporters)
    case.description, case.description_sealed = f"（{case.subcategory}，原文已清除）", None
    case.place_text = case.answer = case.embedding = None
    case.session_id = case.idempotency_key = case.group = None
    db.execute(update(TriageFeedback).where(TriageFeedback.case_id == case.id).values(reason=GONE))
    db.execute(update(Attachment).where(Attachment.case_id == case.id).values(case_id=None))
    _erase_talk(db, or_(Draft.case_no == case.no, Draft.id == case.draft_id))
    _forget_items(db, [f"case:{case.no}"])
    case.draft_id, case.erased_at = None, now
    _erase_notes(db, case, [row.seq for row in case.history if row.note], now, actor, why)
    db.flush()
    _forget_sessions(db, ChatSession.id.in_(told))


def _erase_reporters(db: Session, case: Case, own: list[Reporter], now: datetime, actor: Actor) -> None:
    """Takes some of several reporters out of a case, with what they said and what was said to them."""
    lock(db, case)
    numbers = {case.reporters.index(one) + 1 for one in own}
    told = [one.session_id for one in own if one.session_id]
    spoken = [
        row.seq
        for row in case.history
        if row.note and (row.actor_id in told or row.after.get("reporter", 0) in numbers)
    ]
    _forget_reporters(own)
    # The filer's own words stay masked for the others; what was sealed of them goes.
    case.description_sealed = None if 1 in numbers else case.description_sealed
    _erase_talk(db, and_(Draft.session_id.in_(told), or_(Draft.case_no == case.no, Draft.id == case.draft_id)))
    _erase_notes(db, case, spoken, now, actor, "本人申请")


def _forget_reporters(reporters: Iterable[Reporter]) -> None:
    for one in reporters:
        one.name = one.phone = one.phone_index = one.session_id = None


def _erase_notes(db: Session, case: Case, numbers: list[int], now: datetime, actor: Actor, why: str) -> None:
    """Takes the notes out of rows of the history; a row of its own says which, so that no other may be missing."""
    rows = db.scalars(select(CaseHistory).where(CaseHistory.case_id == case.id, CaseHistory.seq.in_(numbers))).all()
    if any(row.note_digest is None for row in rows):
        # From before there were digests: chained with the notes themselves.
        renew_chain(db, case)
    with unguarded(db):
        for row in rows:
            row.note = None
    record(db, case, "清除个人信息", actor, now, before={}, after={ERASED: numbers}, note=why)


def _erase_talk(db: Session, which: ColumnElement[bool]) -> None:
    """Deletes drafts with all that was said and shown in them. The files of the photos go with the hourly sweep."""
    drafts = list(db.scalars(select(Draft.id).where(which)))
    messages = select(ChatMessage.id).where(ChatMessage.draft_id.in_(drafts))
    _delete_messages(db, list(db.scalars(messages)))
    db.execute(delete(Draft).where(Draft.id.in_(drafts)))


def _delete_messages(db: Session, ids: list[int]) -> None:
    db.execute(delete(Attachment).where(Attachment.message_id.in_(ids)))
    db.execute(delete(Position).where(Position.message_id.in_(ids)))
    db.execute(delete(ChatMessage).where(ChatMessage.id.in_(ids)))
    _forget_items(db, [f"message:{one}" for one in ids])


def _forget_items(db: Session, origins: list[str]) -> None:
    """Deletes from the trainers' queue what was made of erased words."""
    for item in db.scalars(select(CurationItem).where(CurationItem.origin.in_(origins))):
        db.delete(item)


def _erase_drafts(db: Session, phone: str) -> int:
    """Deletes the drafts that name this phone and became no case."""
    digits = re.sub(r"\D", "", phone)[-11:]
    unfiled = select(Draft).where(Draft.case_no.is_(None), Draft.known.is_not(None))
    found = [one.id for one in db.scalars(unfiled) if digits in re.sub(r"[\s-]", "", one.known or "")]
    _erase_talk(db, Draft.id.in_(found))
    return len(found)


def _forget_sessions(db: Session, which: ColumnElement[bool]) -> int:
    """Deletes conversations on which no case depends any more; returns how many."""
    cases = exists().where(Case.session_id == ChatSession.id)
    reporters = exists().where(Reporter.session_id == ChatSession.id)
    ids = list(db.scalars(select(ChatSession.id).where(which, ~cases, ~reporters).limit(BATCH)))
    _delete_messages(db, list(db.scalars(select(ChatMessage.id).where(ChatMessage.session_id.in_(ids)))))
    db.execute(delete(Attachment).where(Attachment.session_id.in_(ids)))
    for table in (ChatLookup, Draft):
        db.execute(delete(table).where(table.session_id.in_(ids)))
    db.execute(delete(ChatSession).where(ChatSession.id.in_(ids)))
    return len(ids)


def end_idle_chats(sessions: sessionmaker[Session], now: datetime, rules: Retention) -> int:
    """Ends the tokens of web conversations idle for too long, and deletes those that came to no case.

    Returns:
        how many tokens ended.
    """
    idle = and_(ChatSession.channel == WEB, ChatSession.last_seen_at < now - rules.chat)
    ended = 0
    with sessions.begin() as db:
        # No token has a digest with a colon.
        live = ChatSession.token_hash.not_like("ended:%")
        for one in db.scalars(select(ChatSession).where(idle, live)):
            one.token_hash = f"ended:{one.id}"
            ended += 1
    while True:
        with sessions.begin() as db:
            if not _forget_sessions(db, idle):
                return ended
