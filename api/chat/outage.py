"""What the front says and keeps while the bot gives no answer: nothing is lost, and a danger is heard all the same."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import update

from api.chat.drafts import mark_emergency
from api.chat.inbox import Receipt, Waiting
from api.chat.lines import Line, front_lines
from api.chat.models import BOT, ChatMessage, ChatSession, Draft
from api.chat.store import append, view
from api.db import session_factory
from classifier.safety import Signal, emergency_signal

SELF_HARM_LINE = "12356"
_SIGNAL_CHARS = 2_000  # a danger is told at the start; the patterns need not read a long text to its end


def danger(waiting: Sequence[Waiting]) -> Signal | None:
    """Returns the first sign of a danger in what waits for the bot."""
    return next((found for one in waiting if (found := emergency_signal(one.text[:_SIGNAL_CHARS]))), None)


def postpone(receipt: Receipt, left: Sequence[Waiting], refused: bool, now: datetime) -> list[dict[str, Any]]:
    """Says that the messages are kept, and in danger the number to ring; returns the lines as stored.

    Args:
        receipt: the turn.
        left: what the bot has not answered, the one that failed first.
        refused: whether the bot was reached and said no to the first.
        now: when.
    """
    signal = danger(left)
    with session_factory().begin() as db:
        session = db.get_one(ChatSession, receipt.session_id)
        if refused:
            failed = update(ChatMessage).where(ChatMessage.id == left[0].id)
            db.execute(failed.values(attempts=ChatMessage.attempts + 1))
        lines = [front_lines().with_retry(front_lines().bot_down)]
        draft = db.get_one(Draft, session.draft_id)
        if signal:
            first = draft.emergency_at is None or danger([one for one in left if one.seq == receipt.seq]) is not None
            mark_emergency(db, draft, signal.number, now)
            lines = _emergency_lines(signal.number, first, SELF_HARM_LINE if "轻生" in signal.reason else None)
        elif draft.emergency_at is not None and draft.emergency_number:
            lines = _emergency_lines(draft.emergency_number, first=False)
        return [view(row) for row in append(db, session, BOT, lines, now, reply_to=receipt.seq, draft_id=draft.id)]


def _emergency_lines(number: str, first: bool, instead: str | None = None) -> list[Line]:
    lines = front_lines()
    if first:
        return [Line(lines.emergency[instead or number]), lines.with_retry(lines.emergency_ask)]
    return [lines.with_retry(lines.emergency_noted.format(number=number))]


def ask_for_patience(receipt: Receipt, now: datetime) -> list[dict[str, Any]]:
    """Says that the message is kept while an earlier one is still being answered; returns the lines as stored."""
    return postpone(receipt, receipt.waiting, False, now) if danger(receipt.waiting) else _busy(receipt, now)


def _busy(receipt: Receipt, now: datetime) -> list[dict[str, Any]]:
    with session_factory().begin() as db:
        session = db.get_one(ChatSession, receipt.session_id)
        line = front_lines().with_retry(front_lines().busy)
        return [view(row) for row in append(db, session, BOT, [line], now, reply_to=receipt.seq)]
