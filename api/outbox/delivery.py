"""Delivering the outbox: each event to its subscribers, in one transaction with the mark that it is done."""

from collections import defaultdict
from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session, sessionmaker

from api.outbox.models import OutboxEvent

Subscriber = Callable[[Session, OutboxEvent, datetime], None]
BATCH = 200
KEEP = timedelta(days=30)
_LONGEST_WAIT = timedelta(hours=1)

_subscribers: dict[str, list[Subscriber]] = defaultdict(list)
log = structlog.get_logger(__name__)


def subscribe(topic: str) -> Callable[[Subscriber], Subscriber]:
    """Registers a function for the events of ``topic``.

    It gets the session of the delivery and must neither commit nor fail half-way outside it: it may run again.
    """

    def add(function: Subscriber) -> Subscriber:
        _subscribers[topic].append(function)
        return function

    return add


def deliver_due(sessions: sessionmaker[Session], now: datetime) -> int:
    """Delivers what is due, oldest first, at most ``BATCH`` events; returns how many went out.

    Several workers may run this at once: each event is locked by the one that delivers it. A failing event waits
    longer each time, one hour at most, and never stops the others.
    """
    due = or_(OutboxEvent.next_attempt_at.is_(None), OutboxEvent.next_attempt_at <= now)
    delivered = 0
    for _ in range(BATCH):
        with sessions() as db:
            event = db.scalar(
                select(OutboxEvent)
                .where(OutboxEvent.delivered_at.is_(None), due)
                .order_by(OutboxEvent.id)
                .limit(1)
                .with_for_update(skip_locked=True)
            )
            if event is None:
                break
            delivered += _deliver(db, event, now)
            db.commit()
    return delivered


def _deliver(db: Session, event: OutboxEvent, now: datetime) -> bool:
    event.attempts += 1
    try:
        with db.begin_nested():
            for subscriber in _subscribers[event.topic]:
                subscriber(db, event, now)
    except Exception as error:  # whatever a subscriber does wrong, the event stays and is tried again
        event.last_error = type(error).__name__
        event.next_attempt_at = now + min(timedelta(minutes=2 ** min(event.attempts, 10)), _LONGEST_WAIT)
        log.exception("delivery failed", topic=event.topic, event_id=event.id, attempts=event.attempts)
        return False
    event.delivered_at, event.last_error = now, None
    return True


def backlog(db: Session) -> int:
    """Returns how many events wait."""
    return db.scalar(select(func.count()).select_from(OutboxEvent).where(OutboxEvent.delivered_at.is_(None))) or 0


def forget_old(db: Session, now: datetime) -> None:
    """Deletes delivered events after a month."""
    db.execute(delete(OutboxEvent).where(OutboxEvent.delivered_at < now - KEEP))
