"""Is the history what was written? Altered, missing and added rows, a status set by hand, cases that are gone."""

from collections.abc import Iterator
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from api.cases.history import GENESIS, chain_hashes, seals
from api.cases.models import Case, CaseCounter, CaseHistory
from api.crypto import keyed_digests

# What the history tells of every case, as far as it was ever changed.
_FOLLOWED = ("status", "urgency", "kind", "category", "subcategory", "department", "level", "merged_into")
ERASED = "erased_notes"
"""Key of ``after`` under which an erasure lists the numbers of the rows whose notes it took."""


def broken_link(db: Session, case: Case) -> int | None:
    """Returns the number of the first history row that was altered or is missing, ``None`` when the chain holds."""
    rows = _rows(db, case)
    erased = {seq for row in rows for seq in row.after.get(ERASED, [])}
    expected, position = GENESIS, 0
    for position, row in enumerate(rows, 1):
        if row.seq != position or row.previous_hash != expected or row.hash not in chain_hashes(row):
            return position
        if not _note_holds(row, erased):
            return position
        expected = row.hash
    return None if expected == (case.history_head or GENESIS) else position + 1


def findings(db: Session, case: Case) -> Iterator[str]:
    """Yields what is wrong with a case, in sentences: its chain, the end of the chain, its present state."""
    if (seq := broken_link(db, case)) is not None:
        yield f"第 {seq} 条记录被改动或缺失"
    rows = _rows(db, case)
    if case.history_seal not in seals(case) or case.history_count != len(rows):
        yield "末尾的记录被删掉或补过：条数与封印不符"
    told: dict[str, Any] = {}
    for row in rows:
        told |= {name: row.after[name] for name in _FOLLOWED if name in row.after}
    for name, value in told.items():
        if getattr(case, name) != value:
            yield f"当前的 {name} 是“{getattr(case, name)}”，办理记录里是“{value}”"


def missing_cases(db: Session) -> list[str]:
    """Returns the days on which more numbers were given out than there are cases: whole cases were deleted."""
    day = func.substr(Case.no, 3, 8)
    kept: dict[str, int] = {name: count for name, count in db.execute(select(day, func.count()).group_by(day))}
    given = db.scalars(select(CaseCounter).order_by(CaseCounter.day))
    return [
        f"{one.day}：发出 {one.last} 个编号，库里只有 {kept.get(one.day, 0)} 件"
        for one in given
        if kept.get(one.day, 0) != one.last
    ]


def _rows(db: Session, case: Case) -> list[CaseHistory]:
    return list(db.scalars(select(CaseHistory).where(CaseHistory.case_id == case.id).order_by(CaseHistory.seq)))


def _note_holds(row: CaseHistory, erased: set[int]) -> bool:
    if row.note_digest is None:
        return True
    if row.note is None:
        return row.seq in erased
    return row.note_digest in keyed_digests("note", row.note)
