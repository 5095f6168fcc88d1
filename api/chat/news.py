"""News of a case for the conversation in which it was filed."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.cases.models import Case, CaseHistory
from api.cases.numbers import LOCAL
from api.chat import staff
from api.chat.lines import Line, button, front_lines
from api.outbox.delivery import subscribe
from api.outbox.models import OutboxEvent


@subscribe("case.changed")
def push(db: Session, event: OutboxEvent, now: datetime) -> None:
    """Tells the resident what was done, if ``front_lines.yml`` has words for it and the resident did not do it."""
    bubble = front_lines().news.get(event.payload["action"])
    case = db.scalar(select(Case).where(Case.no == event.payload["case_no"]))
    if bubble is None or case is None or case.session_id is None:
        return
    row = db.scalars(
        select(CaseHistory).where(CaseHistory.case_id == case.id, CaseHistory.seq == event.payload["seq"])
    ).one()
    if row.actor_kind == "resident":
        return
    due = case.due_at.astimezone(LOCAL)
    text = bubble.text.format(
        case_no=case.no,
        department=case.department,
        answer=case.answer or "",
        note=(row.note or "") if row.public else "",
        due=f"{due.month}月{due.day}日 {due:%H:%M}",
    )
    staff.tell(db, case.session_id, Line(text, [button(title) for title in bubble.quick_replies]), now)
