"""The outbox table and the one function that writes to it."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text, UniqueConstraint, event
from sqlalchemy.orm import Mapped, Session, mapped_column

from api.columns import UtcDateTime, utcnow
from api.db import Base


class OutboxEvent(Base):
    """A domain event that waits for delivery.

    ``delivered_at`` empty means still to do, ``next_attempt_at`` empty that nothing holds it back.
    """

    __tablename__ = "outbox"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=True)
    topic: Mapped[str] = mapped_column(String(64))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    next_attempt_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(Text)

    # What waits is found by its empty delivered_at, in order, however much was delivered before.
    __table_args__ = (Index("ix_outbox_waiting", "delivered_at", "id"),)


class Delivery(Base):
    """Something that has to reach somebody outside: a follower in 微信, another system, a phone.

    Attributes:
        sink: which function of ``api.outbox.sending`` takes it there.
        key: names it within its sink; the same key is never queued twice.
        lane: those of one lane go one at a time, oldest first.
        payload: identifiers only.
        attempts: how often it was begun.
        progress: how many parts have gone out.
        held: waits until something happens (``release``), and until ``next_attempt_at`` at most.
        outcome: how it ended; empty while it is still to do.
        last_error: name or code of the last failure.
    """

    __tablename__ = "deliveries"
    __table_args__ = (
        UniqueConstraint("sink", "key", name="uq_deliveries_key"),
        Index("ix_deliveries_waiting", "done_at", "next_attempt_at"),
        Index("ix_deliveries_lane", "lane", "done_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    sink: Mapped[str] = mapped_column(String(16))
    key: Mapped[str] = mapped_column(String(120))
    lane: Mapped[str] = mapped_column(String(120))
    payload: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    next_attempt_at: Mapped[datetime] = mapped_column(UtcDateTime)
    attempts: Mapped[int] = mapped_column(default=0)
    progress: Mapped[int] = mapped_column(default=0)
    held: Mapped[bool] = mapped_column(default=False)
    outcome: Mapped[str | None] = mapped_column(String(16))
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(64))


def emit(db: Session, topic: str, payload: dict[str, Any]) -> None:
    """Adds an event to the caller's transaction.

    Args:
        db: the session in which the change itself is made.
        topic: such as ``case.filed``.
        payload: identifiers only, never personal data: it is kept in clear.
    """
    db.add(OutboxEvent(topic=topic, payload=payload))
    db.info.setdefault("emitted", []).append((topic, payload))


# Called with (topic, payload) of what was committed, in the committing thread: to hurry the worker, to count. What
# they miss, the worker's sweep finds; they must not raise.
COMMIT_HOOKS: list[Callable[[list[tuple[str, dict[str, Any]]]], None]] = []


@event.listens_for(Session, "after_commit")
def _committed(db: Session) -> None:
    if emitted := db.info.pop("emitted", None):
        for hook in COMMIT_HOOKS:
            hook(emitted)


@event.listens_for(Session, "after_rollback")
def _rolled_back(db: Session) -> None:
    db.info.pop("emitted", None)
