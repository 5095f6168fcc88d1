"""Residents' photos: kept encrypted, sent with a message, found again on the case, swept away when nobody sent them."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import ColumnElement, delete, exists, func, or_, select, update
from sqlalchemy.orm import Session

from api.cases.models import Case
from api.chat.enclosures import Attachment
from api.chat.images import Photo, clean_photo
from api.chat.models import ChatMessage, ChatSession, Draft
from api.crypto import seal_bytes, unseal_bytes
from api.db import session_factory
from api.errors import Problem
from api.orders.models import OrderReceipt
from api.settings import get_settings

MAX_PHOTOS = 6
"""Photos of one appeal."""
UNSENT_FOR = timedelta(days=1)
UNFILED_FOR = timedelta(days=30)
"""How long photos stay that were never sent, and those whose conversation became no case."""


def store(db: Session, session_id: str, draft_id: str, data: bytes, now: datetime) -> Attachment:
    """Keeps an upload for the next message of a conversation; the same bytes again give the same attachment.

    Slow (see ``clean_photo``): call it in a thread, with ``db`` in no transaction yet. Committing is the caller's.

    Raises:
        Problem: 413 too large, 415 not a photo, 409 more than ``MAX_PHOTOS`` for this draft.
    """
    return keep(db, session_id, draft_id, data, clean_photo(data), now)


def keep(db: Session, session_id: str, draft_id: str, data: bytes, photo: Photo, now: datetime) -> Attachment:
    """Keeps a photo already made safe; as ``store``."""
    digest = hashlib.sha256(data).hexdigest()
    # The lock makes two uploads at once count each other.
    db.execute(select(ChatSession.id).where(ChatSession.id == session_id).with_for_update())
    unsent = list(db.scalars(select(Attachment).where(Attachment.session_id == session_id, _UNSENT)))
    if same := next((one for one in unsent if one.sha256 == digest), None):
        return same
    if len(unsent) + _sent(db, draft_id) >= MAX_PHOTOS:
        raise too_many()
    attachment = Attachment(
        id=secrets.token_hex(16),
        session_id=session_id,
        sha256=digest,
        bytes=len(photo.full),
        width=photo.width,
        height=photo.height,
        created_at=now,
    )
    # Files first: a row always has its picture. What a failed commit leaves behind is swept.
    _write(_path(attachment.id), photo.full)
    _write(_path(attachment.id, thumb=True), photo.thumb)
    db.add(attachment)
    db.flush()
    return attachment


_UNSENT = Attachment.message_id.is_(None)


def too_many() -> Problem:
    """Returns the answer to the seventh photo."""
    return Problem(409, f"一件诉求最多 {MAX_PHOTOS} 张照片，请先删掉不要紧的")


def _sent(db: Session, draft_id: str) -> int:
    query = select(func.count()).select_from(Attachment).join(ChatMessage, ChatMessage.id == Attachment.message_id)
    return db.scalar(query.where(ChatMessage.draft_id == draft_id)) or 0


def send(db: Session, message: ChatMessage, ids: Sequence[str]) -> None:
    """Makes photos of the conversation part of a stored message.

    Raises:
        Problem: 404 when one is not this conversation's, is gone or was sent before; 409 over ``MAX_PHOTOS``.
    """
    if not ids:
        return
    if len(ids) + _sent(db, message.draft_id or "") > MAX_PHOTOS:
        raise too_many()
    own = (Attachment.id.in_(ids), Attachment.session_id == message.session_id, _UNSENT)
    sent = update(Attachment).where(*own).values(message_id=message.id).returning(Attachment.id)
    if len(db.execute(sent.execution_options(synchronize_session=False)).all()) < len(ids):
        raise Problem(404, "有照片已失效或已经发过，请删掉重新添加")


def discard(db: Session, session_id: str, attachment_id: str) -> None:
    """Forgets a photo that was not sent; nothing happens when there is none. Its files go after the commit: sweep."""
    own = (Attachment.id == attachment_id, Attachment.session_id == session_id, _UNSENT)
    db.execute(delete(Attachment).where(*own))


def add_to_case(db: Session, draft_id: str, case: Case) -> None:
    """Puts the photos of a draft on a case that it adds to (补充)."""
    messages = select(ChatMessage.id).where(ChatMessage.draft_id == draft_id)
    added = update(Attachment).where(Attachment.message_id.in_(messages), Attachment.case_id.is_(None))
    db.execute(added.values(case_id=case.id).execution_options(synchronize_session=False))


def of_case(db: Session, case: Case) -> list[Attachment]:
    """Returns the photos of a case as they were sent: of every draft that became it or joined it, and those added."""
    query = (
        select(Attachment, ChatMessage.attachments)
        .join(ChatMessage, ChatMessage.id == Attachment.message_id)
        .outerjoin(Draft, Draft.id == ChatMessage.draft_id)
        .where(or_(Attachment.case_id == case.id, _told(case)))
    )
    found = [(one, order) for one, order in db.execute(query)]
    return [one for one, order in sorted(found, key=lambda row: (row[0].message_id, row[1].index(row[0].id)))]


def _told(case: Case) -> ColumnElement[bool]:
    return or_(Draft.case_no == case.no, Draft.id == case.draft_id)


def picture(attachment: Attachment, *, thumb: bool) -> bytes:
    """Returns the JPEG file of a photo; raises ``Problem`` 404 when it is not on this machine's disk."""
    try:
        return unseal_bytes(_path(attachment.id, thumb=thumb).read_bytes())
    except FileNotFoundError as error:
        raise Problem(404, "照片的文件不在了，请联系系统管理员") from error


def sweep(now: datetime) -> int:
    """Removes photos never sent, those that came to no case, and files without a row; returns how many photos."""
    with session_factory().begin() as db:
        old = select(Attachment.id).where(_UNSENT, Attachment.created_at < now - UNSENT_FOR)
        unfiled = (
            select(Attachment.id)
            .join(ChatMessage, ChatMessage.id == Attachment.message_id)
            .outerjoin(Draft, Draft.id == ChatMessage.draft_id)
            .where(Attachment.case_id.is_(None), Draft.case_no.is_(None), Attachment.created_at < now - UNFILED_FOR)
            .where(~exists().where(OrderReceipt.photo_id == Attachment.id))
        )
        gone = [*db.scalars(old), *db.scalars(unfiled)]
        db.execute(delete(Attachment).where(Attachment.id.in_(gone)))
    for one in gone:
        _remove(one)
    _sweep_files(now)
    return len(gone)


def _sweep_files(now: datetime) -> None:
    before = (now - UNSENT_FOR).timestamp()
    for folder in _root().glob("??"):
        old = {file.name.removesuffix(_THUMB) for file in folder.iterdir() if file.stat().st_mtime < before}
        with session_factory()() as db:
            known = set(db.scalars(select(Attachment.id).where(Attachment.id.in_(old))))
        for one in old - known:
            _remove(one)


_THUMB = ".thumb"


def _root() -> Path:
    return get_settings().data_dir / "attachments"


def _path(attachment_id: str, *, thumb: bool = False) -> Path:
    return _root() / attachment_id[:2] / f"{attachment_id}{_THUMB if thumb else ''}"


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_bytes(seal_bytes(data))


def _remove(attachment_id: str) -> None:
    for thumb in (False, True):
        _path(attachment_id, thumb=thumb).unlink(missing_ok=True)
