"""The transcript: sessions and their numbered lines."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Integer, bindparam, select, update
from sqlalchemy.orm import Session

from api.cases.numbers import LOCAL
from api.chat.lines import HANS, Line, front_lines, in_script
from api.chat.models import (
    BOT,
    RESIDENT,
    WEB,
    ChatMessage,
    ChatSession,
    Draft,
)
from api.db import session_factory
from api.errors import Problem
from api.outbox.models import emit

HISTORY_PAGE = 200


_DRAW = (
    update(ChatSession)
    .where(ChatSession.id == bindparam("session"))
    .values(last_seq=ChatSession.last_seq + bindparam("count", type_=Integer), last_seen_at=bindparam("now"))
    .returning(ChatSession.last_seq)
    .execution_options(synchronize_session=False)
)


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
        shown |= {"message_id": message.client_id, "status": message.status, "photos": len(message.attachments) or None}
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
    first = draw_numbers(db, session, len(lines), now)
    # What a resident or a colleague typed stays as typed.
    said = [in_script(line, session.script) if author == BOT else line for line in lines]
    rows = []
    for seq, line in enumerate(said, first):
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
        if session.channel != WEB and reply_to is None:
            emit(db, "chat.said", {"session_id": session.id, "seq": seq})
    db.add_all(rows)
    db.flush()
    return rows


def draw_numbers(db: Session, session: ChatSession, count: int, now: datetime) -> int:
    """Draws ``count`` message numbers, race-free on both databases; returns the first."""
    drawn = db.execute(_DRAW, {"session": session.id, "count": count, "now": now})
    return int(drawn.scalar_one()) - count + 1


def open_session(now: datetime) -> tuple[str, str, list[dict[str, Any]]]:
    """Opens a conversation; returns its id, its token (kept nowhere) and the greeting."""
    token = secrets.token_urlsafe(32)
    with session_factory().begin() as db:
        session = start(db, token_digest(token), now)
        greeting = append(db, session, BOT, front_lines().greet(), now)
        return session.id, token, [view(row) for row in greeting]


def start(db: Session, digest: str, now: datetime, channel: str = WEB) -> ChatSession:
    """Adds a conversation that the token of ``digest`` opens, in the caller's transaction."""
    session = ChatSession(
        id=secrets.token_hex(16),
        token_hash=digest,
        state=BOT,
        channel=channel,
        script=HANS,
        last_seq=0,
        created_at=now,
        last_seen_at=now,
    )
    session.draft_id = secrets.token_hex(16)
    db.add(session)
    db.flush()
    new_draft(db, session, now)
    return session


def find_session(db: Session, digest: str) -> ChatSession:
    """Returns the conversation of a token; raises ``Problem`` 401 for any other."""
    session = db.scalar(select(ChatSession).where(ChatSession.token_hash == digest))
    if session is None:
        raise unknown_session()
    return session


def unknown_session() -> Problem:
    """Returns the answer to a token that opens nothing."""
    return Problem(401, front_lines().errors.session, {"WWW-Authenticate": "Bearer"})


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
