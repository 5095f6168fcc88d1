"""The residents' HTTP interface: open a conversation, say something, read what was said."""

import asyncio
import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel, BeforeValidator, Field

from api.accounts.deps import Now
from api.chat import limits, location, store
from api.chat.attachments import MAX_PHOTOS, too_many
from api.chat.inbox import Incoming
from api.chat.lines import Line, front_lines, in_script
from api.chat.text import MAX_CHARS, clean, has_words
from api.chat.turns import close_runtime, runtime, take_turn
from api.errors import Problem
from api.health.metrics import TURN_SECONDS

_TOKEN = re.compile(r"Bearer +([A-Za-z0-9_-]{20,100})\Z", re.IGNORECASE)


@asynccontextmanager
async def _connections(_app: FastAPI) -> AsyncIterator[None]:
    front_lines()  # a mistake in the file stops the start
    yield
    await close_runtime()


router = APIRouter(prefix="/api/v1/chat", tags=["对话"], lifespan=_connections)


def _clean(value: Any) -> Any:
    # Before the type check: it would refuse the lone surrogates that broken keyboards send.
    return clean(value) if isinstance(value, str) else value


class LocationIn(BaseModel):
    """Where the device says it is."""

    lat: float = Field(ge=-90, le=90, allow_inf_nan=False)
    lng: float = Field(ge=-180, le=180, allow_inf_nan=False)
    accuracy: float | None = Field(None, ge=0, le=1e8, description="米")
    system: location.System = Field("wgs84", description="坐标系：浏览器给 wgs84，微信和国内地图给 gcj02")


class MessageIn(BaseModel):
    """What a resident's page sends."""

    text: Annotated[str, BeforeValidator(_clean)] = Field(description="至多 20000 字")
    message_id: Annotated[str, BeforeValidator(_clean)] | None = Field(
        None, min_length=1, max_length=64, description="页面给这条消息的编号；重发时不变，就不会办两次"
    )
    attachments: list[Annotated[str, Field(max_length=32)]] = Field(
        default_factory=list, description="上传后得到的照片编号"
    )
    location: LocationIn | None = Field(None, description="分享位置；变成一句话接在 text 后面")


class MessageOut(BaseModel):
    """One line of the transcript; fields that do not apply are left out."""

    seq: int | None = None
    author: str
    text: str
    quick_replies: list[dict[str, str]]
    case_no: str | None = None
    created_at: str | None = None
    message_id: str | None = None
    status: str | None = None
    photos: int | None = None


class SessionOut(BaseModel):
    """A new conversation; the token is the only key to it and is shown this once."""

    session_id: str
    token: str
    messages: list[MessageOut]


class TurnOut(BaseModel):
    """The answer to a message.

    ``seq`` is the number of the resident's own message, ``said`` what it says where a position was put into words.
    """

    messages: list[MessageOut]
    state: str | None = None
    seq: int | None = None
    said: str | None = None


class HistoryOut(BaseModel):
    """A page of the transcript; ``more`` says that another follows."""

    messages: list[MessageOut]
    state: str
    more: bool


def chat_token(request: Request) -> str:
    """Returns the digest of the bearer token of a conversation; raises ``Problem`` 401 when there is none."""
    found = _TOKEN.match(request.headers.get("Authorization", ""))
    if not found:
        raise Problem(401, front_lines().errors.session, {"WWW-Authenticate": "Bearer"})
    return store.token_digest(found[1])


ChatToken = Annotated[str, Depends(chat_token)]


@router.post("/sessions", status_code=201, response_model_exclude_none=True)
async def open_session(request: Request, now: Now) -> SessionOut:
    """Opens a conversation and greets."""
    address = request.client.host if request.client else "unknown"
    await limits.check(runtime().redis, limits.SESSIONS_PER_ADDRESS, address, front_lines().errors.too_many_sessions)
    session_id, token, greeting = await run_in_threadpool(store.open_session, now)
    return SessionOut.model_validate({"session_id": session_id, "token": token, "messages": greeting})


@router.post("/messages", response_model_exclude_none=True)
async def send_message(message: MessageIn, digest: ChatToken, now: Now) -> TurnOut:
    """Takes what a resident says and answers. Repeating a ``message_id`` gives the stored answer."""
    if len(message.text) > MAX_CHARS:
        raise Problem(413, front_lines().errors.too_long)
    photos = list(dict.fromkeys(message.attachments))
    if len(photos) > MAX_PHOTOS:
        raise too_many()
    text, where = message.text if has_words(message.text) else "", None
    if (at := message.location) is not None:
        # The first call reads the table of places.
        told = await run_in_threadpool(location.words, at.lat, at.lng, at.accuracy, at.system)
        where = location.locate(at.lat, at.lng, at.accuracy, at.system)
        text = f"{text}\n{told}" if text else told
    if not (text or photos):
        return await _ask_for_words(digest)
    await limits.check(runtime().redis, limits.MESSAGES_PER_SESSION, digest, front_lines().errors.too_fast)
    incoming = Incoming(text, message.message_id or secrets.token_hex(16), photos, where)
    # Shielded: a resident who leaves in mid-turn finds the whole answer on coming back.
    with TURN_SECONDS.time():
        turn = await asyncio.shield(asyncio.create_task(take_turn(runtime(), digest, incoming, now)))
    return TurnOut.model_validate(turn.__dict__ | {"said": text if where else None})


async def _ask_for_words(digest: str) -> TurnOut:
    script = await run_in_threadpool(store.know, digest)
    said = in_script(Line(front_lines().empty), script)
    return TurnOut(messages=[MessageOut(author="bot", text=said.text, quick_replies=[])])


@router.get("/messages", response_model_exclude_none=True)
def read_messages(digest: ChatToken, after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0) -> HistoryOut:
    """Returns the transcript after number ``after``: to restore a page, and to hear from staff."""
    return HistoryOut.model_validate(store.history(digest, after))
