"""Calls to 微信: messages, templates, menu, media, with the access token shared by every process."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

import httpx
import requests
from redis import Redis
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential
from wechatpy import WeChatClient
from wechatpy.exceptions import WeChatClientException

from api.crypto import seal, unseal
from api.settings import get_settings
from api.wechat.config import WechatConfig

TIMEOUT_SECONDS = 8.0
_STALE = {40001, 40014, 42001}  # the token is wrong, not ours, or has run out
_BUSY = {-1, 45011}  # the system is busy; too many calls this minute
_LATER = {45009}  # the day's quota is used up
_FORBIDDEN = {48001, 48004, 50002}  # the account may not do this, as yet or any more
_EARLY_SECONDS = 300  # a token is given up before 微信 does so

CLOSED = {45015, 45047}
"""The follower may not be written to until they write: 48 hours have passed, or the messages they pay for are used."""
GONE = {43004}
"""The follower has left."""


class ApiError(Exception):
    """微信 refused a call for good.

    Attributes:
        code: its ``errcode``.
        hint: its ``errmsg``, for the administrator's screen only.
    """

    def __init__(self, code: int, hint: str = "") -> None:
        super().__init__(str(code))
        self.code, self.hint = code, hint


class UnreachableError(Exception):
    """微信 gave no answer, is too busy, or the quota of the day is used up: later it may be better."""


class MisconfiguredError(UnreachableError):
    """微信 does not let this account or server in; it will once the administrator has mended that.

    Attributes:
        code: its ``errcode``.
        hint: its ``errmsg``, for the administrator's screen only.
    """

    def __init__(self, code: int, hint: str) -> None:
        super().__init__(str(code))
        self.code, self.hint = code, hint


class _BusyError(UnreachableError):
    """Busy for a moment."""


class _StaleTokenError(UnreachableError):
    """The token that was used is no longer good; a new one has been fetched."""


class WechatApi:
    """微信's interfaces for one account. Errors hold no address, since addresses hold the access token."""

    def __init__(self, config: WechatConfig, redis: Redis) -> None:
        self.config, self._redis = config, redis
        self._key = f"laoxian:wechat:token:{config.app_id}"

    def say(self, openid: str, text: str) -> None:
        """Sends a customer-service text.

        Raises:
            ApiError: refused, such as with a code of ``CLOSED`` or ``GONE``.
            UnreachableError: to be tried later.
        """
        self._call(lambda client: client.message.send_text(openid, text))

    def notify(self, openid: str, template_id: str, data: dict[str, str], key: str) -> None:
        """Sends a template message; 微信 drops a second one with the same ``key``. Raises as ``say``."""
        body = {
            "touser": openid,
            "template_id": template_id,
            "client_msg_id": key,
            "data": {name: {"value": value} for name, value in data.items()},
        }
        self._call(lambda client: client.post("message/template/send", data=body))

    def media(self, media_id: str) -> bytes:
        """Returns the file behind a ``MediaId``, kept by 微信 for three days. Raises as ``say``."""
        answer = self._call(lambda client: client.media.download(media_id))
        if isinstance(answer, dict):  # JSON that is no error, so no picture either
            raise ApiError(40007)
        return bytes(answer.content)

    def publish_menu(self, buttons: list[dict[str, str]]) -> None:
        """Replaces the menu of the account. Raises as ``say``."""
        self._call(lambda client: client.menu.create({"button": buttons}))

    def token(self, stale: str | None = None) -> str:
        """Returns the access token, shared through Redis so that only one process fetches it.

        Args:
            stale: a token that 微信 has just refused and that must not come back.
        """
        kept = self._kept()
        if kept and kept != stale:
            return kept
        with self._redis.lock(f"{self._key}:lock", timeout=3 * TIMEOUT_SECONDS, blocking_timeout=3 * TIMEOUT_SECONDS):
            kept = self._kept()
            if kept and kept != stale:
                return kept
            fresh, seconds = self._fetch(force=False)
            if fresh == stale:
                fresh, seconds = self._fetch(force=True)
            self._redis.set(self._key, seal(fresh), ex=max(seconds - _EARLY_SECONDS, 60))
            return fresh

    def _kept(self) -> str | None:
        kept: Any = self._redis.get(self._key)
        return unseal(kept.decode()) if kept else None

    def _fetch(self, *, force: bool) -> tuple[str, int]:
        # stable_token: asking for a token never spoils the one that another system of the account uses.
        body = {
            "grant_type": "client_credential",
            "appid": self.config.app_id,
            "secret": self.config.secret,
            "force_refresh": force,
        }
        try:
            url = f"{self.config.api_url}/cgi-bin/stable_token"
            answer = httpx.post(url, json=body, timeout=TIMEOUT_SECONDS).raise_for_status().json()
            code, hint = int(answer.get("errcode", 0)), str(answer.get("errmsg", ""))
            if code in _BUSY:
                raise _BusyError(str(code))
            if code:
                raise MisconfiguredError(code, hint)
            return str(answer["access_token"]), int(answer.get("expires_in", 7200))
        except (httpx.HTTPError, ValueError, KeyError, AttributeError) as error:
            raise UnreachableError(type(error).__name__) from None

    def _call(self, do: Callable[[WeChatClient], Any]) -> Any:
        stale = None
        attempts = Retrying(
            retry=retry_if_exception_type((_BusyError, _StaleTokenError)),
            stop=stop_after_attempt(3),
            wait=wait_random_exponential(multiplier=0.2, max=2),
            reraise=True,
        )
        for attempt in attempts:
            with attempt:
                token = self.token(stale)
                try:
                    with _plain_errors():
                        return do(self._client(token))
                except _StaleTokenError:
                    stale = token
                    raise
        raise AssertionError("the last attempt returns or raises")

    def _client(self, token: str) -> WeChatClient:
        client = WeChatClient(self.config.app_id, "", access_token=token, timeout=TIMEOUT_SECONDS, auto_retry=False)
        client.API_BASE_URL = f"{self.config.api_url}/cgi-bin/"
        return client


@contextmanager
def _plain_errors() -> Iterator[None]:
    try:
        yield
    except WeChatClientException as error:
        code, hint = error.errcode, str(error.errmsg)
    except requests.RequestException as error:
        raise UnreachableError(type(error).__name__) from None
    else:
        return
    if code is None:
        raise UnreachableError("http")
    if code in _STALE:
        raise _StaleTokenError(str(code))
    if code in _BUSY:
        raise _BusyError(str(code))
    if code in _LATER:
        raise UnreachableError(str(code))
    if code in _FORBIDDEN:
        raise MisconfiguredError(int(code), hint)
    raise ApiError(int(code), hint)


@lru_cache
def _redis(url: str) -> Redis:
    return Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)


def wechat_api(config: WechatConfig) -> WechatApi:
    """Returns the interfaces of 微信 for this process's account."""
    return WechatApi(config, _redis(get_settings().redis_url))
