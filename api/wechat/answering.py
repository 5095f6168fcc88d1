"""From a kept message to its answer: at once when there is time, else through the worker."""

import asyncio
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from fastapi.concurrency import run_in_threadpool
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.chat import attachments
from api.chat.inbox import Incoming
from api.chat.location import locate, words
from api.chat.models import BOT, PENDING, RESIDENT, ChatMessage, ChatSession
from api.chat.store import view
from api.chat.turns import runtime, take_turn
from api.db import session_factory
from api.errors import Problem
from api.outbox.sending import can_take, hasten, take
from api.wechat.client import ApiError, wechat_api
from api.wechat.config import wechat_config
from api.wechat.followers import SINK, Kept
from api.wechat.hearing import Heard
from api.wechat.lines import wechat_lines
from api.wechat.models import Follower, Inbound
from api.wechat.words import MAX_BYTES, compose, picked

REPLY_SECONDS = 4.0
"""微信 waits five seconds for an answer; one is left for the way."""
PASSIVE, NOTHING = "passive", "nothing"

log = structlog.get_logger(__name__)
_running: set[asyncio.Task[Any]] = set()  # a task that nobody holds may be collected in mid-way


async def answer(kept: Kept, now: datetime, spent: float) -> str | None:
    """Returns the answer to a kept message, or None when it comes later or there is nothing to say.

    Args:
        kept: the message.
        now: when it arrived.
        spent: seconds of ``REPLY_SECONDS`` that have passed already.
    """
    task = _start(turn_of(kept.id, now))
    done, _ = await asyncio.wait({task}, timeout=max(REPLY_SECONDS - spent, 0))
    if not done:
        _start(_announce(task, kept, now))
        return None
    if task.exception() is not None:
        log.error("wechat.turn_failed", inbound=kept.id, exc_info=task.exception())
        return None  # the worker takes it over
    text = compose(task.result())
    if len(text.encode()) > MAX_BYTES:
        await _announce(task, kept, now)
        return None
    if not text:
        await run_in_threadpool(_take, kept, NOTHING, now)
        return None
    return text if await run_in_threadpool(_open, kept) else None


def answered(kept: Kept, now: datetime) -> None:
    """Notes, once the answer has left this process, that the worker need not send it.

    Before that a process may die, and the follower would never hear of it.
    """
    _take(kept, PASSIVE, now)


def _open(kept: Kept) -> bool:
    with session_factory()() as db:
        return can_take(db, SINK, kept.key, PASSIVE)


def _start(work: Any) -> asyncio.Task[Any]:
    task = asyncio.create_task(work)
    _running.add(task)
    task.add_done_callback(_running.discard)
    return task


async def _announce(task: asyncio.Task[Any], kept: Kept, now: datetime) -> None:
    """Has the worker send the answer as soon as there is one."""
    await asyncio.wait({task})
    if task.exception() is None:
        await run_in_threadpool(_hasten, kept, now)
    else:
        log.error("wechat.turn_failed", inbound=kept.id, exc_info=task.exception())


def _hasten(kept: Kept, now: datetime) -> None:
    with session_factory().begin() as db:
        hasten(db, SINK, kept.key, now)


def _take(kept: Kept, outcome: str, now: datetime) -> None:
    with session_factory().begin() as db:
        take(db, SINK, kept.key, outcome, now)


@dataclass(frozen=True)
class _Job:
    session_id: str
    draft_id: str
    digest: str
    client_id: str
    heard: Heard | None
    answered: list[dict[str, Any]] | None


async def turn_of(inbound_id: int, now: datetime) -> list[dict[str, Any]]:
    """Takes the turn of a kept message and returns the lines that answer it; asked again, it returns the same lines.

    Raises:
        UnreachableError: a photo could not be fetched for now.
    """
    chat = runtime()
    async with chat.locks.hold(f"wechat:{inbound_id}") as lease:
        if not lease.held:
            raise TimeoutError
        job = await run_in_threadpool(_load, inbound_id)
        if job.answered is not None:
            return job.answered
        if job.heard is None:
            return []
        incoming = await run_in_threadpool(_incoming, job, now)
        if isinstance(incoming, str):
            return [_aside(incoming)]
        try:
            turn = await take_turn(chat, job.digest, incoming, now)
        except Problem as problem:  # a seventh photo, or a conversation erased in between
            return [_aside(problem.detail)]
        more = await run_in_threadpool(_settle, inbound_id)
        # Photos picked together come one by one: the last of them is answered.
        return [] if incoming.attachments and more else turn.messages


def _aside(text: str) -> dict[str, Any]:
    """Returns a line that the transcript does not have."""
    return {"author": BOT, "text": text, "quick_replies": []}


def _load(inbound_id: int) -> _Job:
    with session_factory()() as db:
        inbound = db.get_one(Inbound, inbound_id)
        follower = db.get_one(Follower, inbound.follower_id)
        session = db.get(ChatSession, follower.session_id or "")
        if session is None:
            return _Job("", "", "", inbound.msg_id, None, [])
        heard = Heard.from_json(inbound.content) if inbound.content else None
        answered = _answered(db, session.id, inbound.msg_id)
        return _Job(session.id, session.draft_id, session.token_hash, inbound.msg_id, heard, answered)


def _answered(db: Session, session_id: str, client_id: str) -> list[dict[str, Any]] | None:
    query = select(ChatMessage).where(ChatMessage.session_id == session_id)
    message = db.scalar(query.where(ChatMessage.client_id == client_id))
    if message is None:
        return None
    lines = [
        view(row) for row in db.scalars(query.where(ChatMessage.reply_to == message.seq).order_by(ChatMessage.seq))
    ]
    return None if message.status == PENDING and not lines else lines


def _settle(inbound_id: int) -> bool:
    """Forgets the content of a message that the transcript now has; tells whether another waits behind it."""
    with session_factory().begin() as db:
        inbound = db.get_one(Inbound, inbound_id)
        inbound.content = None
        behind = select(Inbound.id).where(Inbound.follower_id == inbound.follower_id, Inbound.id > inbound_id)
        return db.scalar(behind.where(Inbound.content.is_not(None)).limit(1)) is not None


def _incoming(job: _Job, now: datetime) -> Incoming | str:
    """Returns what to hand to the intake, or what to say when that cannot be."""
    heard = job.heard or Heard()
    if heard.media_id:
        return _photo(job, heard, now)
    if heard.lat is not None and heard.lng is not None:
        here = words(heard.lat, heard.lng, None, "gcj02")
        text = f"{here}，地图上是{heard.label}" if heard.label else here
        return Incoming(text, job.client_id, [], locate(heard.lat, heard.lng, None, "gcj02"))
    with session_factory()() as db:
        chosen = picked(heard.text, _offered(db, job.session_id))
    return Incoming(chosen or heard.text, job.client_id, [])


def _photo(job: _Job, heard: Heard, now: datetime) -> Incoming | str:
    config = wechat_config()
    if config is None:
        return wechat_lines().photo_lost
    try:
        data = wechat_api(config).media(heard.media_id)
        with session_factory()() as db:
            attachment = attachments.store(db, job.session_id, job.draft_id, data, now)
            db.commit()
    except ApiError as error:
        log.warning("wechat.photo_lost", code=error.code)
        return wechat_lines().photo_lost
    except Problem as problem:
        return problem.detail
    return Incoming("", job.client_id, [attachment.id])


def _offered(db: Session, session_id: str) -> list[dict[str, str]]:
    """Returns the choices that the resident has seen last, if nothing has been said since."""
    query = select(ChatMessage).where(ChatMessage.session_id == session_id).order_by(ChatMessage.seq.desc())
    shown: list[ChatMessage] = []
    for row in db.scalars(query.limit(20)):
        if row.author == RESIDENT or (shown and (row.reply_to is None or row.reply_to != shown[0].reply_to)):
            break
        if shown or row.quick_replies:
            shown.insert(0, row)
    return [reply for row in shown for reply in row.quick_replies]
