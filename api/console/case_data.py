"""What the page of one case reads and does, each a short transaction; run in a thread (``Desk.run``)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from pydantic import ValidationError
from sqlalchemy import and_, func, select
from sqlalchemy.orm import Session

from api.accounts.models import ROLE_NAMES, Role, User
from api.accounts.scope import may_reveal
from api.cases import routes
from api.cases.deadlines import get_deadlines
from api.cases.fields import FIELD_NAMES
from api.cases.models import Case
from api.cases.moves import lock
from api.cases.override import Override
from api.cases.schemas import ActionIn, RevealIn
from api.cases.workflow import get_workflow
from api.chat.models import ChatMessage
from api.chat.reports import GRID
from api.console.case_photos import seen_by
from api.console.clock import ClockView, clock_view, moment
from api.console.data import CHAT_ROLES, SOURCES, Ticket, as_staff
from api.console.turns import Offer, offers
from api.crypto import mask_numbers
from api.errors import Problem
from api.triage.service import get_taxonomy, get_triager

# Rows of the history that change nothing for whoever is at work on the case.
QUIET = ("查看联系方式", "查看照片", "黄牌", "红牌")


@dataclass(frozen=True)
class CasePage:
    """Everything on the page of one case.

    Attributes:
        view: as the HTTP interface gives it, masked for the viewer.
        clock: what the clock is doing.
        offers: the moves of the viewer's role.
        names: staff names by account id, for the history.
        transcript: the conversation it came from, ``{author, text, at}``.
        photos: ids of the resident's photos.
        position: where the resident's device was, in words.
        seq: number of the last history row shown: what a change is based on.
    """

    view: dict[str, Any]
    clock: ClockView
    offers: list[Offer]
    names: dict[str, str]
    transcript: list[dict[str, str]]
    photos: list[str]
    position: str | None
    seq: int
    may_reveal: bool
    may_judge: bool
    session_id: str | None


def case_page(ticket: Ticket, no: str, now: datetime) -> CasePage:
    """Returns everything on the page of a case; raises ``Problem`` 404 out of scope."""
    with as_staff(ticket) as (db, user):
        view = routes.one(no, db, user, now)
        case = routes.find_case(db, no, user)
        photos, position = seen_by(db, user, case)
        view["source_name"] = SOURCES.get(case.source, case.source)
        return CasePage(
            view=view,
            clock=clock_view(case, now, get_deadlines()),
            offers=offers(db, case, view["actions"], user.role, now),
            names=_names(db, [*_actors(case), *(one.actor_id for one in case.overrides)]),
            transcript=_transcript(db, case),
            photos=photos,
            position=position,
            seq=case.history[-1].seq,
            may_reveal=may_reveal(user, case),
            may_judge=_judges(user) and case.status in get_workflow().open,
            session_id=case.session_id if user.role in CHAT_ROLES and case.source != GRID else None,
        )


def _judges(user: User) -> bool:
    try:
        routes.may_judge(user)
    except Problem:
        return False
    return True


def _actors(case: Case) -> list[str]:
    return [row.actor_id for row in case.history if row.actor_kind == "staff"]


def _names(db: Session, ids: Iterable[str]) -> dict[str, str]:
    people = db.scalars(select(User).where(User.id.in_(set(ids))))
    return {one.id: f"{one.name}（{ROLE_NAMES[Role(one.role)]}）" for one in people}


def _transcript(db: Session, case: Case) -> list[dict[str, str]]:
    """Returns the part of the conversation in which this case was told; the resident's other matters are not its."""
    # A grid worker's report is one message, the story itself.
    if not (case.session_id and case.draft_id) or case.source == GRID:
        return []
    same = and_(ChatMessage.session_id == case.session_id, ChatMessage.draft_id == case.draft_id)
    first, last = db.execute(select(func.min(ChatMessage.seq), func.max(ChatMessage.seq)).where(same)).one()
    if first is None:
        return []
    within = and_(ChatMessage.session_id == case.session_id, ChatMessage.seq.between(first, last))
    own = within & (ChatMessage.draft_id.is_(None) | (ChatMessage.draft_id == case.draft_id))
    return [chat_line(message) for message in db.scalars(select(ChatMessage).where(own).order_by(ChatMessage.seq))]


def act(ticket: Ticket, no: str, seq: int, action: str, fields: dict[str, Any], now: datetime) -> None:
    """Does one workflow action, provided that the case is still as it was shown; raises ``Problem``."""
    with as_staff(ticket) as (db, user):
        _still(db, no, user, seq)
        try:
            body = ActionIn(action=action, **fields)
        except ValidationError as error:
            wrong = "、".join(FIELD_NAMES.get(str(one["loc"][0]), str(one["loc"][0])) for one in error.errors())
            raise Problem(422, f"{wrong}：没有填、太长或超出范围") from error
        routes.act(no, body, db, user, now, get_triager())


def proposed_parts(ticket: Ticket, no: str) -> list[str]:
    """Returns the matters that the model sees in a case, numbers masked; raises ``Problem`` 404 out of scope."""
    with as_staff(ticket) as (db, user):
        return list(routes.parts(no, db, user, get_triager())["parts"])


def override(ticket: Ticket, no: str, seq: int, wish: dict[str, str], now: datetime) -> None:
    """Corrects the triage, provided that the case is still as it was shown; raises ``Problem``."""
    with as_staff(ticket) as (db, user):
        routes.may_judge(user)
        _still(db, no, user, seq)
        try:
            body = Override(**wish)  # type: ignore[arg-type]
        except ValidationError as error:
            raise Problem(422, "请写明改判原因（2000 字以内）") from error
        routes.override(no, body, db, user, now, get_taxonomy())


def reveal(ticket: Ticket, no: str, reason: str, now: datetime, number: int | None = None) -> dict[str, Any]:
    """Returns a reporter's name and number and the story in clear; the history keeps who asked, and why.

    ``number`` is which of several reporters, the main one when empty.
    """
    with as_staff(ticket) as (db, user):
        try:
            body = RevealIn(reason=reason, reporter=number)
        except ValidationError as error:
            raise Problem(422, "请写明为什么要看（2000 字以内）") from error
        return routes.reveal(no, body, db, user, now)


def _still(db: Session, no: str, user: User, seq: int) -> None:
    """Locks the case; raises ``Problem`` 409 when somebody has changed it since it was shown."""
    case = routes.find_case(db, no, user)
    lock(db, case)
    since = [row for row in case.history if row.seq > seq and row.action not in QUIET]
    if since:
        who = _names(db, [since[-1].actor_id]).get(since[-1].actor_id, "别人")
        raise Problem(409, f"{who}刚刚做了“{since[-1].action}”，这件已经变了。已为您刷新，请看过再办", stale=True)


def chat_line(message: ChatMessage) -> dict[str, str]:
    """Returns one line of a conversation as staff read it: numbers masked."""
    text = mask_numbers(message.text)
    if message.attachments:
        text = f"{text}\n[照片 {len(message.attachments)} 张]".strip()
    return {"author": message.author, "text": text, "at": moment(message.created_at)}


@lru_cache(maxsize=256)
def explain(text: str) -> list[dict[str, Any]]:
    """Returns the words that decided, ``{word, weight}``; some tenths of a second the first time."""
    return get_triager().explain(text)
