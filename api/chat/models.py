"""Tables of the conversation. The API owns it, so that a turn outlives a dead Rasa and a person can take over."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.columns import Names, UtcDateTime
from api.crypto import EncryptedText
from api.db import Base

BOT, PERSON, WANTS_PERSON = "bot", "person", "wants_person"
RESIDENT, STAFF = "resident", "staff"
WEB = "web"
PENDING, ANSWERED, FAILED = "pending", "answered", "failed"


class ChatSession(Base):
    """One conversation. ``token_hash`` (SHA-256 of the bearer token) is the only way in.

    Attributes:
        state: who speaks: ``bot``, ``person`` (the bot is silent), or ``wants_person`` (asked for, the bot goes on).
        draft_id: id of the current draft, which is the sender id that Rasa knows.
        channel: ``web``, whose page fetches what is said, or another, to which it is brought; the source of its cases.
        script: ``hans`` or ``hant``: the script in which the resident writes and is answered.
        last_seq: highest message number given out; raised by UPDATE so that two writers never share one.
        staff_id: who took the conversation over.
    """

    __tablename__ = "chat_sessions"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    state: Mapped[str] = mapped_column(String(16), default=BOT, index=True)
    draft_id: Mapped[str] = mapped_column(String(32))
    channel: Mapped[str] = mapped_column(String(16), default=WEB, server_default=WEB)
    script: Mapped[str] = mapped_column(String(4), default="hans")
    last_seq: Mapped[int] = mapped_column(default=0)
    staff_id: Mapped[str | None] = mapped_column(String(64))
    human_reason: Mapped[str | None] = mapped_column(EncryptedText)
    wants_person_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ChatMessage(Base):
    """One line of the transcript, numbered within its session.

    Attributes:
        client_id: the id that the resident's page gave the message; sending it again never runs it twice.
        status: ``pending`` until the bot has answered, ``failed`` when it never will; bot and staff lines are answered.
        attempts: how often the bot refused it; a message that nothing can answer must not block the rest for ever.
        reply_to: number of the resident's message that this line answers; empty for a line pushed by itself.
        draft_id: draft (and Rasa sender) to which the message belonged.
    """

    __tablename__ = "chat_messages"
    __table_args__ = (
        UniqueConstraint("session_id", "seq"),
        UniqueConstraint("session_id", "client_id", name="uq_chat_messages_client_id"),
        Index("ix_chat_messages_pending", "session_id", "status"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("chat_sessions.id", ondelete="CASCADE"))
    seq: Mapped[int]
    author: Mapped[str] = mapped_column(String(8))
    text: Mapped[str] = mapped_column(EncryptedText)
    quick_replies: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    attachments: Mapped[list[Any]] = mapped_column(JSON, default=list)
    case_no: Mapped[str | None] = mapped_column(String(20))
    client_id: Mapped[str | None] = mapped_column(String(64))
    status: Mapped[str] = mapped_column(String(8), default=ANSWERED)
    attempts: Mapped[int] = mapped_column(default=0)
    reply_to: Mapped[int | None]
    draft_id: Mapped[str | None] = mapped_column(String(32), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Draft(Base):
    """What is known so far of one appeal; its id is Rasa's sender id and the idempotency key of the filing.

    Attributes:
        known: encrypted JSON of ``description, place_text, phone, name, anonymous`` as the action server last sent it.
        emergency_at: when it first looked like a threat to life; set once, rings the duty officer once.
        case_no: the case it became, or joined.
        offered: the cases of others that were shown to the resident as the same matter; only these may be joined.
    """

    __tablename__ = "chat_drafts"
    __table_args__ = (Index("ix_chat_drafts_silent", "emergency_at", "case_no"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("chat_sessions.id", ondelete="CASCADE"), index=True)
    known: Mapped[str | None] = mapped_column(EncryptedText)
    emergency_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    emergency_number: Mapped[str | None] = mapped_column(String(3))
    case_no: Mapped[str | None] = mapped_column(String(20), index=True)
    offered: Mapped[list[str]] = mapped_column(Names, default=list, server_default="")
    last_message_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


class ChatLookup(Base):
    """One attempt to prove ownership of a case by its phone; the proven ones open the case to the session."""

    __tablename__ = "chat_lookups"
    __table_args__ = (
        Index("ix_chat_lookups_session", "session_id", "at"),
        Index("ix_chat_lookups_case", "case_no", "at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("chat_sessions.id", ondelete="CASCADE"))
    case_no: Mapped[str] = mapped_column(String(20))
    proven: Mapped[bool]
    # Whose phone it was: the resident acts as this reporter of the case.
    reporter_id: Mapped[int | None]
    at: Mapped[datetime] = mapped_column(UtcDateTime)
