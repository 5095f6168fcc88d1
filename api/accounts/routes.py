"""Signing in over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends
from fastapi.security import OAuth2PasswordRequestForm

from api.accounts.deps import CurrentUser, Now
from api.accounts.models import ROLE_NAMES, Role
from api.accounts.service import sign_in
from api.accounts.tokens import make_token
from api.db import SessionDep
from api.settings import get_settings

router = APIRouter(prefix="/api/v1/auth", tags=["账号"])


@router.post("/token")
def token(form: Annotated[OAuth2PasswordRequestForm, Depends()], db: SessionDep, now: Now) -> dict[str, Any]:
    """用户名和密码换短期令牌（OAuth2 password）。15 分钟内错 5 次即锁定。"""
    user = sign_in(db, form.username, form.password, now)
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
