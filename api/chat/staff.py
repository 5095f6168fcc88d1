"""For the console and the worker: take a conversation over, speak in it, give it back, tell a resident something."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.chat.lines import Line, front_lines
from api.chat.models import BOT, PERSON, STAFF, WANTS_PERSON, ChatMessage, ChatSession
from api.chat.store import append
from api.chat.text import clean, has_words
from api.errors import Problem


def waiting(db: Session, limit: int = 100) -> list[ChatSession]:
    """Returns the conversations that wait for a person, the longest first."""
    query = select(ChatSession).where(ChatSession.state == WANTS_PERSON)
    return list(db.scalars(query.order_by(ChatSession.wants_person_at).limit(limit)))


def transcript(db: Session, session_id: str) -> list[ChatMessage]:
    """Returns every line of a conversation in order."""
    query = select(ChatMessage).where(ChatMessage.session_id == session_id)
    return list(db.scalars(query.order_by(ChatMessage.seq)))


def take_over(db: Session, session_id: str, staff_id: str, now: datetime) -> None:
    """Makes a staff member the one who speaks; the bot is silent until ``hand_back``.

    Raises:
        Problem: 404 for an unknown conversation, 409 when a colleague already speaks in it.
    """
    session = _locked(db, session_id)
    if session.state == PERSON and session.staff_id != staff_id:
        raise Problem(409, "这段对话已有同事在接待")
    if session.state != PERSON:
        session.state, session.staff_id = PERSON, staff_id
        append(db, session, BOT, [Line(front_lines().person_joined)], now)


def say(db: Session, session_id: str, staff_id: str, text: str, now: datetime) -> ChatMessage:
    """Adds a line of the staff member who has taken the conversation over.

    Raises:
        Problem: 404, 409 when somebody else or the bot speaks, 422 when there is no text.
    """
    session = _locked(db, session_id)
    if session.state != PERSON or session.staff_id != staff_id:
        raise Problem(409, "请先接入这段对话")
    if not has_words(text := clean(text)):
        raise Problem(422, "内容不能为空")
    return append(db, session, STAFF, [Line(text)], now)[0]


def hand_back(db: Session, session_id: str, now: datetime) -> None:
    """Lets the bot speak again."""
    session = _locked(db, session_id)
    if session.state != BOT:
        joined = session.state == PERSON
        session.state, session.staff_id, session.wants_person_at = BOT, None, None
        if joined:
            append(db, session, BOT, [Line(front_lines().person_left)], now)


def tell(db: Session, session_id: str, line: Line, now: datetime) -> None:
    """Pushes news into a conversation; the page picks it up by itself."""
    session = db.get(ChatSession, session_id)
    if session is not None:
        append(db, session, BOT, [line], now)


def _locked(db: Session, session_id: str) -> ChatSession:
    session = db.scalar(select(ChatSession).where(ChatSession.id == session_id).with_for_update())
    if session is None:
        raise Problem(404, "没有这段对话")
    return session
