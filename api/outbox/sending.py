"""Taking deliveries outside: no database transaction is open while a foreign system makes us wait."""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import CursorResult, Update, and_, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session, aliased, sessionmaker

from api.outbox.models import Delivery, emit

Sink = Callable[[sessionmaker[Session], Delivery, datetime], str]
LEASE = timedelta(minutes=2)
"""How long one attempt may take; after that it counts as broken off and is made again."""
HELD_FOR = timedelta(days=30)
TRYING_FOR = timedelta(days=3)
KEEP = timedelta(days=30)
BATCH = 200
_FIRST_WAIT, _LONGEST_WAIT = timedelta(seconds=15), timedelta(hours=1)

_sinks: dict[str, Sink] = {}
log = structlog.get_logger(__name__)


class HeldError(Exception):
    """Nothing can be sent until somebody calls ``release``."""


class RefusedError(Exception):
    """The other side will never take it; the text is a name or a code."""


class SinkDownError(Exception):
    """The other side does not answer, so the rest for it may wait as well."""


def sink(name: str) -> Callable[[Sink], Sink]:
    """Registers the function that sends the deliveries of ``name`` and returns how it ended.

    It may run again for the same delivery when a process dies in mid-way: ``progress`` says what went out before.
    """

    def add(function: Sink) -> Sink:
        _sinks[name] = function
        return function

    return add


def queue(db: Session, name: str, key: str, lane: str, payload: dict[str, object], due: datetime) -> None:
    """Adds a delivery to the caller's transaction, unless it was added before. ``payload`` holds identifiers only."""
    if db.scalar(select(Delivery.id).where(Delivery.sink == name, Delivery.key == key)) is None:
        db.add(
            Delivery(sink=name, key=key, lane=lane, payload=payload, created_at=due, next_attempt_at=due, held=False)
        )


def hasten(db: Session, name: str, key: str, now: datetime) -> None:
    """Makes a delivery due at once, if no attempt has begun."""
    _due(db, update(Delivery).where(Delivery.sink == name, Delivery.key == key, Delivery.attempts == 0), now)


def release(db: Session, name: str, lane: str, now: datetime) -> None:
    """Makes what was held in a lane due at once."""
    _due(db, update(Delivery).where(Delivery.sink == name, Delivery.lane == lane, Delivery.held.is_(True)), now)


def _due(db: Session, which: Update, now: datetime) -> None:
    if _changed(db, which.where(Delivery.done_at.is_(None)).values(next_attempt_at=now, held=False)):
        emit(db, "delivery.due", {})  # hurries the worker


def take(db: Session, name: str, key: str, outcome: str, now: datetime) -> None:
    """Ends a delivery that has reached its receiver another way, unless it is on its way or has ended otherwise."""
    mine = (Delivery.sink == name, Delivery.key == key, Delivery.done_at.is_(None), Delivery.attempts == 0)
    _changed(db, update(Delivery).where(*mine).values(done_at=now, outcome=outcome))


def can_take(db: Session, name: str, key: str, outcome: str) -> bool:
    """Tells whether a delivery may still go another way, or has gone that way before."""
    untouched = and_(Delivery.done_at.is_(None), Delivery.attempts == 0)
    mine = select(Delivery.id).where(Delivery.sink == name, Delivery.key == key)
    return db.scalar(mine.where(or_(untouched, Delivery.outcome == outcome))) is not None


def _changed(db: Session, statement: Update) -> bool:
    result = db.execute(statement.execution_options(synchronize_session=False))
    return isinstance(result, CursorResult) and result.rowcount > 0


def note(sessions: sessionmaker[Session], delivery: Delivery, **values: object) -> None:
    """Keeps what an attempt has achieved so far, in ``delivery`` and in its row."""
    for name, value in values.items():
        setattr(delivery, name, value)
    _settle(sessions, delivery, **values)


def send_due(sessions: sessionmaker[Session], clock: Callable[[], datetime]) -> int:
    """Sends what is due, oldest first, at most ``BATCH``; returns how many ended.

    Several workers may run this at once. A failure waits longer each time and holds up its own lane only; a system
    that does not answer is left alone until the next round.
    """
    ended, down = 0, set[str]()
    for _ in range(BATCH):
        delivery = _claim(sessions, clock(), down)
        if delivery is None:
            break
        try:
            outcome = "expired" if delivery.held else _sinks[delivery.sink](sessions, delivery, clock())
        except HeldError:
            _settle(sessions, delivery, held=True, next_attempt_at=clock() + HELD_FOR)
        except RefusedError as error:
            log.warning("delivery refused", sink=delivery.sink, delivery_id=delivery.id, reason=str(error))
            _settle(sessions, delivery, outcome="refused", done_at=clock(), last_error=str(error)[:64])
            ended += 1
        except Exception as error:  # whatever goes wrong in a sink, the delivery stays and is tried again
            if isinstance(error, SinkDownError):
                down.add(delivery.sink)
            _postpone(sessions, delivery, error, clock())
        else:
            _settle(sessions, delivery, outcome=outcome, done_at=clock(), last_error=None)
            ended += 1
    return ended


def _claim(sessions: sessionmaker[Session], now: datetime, down: set[str]) -> Delivery | None:
    older = aliased(Delivery)
    ahead = exists().where(
        older.lane == Delivery.lane, older.id < Delivery.id, older.done_at.is_(None), older.held.is_(False)
    )
    due = (Delivery.done_at.is_(None), Delivery.next_attempt_at <= now, Delivery.sink.not_in(down), ~ahead)
    with sessions.begin() as db:
        query = select(Delivery).where(*due).order_by(Delivery.id).limit(1)
        delivery = db.scalar(query.with_for_update(of=Delivery, skip_locked=True))
        if delivery is not None:
            delivery.attempts += 1
            delivery.next_attempt_at = now + LEASE
        return delivery


def _postpone(sessions: sessionmaker[Session], delivery: Delivery, error: Exception, now: datetime) -> None:
    reason = str(error) if isinstance(error, SinkDownError) else type(error).__name__
    fields = {"sink": delivery.sink, "delivery_id": delivery.id, "attempts": delivery.attempts, "reason": reason}
    if now - delivery.created_at > TRYING_FOR:
        log.error("delivery given up", **fields)
        _settle(sessions, delivery, outcome="given_up", done_at=now, last_error=reason[:64])
        return
    log.warning("delivery postponed", exc_info=not isinstance(error, SinkDownError), **fields)
    wait = min(_FIRST_WAIT * 2 ** min(delivery.attempts, 10), _LONGEST_WAIT)
    _settle(sessions, delivery, next_attempt_at=now + wait, last_error=reason[:64])


def _settle(sessions: sessionmaker[Session], delivery: Delivery, **values: object) -> None:
    with sessions.begin() as db:
        db.execute(update(Delivery).where(Delivery.id == delivery.id).values(**values))


def due_count(db: Session, now: datetime) -> int:
    """Returns how many deliveries are due and not sent."""
    due = (Delivery.done_at.is_(None), Delivery.held.is_(False), Delivery.next_attempt_at <= now)
    return db.scalar(select(func.count()).select_from(Delivery).where(*due)) or 0


def failing(db: Session) -> dict[str, int]:
    """Returns for each sink how many deliveries were tried and have not arrived; held ones are not counted."""
    tried = (Delivery.done_at.is_(None), Delivery.held.is_(False), Delivery.attempts > 0)
    rows = db.execute(select(Delivery.sink, func.count()).where(*tried).group_by(Delivery.sink))
    return dict.fromkeys(_sinks, 0) | {name: count for name, count in rows}


def forget_sent(db: Session, now: datetime) -> None:
    """Deletes deliveries that ended a month ago."""
    db.execute(delete(Delivery).where(Delivery.done_at < now - KEEP))
