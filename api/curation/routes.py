"""The curation queue over HTTP, for trainers and their tools."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Response, UploadFile
from pydantic import BaseModel, ConfigDict

from api.accounts.deps import CurrentUser, Now
from api.accounts.models import User
from api.curation import service
from api.curation.exports import FORMATS, export
from api.curation.imports import import_answers
from api.curation.labels import Label
from api.db import SessionDep
from api.errors import Problem
from api.settings import get_settings
from api.triage.service import get_taxonomy

router = APIRouter(prefix="/api/v1/curation", tags=["训练数据整理"])


def _trainer(user: CurrentUser) -> User:
    return service.check_trainer(user)


Trainer = Annotated[User, Depends(_trainer)]
MOST_BYTES = 5_000_000


class CommentIn(BaseModel):
    """A remark."""

    model_config = ConfigDict(extra="forbid")

    text: str


@router.get("/next")
def next_item(user: Trainer, db: SessionDep) -> dict[str, Any]:
    """下一条要标的；没有时 item 为空。"""
    item = service.next_item(db, user)
    return {"item": service.item_view(item, user, service.names_of(db, item)) if item else None}


@router.get("/figures")
def figures(user: Trainer, db: SessionDep) -> dict[str, Any]:
    """待标、已标、有分歧的条数，两人一致的程度（κ）。"""
    return service.figures(db, user)


@router.post("/items/{item_id}/response")
def respond(item_id: int, body: Label, user: Trainer, db: SessionDep, now: Now) -> dict[str, str]:
    """标一条。"""
    item = service.respond(db, user, item_id, body, get_taxonomy(), now)
    db.commit()
    return {"state": item.state}


@router.post("/items/{item_id}/skip", status_code=204)
def skip(item_id: int, user: Trainer, db: SessionDep, now: Now) -> None:
    """跳过：自己不再看到，别人还会看到。"""
    service.skip(db, user, item_id, now)
    db.commit()


@router.post("/items/{item_id}/comments", status_code=204)
def comment(item_id: int, body: CommentIn, user: Trainer, db: SessionDep, now: Now) -> None:
    """写一句备注。"""
    service.comment(db, user, item_id, body.text, now)
    db.commit()


@router.post("/undo")
def undo(user: Trainer, db: SessionDep, now: Now) -> dict[str, int]:
    """撤销自己的上一条。"""
    item = service.undo(db, user, now)
    db.commit()
    return {"id": item.id}


@router.get("/export", dependencies=[Depends(_trainer)])
def export_answers(db: SessionDep, form: Literal["patch", "csv", "jsonl", "labelstudio"]) -> Response:
    """导出已有结论的：补丁、CSV、JSONL、Label Studio。"""
    media, suffix = FORMATS[form]
    headers = {"Content-Disposition": f'attachment; filename="curation.{suffix}"'}
    return Response(export(db, form, get_settings().nlu_data), media_type=f"{media}; charset=utf-8", headers=headers)


@router.post("/import")
def import_file(file: UploadFile, user: Trainer, db: SessionDep, now: Now) -> dict[str, Any]:
    """导入在别处标的（CSV 或 JSONL）；坏行按行号退回，其余照收。"""
    content = file.file.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise Problem(413, "文件太大，最多 5 MB")
    form = "csv" if (file.filename or "").lower().endswith(".csv") else "jsonl"
    done = import_answers(db, user, content, form, get_taxonomy(), now)
    db.commit()
    return {"kept": done.kept, "refused": done.refused}
