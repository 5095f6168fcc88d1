"""Counts what the model suggested and what people made of it, week by week."""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, func, select, true
from sqlalchemy.orm import Session, sessionmaker

from api.accounts.models import Role
from api.cases.models import Case, TriageFeedback
from api.cases.numbers import LOCAL
from api.drift.report import Counts, Report, compare
from api.drift.rules import DriftRules
from api.notices.models import Notice

WEEK = timedelta(days=7)
ROLES = (Role.TRAINER, Role.SUPERVISOR, Role.ADMIN)


def monday(moment: datetime) -> datetime:
    """Returns the beginning of the local week in which ``moment`` lies."""
    local = moment.astimezone(LOCAL)
    return (local - timedelta(days=local.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)


def weekly(db: Session, begin: datetime, rules: DriftRules, seen: ColumnElement[bool] | None = None) -> Report:
    """Returns the report of a week, held against the weeks before it.

    Args:
        db: reads the cases.
        begin: when the week begins.
        rules: how many weeks, and where alerts begin.
        seen: which cases count, as ``visible_cases`` gives them; all without it.
    """
    only = true() if seen is None else seen
    week, before = (_counts(db, start, end, only) for start, end in _spans(begin, rules.weeks))
    return compare(week, before, rules)


def _spans(begin: datetime, weeks: int) -> list[tuple[datetime, datetime]]:
    return [(begin, begin + WEEK), (begin - weeks * WEEK, begin)]


def alert(sessions: sessionmaker[Session], now: datetime, rules: DriftRules) -> list[str]:
    """Gives trainers and supervisors one notice about last week, if something has left its band; returns what."""
    begin = monday(now) - WEEK
    subject = f"drift-{begin:%G-W%V}"
    with sessions.begin() as db:
        if db.scalar(select(Notice.id).where(Notice.subject == subject).limit(1)):
            return []
        found = weekly(db, begin, rules).alerts
        if found:
            more = f"，共 {len(found)} 处" if len(found) > 1 else ""
            roles = [Role.TRAINER, Role.SUPERVISOR]
            db.add(Notice(at=now, roles=roles, title=f"判读出了界：{found[0]}{more}"[:200], subject=subject))
        return found


def _counts(db: Session, begin: datetime, end: datetime, only: ColumnElement[bool]) -> dict[str, Counts]:
    """Returns counts by suggested category of the cases filed in a span; merged and withdrawn ones were judged too."""
    category = Case.suggestion["category"].as_string()
    span = (Case.created_at >= begin, Case.created_at < end, only)
    sure = func.sum(Case.suggestion["confidence"]["category"].as_float())
    found = {
        name: Counts(cases, float(confidence or 0))
        for name, cases, confidence in db.execute(select(category, func.count(), sure).where(*span).group_by(category))
    }
    elsewhere = TriageFeedback.decided["category"].as_string() != category
    taken = select(category, func.count(Case.id.distinct())).join(TriageFeedback).where(*span, elsewhere)
    for name, cases in db.execute(taken.group_by(category)):
        found[name] += Counts(overridden=cases)
    return found
