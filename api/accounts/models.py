"""Tables of staff accounts."""

from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Boolean, ForeignKey, Index, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from api.columns import UtcDateTime, utcnow
from api.db import Base


class Role(StrEnum):
    """What a staff member does; the rights are in ``nlu_data/workflow.yml`` and ``api.accounts.scope``."""

    ADMIN = "admin"
    CLERK = "clerk"
    HANDLER = "handler"
    SUPERVISOR = "supervisor"
    GRID = "grid"
    TRAINER = "trainer"


ROLE_NAMES = {
    Role.ADMIN: "管理员",
    Role.CLERK: "受理员",
    Role.HANDLER: "承办",
    Role.SUPERVISOR: "督办",
    Role.GRID: "网格员",
    Role.TRAINER: "培训员",
}


class User(Base):
    """A staff account; an empty ``department``, ``street`` or ``community`` means no limit by it."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    username: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(64))
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(16))
    department: Mapped[str | None] = mapped_column(String(64))
    street: Mapped[str | None] = mapped_column(String(64))
    community: Mapped[str | None] = mapped_column(String(64))
    active: Mapped[bool] = mapped_column(Boolean, default=True)
    # Raised by a password change, so that tokens handed out before it die at once.
    token_version: Mapped[int] = mapped_column(Integer, default=1)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class LoginAttempt(Base):
    """A sign-in that has not succeeded. Unknown names are counted too, so that a lock-out tells nobody who exists.

    Attributes:
        source: keyed digest of the address from which it came.
    """

    __tablename__ = "login_attempts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(String(64), index=True)
    source: Mapped[str] = mapped_column(String(64), default="", server_default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class LoginEvent(Base):
    """A sign-in as the audit keeps it.

    Attributes:
        source: the address, its last part masked.
        source_index: keyed digest of the whole address: the same place is known again.
        outcome: ``success``, ``failure`` or ``locked``.
    """

    __tablename__ = "login_events"
    __table_args__ = (Index("ix_login_events_known", "username", "source_index", "outcome"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    username: Mapped[str] = mapped_column(String(64))
    source: Mapped[str] = mapped_column(String(64))
    source_index: Mapped[str] = mapped_column(String(64))
    outcome: Mapped[str] = mapped_column(String(8))


class StaffSession(Base):
    """A sign-in that lasts until it is ended, is over, or the account is switched off or gets a new password.

    Attributes:
        version: the account's ``token_version`` at the sign-in.
        kind: ``console`` or ``api``.
        agent: what the browser or program calls itself.
        source: the address, its last part masked.
        seen_at: to the minute.
        ended_by: account that ended it before its time.
    """

    __tablename__ = "staff_sessions"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid4()))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    version: Mapped[int] = mapped_column(Integer)
    kind: Mapped[str] = mapped_column(String(8))
    agent: Mapped[str] = mapped_column(String(200))
    source: Mapped[str] = mapped_column(String(64))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_by: Mapped[str | None] = mapped_column(String(36))


class ApiKey(Base):
    """A key with which a program acts as an account: with its role and scope, until it expires or is revoked.

    Attributes:
        name: what it is for.
        key_hash: SHA-256; the key itself is shown once and kept nowhere.
        last_used_at: to the hour.
    """

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    name: Mapped[str] = mapped_column(String(64))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SavedView(Base):
    """Filters of the console's queue under a name, for one member of staff.

    Attributes:
        query: the query string of the queue's address.
    """

    __tablename__ = "saved_views"
    __table_args__ = (UniqueConstraint("user_id", "name", name="uq_saved_views_name"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    name: Mapped[str] = mapped_column(String(32))
    query: Mapped[str] = mapped_column(String(2000))
