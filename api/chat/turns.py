"""A turn: store what the resident said, ask the bot, store what it answered. Nothing is lost, nothing runs twice."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from weakref import WeakKeyDictionary

import structlog
from fastapi.concurrency import run_in_threadpool
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from api.chat import inbox, outage
from api.chat.bot_client import BotClient, BotDownError
from api.chat.inbox import Incoming, Receipt, Waiting
from api.chat.lines import Line, front_lines
from api.chat.locks import Lease, TurnLocks
from api.chat.text import for_bot
from api.settings import Settings, get_settings

log = structlog.get_logger(__name__)

PHOTO_ALONE = "[图片]"
"""What the bot reads of a message without words."""

MAX_ATTEMPTS = 5
"""A message that a healthy bot refuses so often will never be answered: a person gets it."""


@dataclass(frozen=True)
class Turn:
    """The answer to one request."""

    state: str
    seq: int
    messages: list[dict[str, Any]]


class Runtime:
    """The open connections of the chat on one event loop."""

    def __init__(self, settings: Settings) -> None:
        self.bot = BotClient(settings)
        # No retries with growing pauses: a turn without Redis must go on at once.
        self.redis: Redis = Redis.from_url(
            settings.redis_url, socket_timeout=1.0, socket_connect_timeout=0.5, retry=Retry(NoBackoff(), 1)
        )
        wait = settings.bot_timeout_seconds + 5
        self.locks = TurnLocks(self.redis, wait_seconds=wait, hold_seconds=settings.bot_timeout_seconds + 15)

    async def close(self) -> None:
        """Closes the connections."""
        await self.bot.close()
        await self.redis.aclose()


_runtimes: WeakKeyDictionary[asyncio.AbstractEventLoop, Runtime] = WeakKeyDictionary()


def runtime() -> Runtime:
    """Returns the runtime of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _runtimes:
        _runtimes[loop] = Runtime(get_settings())
    return _runtimes[loop]


async def close_runtime() -> None:
    """Closes what ``runtime`` opened on this loop."""
    if opened := _runtimes.pop(asyncio.get_running_loop(), None):
        await opened.close()


async def take_turn(chat: Runtime, digest: str, incoming: Incoming, now: datetime) -> Turn:
    """Takes one message of a resident and returns the answer.

    Args:
        chat: open connections.
        digest: the conversation, by its token.
        incoming: the message.
        now: when it arrived.

    Raises:
        Problem: 401 when the token opens no conversation, 404 or 409 when its photos cannot be sent.
    """
    async with chat.locks.hold(digest) as lease:
        receipt = await run_in_threadpool(inbox.receive, digest, incoming, now)
        if receipt.answers is not None:
            return Turn(receipt.state, receipt.seq, receipt.answers)
        if not lease.held:
            said = await run_in_threadpool(outage.ask_for_patience, receipt, now)
            return Turn(receipt.state, receipt.seq, said)
        return Turn(receipt.state, receipt.seq, await _work_off(chat, lease, receipt, now))


async def _work_off(chat: Runtime, lease: Lease, receipt: Receipt, now: datetime) -> list[dict[str, Any]]:
    """Asks the bot about everything that waits, in order, up to the first that it does not answer."""
    draft_id, left = receipt.draft_id, list(receipt.waiting)
    said: list[dict[str, Any]] = []
    urgent = outage.danger(left) is not None
    while left:
        if said and not await lease.renew():
            return said + await run_in_threadpool(outage.ask_for_patience, receipt, now)
        one = left[0]
        if one.filed:
            same = [other.id for other in left if other.filed == one.filed]
            left = [other for other in left if other.filed != one.filed]
            line = Line(front_lines().already_filed.format(case_no=one.filed), case_no=one.filed)
            draft_id, lines = await _settle(receipt, same, [line], now, draft_id=one.draft_id, done=True)
            said += lines
            continue
        try:
            draft_id, lines = await _ask(chat, receipt, one, now, draft_id=draft_id, urgent=urgent)
        except BotDownError as down:
            log.warning("chat.bot_down", session=receipt.session_id, reason=str(down))
            if down.refused and one.attempts + 1 >= MAX_ATTEMPTS and await chat.bot.healthy():
                said += await run_in_threadpool(inbox.give_up, receipt.session_id, one, receipt.seq, now)
                left = left[1:]
                continue
            return said + await run_in_threadpool(outage.postpone, receipt, left, down.refused, now)
        said += lines
        left = left[1:]
    return said


async def _ask(
    chat: Runtime, receipt: Receipt, one: Waiting, now: datetime, *, draft_id: str, urgent: bool
) -> tuple[str, list[dict[str, Any]]]:
    text = for_bot(one.text) or (PHOTO_ALONE if one.attachments else "")
    if not text:  # only slashes or at-signs: nothing to understand, and Rasa must not see a command
        line = Line(front_lines().empty)
        return await _settle(receipt, [one.id], [line], now, draft_id=draft_id, done=False)
    answer = await chat.bot.send(draft_id, f"{receipt.session_id}:{one.seq}", text, one.attachments, urgent)
    return await _settle(receipt, [one.id], answer.lines, now, draft_id=draft_id, done=answer.done)


async def _settle(
    receipt: Receipt, ids: list[int], lines: list[Line], now: datetime, *, draft_id: str, done: bool
) -> tuple[str, list[dict[str, Any]]]:
    return await run_in_threadpool(
        inbox.settle, receipt.session_id, ids, lines, now, reply_to=receipt.seq, draft_id=draft_id, done=done
    )
