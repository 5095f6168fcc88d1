"""The table of notices."""

from datetime import datetime

from sqlalchemy import Integer, String
from sqlalchemy.orm import Mapped, mapped_column

from api.columns import Names, UtcDateTime
from api.db import Base


class Notice(Base):
    """Something that staff should look at now.

    Attributes:
        roles: the roles it is for.
        department: only handlers of this department, when set.
        unit: when set, every account of this unit of the tree (``api.orders.units``) and nobody else.
        user_id: only this account, when set; roles are nothing to it.
        seq: number of the history row that calls them.
        urgent: rings instead of waiting in the list.
        subject: what it is about: the number of a case or an order, or the id of a draft or chat session.
    """

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    roles: Mapped[list[str]] = mapped_column(Names)
    department: Mapped[str | None] = mapped_column(String(64))
    street: Mapped[str | None] = mapped_column(String(64))
    unit: Mapped[str | None] = mapped_column(String(200))
    user_id: Mapped[str | None] = mapped_column(String(36), index=True)
    seq: Mapped[int | None] = mapped_column()
    urgent: Mapped[bool] = mapped_column(default=False)
    title: Mapped[str] = mapped_column(String(200))
    subject: Mapped[str] = mapped_column(String(64))
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime, index=True)
    seen_by: Mapped[str | None] = mapped_column(String(36))
