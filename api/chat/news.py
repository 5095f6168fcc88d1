"""News of a case for the conversations of those who report it."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cases.models import Case, CaseHistory, Reporter
from api.cases.numbers import LOCAL
from api.chat import staff
from api.chat.lines import Line, button, front_lines
from api.crypto import mask_numbers
from api.outbox.delivery import subscribe
from api.outbox.models import OutboxEvent


@subscribe("case.changed")
def push(db: Session, event: OutboxEvent, now: datetime) -> None:
    """Tells residents what was done, if ``front_lines.yml`` has words for it and no resident did it.

    It goes to everybody who reports the matter, also by a case merged into this one; a call-back or a rating to the
    one whom it concerns.
    """
    bubble = front_lines().news.get(event.payload["action"])
    case = db.scalar(select(Case).where(Case.no == event.payload["case_no"]))
    if bubble is None or case is None:
        return
    row = db.scalars(
        select(CaseHistory).where(CaseHistory.case_id == case.id, CaseHistory.seq == event.payload["seq"])
    ).one()
    if row.actor_kind == "resident":
        return
    only = event.payload.get("reporter")

    def line(no: str, own: bool) -> Line:
        words = _words(row, case, own) | {"case_no": no}
        return Line(bubble.text.format(**words), [button(title) for title in bubble.quick_replies])

    for number, reporter in enumerate(case.reporters, 1):
        if only in (None, number):
            _tell(db, reporter, line(case.no, number == 1), now)
    for merged in case.merged if only is None else ():
        for reporter in merged.reporters:
            _tell(db, reporter, line(f"{merged.no}（已并入 {case.no}）", own=False), now)


def _tell(db: Session, reporter: Reporter, line: Line, now: datetime) -> None:
    if reporter.session_id is not None and reporter.left_at is None:
        staff.tell(db, reporter.session_id, line, now)


def _words(row: CaseHistory, case: Case, own: bool) -> dict[str, str]:
    due = case.due_at.astimezone(LOCAL)
    said = {"answer": case.answer or "", "note": (row.note or "") if row.public else ""}
    # What was written to the one who filed may name their number.
    shown = said if own else {name: mask_numbers(text) for name, text in said.items()}
    parts = "、".join(row.after.get("parts", []))
    return shown | {"parts": parts, "department": case.department, "due": f"{due.month}月{due.day}日 {due:%H:%M}"}
