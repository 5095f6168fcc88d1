"""Followers and what they sent, each function one short transaction."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from api.chat.store import start, token_digest
from api.crypto import keyed_digest, keyed_digests
from api.db import session_factory
from api.outbox.sending import queue, release
from api.wechat.hearing import Heard
from api.wechat.lines import wechat_lines
from api.wechat.models import Follower, Inbound

SINK = "wechat"
CHANNEL = "wechat"
SAFETY = timedelta(seconds=60)
"""After so long without an answer the worker takes a message over: the process that had it must have died."""
KEEP = timedelta(days=7)

T = TypeVar("T")


@dataclass(frozen=True)
class Kept:
    """A message that is kept."""

    id: int

    @property
    def key(self) -> str:
        """The key of the delivery of its answer."""
        return f"turn:{self.id}"


def lane(follower: Follower) -> str:
    """Returns the lane in which everything goes to a follower, in order."""
    return f"wechat:{follower.id}"


def keep(openid: str, msg_id: str, heard: Heard, now: datetime) -> Kept:
    """Keeps a message and sees to it that it will be answered; a repetition gives what was kept before."""
    return _again_if_two_came(lambda db: _keep(db, openid, msg_id, heard, now))


def join(openid: str, now: datetime) -> str:
    """Notes that somebody follows the account; returns the greeting."""
    return _again_if_two_came(lambda db: _join(db, openid, now))


def leave(openid: str, now: datetime) -> None:
    """Notes that somebody has left: nothing is sent to them any more."""
    with session_factory().begin() as db:
        follower = _find(db, openid)
        if follower is not None:
            follower.left_at = now


def forget_old(db: Session, now: datetime) -> None:
    """Deletes what came more than a week ago: 微信 repeats nothing as old, and the transcript has it."""
    db.execute(delete(Inbound).where(Inbound.received_at < now - KEEP))


def _again_if_two_came(do: Callable[[Session], T]) -> T:
    try:
        with session_factory().begin() as db:
            return do(db)
    except IntegrityError:
        # Another process has just added the same follower or message: now it is found.
        with session_factory().begin() as db:
            return do(db)


def _find(db: Session, openid: str) -> Follower | None:
    return db.scalar(select(Follower).where(Follower.openid_index.in_(keyed_digests("openid", openid))))


def _find_or_add(db: Session, openid: str, now: datetime) -> Follower:
    follower = _find(db, openid)
    if follower is None:
        index = keyed_digest("openid", openid)
        follower = Follower(openid_index=index, openid=openid, last_message_at=now, created_at=now)
        db.add(follower)
    follower.last_message_at = now
    db.flush()
    return follower


def _join(db: Session, openid: str, now: datetime) -> str:
    follower = _find_or_add(db, openid, now)
    came_back, follower.left_at = follower.left_at is not None, None
    lines = wechat_lines()
    return lines.again if came_back else f"{lines.greeting}\n\n{lines.privacy}"


def _keep(db: Session, openid: str, msg_id: str, heard: Heard, now: datetime) -> Kept:
    follower = _find(db, openid)
    if follower is not None and follower.session_id is not None:
        known = select(Inbound.id).where(Inbound.follower_id == follower.id, Inbound.msg_id == msg_id)
        if (found := db.scalar(known)) is not None:
            return Kept(found)
    follower = _find_or_add(db, openid, now)
    follower.left_at = None
    if follower.session_id is None:
        # Nobody ever holds the token of this conversation: it is entered through 微信 only.
        follower.session_id = start(db, token_digest(secrets.token_urlsafe(32)), now, CHANNEL).id
    inbound = Inbound(follower_id=follower.id, msg_id=msg_id, content=heard.as_json(), received_at=now)
    db.add(inbound)
    db.flush()
    kept = Kept(inbound.id)
    # In a lane of its own: what staff write must not wait for an answer of the bot.
    queue(db, SINK, kept.key, kept.key, {"inbound": inbound.id}, now + SAFETY)
    release(db, SINK, lane(follower), now)
    return kept
