"""Conversations that want a person, as the pages read and do them; run in a thread (``Desk.run``).

A conversation is open to everybody who attends the chat until a case has come out of it; from then on to those who may
see one of its cases, less the lines in which a case out of their scope was told.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.accounts.scope import visible_cases
from api.cases.models import Case
from api.chat import staff
from api.chat.models import BOT, PERSON, RESIDENT, ChatMessage, ChatSession
from api.console.case_data import chat_line
from api.console.clock import ago
from api.console.data import CHAT_ROLES, Ticket, as_staff
from api.crypto import mask_numbers
from api.errors import Problem

STATES = {"bot": "机器人接待", "wants_person": "等人工", "person": "人工接待"}


@dataclass(frozen=True)
class Talk:
    """One conversation, opened.

    Attributes:
        state: ``bot``, ``wants_person`` or ``person``.
        mine: this staff member speaks in it.
        speaker: the name of whoever does.
        cases: numbers of the cases that came out of it, newest first.
        lines: ``{author, text, at}`` in order, numbers masked.
    """

    id: str
    state: str
    mine: bool
    speaker: str | None
    reason: str | None
    cases: list[str]
    lines: list[dict[str, str]]


def talks(ticket: Ticket, now: datetime) -> list[dict[str, Any]]:
    """Returns the conversations to look after: mine, then those that wait, the longest first, then colleagues'."""
    with as_staff(ticket) as (db, user):
        _may_chat(user)
        attended = db.scalars(select(ChatSession).where(ChatSession.state == PERSON).order_by(ChatSession.last_seen_at))
        held = list(attended)
        mine = [one for one in held if one.staff_id == user.id]
        others = [one for one in held if one.staff_id != user.id]
        found = [*mine, *staff.waiting(db), *others]
        ids = [one.id for one in found]
        shown = set(db.scalars(select(ChatSession.id).where(ChatSession.id.in_(ids), _may_open(user))))
        return [_item(db, one, user, now) for one in found if one.id in shown]


def _may_open(user: User) -> ColumnElement[bool]:
    told = exists().where(Case.session_id == ChatSession.id)
    return or_(~told, told.where(visible_cases(user)))


def _untold(db: Session, user: User, session_id: str) -> set[str]:
    """Returns the drafts of a conversation that became cases out of the scope of ``user`` only."""
    kept = select(Case.draft_id, visible_cases(user)).where(Case.session_id == session_id)
    drafts = [(draft, seen) for draft, seen in db.execute(kept) if draft]
    return {draft for draft, seen in drafts if not seen} - {draft for draft, seen in drafts if seen}


def _item(db: Session, session: ChatSession, user: User, now: datetime) -> dict[str, Any]:
    said = select(ChatMessage).where(ChatMessage.session_id == session.id, ChatMessage.author == RESIDENT)
    if hidden := _untold(db, user, session.id):
        said = said.where(or_(ChatMessage.draft_id.is_(None), ChatMessage.draft_id.not_in(hidden)))
    last = db.scalar(said.order_by(ChatMessage.seq.desc()).limit(1))
    mine = session.staff_id == user.id
    return {
        "id": session.id,
        "state": session.state,
        "mine": mine,
        "title": "我在接待" if mine else (_speaker(db, session) or STATES[session.state]),
        "since": ago(session.wants_person_at or session.last_seen_at, now),
        "last": mask_numbers(last.text)[:60] if last else "（还没有说话）",
        # Somebody spoke, and nobody has answered since.
        "unanswered": bool(last and last.seq == session.last_seq),
    }


def talk(ticket: Ticket, session_id: str) -> Talk:
    """Returns one conversation; raises ``Problem`` 404 for an unknown one."""
    with as_staff(ticket) as (db, user):
        _may_chat(user)
        session, hidden = _session(db, user, session_id), _untold(db, user, session_id)
        numbers = select(Case.no).where(Case.session_id == session_id, visible_cases(user)).order_by(Case.id.desc())
        return Talk(
            id=session.id,
            state=session.state,
            mine=session.state == PERSON and session.staff_id == user.id,
            speaker=_speaker(db, session),
            reason=mask_numbers(session.human_reason) if session.human_reason else None,
            cases=list(db.scalars(numbers)),
            lines=[chat_line(one) for one in staff.transcript(db, session_id) if one.draft_id not in hidden],
        )


def take_over(ticket: Ticket, session_id: str, now: datetime) -> None:
    """Makes this staff member the one who speaks; raises ``Problem`` 409 when a colleague does already."""
    with as_staff(ticket) as (db, user):
        _may_chat(user)
        _session(db, user, session_id)
        staff.take_over(db, session_id, user.id, now)
        db.commit()


def say(ticket: Ticket, session_id: str, text: str, now: datetime) -> None:
    """Says something to the resident; raises ``Problem`` 409 unless taken over, 422 for no text."""
    with as_staff(ticket) as (db, user):
        _may_chat(user)
        _session(db, user, session_id)
        staff.say(db, session_id, user.id, text, now)
        db.commit()


def hand_back(ticket: Ticket, session_id: str, now: datetime) -> None:
    """Lets the bot speak again; raises ``Problem`` 409 where a colleague speaks, unless a supervisor steps in."""
    with as_staff(ticket) as (db, user):
        _may_chat(user)
        session = _session(db, user, session_id)
        colleague = session.state == PERSON and session.staff_id != user.id
        if colleague and user.role not in (Role.SUPERVISOR, Role.ADMIN):
            raise Problem(409, "这段对话由同事在接待，请由同事交还")
        if session.state != BOT:
            staff.hand_back(db, session_id, now)
            db.commit()


def _may_chat(user: User) -> None:
    if user.role not in CHAT_ROLES:
        raise Problem(403, "您的岗位不接待对话")


def _session(db: Session, user: User, session_id: str) -> ChatSession:
    session = db.scalar(select(ChatSession).where(ChatSession.id == session_id, _may_open(user)))
    if session is None:
        raise Problem(404, "没有这段对话")
    return session


def _speaker(db: Session, session: ChatSession) -> str | None:
    if session.state != PERSON or not session.staff_id:
        return None
    person = db.get(User, session.staff_id)
    return person.name if person else "同事"
