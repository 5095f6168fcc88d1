"""Signing in, and making, resetting and switching off accounts."""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from api.accounts.logins import WINDOW, lock_ends, note, source_index
from api.accounts.models import LoginAttempt, Role, User
from api.accounts.passwords import decoy_hash, hash_password, password_matches
from api.errors import Problem

# The demo accounts of `make up`: name, role, department, street, community.
DEMO = {
    "admin": ("系统管理员", Role.ADMIN, None, None, None),
    "staff": ("受理员小崂", Role.CLERK, None, None, None),
    "trainer": ("培训员小训", Role.TRAINER, None, None, None),
    "grid": ("网格员小格", Role.GRID, None, "中韩街道", None),
}


def sign_in(db: Session, username: str, password: str, now: datetime, address: str = "") -> User:
    """Returns the account that the name and the password belong to. Commits; the audit keeps how it ended.

    An attempt is counted before the password is checked, so that guesses sent side by side cannot slip past the limit;
    success takes the count back.

    Args:
        db: the session.
        username: as typed in.
        password: as typed in.
        now: the moment.
        address: the network address it comes from.

    Raises:
        Problem: 401 for a wrong name or password (the same for both), 429 when ``lock_ends`` says so.
    """
    username = username[:64]
    db.execute(delete(LoginAttempt).where(LoginAttempt.at < now - WINDOW))
    attempt = LoginAttempt(username=username, source=source_index(address), at=now)
    db.add(attempt)
    # Committed before it counts: of any number of attempts side by side, at most five see five or fewer.
    db.commit()
    if until := lock_ends(db, username, address):
        # A refused attempt does not count: the account opens again 15 minutes after the failures, come what may.
        db.delete(attempt)
        _end(db, username, address, "locked", now)
        wait = (until - now).total_seconds()
        raise Problem(429, "失败次数太多，账号已锁定 15 分钟，请稍后再试", {"Retry-After": str(max(int(wait), 1))})
    user = db.scalar(select(User).where(User.username == username))
    matches = password_matches(user.password_hash if user else decoy_hash(), password)
    if user is None or not matches or not user.active:
        _end(db, username, address, "failure", now)
        raise Problem(401, "用户名或密码不对", {"WWW-Authenticate": "Bearer"})
    here = LoginAttempt.source == source_index(address)
    db.execute(delete(LoginAttempt).where(LoginAttempt.username == username, here))
    _end(db, username, address, "success", now)
    return user


def _end(db: Session, username: str, address: str, outcome: str, now: datetime) -> None:
    note(db, username, address, outcome, now)
    db.commit()


def create_user(
    db: Session,
    username: str,
    password: str,
    name: str,
    role: Role,
    department: str | None = None,
    street: str | None = None,
    community: str | None = None,
) -> User:
    """Adds an account and flushes; raises ``Problem`` 409 when the name is taken, 422 for a weak password."""
    if find_user(db, username):
        raise Problem(409, f"用户名 {username} 已经有了")
    user = User(
        username=username,
        name=name,
        password_hash=hash_password(password),
        role=role,
        department=department,
        street=street,
        community=community,
    )
    db.add(user)
    db.flush()
    return user


def find_user(db: Session, username: str) -> User | None:
    """Returns the account of that name."""
    return db.scalar(select(User).where(User.username == username))


def set_password(db: Session, user: User, password: str) -> None:
    """Gives an account a new password; its tokens stop working and a lock-out ends."""
    user.password_hash = hash_password(password)
    user.token_version += 1
    db.execute(delete(LoginAttempt).where(LoginAttempt.username == user.username))


def disable(user: User) -> None:
    """Switches an account off; its tokens stop working at once."""
    user.active = False
    user.token_version += 1


def seed_demo(db: Session, password: str) -> list[User]:
    """Makes the demo accounts, or sets their password when they are there already."""
    users = []
    for username, (name, role, department, street, community) in DEMO.items():
        user = find_user(db, username)
        if user is None:
            user = create_user(db, username, password, name, role, department, street, community)
        elif not password_matches(user.password_hash, password):
            set_password(db, user, password)
        user.active = True
        users.append(user)
    return users
