"""What surrounds every request: its id, one log line, its metrics, the body limit, the last catch of errors."""

import re
import time
from uuid import uuid4

import structlog
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.errors import problem_response
from api.health.metrics import REQUESTS, SECONDS

BODY_LIMIT, UPLOAD_LIMIT = 1_000_000, 10_100_000
"""Bytes of a request: of JSON, and of the one call that takes a photo (10 MB and its multipart frame)."""
_UPLOAD = ("POST", "/api/v1/chat/attachments")
# Asked every few seconds by orchestrator and scraper: counted, but a line for each would drown the requests of people.
_PROBES = frozenset({"/healthz", "/readyz", "/metrics"})
_REQUEST_ID = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
]

log = structlog.get_logger("api.request")


class RequestMiddleware:
    """Gives a request its id (``X-Request-ID``, taken over when sensible), logs and counts it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles one request; other traffic passes through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = _request_id(scope)
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request_id)
        started, status = time.perf_counter(), 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = [*message.get("headers", []), *_HEADERS, (b"x-request-id", request_id.encode())]
                message = {**message, "headers": headers}
            await send(message)

        try:
            await self.app(scope, limited(scope, receive), watched)
        except Exception:
            log.exception("request failed")
            if status:
                raise
            await problem_response(500, "系统出了点问题，已经记录下来，请稍后再试")(scope, receive, watched)
        finally:
            self._account(scope, status, time.perf_counter() - started)

    @staticmethod
    def _account(scope: Scope, status: int, seconds: float) -> None:
        # The template, not the path: a path holds case numbers, and each would be a time series of its own.
        route = scope.get("route")
        path = getattr(route, "path", None) or "other"
        REQUESTS.labels(scope["method"], path, str(status)).inc()
        SECONDS.labels(scope["method"], path).observe(seconds)
        if path in _PROBES and status in (200, 503):  # readyz says itself what has failed
            return
        log.info("request", method=scope["method"], route=path, status=status, ms=round(seconds * 1000, 1))


def _request_id(scope: Scope) -> str:
    given = dict(scope["headers"]).get(b"x-request-id", b"")
    return given.decode() if _REQUEST_ID.fullmatch(given) else uuid4().hex


def limited(scope: Scope, receive: Receive) -> Receive:
    """Returns a ``receive`` that ends a body over the limit of its interface with 413."""
    if not scope["path"].startswith(("/api/", "/internal/")):
        return receive
    limit, detail = BODY_LIMIT, "内容过大：一次请求最多 1 MB"
    if (scope.get("method"), scope["path"]) == _UPLOAD:
        limit, detail = UPLOAD_LIMIT, "照片太大：一张最多 10 MB，请换一张或缩小后再发"
    announced = dict(scope["headers"]).get(b"content-length", b"0")
    total = 0

    async def counted() -> Message:
        nonlocal total
        message = await receive()
        total += len(message.get("body", b""))
        if total > limit or (announced.isdigit() and int(announced) > limit):
            raise HTTPException(413, detail)
        return message

    return counted
