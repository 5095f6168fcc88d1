"""Signing in, and making, resetting and switching off accounts."""

from datetime import datetime, timedelta

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from api.accounts.models import LoginAttempt, Role, User
from api.accounts.passwords import decoy_hash, hash_password, password_matches
from api.errors import Problem

MAX_FAILURES = 5
WINDOW = timedelta(minutes=15)

# The demo accounts of `make up`: name, role, department, street, community.
DEMO = {
    "admin": ("系统管理员", Role.ADMIN, None, None, None),
    "staff": ("受理员小崂", Role.CLERK, None, None, None),
    "trainer": ("培训员小训", Role.TRAINER, None, None, None),
    "grid": ("网格员小格", Role.GRID, None, "中韩街道", None),
}


def sign_in(db: Session, username: str, password: str, now: datetime) -> User:
    """Returns the account that the name and the password belong to. Commits.

    An attempt is counted before the password is checked, so that guesses sent side by side cannot slip past the limit;
    success takes the count back.

    Raises:
        Problem: 401 for a wrong name or password (the same for both), 429 after five failures in 15 minutes.
    """
    username = username[:64]
    db.execute(delete(LoginAttempt).where(LoginAttempt.at < now - WINDOW))
    attempt = LoginAttempt(username=username, at=now)
    db.add(attempt)
    # Committed before it counts: of any number of attempts side by side, at most five see five or fewer.
    db.commit()
    tries = select(func.count(), func.min(LoginAttempt.at)).where(LoginAttempt.username == username)
    count, first = db.execute(tries).one()
    if count > MAX_FAILURES:
        # A refused attempt does not count: the account opens again 15 minutes after the failures, come what may.
        db.delete(attempt)
        db.commit()
        wait = (first + WINDOW - now).total_seconds()
        raise Problem(429, "失败次数太多，账号已锁定 15 分钟，请稍后再试", {"Retry-After": str(max(int(wait), 1))})
    user = db.scalar(select(User).where(User.username == username))
    matches = password_matches(user.password_hash if user else decoy_hash(), password)
    if user is None or not matches or not user.active:
        raise Problem(401, "用户名或密码不对", {"WWW-Authenticate": "Bearer"})
    db.execute(delete(LoginAttempt).where(LoginAttempt.username == username))
    db.commit()
    return user


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
