"""The transcript: every read and write of sessions and messages, each function one short transaction."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.cases.numbers import LOCAL
from api.chat.lines import HANS, Line, front_lines, in_script, script_of
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
from api.db import session_factory
from api.errors import Problem

HISTORY_PAGE = 200
_SCRIPT_CHARS = 4  # fewer characters do not tell in which script somebody writes


@dataclass(frozen=True)
class Incoming:
    """A message as it arrived, cleaned; ``client_id`` is the id that the resident's page gave it."""

    text: str
    client_id: str
    attachments: list[Any]


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


def token_digest(token: str) -> str:
    """Returns the form in which a bearer token is kept and looked up."""
    return hashlib.sha256(token.encode()).hexdigest()


def view(message: ChatMessage) -> dict[str, Any]:
    """Returns a message as the resident's page reads it; ``case_no`` and ``message_id`` only where there is one."""
    shown: dict[str, Any] = {
        "seq": message.seq,
        "author": message.author,
        "text": message.text,
        "quick_replies": message.quick_replies,
        "created_at": message.created_at.astimezone(LOCAL).isoformat(timespec="seconds"),
    }
    if message.case_no:
        shown["case_no"] = message.case_no
    if message.author == RESIDENT:
        shown |= {"message_id": message.client_id, "status": message.status}
    return shown


def new_draft(db: Session, session: ChatSession, now: datetime) -> str:
    """Starts the next appeal of a conversation and returns its id."""
    draft = Draft(id=secrets.token_hex(16), session_id=session.id, last_message_at=now, created_at=now)
    db.add(draft)
    session.draft_id = draft.id
    return draft.id


def append(
    db: Session,
    session: ChatSession,
    author: str,
    lines: Sequence[Line],
    now: datetime,
    *,
    reply_to: int | None = None,
    draft_id: str | None = None,
) -> list[ChatMessage]:
    """Adds lines to the transcript, in the caller's transaction, the bot's in the resident's script."""
    if not lines:
        return []
    raised = update(ChatSession).where(ChatSession.id == session.id).values(last_seq=ChatSession.last_seq + len(lines))
    last = db.execute(raised.returning(ChatSession.last_seq).execution_options(synchronize_session=False)).scalar_one()
    # What a resident or a colleague typed stays as typed.
    said = [in_script(line, session.script) if author == BOT else line for line in lines]
    rows = []
    for seq, line in enumerate(said, last - len(said) + 1):
        rows.append(
            ChatMessage(
                session_id=session.id,
                seq=seq,
                author=author,
                text=line.text,
                quick_replies=line.quick_replies,
                case_no=line.case_no,
                reply_to=reply_to,
                draft_id=draft_id,
                created_at=now,
            )
        )
    db.add_all(rows)
    db.flush()
    return rows


def open_session(now: datetime) -> tuple[str, str, list[dict[str, Any]]]:
    """Opens a conversation; returns its id, its token (kept nowhere) and the greeting."""
    token = secrets.token_urlsafe(32)
    with session_factory().begin() as db:
        session = ChatSession(
            id=secrets.token_hex(16),
            token_hash=token_digest(token),
            state=BOT,
            script=HANS,
            last_seq=0,
            created_at=now,
            last_seen_at=now,
        )
        session.draft_id = secrets.token_hex(16)
        db.add(session)
        db.flush()
        new_draft(db, session, now)
        greeting = append(db, session, BOT, front_lines().greet(), now)
        return session.id, token, [view(row) for row in greeting]


def find_session(db: Session, digest: str) -> ChatSession:
    """Returns the conversation of a token; raises ``Problem`` 401 for any other."""
    session = db.scalar(select(ChatSession).where(ChatSession.token_hash == digest))
    if session is None:
        raise Problem(401, front_lines().errors.session, {"WWW-Authenticate": "Bearer"})
    return session


def know(digest: str) -> str:
    """Returns the script of the conversation of a token; raises ``Problem`` 401 when there is none."""
    with session_factory()() as db:
        return find_session(db, digest).script


def history(digest: str, after: int) -> dict[str, Any]:
    """Returns ``{state, messages, more}``: the page of the transcript that follows number ``after``."""
    with session_factory()() as db:
        session = find_session(db, digest)
        query = select(ChatMessage).where(ChatMessage.session_id == session.id, ChatMessage.seq > after)
        rows = db.scalars(query.order_by(ChatMessage.seq).limit(HISTORY_PAGE + 1)).all()
        shown = [view(row) for row in rows[:HISTORY_PAGE]]
        return {"state": session.state, "messages": shown, "more": len(rows) > HISTORY_PAGE}


def receive(digest: str, incoming: Incoming, now: datetime) -> Receipt:
    """Stores a message before anybody is asked; the same ``client_id`` is stored once and answered once.

    Raises:
        Problem: 401 when the token opens no conversation.
    """
    try:
        with session_factory().begin() as db:
            return _receive(db, digest, incoming, now)
    except IntegrityError:
        # Without Redis another process may have stored the same message in between: now it is found.
        with session_factory().begin() as db:
            return _receive(db, digest, incoming, now)


def _receive(db: Session, digest: str, incoming: Incoming, now: datetime) -> Receipt:
    session = find_session(db, digest)
    message = db.scalar(
        select(ChatMessage).where(ChatMessage.session_id == session.id, ChatMessage.client_id == incoming.client_id)
    )
    if message is not None and message.status != PENDING:
        given = select(ChatMessage).where(ChatMessage.session_id == session.id, ChatMessage.reply_to == message.seq)
        answers = [view(row) for row in db.scalars(given.order_by(ChatMessage.seq))]
        return Receipt(session.id, session.state, message.seq, session.draft_id, answers, [])
    if message is None:
        message = _store(db, session, incoming, now)
    waiting = _waiting(db, session)
    answers: list[dict[str, Any]] | None = None
    if session.state == PERSON:
        # Staff read everything in the transcript, so nothing waits for the bot any more.
        _mark(db, [one.id for one in waiting], ANSWERED)
        answers, waiting = [], []
    elif not waiting:
        done = append(db, session, BOT, [Line(front_lines().nothing_to_retry)], now, reply_to=message.seq)
        answers = [view(row) for row in done]
    return Receipt(session.id, session.state, message.seq, session.draft_id, answers, waiting)


def _store(db: Session, session: ChatSession, incoming: Incoming, now: datetime) -> ChatMessage:
    draft = db.get(Draft, session.draft_id)
    if draft is not None:
        draft.last_message_at = now
        if draft.case_no:  # filed while the answer was lost: what comes now begins another appeal
            new_draft(db, session, now)
    session.last_seen_at = now
    if len(incoming.text) >= _SCRIPT_CHARS:
        session.script = script_of(incoming.text)
    retry = incoming.text in (front_lines().retry, in_script(Line(front_lines().retry), "hant").text)
    message = append(db, session, RESIDENT, [Line(incoming.text)], now, draft_id=session.draft_id)[0]
    message.client_id = incoming.client_id
    message.attachments = incoming.attachments
    message.status = ANSWERED if retry else PENDING
    db.flush()
    return message


def _waiting(db: Session, session: ChatSession) -> list[Waiting]:
    query = (
        select(ChatMessage, Draft.case_no)
        .outerjoin(Draft, Draft.id == ChatMessage.draft_id)
        .where(ChatMessage.session_id == session.id, ChatMessage.status == PENDING)
        .order_by(ChatMessage.seq)
    )
    return [
        Waiting(row.id, row.seq, row.draft_id or "", row.text, len(row.attachments), row.attempts, case_no)
        for row, case_no in db.execute(query)
    ]


def _mark(db: Session, ids: Sequence[int], status: str, draft_id: str | None = None) -> int:
    if not ids:
        return 0
    values = {"status": status} | ({"draft_id": draft_id} if draft_id else {})
    waiting = update(ChatMessage).where(ChatMessage.id.in_(ids), ChatMessage.status == PENDING).values(**values)
    marked = db.execute(waiting.returning(ChatMessage.id).execution_options(synchronize_session=False))
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
