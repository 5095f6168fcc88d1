"""What comes in and what answers it: each function is one short transaction around the bot's turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.chat import attachments
from api.chat.enclosures import Position
from api.chat.lines import HANT, Line, front_lines, in_script, script_of
from api.chat.location import Where
from api.chat.models import (
    ANSWERED,
    BOT,
    FAILED,
    PENDING,
    PERSON,
    RESIDENT,
    WANTS_PERSON,
    ChatMessage,
    ChatSession,
    Draft,
)
from api.chat.store import append, draw_numbers, new_draft, unknown_session, view
from api.db import session_factory


@dataclass(frozen=True)
class Incoming:
    """A message as it arrived, cleaned.

    Attributes:
        text: what was said; may be empty beside photos.
        client_id: the id that the resident's page gave the message.
        attachments: ids of uploaded photos, each once.
        where: where the device was, when the resident shared it.
    """

    text: str
    client_id: str
    attachments: list[str]
    where: Where | None = None


@dataclass(frozen=True)
class Waiting:
    """A stored message that the bot has not answered; ``filed`` is the case that its draft has meanwhile become."""

    id: int
    seq: int
    draft_id: str
    text: str
    attachments: int
    attempts: int
    filed: str | None


@dataclass(frozen=True)
class Receipt:
    """What became of an incoming message.

    Attributes:
        session_id: its conversation.
        state: who speaks in it.
        seq: number of the message.
        draft_id: the draft to go on with.
        answers: the final answer, when there is nothing to ask the bot.
        waiting: what to ask the bot, oldest first.
    """

    session_id: str
    state: str
    seq: int
    draft_id: str
    answers: list[dict[str, Any]] | None
    waiting: list[Waiting]


# Every statement is part of the resident's wait. Those of an ordinary message are built once: putting one together
# takes SQLAlchemy longer than SQLite needs to run it.
_WITH_DRAFT = (
    select(ChatSession, Draft)
    .join(Draft, Draft.id == ChatSession.draft_id)
    .where(ChatSession.token_hash == bindparam("digest"))
)
_SAME_OR_WAITING = (
    select(ChatMessage, Draft.case_no)
    .outerjoin(Draft, Draft.id == ChatMessage.draft_id)
    .where(ChatMessage.session_id == bindparam("session"))
    .where(or_(ChatMessage.client_id == bindparam("client"), ChatMessage.status == PENDING))
    .order_by(ChatMessage.seq)
)
_MARK = (
    update(ChatMessage)
    .where(ChatMessage.id.in_(bindparam("ids", expanding=True)), ChatMessage.status == PENDING)
    .values(status=bindparam("to"))
    .returning(ChatMessage.id)
    .execution_options(synchronize_session=False)
)
_MARK_WITH_DRAFT = _MARK.values(draft_id=bindparam("draft"))


def receive(digest: str, incoming: Incoming, now: datetime) -> Receipt:
    """Stores a message before anybody is asked; the same ``client_id`` is stored once and answered once.

    Raises:
        Problem: 401 when the token opens no conversation, 404 or 409 when its photos cannot be sent.
    """
    try:
        with session_factory().begin() as db:
            return _receive(db, digest, incoming, now)
    except IntegrityError:
        # Without Redis another process may have stored the same message in between: now it is found.
        with session_factory().begin() as db:
            return _receive(db, digest, incoming, now)


def _receive(db: Session, digest: str, incoming: Incoming, now: datetime) -> Receipt:
    session, draft = _find_with_draft(db, digest)
    found = _same_or_waiting(db, session, incoming.client_id)
    message = next((row for row, _case_no in found if row.client_id == incoming.client_id), None)
    if message is not None and message.status != PENDING:
        given = select(ChatMessage).where(ChatMessage.session_id == session.id, ChatMessage.reply_to == message.seq)
        stored = [view(row) for row in db.scalars(given.order_by(ChatMessage.seq))]
        return Receipt(session.id, session.state, message.seq, session.draft_id, stored, [])
    if message is None:
        message = _store(db, session, draft, incoming, now)
        found.append((message, None))
    waiting = [_waiting(row, case_no) for row, case_no in found if row.status == PENDING]
    answers: list[dict[str, Any]] | None = None
    if session.state == PERSON:
        # Staff read everything in the transcript, so nothing waits for the bot any more.
        _mark(db, [one.id for one in waiting], ANSWERED)
        answers, waiting = [], []
    elif not waiting:
        done = append(db, session, BOT, [Line(front_lines().nothing_to_retry)], now, reply_to=message.seq)
        answers = [view(row) for row in done]
    return Receipt(session.id, session.state, message.seq, session.draft_id, answers, waiting)


def _find_with_draft(db: Session, digest: str) -> tuple[ChatSession, Draft]:
    row = db.execute(_WITH_DRAFT, {"digest": digest}).one_or_none()
    if row is None:
        raise unknown_session()
    return row[0], row[1]


def _same_or_waiting(db: Session, session: ChatSession, client_id: str) -> list[tuple[ChatMessage, str | None]]:
    rows = db.execute(_SAME_OR_WAITING, {"session": session.id, "client": client_id})
    return [(row, case_no) for row, case_no in rows]


def _store(db: Session, session: ChatSession, draft: Draft, incoming: Incoming, now: datetime) -> ChatMessage:
    if draft.case_no:  # filed while the answer was lost: what comes now begins another appeal
        new_draft(db, session, now)
    else:
        draft.last_message_at = now
    session.script = script_of(incoming.text, session.script)
    retry = incoming.text in (front_lines().retry, in_script(Line(front_lines().retry), HANT).text)
    message = ChatMessage(
        session_id=session.id,
        seq=draw_numbers(db, session, 1, now),
        author=RESIDENT,
        text=incoming.text,
        quick_replies=[],
        attachments=incoming.attachments,
        client_id=incoming.client_id,
        status=ANSWERED if retry else PENDING,
        attempts=0,
        draft_id=session.draft_id,
        created_at=now,
    )
    db.add(message)
    db.flush()
    attachments.send(db, message, incoming.attachments)
    if incoming.where:
        db.add(Position(message_id=message.id, value=incoming.where.as_json()))
    return message


def _waiting(row: ChatMessage, case_no: str | None) -> Waiting:
    return Waiting(row.id, row.seq, row.draft_id or "", row.text, len(row.attachments), row.attempts, case_no)


def _mark(db: Session, ids: Sequence[int], status: str, draft_id: str | None = None) -> int:
    if not ids:
        return 0
    given = {"ids": ids, "to": status}
    marked = db.execute(_MARK_WITH_DRAFT, given | {"draft": draft_id}) if draft_id else db.execute(_MARK, given)
    return len(marked.all())


def settle(
    session_id: str, ids: Sequence[int], lines: list[Line], now: datetime, *, reply_to: int, draft_id: str, done: bool
) -> tuple[str, list[dict[str, Any]]]:
    """Stores the answer to waiting messages and, when the appeal is finished, starts the next draft.

    Returns:
        the draft to go on with, and the lines as stored: none when another turn has settled the messages already.
    """
    with session_factory().begin() as db:
        session = db.get_one(ChatSession, session_id)
        if not _mark(db, ids, ANSWERED, draft_id):
            return session.draft_id, []
        rows = append(db, session, BOT, lines, now, reply_to=reply_to, draft_id=draft_id)
        if done and session.draft_id == draft_id:
            new_draft(db, session, now)
        return session.draft_id, [view(row) for row in rows]


def give_up(session_id: str, waiting: Waiting, reply_to: int, now: datetime) -> list[dict[str, Any]]:
    """Hands a message that the bot can never answer to a person, so that it blocks nothing; returns what to say."""
    with session_factory().begin() as db:
        session = db.get_one(ChatSession, session_id)
        _mark(db, [waiting.id], FAILED)
        if session.state == BOT:
            session.state, session.wants_person_at = WANTS_PERSON, now
        return [view(row) for row in append(db, session, BOT, [Line(front_lines().gave_up)], now, reply_to=reply_to)]
