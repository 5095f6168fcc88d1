"""Tables of the curation queue. What the model suggested and what people answered are never the same field."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Float, ForeignKey, Index, Integer, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from api.columns import Names, UtcDateTime
from api.crypto import EncryptedText
from api.db import Base

OPEN, THIRD, DONE, DROPPED, DOUBLE = "open", "third", "done", "dropped", "double"


class CurationItem(Base):
    """One message worth a label, personal data replaced.

    Attributes:
        origin: where it came from, once: ``case:<no>`` or ``message:<id>``.
        suggestion: what the model said; never changes.
        candidates: the likeliest classes, best first, ``{category, subcategory, probability}``.
        decided: what the clerk's override decided, where there was one.
        reasons: why it is here: names of ``api.curation.gather.REASONS``.
        pair: two persons answer it, unseen by each other.
        state: ``open``; ``third`` when the two disagree; ``done``; ``dropped`` when somebody saw a person's data in it;
            ``double`` when the same words are here or in the labelled files already: empty, so as not to look again.
        label: what holds in the end; empty until ``done``.
        rank: place in the order of expected gain, 0 first.
    """

    __tablename__ = "curation_items"
    __table_args__ = (Index("ix_curation_items_next", "state", "rank"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    origin: Mapped[str] = mapped_column(String(40), unique=True)
    text: Mapped[str] = mapped_column(EncryptedText)
    suggestion: Mapped[dict[str, Any]] = mapped_column(JSON)
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSON)
    decided: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    reasons: Mapped[list[str]] = mapped_column(Names)
    pair: Mapped[bool] = mapped_column(Boolean, default=False)
    state: Mapped[str] = mapped_column(String(8), default=OPEN)
    label: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    # Unit length, float16, by the encoder of ``embedded_by``.
    embedding: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    embedded_by: Mapped[str] = mapped_column(String(64))
    gain: Mapped[float] = mapped_column(Float, default=0.0)
    rank: Mapped[int] = mapped_column(Integer, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    responses: Mapped[list["CurationResponse"]] = relationship(
        order_by="CurationResponse.id", cascade="all, delete-orphan", back_populates="item"
    )
    comments: Mapped[list["CurationComment"]] = relationship(
        order_by="CurationComment.id", cascade="all, delete-orphan"
    )


class CurationResponse(Base):
    """What one person answered; an empty ``label`` means that they passed it over."""

    __tablename__ = "curation_responses"
    __table_args__ = (UniqueConstraint("item_id", "user_id", name="uq_curation_responses_once"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("curation_items.id", ondelete="CASCADE"))
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"), index=True)
    label: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    source: Mapped[str] = mapped_column(String(8), default="desk")
    at: Mapped[datetime] = mapped_column(UtcDateTime)

    item: Mapped[CurationItem] = relationship(back_populates="responses")


class CurationComment(Base):
    """A remark on an item."""

    __tablename__ = "curation_comments"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    item_id: Mapped[int] = mapped_column(ForeignKey("curation_items.id", ondelete="CASCADE"), index=True)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    text: Mapped[str] = mapped_column(EncryptedText)


class GateApproval(Base):
    """One account lifts the gate for one model: two are needed, see ``training.gate``.

    Attributes:
        verdict: the comparison that it knew, by content.
    """

    __tablename__ = "gate_approvals"
    __table_args__ = (UniqueConstraint("verdict", "user_id", name="uq_gate_approvals_once"),)

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    model: Mapped[str] = mapped_column(String(64))
    verdict: Mapped[str] = mapped_column(String(64))
    reasons: Mapped[list[str]] = mapped_column(JSON)
    user_id: Mapped[str] = mapped_column(ForeignKey("users.id"))
    why: Mapped[str] = mapped_column(String(500))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
