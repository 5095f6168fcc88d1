"""Sign-on by an identity provider of the district (OpenID Connect): authorization code, PKCE, state, nonce.

The provider says who somebody is; which accounts there are and what they may do stays with the administrators here.
"""

import time
from datetime import datetime
from functools import lru_cache
from typing import Any

import httpx
import structlog
from authlib.common.errors import AuthlibBaseError  # type: ignore[import-untyped]
from authlib.integrations.starlette_client import OAuth, StarletteOAuth2App  # type: ignore[import-untyped]
from fastapi import Request
from fastapi.responses import RedirectResponse
from joserfc.errors import JoseError
from sqlalchemy.orm import Session

from api.accounts.logins import note
from api.accounts.models import User
from api.accounts.service import find_user
from api.errors import Problem
from api.settings import get_settings

# Never a shared secret or none at all, whatever the provider's own list says.
_SIGNED = {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
_LEEWAY = 30  # seconds between the provider's clock and ours
_STARTED = 10_000

log = structlog.get_logger(__name__)


class _Started:
    """What sign-ons under way must match: kept on this side only, and used up by the first that comes back."""

    def __init__(self) -> None:
        self._kept: dict[str, tuple[float, str]] = {}

    async def get(self, key: str) -> str | None:
        until, value = self._kept.get(key, (0.0, ""))
        return value if until > time.monotonic() else None

    async def set(self, key: str, value: str, seconds: int) -> None:
        while len(self._kept) >= _STARTED:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (time.monotonic() + seconds, value)

    async def delete(self, key: str) -> None:
        self._kept.pop(key, None)


@lru_cache
def _provider() -> StarletteOAuth2App:
    settings = get_settings()
    return OAuth(cache=_Started()).register(
        "oidc",
        client_id=settings.oidc_client_id,
        client_secret=settings.oidc_secret.get_secret_value() or None,
        server_metadata_url=f"{settings.oidc_issuer.rstrip('/')}/.well-known/openid-configuration",
        client_kwargs={"scope": "openid profile", "code_challenge_method": "S256", "timeout": 10},
    )


async def begin(request: Request, back: str) -> RedirectResponse:
    """Returns the redirect to the provider.

    Args:
        request: of the browser; its session cookie keeps which sign-on it began.
        back: address to which the provider sends it back.

    Raises:
        Problem: 404 when no provider is set, 503 when it does not answer as one.
    """
    if not get_settings().oidc_issuer:
        raise Problem(404, "没有配置统一登录")
    try:
        await _trusted()
        redirect: RedirectResponse = await _provider().authorize_redirect(request, back)
    except (AuthlibBaseError, httpx.HTTPError, ValueError, RuntimeError, KeyError) as error:
        log.warning("oidc.unreachable", error=type(error).__name__)
        raise Problem(503, "统一登录现在连不上，请稍后再试，或用密码登录") from error
    return redirect


async def _trusted() -> None:
    """Reads who the provider says it is; raises ``ValueError`` when that is not who was set."""
    metadata = await _provider().load_server_metadata()
    if metadata["issuer"] != get_settings().oidc_issuer:
        raise ValueError("issuer")
    offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
    metadata["id_token_signing_alg_values_supported"] = [name for name in offered if name in _SIGNED]


async def name_from(request: Request) -> str:
    """Returns the account name for which the provider vouches in a callback.

    Raises:
        Problem: 401 for a sign-on that this browser did not begin, was used before, or does not hold: signature,
            issuer, audience, nonce, time.
    """
    settings = get_settings()
    if not settings.oidc_issuer:
        raise Problem(404, "没有配置统一登录")
    expected: dict[str, Any] = {
        "iss": {"essential": True, "values": [settings.oidc_issuer]},
        "aud": {"essential": True, "values": [settings.oidc_client_id]},
    }
    try:
        await _trusted()
        token = await _provider().authorize_access_token(request, claims_options=expected, leeway=_LEEWAY)
        name = token["userinfo"][settings.oidc_claim]
        if not isinstance(name, str) or not name:
            raise ValueError("claim")
    except (AuthlibBaseError, JoseError, httpx.HTTPError, ValueError, RuntimeError, KeyError) as error:
        # The kind only: what the provider sent may name a person.
        log.warning("oidc.refused", error=type(error).__name__)
        raise Problem(401, "统一登录没有成功，请重新登录") from error
    return name


def account_of(db: Session, username: str, address: str, now: datetime) -> User:
    """Returns the enabled account of that name; commits, the audit keeps how it ended.

    Raises:
        Problem: 403 when there is none: nobody gets an account, or a role, by being known elsewhere.
    """
    user = find_user(db, username[:64])
    entered = user is not None and user.active
    note(db, username[:64], address, "success" if entered else "failure", now)
    db.commit()
    if user is None or not entered:
        raise Problem(403, "您的统一登录账号在这里没有开通或已停用，请找管理员")
    return user
