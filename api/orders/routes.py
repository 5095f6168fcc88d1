"""Orders over HTTP."""

import hashlib
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, File, Form, Header, Path, Query, Response, UploadFile
from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.deps import CurrentUser, Now
from api.accounts.models import User
from api.accounts.scope import visible_receipts
from api.chat import attachments
from api.chat.enclosures import Attachment
from api.chat.images import MAX_BYTES
from api.chat.reports import develop
from api.db import SessionDep
from api.errors import Problem
from api.orders.models import OrderReceipt
from api.orders.rules import get_orders
from api.orders.schemas import WORDS_LIMIT, OrderIn, PassIn
from api.orders.service import find_order, finish, issue, pass_down, read
from api.orders.units import home, units_below
from api.orders.views import list_orders, order_view

router = APIRouter(prefix="/api/v1/orders", tags=["指令"])

Id = Annotated[int, Path(ge=1, le=2**31 - 1)]


@router.get("/units")
def units(db: SessionDep, user: CurrentUser) -> dict[str, Any]:
    """可以发给哪些单位：本单位下面的街道、社区、网格员；``people`` 是能回执的账号数，0 的发不了。"""
    root, rules = home(user), get_orders()
    if root is None or user.role not in rules.issue | rules.pass_down:
        raise Problem(403, "您的账号不发指令也不下派")
    return {"items": [vars(unit) for unit in units_below(db, root)], "levels": list(rules.levels)}


@router.get("")
def index(
    db: SessionDep,
    user: CurrentUser,
    now: Now,
    waiting: bool = False,
    page: Annotated[int, Query(ge=1, le=100_000)] = 1,
) -> dict[str, Any]:
    """看得见的指令，新的在前；``waiting=true`` 只要本单位还没回执的，先到期的在前。"""
    items, total = list_orders(db, user, now, waiting=waiting, page=page)
    return {"items": items, "total": total, "page": page}


@router.post("", status_code=201)
def create(
    body: OrderIn,
    response: Response,
    db: SessionDep,
    user: CurrentUser,
    now: Now,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> dict[str, Any]:
    """发一条指令给下面的单位。同一个 ``Idempotency-Key`` 总是同一条：第一次 201，重复 200。"""
    order, created = issue(db, user, body, own_key(user, idempotency_key), now)
    db.commit()
    response.status_code = 201 if created else 200
    response.headers["Location"] = f"/api/v1/orders/{order.id}"
    return order_view(db, order, user, now)


def own_key(user: User, key: str | None) -> str | None:
    """Returns a caller's idempotency key, apart from everybody else's."""
    return hashlib.sha256(f"{user.id}:{key}".encode()).hexdigest() if key else None


@router.get("/{order_id}")
def one(order_id: Id, db: SessionDep, user: CurrentUser, now: Now) -> dict[str, Any]:
    """一条指令和本单位这一支的回执树。"""
    return order_view(db, find_order(db, order_id, user), user, now)


@router.post("/{order_id}/pass")
def send_on(order_id: Id, body: PassIn, db: SessionDep, user: CurrentUser, now: Now) -> dict[str, Any]:
    """把收到的指令下派给本单位下面的单位；已经有这条指令的单位不重发。"""
    order = find_order(db, order_id, user)
    pass_down(db, order, user, body, now)
    db.commit()
    return order_view(db, order, user, now)


@router.post("/{order_id}/read")
def mark_read(order_id: Id, db: SessionDep, user: CurrentUser, now: Now) -> dict[str, Any]:
    """本单位已读。"""
    order = find_order(db, order_id, user)
    read(db, order, user, now)
    db.commit()
    return order_view(db, order, user, now)


@router.post("/{order_id}/receipt")
def answer(
    order_id: Id,
    db: SessionDep,
    user: CurrentUser,
    now: Now,
    words: Annotated[str, Form()] = "",
    photo: Annotated[UploadFile | None, File()] = None,
) -> dict[str, Any]:
    """本单位的回执（multipart）：办得怎么样 ``words``，可带一张照片 ``photo``。同样的话再交一次不变。"""
    data = photo.file.read(MAX_BYTES + 1) if photo else b""
    return give_receipt(db, order_id, user, words, data, now)


def give_receipt(db: Session, order_id: int, user: User, words: str, data: bytes, now: datetime) -> dict[str, Any]:
    """Gives the receipt of the unit of ``user`` and commits; returns the order.

    Args:
        db: the session.
        order_id: the order.
        user: who answers for the unit.
        words: how it went.
        data: a photo as it was uploaded, empty for none.
        now: when.
    """
    words = words.strip()
    if len(words) > WORDS_LIMIT:
        raise Problem(422, f"回执太长，请控制在 {WORDS_LIMIT} 字以内")
    order = find_order(db, order_id, user)
    # Making a photo safe takes a while: on SQLite an open transaction would hold everybody up.
    db.commit()
    finish(db, order, user, words, develop(data) if data else None, now)
    db.commit()
    return order_view(db, order, user, now)


@router.get("/{order_id}/receipts/{receipt_id}/photo", response_class=Response)
def photo(order_id: Id, receipt_id: Id, db: SessionDep, user: CurrentUser) -> Response:
    """回执里的照片（JPEG）。"""
    order = find_order(db, order_id, user)
    mine = (OrderReceipt.id == receipt_id, OrderReceipt.order_id == order.id, visible_receipts(user))
    photo_id = db.scalar(select(OrderReceipt.photo_id).where(*mine))
    if photo_id is None:
        raise Problem(404, "这份回执没有照片")
    content = attachments.picture(db.get_one(Attachment, photo_id), thumb=False)
    headers = {"Cache-Control": "no-store", "Content-Security-Policy": "default-src 'none'; sandbox"}
    return Response(content, media_type="image/jpeg", headers=headers)
