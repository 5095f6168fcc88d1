"""The append-only history: writing a row, chaining it, verifying a chain."""

import json
from datetime import datetime
from typing import Any

from sqlalchemy import DDL, event, func, select
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.models import Case, CaseHistory
from api.crypto import keyed_digest

GENESIS = "0" * 64


def record(
    db: Session,
    case: Case,
    action: str,
    actor: Actor,
    now: datetime,
    *,
    before: dict[str, Any],
    after: dict[str, Any],
    note: str | None = None,
    public: bool = False,
) -> CaseHistory:
    """Appends one row to the history of ``case``, in the caller's transaction.

    Args:
        db: the session of the change.
        case: a flushed case; whoever changes it holds its row lock.
        action: the workflow action, or the event, in Chinese.
        actor: who did it.
        now: when.
        before: changed fields and their old values.
        after: the same fields with their new values.
        note: reason or message; sealed at rest.
        public: whether the reporter may read the note.
    """
    last = db.scalar(select(func.max(CaseHistory.seq)).where(CaseHistory.case_id == case.id)) or 0
    row = CaseHistory(
        case_id=case.id,
        seq=last + 1,
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_role=actor.role,
        action=action,
        before=before,
        after=after,
        note=note,
        public=public,
        previous_hash=case.history_head or GENESIS,
    )
    row.hash = chain_hash(row)
    case.history_head = row.hash
    db.add(row)
    db.flush()
    db.expire(case, ["history"])
    return row


def chain_hash(row: CaseHistory) -> str:
    """Returns the keyed hash of a row and of all before it; only a holder of the data keys can make one."""
    content = [
        row.previous_hash,
        row.case_id,
        row.seq,
        row.at.timestamp(),
        row.actor_kind,
        row.actor_id,
        row.actor_role,
        row.action,
        row.before,
        row.after,
        row.note,
        row.public,
    ]
    return keyed_digest("history", json.dumps(content, ensure_ascii=False, sort_keys=True))


def broken_link(db: Session, case: Case) -> int | None:
    """Returns the number of the first history row that was altered or is missing, ``None`` when the chain holds."""
    expected, position = GENESIS, 0
    rows = db.scalars(select(CaseHistory).where(CaseHistory.case_id == case.id).order_by(CaseHistory.seq))
    for position, row in enumerate(rows, 1):
        if row.seq != position or row.previous_hash != expected or row.hash != chain_hash(row):
            return position
        expected = row.hash
    return None if expected == (case.history_head or GENESIS) else position + 1


SQLITE_GUARD = """
CREATE TRIGGER case_history_no_{what} BEFORE {what} ON case_history
BEGIN SELECT RAISE(ABORT, 'case_history is append-only'); END
"""
POSTGRES_GUARD = """
CREATE OR REPLACE FUNCTION case_history_append_only() RETURNS trigger LANGUAGE plpgsql AS
$$ BEGIN RAISE EXCEPTION 'case_history is append-only'; END $$;
CREATE TRIGGER case_history_guard BEFORE UPDATE OR DELETE OR TRUNCATE ON case_history
FOR EACH STATEMENT EXECUTE FUNCTION case_history_append_only()
"""

for _what in ("UPDATE", "DELETE"):
    event.listen(
        CaseHistory.__table__,
        "after_create",
        DDL(SQLITE_GUARD.format(what=_what)).execute_if(dialect="sqlite"),  # type: ignore[no-untyped-call]
    )
event.listen(CaseHistory.__table__, "after_create", DDL(POSTGRES_GUARD).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]
