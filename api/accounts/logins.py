"""Where sign-ins come from: masked for the audit, known again by a digest, locked out place by place."""

from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import Session

from api.accounts.models import LoginAttempt, LoginEvent
from api.crypto import keyed_digest, keyed_digests

MAX_FAILURES = 5
MAX_EVERYWHERE = 30
WINDOW = timedelta(minutes=15)
KEPT_FOR = timedelta(days=365)
OUTCOMES = {"success": "成功", "failure": "失败", "locked": "已锁定，未验密码"}


def mask_source(address: str) -> str:
    """``10.3.4.5`` becomes ``10.3.4.*``, an IPv6 address keeps its network; anything else is not shown."""
    try:
        found = ip_address(address)
    except ValueError:
        return "未知"
    if isinstance(found, IPv6Address):
        return ":".join(found.exploded.split(":")[:4]) + ":*"
    return address.rpartition(".")[0] + ".*"


def source_index(address: str) -> str:
    """Returns the digest by which an address is known again."""
    return keyed_digest("source", address)


def note(db: Session, username: str, address: str, outcome: str, now: datetime) -> None:
    """Adds a row to the audit, in the caller's transaction."""
    index = source_index(address)
    db.add(LoginEvent(at=now, username=username, source=mask_source(address), source_index=index, outcome=outcome))


def lock_ends(db: Session, username: str, address: str) -> datetime | None:
    """Returns until when this name is locked out at this address, ``None`` when it is not.

    Five failures lock a name at the place they came from: a stranger elsewhere locks out nobody but themselves. Thirty
    from anywhere lock it at every place from which it has not signed in of late, against guesses from many places.
    """
    mine = LoginAttempt.username == username
    here = LoginAttempt.source.in_(keyed_digests("source", address))
    tries = select(func.count(), func.min(LoginAttempt.at))
    count, first = db.execute(tries.where(mine, here)).one()
    if count > MAX_FAILURES:
        return _until(first)
    count, first = db.execute(tries.where(mine)).one()
    return _until(first) if count > MAX_EVERYWHERE and not _known(db, username, address) else None


def _until(first: datetime) -> datetime:
    return first + WINDOW


def _known(db: Session, username: str, address: str) -> bool:
    here = LoginEvent.source_index.in_(keyed_digests("source", address))
    found = exists().where(LoginEvent.username == username, here, LoginEvent.outcome == "success")
    return bool(db.scalar(select(found)))


def recent_logins(db: Session, limit: int) -> list[LoginEvent]:
    """Returns the latest sign-ins, newest first."""
    return list(db.scalars(select(LoginEvent).order_by(LoginEvent.id.desc()).limit(limit)))


def forget_logins(db: Session, now: datetime) -> None:
    """Forgets sign-ins of more than a year ago; committing is the caller's."""
    db.execute(delete(LoginEvent).where(LoginEvent.at < now - KEPT_FOR))
