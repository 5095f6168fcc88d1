"""Tables of staff accounts."""

from datetime import datetime
from enum import StrEnum
from uuid import uuid4

from sqlalchemy import Boolean, Integer, String
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
    """A sign-in that has not succeeded. Unknown names are counted too, so that a lock-out tells nobody who exists."""

    __tablename__ = "login_attempts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    username: Mapped[str] = mapped_column(String(64), index=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
