"""Photos over HTTP: residents upload and discard them, staff look at those of a case."""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Annotated, Any, BinaryIO, Literal

from fastapi import APIRouter, Depends, Request, Response
from fastapi.concurrency import run_in_threadpool
from pydantic import BaseModel
from sqlalchemy.orm import Session
from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException

from api.accounts.deps import Actor, Now, require_role
from api.accounts.models import Role, User
from api.cases.history import record
from api.cases.moves import lock
from api.cases.routes import find_case
from api.cases.views import local_iso
from api.chat import attachments, limits, location, store
from api.chat.enclosures import Attachment
from api.chat.images import MAX_BYTES, clean_photo, too_large
from api.chat.lines import front_lines
from api.chat.routes import ChatToken
from api.chat.turns import runtime
from api.db import SessionDep, session_factory
from api.errors import Problem

router = APIRouter(prefix="/api/v1/chat/attachments", tags=["对话"])
staff = APIRouter(prefix="/api/v1/cases", tags=["诉求件"])

# Decoding takes a core: at most half of them, so that conversations go on beside it. Who comes later waits.
_DARKROOM = ThreadPoolExecutor(max(1, (os.cpu_count() or 2) // 2), thread_name_prefix="photos")

# Faces and number plates: not for those who only teach the model.
may_look = require_role(Role.ADMIN, Role.CLERK, Role.SUPERVISOR, Role.HANDLER, Role.GRID)
Looker = Annotated[User, Depends(may_look)]
Size = Literal["full", "thumb"]

_ONE_FILE = "请用 multipart/form-data 上传，一次一张，照片放在 file 里"
_FORM = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {"file": {"type": "string", "format": "binary", "description": "JPG、PNG、WebP"}},
                }
            }
        },
    }
}


class AttachmentOut(BaseModel):
    """A photo as it is kept."""

    id: str
    kind: Literal["image"] = "image"
    bytes: int
    width: int
    height: int


@router.post("", status_code=201, openapi_extra=_FORM)
async def upload(request: Request, digest: ChatToken, now: Now) -> AttachmentOut:
    """收一张照片，随下一条消息发出；同一张再传得到同一个编号。去掉拍摄信息，重新压缩，加密保存。"""
    # Before the body is read: strangers, and those who send too fast, cost nothing.
    await run_in_threadpool(store.know, digest)
    await limits.check(runtime().redis, limits.UPLOADS_PER_SESSION, digest, front_lines().errors.too_fast)
    try:
        async with request.form(max_files=1, max_fields=0) as form:
            file = form.get("file")
            if not isinstance(file, UploadFile):
                raise Problem(422, _ONE_FILE)
            if (file.size or 0) > MAX_BYTES:
                raise too_large()
            return await asyncio.get_running_loop().run_in_executor(_DARKROOM, _keep, digest, file.file, now)
    except HTTPException as error:
        if error.status_code != 400:
            raise
        raise Problem(422, _ONE_FILE) from error


def _keep(digest: str, file: BinaryIO, now: datetime) -> AttachmentOut:
    # Read here, so that those who wait their turn wait on disk and not in memory.
    data = file.read()
    photo = clean_photo(data)  # outside the transaction: on SQLite an open one holds everybody up
    with session_factory().begin() as db:
        session = store.find_session(db, digest)
        kept = attachments.keep(db, session.id, session.draft_id, data, photo, now)
        return AttachmentOut.model_validate(kept, from_attributes=True)


@router.delete("/{attachment_id}", status_code=204)
def discard(attachment_id: str, digest: ChatToken, db: SessionDep) -> None:
    """删掉一张还没发出的照片。"""
    attachments.discard(db, store.find_session(db, digest).id, attachment_id)
    db.commit()


@staff.get("/{no}/attachments")
def index(no: str, db: SessionDep, user: Looker) -> dict[str, Any]:
    """诉求件的照片，和居民分享的位置（WGS-84）。"""
    case = find_case(db, no, user)
    where = location.of_case(db, case)
    return {
        "items": [_item(one) for one in attachments.of_case(db, case)],
        "location": where.__dict__ if where else None,
    }


def _item(one: Attachment) -> dict[str, Any]:
    shown = AttachmentOut.model_validate(one, from_attributes=True).model_dump()
    return shown | {"sha256": one.sha256, "created_at": local_iso(one.created_at)}


@staff.get("/{no}/attachments/{attachment_id}", response_class=Response)
def show(no: str, attachment_id: str, db: SessionDep, user: Looker, now: Now, size: Size = "full") -> Response:
    """一张照片（JPEG）；看原图会记入办理记录，``size=thumb`` 的小图不记。"""
    return picture(db, no, attachment_id, user, now, size)


def picture(db: Session, no: str, attachment_id: str, user: User, now: datetime, size: Size) -> Response:
    """Returns a photo of a case that ``user`` may see; looking at it in full is kept in the history.

    Raises:
        Problem: 403 for roles that look at no photos, 404 out of scope or not of this case.
    """
    may_look(user)
    case = find_case(db, no, user)
    photos = attachments.of_case(db, case)
    number = next((number for number, one in enumerate(photos, 1) if one.id == attachment_id), None)
    if number is None:
        raise Problem(404, "这个诉求件没有这张照片")
    content = attachments.picture(photos[number - 1], thumb=size == "thumb")
    if size == "full":
        lock(db, case)
        record(db, case, "查看照片", Actor.of(user), now, before={}, after={}, note=f"第 {number} 张")
        db.commit()
    headers = {
        "Cache-Control": "no-store",
        "Content-Disposition": f'inline; filename="{case.no}-{number}.jpg"',
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    return Response(content, media_type="image/jpeg", headers=headers)
