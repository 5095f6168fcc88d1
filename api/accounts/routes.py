"""Signing in over HTTP."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request
from fastapi.security import OAuth2PasswordRequestForm

from api.accounts.deps import CurrentUser, Now, oauth2_scheme, require_role
from api.accounts.logins import recent_logins
from api.accounts.models import ROLE_NAMES, Role, StaffSession, User
from api.accounts.service import find_user, sign_in
from api.accounts.sessions import device, end_session, live_sessions, open_session
from api.accounts.tokens import make_token, read_token
from api.cases.views import local_iso
from api.db import SessionDep
from api.errors import Problem
from api.settings import get_settings

router = APIRouter(prefix="/api/v1/auth", tags=["账号"])


@router.post("/token")
def token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()], request: Request, db: SessionDep, now: Now
) -> dict[str, Any]:
    """用户名和密码换短期令牌（OAuth2 password）。同一来源 15 分钟内错 5 次，这个来源登录这个账号即锁定。"""
    address = request.client.host if request.client else ""
    user = sign_in(db, form.username, form.password, now, address)
    lasts, agent = timedelta(minutes=get_settings().token_minutes), request.headers.get("user-agent", "")
    session = open_session(db, user, "api", lasts, now, agent=agent, address=address)
    db.commit()
    return {"access_token": make_token(session, now), "token_type": "bearer", "expires_in": int(lasts.total_seconds())}


def session_view(session: StaffSession, owner: User, current: str | None) -> dict[str, Any]:
    """Returns a session as its owner and administrators see it; ``current`` is the id of the one that asks."""
    return {
        "id": session.id,
        "username": owner.username,
        "name": owner.name,
        "kind": session.kind,
        "device": device(session.agent),
        "source": session.source,
        "opened_at": local_iso(session.opened_at),
        "seen_at": local_iso(session.seen_at),
        "current": session.id == current,
    }


@router.get("/sessions")
def sessions(
    db: SessionDep,
    user: CurrentUser,
    now: Now,
    token: Annotated[str, Depends(oauth2_scheme)],
    username: Annotated[str | None, Query(max_length=64)] = None,
) -> dict[str, Any]:
    """我现在登录着的地方；管理员可以用 ``username`` 看别人的。"""
    owner: User | None = user
    if username is not None and username != user.username:
        if user.role != Role.ADMIN:
            raise Problem(403, "只有管理员能看别人的登录")
        owner = find_user(db, username)
        if owner is None:
            raise Problem(404, f"没有账号 {username}")
    claims = read_token(token, now)
    current = claims["sid"] if claims else None
    return {"items": [session_view(one, each, current) for one, each in live_sessions(db, now, owner)]}


@router.delete("/sessions/{session_id}", status_code=204)
def end(session_id: Annotated[str, Path(max_length=36)], db: SessionDep, user: CurrentUser, now: Now) -> None:
    """结束一次登录，那边的令牌和工作台马上失效；自己的谁都可以，别人的只有管理员。"""
    end_session(db, session_id, user, now)
    db.commit()


@router.get("/me")
def me(user: CurrentUser) -> dict[str, Any]:
    """我是谁：岗位和管辖范围。"""
    return {
        "username": user.username,
        "name": user.name,
        "role": user.role,
        "role_name": ROLE_NAMES[Role(user.role)],
        "department": user.department,
        "street": user.street,
        "community": user.community,
    }


Admin = Annotated[User, Depends(require_role(Role.ADMIN))]


@router.get("/logins")
def logins(_admin: Admin, db: SessionDep, limit: Annotated[int, Query(ge=1, le=500)] = 100) -> dict[str, Any]:
    """最近的登录，成功、失败和被锁定的都在；来源地址打码。只给管理员。"""
    items = [
        {"at": local_iso(one.at), "username": one.username, "source": one.source, "outcome": one.outcome}
        for one in recent_logins(db, limit)
    ]
    return {"items": items}
