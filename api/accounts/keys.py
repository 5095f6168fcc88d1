"""Keys for programs: each belongs to an account, whose role and scope it has."""

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.models import ApiKey, User
from api.errors import Problem

MARK = "lxk_"
_USED_EVERY = timedelta(hours=1)


def make_key(db: Session, user: User, name: str, days: int, now: datetime) -> str:
    """Adds a key to an account and returns it, for the only time; raises ``Problem`` 422 for a bad name or term."""
    if not 0 < len(name.strip()) <= 64 or not 0 < days <= 3650:
        raise Problem(422, "请写明密钥的用途（64 字以内），有效期 1 到 3650 天")
    key = MARK + secrets.token_urlsafe(32)
    expires = now + timedelta(days=days)
    db.add(ApiKey(user_id=user.id, name=name.strip(), key_hash=_hash(key), created_at=now, expires_at=expires))
    db.flush()
    return key


def key_owner(db: Session, key: str, now: datetime) -> User | None:
    """Returns the account of a key that holds at ``now``, ``None`` for any other string. Notes its use, and commits."""
    found = db.scalar(select(ApiKey).where(ApiKey.key_hash == _hash(key)))
    if found is None or found.revoked_at or found.expires_at <= now:
        return None
    if found.last_used_at is None or now - found.last_used_at >= _USED_EVERY:
        found.last_used_at = now
        db.commit()
    return db.get(User, found.user_id)


def keys_of(db: Session, user: User) -> list[ApiKey]:
    """Returns the keys of an account, oldest first."""
    return list(db.scalars(select(ApiKey).where(ApiKey.user_id == user.id).order_by(ApiKey.id)))


def revoke_key(db: Session, key_id: int, now: datetime) -> None:
    """Ends a key at once; raises ``Problem`` 404 when there is none."""
    found = db.get(ApiKey, key_id)
    if found is None:
        raise Problem(404, f"没有编号 {key_id} 的密钥")
    found.revoked_at = found.revoked_at or now


def _hash(key: str) -> str:
    # 256 random bits need no slow hash.
    return hashlib.sha256(key.encode()).hexdigest()
