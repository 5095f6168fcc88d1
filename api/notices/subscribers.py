"""Which domain events become a notice, and for whom."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from api.accounts.models import Role
from api.cases.models import Case
from api.notices.models import Notice
from api.outbox.delivery import subscribe
from api.outbox.models import OutboxEvent

DUTY = [Role.CLERK, Role.SUPERVISOR, Role.ADMIN]
HANDLERS = [Role.HANDLER, Role.GRID]
# Who has to act after a step of the workflow.
_NEXT = {
    "派单": (HANDLERS, "新派单"),
    "改派": (HANDLERS, "改派来件"),
    "协调": (HANDLERS, "协调派单"),
    "上报": (HANDLERS, "上报来件"),
    "下派": (HANDLERS, "下派来件"),
    "驳回退单": (HANDLERS, "退单被驳回"),
    "退回重办": (HANDLERS, "答复被退回"),
    "催办": ([*HANDLERS, Role.CLERK], "居民催办"),
    "补充": ([*HANDLERS, Role.CLERK], "居民补充"),
    "督办": (HANDLERS, "督办"),
    "退单": ([Role.CLERK, Role.SUPERVISOR], "退单待审"),
    "申请延期": ([Role.CLERK, Role.SUPERVISOR], "延期待批"),
    "反馈": ([Role.CLERK], "答复待审核回访"),
}


@subscribe("emergency.detected")
def _ring(db: Session, event: OutboxEvent, now: datetime) -> None:
    subject = event.payload["draft_id"]
    db.add(Notice(at=now, roles=DUTY, urgent=True, title="对话里出现危及生命的紧急情况，请立即查看", subject=subject))


@subscribe("chat.person_wanted")
def _person_wanted(db: Session, event: OutboxEvent, now: datetime) -> None:
    db.add(Notice(at=now, roles=DUTY, title="居民请求人工服务", subject=event.payload["session_id"]))


@subscribe("case.filed")
def _filed(db: Session, event: OutboxEvent, now: datetime) -> None:
    case = _case(db, event)
    if case.urgency == "特急":
        db.add(Notice(at=now, roles=DUTY, urgent=True, title=f"特急件 {case.no}，10 分钟内派单", subject=case.no))


@subscribe("case.changed")
def _changed(db: Session, event: OutboxEvent, now: datetime) -> None:
    case, action = _case(db, event), event.payload["action"]
    if action in ("改判", "拆分") and case.urgency == "特急":
        db.add(Notice(at=now, roles=DUTY, urgent=True, title=f"{action}为特急：{case.no}", subject=case.no))
    if action == "评价" and case.status == "办理中":
        db.add(Notice(at=now, roles=DUTY, title=f"居民不满意，重新办理：{case.no}", subject=case.no))
    elif action == "评价" and _unsatisfied_beside(case, event.payload.get("reporter", 1)):
        db.add(Notice(at=now, roles=DUTY, title=f"关注的居民不满意：{case.no}", subject=case.no))
    if action in _NEXT:
        roles, words = _NEXT[action]
        db.add(_about(case, roles, f"{words}：{case.no}", now))


def _unsatisfied_beside(case: Case, number: int) -> bool:
    """Tells whether it was one whose rating reopens nothing: who joined, or whose case was merged."""
    reporter = case.reporters[number - 1]
    beside = reporter is not case.reporter or case.merged_into is not None
    return beside and reporter.stars is not None and reporter.stars <= 2


@subscribe("case.card")
def _card(db: Session, event: OutboxEvent, now: datetime) -> None:
    case, colour = _case(db, event), event.payload["card"]
    words = "已超期" if colour == "红牌" else "即将到期"
    db.add(_about(case, [*HANDLERS, Role.SUPERVISOR], f"{colour}：{case.no} {words}", now))


def _about(case: Case, roles: list[Role], title: str, now: datetime) -> Notice:
    return Notice(
        at=now,
        roles=roles,
        department=case.department,
        street=case.street,
        urgent=case.urgency == "特急",
        title=title,
        subject=case.no,
    )


def _case(db: Session, event: OutboxEvent) -> Case:
    return db.scalars(select(Case).where(Case.no == event.payload["case_no"])).one()
