"""The append-only history: writing a row, chaining it, the seal on the case that says where the chain ends."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import DDL, event, text
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.models import Case, CaseHistory
from api.crypto import keyed_digest, keyed_digests

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
    """Appends one row to the history of ``case``, in the caller's transaction; the next flush writes it.

    Args:
        db: the session of the change.
        case: a flushed case; whoever changes it holds its row lock.
        action: the workflow action, or the event, in Chinese.
        actor: who did it.
        now: when.
        before: changed fields and their old values.
        after: the same fields with their new values.
        note: reason or message; sealed at rest. The chain holds its digest, so that it can be erased one day.
        public: whether the reporter may read the note.
    """
    row = CaseHistory(
        case_id=case.id,
        seq=case.history_count + 1,
        at=now,
        actor_kind=actor.kind,
        actor_id=actor.id,
        actor_role=actor.role,
        action=action,
        before=before,
        after=after,
        note=note,
        note_digest=keyed_digest("note", note) if note else None,
        public=public,
        previous_hash=case.history_head or GENESIS,
    )
    row.hash = chain_hashes(row)[0]
    end_chain(case, row)
    db.add(row)
    db.expire(case, ["history"])
    return row


def end_chain(case: Case, row: CaseHistory) -> None:
    """Notes on the case that its history ends with ``row``, under a seal that only a holder of the data keys makes."""
    case.history_head, case.history_count = row.hash, row.seq
    case.history_seal = seals(case)[0]


def seals(case: Case) -> list[str]:
    """Returns the seal of where the history of ``case`` ends, under each data key, newest first."""
    return keyed_digests("anchor", f"{case.id}:{case.history_count}:{case.history_head}")


def chain_hashes(row: CaseHistory) -> list[str]:
    """Returns the keyed hash of a row and of all before it, under each data key, newest first.

    A row without the digest of its note was chained before there were digests, with the note itself, or has lost it to
    a downgrade of the database: both are tried.
    """
    lost = row.note is not None and row.note_digest is None
    said = [row.note, *keyed_digests("note", row.note or "")] if lost else [row.note_digest]
    return [found for one in said for found in keyed_digests("history", _content(row, one))]


def _content(row: CaseHistory, said: str | None) -> str:
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
        said,
        row.public,
    ]
    return json.dumps(content, ensure_ascii=False, sort_keys=True)


@contextmanager
def unguarded(db: Session) -> Iterator[None]:
    """Lifts the guard of the history until the block ends, for new keys and for erasure; a failure must roll back.

    Only the owner of the tables can; the chain shows afterwards whatever else was changed.
    """
    sqlite = db.get_bind().dialect.name == "sqlite"
    off = (
        [f"DROP TRIGGER IF EXISTS case_history_no_{what}" for what in _GUARDED]
        if sqlite
        else [_SWITCH.format("DISABLE")]
    )
    on = [SQLITE_GUARD.format(what=what) for what in _GUARDED] if sqlite else [_SWITCH.format("ENABLE")]
    db.flush()
    for statement in off:
        db.execute(text(statement))
    yield
    db.flush()
    for statement in on:
        db.execute(text(statement))


_GUARDED = ("UPDATE", "DELETE")
_SWITCH = "ALTER TABLE case_history {} TRIGGER case_history_guard"
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

for _what in _GUARDED:
    event.listen(
        CaseHistory.__table__,
        "after_create",
        DDL(SQLITE_GUARD.format(what=_what)).execute_if(dialect="sqlite"),  # type: ignore[no-untyped-call]
    )
event.listen(CaseHistory.__table__, "after_create", DDL(POSTGRES_GUARD).execute_if(dialect="postgresql"))  # type: ignore[no-untyped-call]
