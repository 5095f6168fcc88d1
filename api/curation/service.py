"""Answers of people: who gets which item next, what two answers come to, undo, comments, figures."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.orm import Session

from api.accounts.models import Role, User
from api.curation.agreement import kappa
from api.curation.labels import FIELDS, PERSONAL, Label, in_words
from api.curation.models import DONE, DROPPED, OPEN, THIRD, CurationComment, CurationItem, CurationResponse
from api.errors import Problem
from classifier.taxonomy import Taxonomy

ROLES = (Role.TRAINER, Role.ADMIN)
COMMENT_LENGTH = 500


def check_trainer(user: User) -> User:
    """Returns the account if it may label: the queue holds words from the whole district, so a part of it is no scope.

    Raises:
        Problem: 403 for other roles, and for a trainer of one street, community or department.
    """
    if user.role not in ROLES:
        raise Problem(403, "您的岗位没有这一页")
    if user.department or user.street or user.community:
        raise Problem(403, "这里看得到全区的话，只给不限街道和单位的培训员")
    return user


def next_item(db: Session, user: User) -> CurationItem | None:
    """Returns the best item that this person has neither answered nor passed over; third looks come first."""
    seen = exists().where(CurationResponse.item_id == CurationItem.id, CurationResponse.user_id == user.id)
    query = select(CurationItem).where(CurationItem.state.in_((OPEN, THIRD)), ~seen)
    first = (CurationItem.state == OPEN, CurationItem.rank, CurationItem.id)
    return db.scalars(query.order_by(*first).limit(1)).one_or_none()


def respond(
    db: Session, user: User, item_id: int, label: Label, taxonomy: Taxonomy, now: datetime, source: str = "desk"
) -> CurationItem:
    """Keeps a person's answer and settles the item; flushes, committing is the caller's.

    Raises:
        Problem: 404 for no such item, 409 when it is settled or this person has answered, 422 for a wrong label.
    """
    checked = label.checked(taxonomy)
    item = _locked(db, item_id)
    mine = next((one for one in item.responses if one.user_id == user.id), None)
    if item.state not in (OPEN, THIRD):
        raise Problem(409, "这一条已经有了结论，看下一条吧")
    if mine and mine.label:
        raise Problem(409, "这一条您已经标过，要改请先撤销")
    if mine:
        item.responses.remove(mine)
        db.flush()
    item.responses.append(CurationResponse(user_id=user.id, label=checked, source=source, at=now))
    settle(item, now)
    db.flush()
    return item


def skip(db: Session, user: User, item_id: int, now: datetime) -> None:
    """Passes an item over: this person does not get it again; others do."""
    item = _locked(db, item_id)
    if any(one.user_id == user.id for one in item.responses):
        raise Problem(409, "这一条您已经看过")
    item.responses.append(CurationResponse(user_id=user.id, label=None, at=now))
    db.flush()


def undo(db: Session, user: User, now: datetime) -> CurationItem:
    """Takes back this person's last answer or skip and returns its item; flushes.

    Raises:
        Problem: 409 when there is none, or when a third look rests on it.
    """
    last = select(CurationResponse).where(CurationResponse.user_id == user.id, CurationResponse.source == "desk")
    mine = db.scalars(last.order_by(CurationResponse.id.desc()).limit(1)).one_or_none()
    if mine is None:
        raise Problem(409, "没有可以撤销的")
    item = _locked(db, mine.item_id)
    answers = [one for one in item.responses if one.label]
    if len(answers) == 3 and mine in answers[:2]:
        raise Problem(409, "第三个人已经看过这一条，不能再撤销")
    item.responses.remove(mine)
    db.flush()
    settle(item, now)
    db.flush()
    return item


def comment(db: Session, user: User, item_id: int, text: str, now: datetime) -> None:
    """Adds a remark; flushes. Raises ``Problem`` 422 for an empty or overlong one."""
    words = text.strip()
    if not words or len(words) > COMMENT_LENGTH:
        raise Problem(422, f"备注要有内容，最多 {COMMENT_LENGTH} 个字")
    item = _locked(db, item_id)
    item.comments.append(CurationComment(user_id=user.id, text=words, at=now))
    db.flush()


def settle(item: CurationItem, now: datetime) -> None:
    """Draws the conclusion from the answers: one is enough, of a pair both must agree, else the third decides."""
    answers = [one.label for one in item.responses if one.label]
    item.state, item.label = OPEN, None
    if any(one.get("other") == PERSONAL for one in answers):
        item.state = DROPPED
    elif len(answers) >= (2 if item.pair else 1):
        agreed = not item.pair or answers[0] == answers[1]
        item.state = DONE if agreed or len(answers) > 2 else THIRD
        item.label = answers[0] if agreed else answers[2] if len(answers) > 2 else None
    item.done_at = now if item.state in (DONE, DROPPED) else None


def item_view(item: CurationItem, user: User, names: dict[str, str]) -> dict[str, Any]:
    """Returns an item for one person: nobody's answer before their own, except at a third look, and then unnamed."""
    answers = [in_words(one.label) for one in item.responses if one.label]
    open_to_all = not item.pair or item.state != OPEN
    return {
        "id": item.id,
        "text": item.text,
        "reasons": item.reasons,
        "suggestion": item.suggestion,
        "candidates": item.candidates,
        "decided": item.decided,
        "pair": item.pair,
        "state": item.state,
        "gain": round(item.gain, 4),
        "answers": answers if item.state == THIRD else [],
        "comments": [
            {"who": names.get(one.user_id, "—"), "at": one.at, "text": one.text}
            for one in item.comments
            # A remark may give the answer away.
            if open_to_all or one.user_id == user.id
        ],
    }


def names_of(db: Session, item: CurationItem) -> dict[str, str]:
    """Returns the names of those who commented, by user id."""
    ids = {one.user_id for one in item.comments}
    return {one.id: one.name for one in db.scalars(select(User).where(User.id.in_(ids)))}


def figures(db: Session, user: User) -> dict[str, Any]:
    """Returns how much is open, done and disputed, how much this person did, and how far pairs agree (κ by field)."""
    counts = dict(db.execute(select(CurationItem.state, func.count()).group_by(CurationItem.state)).tuples().all())
    mine = and_(CurationResponse.user_id == user.id, CurationResponse.label.is_not(None))
    pairs = select(CurationItem).where(CurationItem.pair, or_(CurationItem.state == DONE, CurationItem.state == THIRD))
    both = [[one.label for one in item.responses if one.label][:2] for item in db.scalars(pairs)]
    return {
        **{state: counts.get(state, 0) for state in (OPEN, THIRD, DONE, DROPPED)},
        "mine": db.scalar(select(func.count()).where(mine)) or 0,
        "pairs": len(both),
        "kappa": {field: _rounded(_kappa_of(both, field)) for field in FIELDS},
    }


def _kappa_of(both: Sequence[Sequence[dict[str, Any]]], field: str) -> float | None:
    return kappa([(_value(first, field), _value(second, field)) for first, second in both])


def _value(label: dict[str, Any], field: str) -> str:
    if "other" in label:
        return str(label["other"])
    return f"{label['category']}/{label['subcategory']}" if field == "subcategory" else str(label[field])


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 3)


def _locked(db: Session, item_id: int) -> CurationItem:
    item = db.scalars(select(CurationItem).where(CurationItem.id == item_id).with_for_update()).one_or_none()
    if item is None:
        raise Problem(404, "没有这一条")
    db.refresh(item, ["responses", "state"])
    return item
