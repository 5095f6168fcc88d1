"""Short-lived staff tokens (JWT, HS256)."""

from datetime import datetime, timedelta
from typing import TypedDict

import jwt

from api.accounts.models import User
from api.settings import get_settings

_ALGORITHM = "HS256"
_AUDIENCE = "laoxian-staff"


class Claims(TypedDict):
    """What a staff token says: whose it is, and which generation of that account's tokens it belongs to."""

    sub: str
    ver: int


def make_token(user: User, now: datetime) -> str:
    """Returns a token for ``user`` that lasts ``LAOXIAN_TOKEN_MINUTES``."""
    settings = get_settings()
    claims = {
        "sub": user.id,
        "ver": user.token_version,
        "iat": now,
        "exp": now + timedelta(minutes=settings.token_minutes),
        "aud": _AUDIENCE,
    }
    return jwt.encode(claims, settings.token_secret.get_secret_value(), _ALGORITHM)


def read_token(token: str, now: datetime) -> Claims | None:
    """Returns the claims of a token that is valid at ``now``, ``None`` for any other string."""
    secret = get_settings().token_secret.get_secret_value()
    # The library compares with its own clock; ours is injected.
    options = {"require": ["exp", "sub", "ver"], "verify_exp": False, "verify_iat": False}
    try:
        claims = jwt.decode(token, secret, [_ALGORITHM], audience=_AUDIENCE, options=options)  # type: ignore[arg-type]
    except jwt.InvalidTokenError:
        return None
    return Claims(sub=str(claims["sub"]), ver=int(claims["ver"])) if claims["exp"] > now.timestamp() else None
