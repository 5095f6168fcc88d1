"""Signing in over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request
from fastapi.security import OAuth2PasswordRequestForm

from api.accounts.deps import CurrentUser, Now, require_role
from api.accounts.logins import recent_logins
from api.accounts.models import ROLE_NAMES, Role, User
from api.accounts.service import sign_in
from api.accounts.tokens import make_token
from api.cases.views import local_iso
from api.db import SessionDep
from api.settings import get_settings

router = APIRouter(prefix="/api/v1/auth", tags=["账号"])


@router.post("/token")
def token(
    form: Annotated[OAuth2PasswordRequestForm, Depends()], request: Request, db: SessionDep, now: Now
) -> dict[str, Any]:
    """用户名和密码换短期令牌（OAuth2 password）。同一来源 15 分钟内错 5 次，这个来源登录这个账号即锁定。"""
    user = sign_in(db, form.username, form.password, now, request.client.host if request.client else "")
    minutes = get_settings().token_minutes
    return {"access_token": make_token(user, now), "token_type": "bearer", "expires_in": minutes * 60}


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
