"""Tables of orders and of what each unit owes: one row a unit that got one."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.columns import UtcDateTime
from api.crypto import EncryptedText
from api.db import Base

PREFIX = "ZL"


class Order(Base):
    """One order (指令).

    Attributes:
        idempotency_key: the same key issues the same order.
        issuer: path of the unit that issued it, see ``api.orders.units``.
        issued_by: account id.
        due_at: by when the units that the issuer chose give their receipt.
    """

    __tablename__ = "orders"

    id: Mapped[int] = mapped_column(primary_key=True)
    idempotency_key: Mapped[str | None] = mapped_column(String(64), unique=True)
    title: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(EncryptedText)
    level: Mapped[str] = mapped_column(String(8))
    issuer: Mapped[str] = mapped_column(String(200), index=True)
    issued_by: Mapped[str] = mapped_column(String(36))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)

    receipts: Mapped[list["OrderReceipt"]] = relationship(back_populates="order", viewonly=True)

    @property
    def no(self) -> str:
        """The number by which people name it."""
        return f"{PREFIX}{self.id:06d}"


class OrderReceipt(Base):
    """What one unit owes for one order, and what it has answered.

    Attributes:
        path: the unit.
        parent_id: the receipt of the unit that passed the order down; empty for those that the issuer chose.
        note: what whoever passed it down added for this unit.
        words: the answer.
        photo_id: a photo with the answer.
        reminded_at: when it was found overdue and reminded of, once.
    """

    __tablename__ = "order_receipts"
    __table_args__ = (
        UniqueConstraint("order_id", "path", name="uq_order_receipts_unit"),
        # The overdue of each minute: only what nobody has answered or reminded of.
        Index("ix_order_receipts_open", "done_at", "reminded_at", "due_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    order_id: Mapped[int] = mapped_column(ForeignKey("orders.id"))
    path: Mapped[str] = mapped_column(String(200), index=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("order_receipts.id"))
    sent_by: Mapped[str] = mapped_column(String(36))
    sent_at: Mapped[datetime] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
    note: Mapped[str | None] = mapped_column(EncryptedText)
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    read_by: Mapped[str | None] = mapped_column(String(36))
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    done_by: Mapped[str | None] = mapped_column(String(36))
    words: Mapped[str | None] = mapped_column(EncryptedText)
    photo_id: Mapped[str | None] = mapped_column(ForeignKey("attachments.id"), index=True)
    reminded_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    order: Mapped[Order] = relationship(back_populates="receipts")
