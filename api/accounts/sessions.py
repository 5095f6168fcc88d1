"""Sign-ins of staff, each a session that its owner and the administrators see and end one by one."""

import re
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from api.accounts.logins import mask_source
from api.accounts.models import Role, StaffSession, User
from api.errors import Problem

SEEN_EVERY = timedelta(minutes=1)
KEPT_FOR = timedelta(days=30)
LISTED = 200
KINDS = {"console": "工作台", "api": "接口"}
# Edge and WeChat call themselves Chrome as well, everybody calls themselves Safari.
_PROGRAMS = {
    "Edg": "Edge",
    "MicroMessenger": "微信",
    "Firefox": "Firefox",
    "Chrome": "Chrome",
    "Safari": "Safari",
    "curl": "curl",
    "python": "Python 程序",
}
_SYSTEMS = {
    "Windows": "Windows",
    "HarmonyOS": "鸿蒙",
    "Android": "安卓",
    "iPhone|iPad": "iOS",
    "Mac OS X": "macOS",
    "Linux": "Linux",
}


def open_session(
    db: Session,
    user: User,
    kind: Literal["console", "api"],
    lasts: timedelta,
    now: datetime,
    *,
    agent: str = "",
    address: str = "",
) -> StaffSession:
    """Opens a session of ``user`` and flushes.

    Args:
        db: the session of the database.
        user: who has signed in.
        kind: where.
        lasts: after how long it ends by itself.
        now: when.
        agent: what the browser or program calls itself.
        address: the network address, kept masked.
    """
    made = StaffSession(
        user_id=user.id,
        version=user.token_version,
        kind=kind,
        agent=agent[:200],
        source=mask_source(address),
        opened_at=now,
        seen_at=now,
        expires_at=now + lasts,
    )
    db.add(made)
    db.flush()
    return made


def _live(now: datetime) -> ColumnElement[bool]:
    """A session holds until it is ended or over, and no longer than the account and the password it was opened with."""
    same = and_(User.id == StaffSession.user_id, User.active, User.token_version == StaffSession.version)
    return and_(same, StaffSession.ended_at.is_(None), StaffSession.expires_at > now)


def session_owner(db: Session, session_id: str, now: datetime) -> User | None:
    """Returns whose session it is, ``None`` for one that does not hold at ``now``."""
    return db.scalar(select(User).join(StaffSession, _live(now)).where(StaffSession.id == session_id))


def note_seen(db: Session, session_id: str, now: datetime) -> None:
    """Notes, to the minute, that the owner was there. Commits when there is something to note."""
    stale = and_(StaffSession.id == session_id, StaffSession.seen_at <= now - SEEN_EVERY)
    if db.scalar(select(StaffSession.id).where(stale)):
        db.execute(update(StaffSession).where(stale).values(seen_at=now))
        db.commit()


def live_sessions(db: Session, now: datetime, user: User | None = None) -> list[tuple[StaffSession, User]]:
    """Returns the sessions that hold, of one account or of everybody, the last seen first."""
    query = select(StaffSession, User).join(User, _live(now)).order_by(StaffSession.seen_at.desc()).limit(LISTED)
    if user is not None:
        query = query.where(User.id == user.id)
    return [(session, owner) for session, owner in db.execute(query)]


def end_session(db: Session, session_id: str, by: User, now: datetime) -> None:
    """Ends a session at once, one's own or, for an administrator, anybody's; committing is the caller's.

    Raises:
        Problem: 404 for every other, whether it exists or not.
    """
    found = db.get(StaffSession, session_id)
    if found is None or (found.user_id != by.id and by.role != Role.ADMIN):
        raise Problem(404, "没有找到这次登录")
    if found.ended_at is None:
        found.ended_at, found.ended_by = now, by.id


def forget_sessions(db: Session, now: datetime) -> None:
    """Forgets sessions that were over a month ago; committing is the caller's."""
    db.execute(delete(StaffSession).where(StaffSession.expires_at < now - KEPT_FOR))


def device(agent: str) -> str:
    """``Mozilla/5.0 (Windows NT 10.0) … Chrome/140`` becomes ``Chrome · Windows``."""
    found = [_first(_PROGRAMS, agent), _first(_SYSTEMS, agent)]
    return " · ".join(filter(None, found)) or "不认识的设备"


def _first(names: dict[str, str], agent: str) -> str | None:
    return next((words for pattern, words in names.items() if re.search(pattern, agent)), None)
