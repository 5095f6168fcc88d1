"""Short-lived staff tokens (JWT, HS256)."""

from datetime import datetime, timedelta
from typing import TypedDict

import jwt

from api.accounts.models import StaffSession
from api.settings import get_settings

_ALGORITHM = "HS256"
_AUDIENCE = "laoxian-staff"


class Claims(TypedDict):
    """What a staff token says: whose it is, and of which session."""

    sub: str
    sid: str


def make_token(session: StaffSession, now: datetime) -> str:
    """Returns a token of ``session`` that lasts ``LAOXIAN_TOKEN_MINUTES``."""
    settings = get_settings()
    claims = {
        "sub": session.user_id,
        "sid": session.id,
        "iat": now,
        "exp": now + timedelta(minutes=settings.token_minutes),
        "aud": _AUDIENCE,
    }
    return jwt.encode(claims, settings.token_secret.get_secret_value(), _ALGORITHM)


def read_token(token: str, now: datetime) -> Claims | None:
    """Returns the claims of a token that is valid at ``now``, ``None`` for any other string."""
    secret = get_settings().token_secret.get_secret_value()
    # The library compares with its own clock; ours is injected.
    options = {"require": ["exp", "sub", "sid"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, secret, [_ALGORITHM], audience=_AUDIENCE, options=options)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        return None
    return Claims(sub=str(claims["sub"]), sid=str(claims["sid"])) if claims["exp"] > now.timestamp() else None
