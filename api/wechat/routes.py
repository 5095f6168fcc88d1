"""The address that 微信 calls. It answers 404 while the channel is off."""

import time
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import PlainTextResponse
from starlette.background import BackgroundTask

from api.accounts.deps import Now
from api.chat import limits
from api.chat.lines import front_lines
from api.chat.turns import runtime
from api.crypto import keyed_digest
from api.errors import Problem
from api.wechat.answering import answer, answered
from api.wechat.config import WechatConfig, wechat_config
from api.wechat.envelope import Envelope
from api.wechat.followers import join, keep, leave
from api.wechat.hearing import Heard, hear, identity

MAX_BODY = 64_000
"""微信's messages have some hundred bytes, encrypted ones up to about ten thousand."""

router = APIRouter(prefix="/wechat", tags=["微信"], include_in_schema=False)


def _configured() -> WechatConfig:
    config = wechat_config()
    if config is None:
        raise Problem(404, "没有接微信公众号")
    return config


Config = Annotated[WechatConfig, Depends(_configured)]


@router.get("")
def prove(config: Config, request: Request, now: Now) -> PlainTextResponse:
    """公众号后台保存服务器配置时的验证。"""
    Envelope(config, request.query_params, now)
    return PlainTextResponse(request.query_params.get("echostr", "")[:200])


@router.post("")
async def receive(config: Config, request: Request, now: Now) -> Response:
    """收一条消息或事件。"""
    started = time.monotonic()
    envelope = Envelope(config, request.query_params, now)
    message = envelope.open(await _body(request))
    said, then = None, None
    if message.type == "event" and message.event in ("subscribe", "subscribe_scan"):
        said = await run_in_threadpool(join, message.source, now)
    elif message.type == "event" and message.event == "unsubscribe":
        await run_in_threadpool(leave, message.source, now)
    else:
        heard = hear(message)
        if isinstance(heard, Heard):
            said, then = await _take_in(message.source, identity(message), heard, now, started)
        else:
            said = heard
    closed = envelope.close(message, said)
    return Response(closed, media_type="application/xml" if said else "text/plain", background=then)


async def _take_in(
    openid: str, msg_id: str, heard: Heard, now: Now, started: float
) -> tuple[str | None, BackgroundTask | None]:
    """Returns what to say now, and what to do once it has been said."""
    sender = keyed_digest("openid", openid)
    try:
        await limits.check(runtime().redis, limits.MESSAGES_PER_SESSION, sender, front_lines().errors.too_fast)
    except Problem as problem:
        return problem.detail, None
    kept = await run_in_threadpool(keep, openid, msg_id, heard, now)
    said = await answer(kept, now, time.monotonic() - started)
    return said, BackgroundTask(answered, kept, now) if said else None


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise Problem(413, "内容过大：微信的消息没有这么长")
    return bytes(body)
