"""Colleagues called by name in a note: ``@用户名`` brings them a notice, if they may see the case at all."""

import re
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, select, update
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.accounts.models import ROLE_NAMES, Role, User
from api.accounts.scope import visible_cases, who_sees
from api.cases.models import Case, CaseHistory
from api.cases.views import local_iso
from api.crypto import mask_numbers
from api.errors import Problem
from api.notices.models import Notice

# Not within an address such as a@b.cn; the name ends where none of its letters follow, or a known name does.
_CALL = re.compile(r"(?<![A-Za-z0-9._%+-])@([\w.-]{1,64})")
_AT_ONCE = 10
SHOWN = 100


def colleagues(db: Session, case: Case, user: User) -> list[dict[str, Any]]:
    """Returns who may be called in a note on ``case``, without ``user``: ``{username, name, role_name, unit}``."""
    people = db.scalars(select(User).where(who_sees(case), User.id != user.id).order_by(User.username))
    return [
        {
            "username": one.username,
            "name": one.name,
            "role_name": ROLE_NAMES[Role(one.role)],
            "unit": one.department or one.community or one.street or "",
        }
        for one in people
    ]


def call(db: Session, case: Case, words: str, actor: Actor, seq: int, now: datetime) -> None:
    """Notifies everybody whom a note calls, once each.

    Args:
        db: the session in which the note is written.
        case: a flushed case, as it is after the move.
        words: the note.
        actor: who wrote it; calling oneself is no news.
        seq: number of the note's row in the history.
        now: when.

    Raises:
        Problem: 422 for a name that nobody has, for somebody who cannot see the case, and for more than ten people.
    """
    called = _called(db, words)
    if not called:
        return
    if len(called) > _AT_ONCE:
        raise Problem(422, f"一次最多提到 {_AT_ONCE} 位同事")
    seeing = set(db.scalars(select(User.id).where(who_sees(case), User.id.in_([one.id for one in called]))))
    for one in called:
        if one.id not in seeing:
            why = "看不到这件，不能在这里提到他" if one.active else "账号已停用，不能提到他"
            raise Problem(422, f"{one.name}（@{one.username}）{why}")
    author = db.get(User, actor.id)
    title = f"{author.name if author else '同事'}在 {case.no} 提到了您"
    for one in called:
        if one.id != actor.id:
            db.add(Notice(at=now, roles=[], user_id=one.id, seq=seq, title=title, subject=case.no))


def _called(db: Session, words: str) -> list[User]:
    calls = list(dict.fromkeys(_CALL.findall(words)))
    # 请@wang看一下: Han characters may belong to a name, so that the longest name that fits is meant.
    heads = {name[:end] for name in calls for end in range(1, len(name) + 1)}
    known = {one.username: one for one in db.scalars(select(User).where(User.username.in_(heads)))} if heads else {}
    found: dict[str, User] = {}
    for name in calls:
        fits = [head for end in range(len(name), 0, -1) if (head := name[:end]) in known and _ends(name, end)]
        if not fits:
            raise Problem(422, f"没有用户名是 {name} 的同事，请核对 @ 后面的名字")
        found[fits[0]] = known[fits[0]]
    return list(found.values())


def _ends(name: str, end: int) -> bool:
    """Tells whether a name may end here: not within Latin letters and digits, where a longer one was meant."""
    return end == len(name) or not (name[end - 1 : end + 1].isascii() and name[end].isalnum())


def _mine(user: User) -> ColumnElement[bool]:
    seen_case = exists().where(Case.no == Notice.subject, visible_cases(user))
    return and_(Notice.user_id == user.id, seen_case)


def unread(db: Session, user: User) -> int:
    """Returns how many calls ``user`` has not read, of cases that they may still see."""
    query = select(func.count()).select_from(Notice).where(_mine(user), Notice.seen_at.is_(None))
    return db.scalar(query) or 0


def mentions(db: Session, user: User) -> list[dict[str, Any]]:
    """Returns the latest calls of ``user``, unread first, each with its note; numbers in it masked."""
    note = and_(CaseHistory.case_id == Case.id, CaseHistory.seq == Notice.seq)
    query = (
        select(Notice, CaseHistory.note)
        .join(Case, Case.no == Notice.subject)
        .outerjoin(CaseHistory, note)
        .where(Notice.user_id == user.id, visible_cases(user))
        .order_by(Notice.seen_at.is_not(None), Notice.id.desc())
        .limit(SHOWN)
    )
    return [
        {
            "id": notice.id,
            "at": local_iso(notice.at),
            "title": notice.title,
            "case_no": notice.subject,
            "note": mask_numbers(words) if words else None,
            "seen_at": local_iso(notice.seen_at),
        }
        for notice, words in db.execute(query)
    ]


def read(db: Session, user: User, now: datetime, case_no: str | None = None) -> None:
    """Marks the calls of ``user`` as read, those of one case or all; committing is the caller's."""
    waiting = and_(Notice.user_id == user.id, Notice.seen_at.is_(None))
    which = waiting if case_no is None else and_(waiting, Notice.subject == case_no)
    db.execute(update(Notice).where(which).values(seen_at=now, seen_by=user.id))
