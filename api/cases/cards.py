"""What time does to cases: yellow and red cards, and closing what nobody rated."""

from datetime import datetime

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.deps import SYSTEM
from api.cases.deadlines import get_deadlines
from api.cases.history import record
from api.cases.models import Case
from api.cases.moves import apply_action, lock
from api.outbox.models import emit

BATCH = 500


def show_cards(sessions: sessionmaker[Session], now: datetime) -> int:
    """Shows 黄牌 and 红牌 where the clock runs and the moment has come; returns how many. The status never changes."""
    running = (Case.clock_stopped_at.is_(None), Case.paused_at.is_(None))
    yellow = (*running, Case.yellow_at.is_(None), Case.red_at.is_(None), Case.yellow_due_at <= now, Case.due_at >= now)
    red = (*running, Case.red_at.is_(None), Case.due_at < now)
    return sum(_each(sessions, where, card, now) for card, where in (("黄牌", yellow), ("红牌", red)))


def _each(sessions: sessionmaker[Session], where: tuple[ColumnElement[bool], ...], card: str, now: datetime) -> int:
    with sessions() as db:
        ids = list(db.scalars(select(Case.id).where(*where).order_by(Case.due_at).limit(BATCH)))
    shown = 0
    for case_id in ids:
        with sessions() as db:
            # Asked again under the lock: between the list and here somebody may have answered the case.
            case = db.scalar(select(Case).where(Case.id == case_id, *where).with_for_update())
            if case is None:
                continue
            field = "yellow_at" if card == "黄牌" else "red_at"
            setattr(case, field, now)
            record(db, case, card, SYSTEM, now, before={field: None}, after={field: now.isoformat()}, public=False)
            emit(db, "case.card", {"case_no": case.no, "card": card})
            db.commit()
            shown += 1
    return shown


def close_silent(sessions: sessionmaker[Session], now: datetime) -> int:
    """Closes the cases whose reporter has not rated within the days of silence; returns how many."""
    before = get_deadlines().calendar.subtract(now, get_deadlines().limits.silence)
    with sessions() as db:
        ids = list(
            db.scalars(select(Case.id).where(Case.status == "待评价", Case.called_back_at <= before).limit(BATCH))
        )
    closed = 0
    for case_id in ids:
        with sessions() as db:
            case = db.get_one(Case, case_id)
            lock(db, case)
            if case.status == "待评价":
                apply_action(db, case, "办结", SYSTEM, now, note="回访后未评价，按期办结")
                db.commit()
                closed += 1
    return closed
