"""Who is asking: the actor of every change, and the dependencies that find the signed-in staff member."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Depends
from fastapi.security import OAuth2PasswordBearer

from api.accounts.keys import MARK, key_owner
from api.accounts.models import Role, User
from api.accounts.sessions import note_seen, session_owner
from api.accounts.tokens import read_token
from api.columns import utcnow
from api.db import SessionDep
from api.errors import Problem

oauth2_scheme = OAuth2PasswordBearer("/api/v1/auth/token", auto_error=False)


@dataclass(frozen=True)
class Actor:
    """Who makes a change, as the history keeps it.

    Attributes:
        kind: a resident, a staff member or the service itself.
        id: chat session id, user id, or the name of the job.
        role: ``resident``, ``system`` or one of ``Role``.
    """

    kind: Literal["resident", "staff", "system"]
    id: str
    role: str

    @classmethod
    def of(cls, user: User) -> "Actor":
        """Returns the actor that a staff member is."""
        return cls("staff", user.id, user.role)


SYSTEM = Actor("system", "worker", "system")

Now = Annotated[datetime, Depends(utcnow)]


def current_user(db: SessionDep, now: Now, token: Annotated[str | None, Depends(oauth2_scheme)]) -> User:
    """Returns who is signed in, or whose key it is; raises ``Problem`` 401 when that is missing, stale or revoked."""
    if token and token.startswith(MARK):
        owner = key_owner(db, token, now)
        if owner is None or not owner.active:
            raise Problem(401, "接口密钥无效、已到期或已吊销", {"WWW-Authenticate": "Bearer"})
        return owner
    claims = read_token(token, now) if token else None
    user = session_owner(db, claims["sid"], now) if claims else None
    if claims is None or user is None or user.id != claims["sub"]:
        raise Problem(401, "请先登录，或登录已过期，请重新登录", {"WWW-Authenticate": "Bearer"})
    note_seen(db, claims["sid"], now)
    return user


CurrentUser = Annotated[User, Depends(current_user)]


def require_role(*roles: Role) -> Callable[[User], User]:
    """Returns a dependency that lets only ``roles`` through; everybody else gets a ``Problem`` 403."""

    def check(user: CurrentUser) -> User:
        if user.role not in roles:
            raise Problem(403, "您的岗位没有这项权限")
        return user

    return check
