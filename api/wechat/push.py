"""What a follower gets without having just asked: late answers, the words of staff, news of a case."""

import asyncio
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from redis.exceptions import RedisError
from sqlalchemy import select
from sqlalchemy.orm import Session, sessionmaker

from api.cases.models import Case
from api.cases.numbers import LOCAL
from api.chat.models import STAFF, ChatMessage
from api.chat.store import view
from api.chat.turns import close_runtime
from api.outbox.delivery import subscribe
from api.outbox.models import Delivery, OutboxEvent
from api.outbox.sending import HeldError, RefusedError, SinkDownError, note, queue, sink
from api.wechat.answering import turn_of
from api.wechat.client import CLOSED, GONE, ApiError, UnreachableError, WechatApi, wechat_api
from api.wechat.config import wechat_config
from api.wechat.followers import SINK, lane
from api.wechat.lines import wechat_lines
from api.wechat.models import Follower, Inbound
from api.wechat.words import compose, pieces

WINDOW = timedelta(hours=48)
"""How long after their last message a follower may be written to freely."""
_CASE_NO = re.compile(r"LX\d{8}-\d{5,}")

log = structlog.get_logger(__name__)


@subscribe("chat.said")
def _queue(db: Session, event: OutboxEvent, now: datetime) -> None:
    session_id, seq = event.payload["session_id"], event.payload["seq"]
    follower = db.scalar(select(Follower).where(Follower.session_id == session_id))
    if follower is not None:
        queue(db, SINK, f"line:{session_id}:{seq}", lane(follower), {"session_id": session_id, "seq": seq}, now)


@dataclass(frozen=True)
class _Letter:
    follower: Follower
    text: str
    template: str
    facts: dict[str, str]


@sink(SINK)
def send(sessions: sessionmaker[Session], delivery: Delivery, now: datetime) -> str:
    """Sends one delivery: freely inside the window, else a notice now and the words once the follower writes."""
    config = wechat_config()
    if config is None:
        raise SinkDownError("off")
    letter = _letter(sessions, delivery, now)
    if letter is None or not letter.text:
        return "nothing"
    if letter.follower.left_at is not None:
        return "left"
    try:
        return _say_or_notify(sessions, wechat_api(config), delivery, letter, now)
    except ApiError as error:
        if error.code in GONE:
            _mark_left(sessions, letter.follower.id, now)
            return "left"
        raise RefusedError(str(error.code)) from None
    except UnreachableError as error:
        raise SinkDownError(str(error)) from None
    except RedisError:
        raise SinkDownError("redis") from None


def _say_or_notify(
    sessions: sessionmaker[Session], api: WechatApi, delivery: Delivery, letter: _Letter, now: datetime
) -> str:
    openid = letter.follower.openid
    if now - letter.follower.last_message_at < WINDOW:
        try:
            for place, piece in enumerate(pieces(letter.text)):
                if place >= delivery.progress:
                    api.say(openid, piece)
                    note(sessions, delivery, progress=place + 1)
        except ApiError as error:
            if error.code not in CLOSED:
                raise
        else:
            return "sent"
    template = api.config.templates[letter.template]
    if template and not delivery.payload.get("noticed"):
        fields = getattr(wechat_lines().templates, letter.template)
        data = {name: text.format(**letter.facts)[:20] for name, text in fields.items()}
        api.notify(openid, template, data, f"laoxian-{delivery.id}")
        note(sessions, delivery, payload={**delivery.payload, "noticed": True})
    raise HeldError


def _letter(sessions: sessionmaker[Session], delivery: Delivery, now: datetime) -> _Letter | None:
    if "inbound" in delivery.payload:
        return _late_answer(sessions, delivery.payload["inbound"], now)
    with sessions() as db:
        session_id, seq = delivery.payload["session_id"], delivery.payload["seq"]
        row = db.scalar(select(ChatMessage).where(ChatMessage.session_id == session_id, ChatMessage.seq == seq))
        follower = db.scalar(select(Follower).where(Follower.session_id == session_id))
        if row is None or follower is None:
            return None
        facts = {"case_no": "", "status": "", "department": "", "time": f"{now.astimezone(LOCAL):%Y-%m-%d %H:%M}"}
        number = _CASE_NO.search(row.text) if row.author != STAFF else None
        case = db.scalar(select(Case).where(Case.no == number[0])) if number else None
        if case is None:
            return _Letter(follower, compose([view(row)]), "reply", facts)
        facts |= {"case_no": case.no, "status": case.status, "department": case.department}
        return _Letter(follower, compose([view(row)]), "news", facts)


def _late_answer(sessions: sessionmaker[Session], inbound_id: int, now: datetime) -> _Letter | None:
    with sessions() as db:
        inbound = db.get(Inbound, inbound_id)
        follower = db.get(Follower, inbound.follower_id) if inbound else None
    if follower is None:
        return None
    lines = asyncio.run(_in_a_loop_of_its_own(inbound_id, now))
    facts = {"case_no": "", "status": "", "department": "", "time": f"{now.astimezone(LOCAL):%Y-%m-%d %H:%M}"}
    return _Letter(follower, compose(lines), "reply", facts)


async def _in_a_loop_of_its_own(inbound_id: int, now: datetime) -> list[dict[str, object]]:
    try:
        return await turn_of(inbound_id, now)
    finally:
        await close_runtime()


def _mark_left(sessions: sessionmaker[Session], follower_id: int, now: datetime) -> None:
    with sessions.begin() as db:
        db.get_one(Follower, follower_id).left_at = now
