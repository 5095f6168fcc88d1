"""Conditions that ``workflow.yml`` names: which row of an action holds, and what refuses it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from api.accounts.deps import Actor
from api.cases.deadlines import Deadlines
from api.cases.fields import ActionFields
from api.cases.models import Case, Reporter
from api.cases.reporters import acting
from api.errors import Problem
from classifier.taxonomy import LEVELS, Taxonomy
from classifier.triage import Triager


@dataclass(frozen=True)
class Step:
    """One action on one case, as checks and effects see it.

    Attributes:
        triager: judges what the action tells anew; the process's own when empty.
        told: what effects add to the history row beside the changed fields.
    """

    db: Session
    case: Case
    fields: ActionFields
    now: datetime
    deadlines: Deadlines
    taxonomy: Taxonomy
    actor: Actor | None = None
    triager: Triager | None = None
    told: dict[str, Any] = field(default_factory=dict)

    @property
    def reporter(self) -> Reporter:
        """The one whose call-back, rating or withdrawal it is."""
        return acting(self.case, self.actor, self.fields.reporter)


def _unsatisfied_first(step: Step) -> bool:
    return (step.fields.stars or 5) <= 2 and step.case.reopened_count == 0


def _of_follower(step: Step) -> bool:
    return step.reporter is not step.case.reporter


def _others_stay(step: Step) -> bool:
    by_one = step.fields.reporter is not None or (step.actor is not None and step.actor.kind == "resident")
    return by_one and step.case.followers > 0


CONDITIONS: dict[str, Callable[[Step], bool]] = {
    "unsatisfied_first": _unsatisfied_first,
    "of_follower": _of_follower,
    "others_stay": _others_stay,
}


def _urgent(step: Step) -> str | None:
    return None if step.case.urgency == "特急" else "只有特急件可以不经受理直接派单，请先受理"


def _return_in_time(step: Step) -> str | None:
    limit = step.deadlines.limits.return_within
    start = step.case.dispatched_at or step.case.created_at
    if step.now <= step.deadlines.calendar.add(start, limit):
        return None
    return f"已过退单期限（派单后 {limit}），不能再退单，可以申请延期或上报"


def _first_return(step: Step) -> str | None:
    return None if step.case.returned_count < 2 else "这件是第二次退单，请交督办协调，确定主办和协办单位"


def _repeated_return(step: Step) -> str | None:
    return None if step.case.returned_count >= 2 else "第一次退单由派单员审核，第二次退单才进入协调"


def _can_go_up(step: Step) -> str | None:
    return None if step.case.level != LEVELS[-1] else "已经是区级，不能再上报"


def _can_go_down(step: Step) -> str | None:
    if step.case.level == LEVELS[0]:
        return "已经是社区级，不能再下派"
    if step.taxonomy.entry(step.case.category, step.case.subcategory).level == LEVELS[-1]:
        return "职能部门的事项不下压街道和社区（国办函〔2025〕66号）"
    return None


def _awaits_review(step: Step) -> str | None:
    return "这件不需要上级审核，或已经审核过" if step.case.reviewed or step.case.level == LEVELS[-1] else None


def _reviewed(step: Step) -> str | None:
    if step.case.reviewed or step.case.level == LEVELS[-1]:
        return None
    return "街道和社区的答复要先由上一级审核通过，才能回访"


def _not_extended(step: Step) -> str | None:
    if step.case.extension_days or step.case.extension_asked:
        return "延期只能申请一次"
    limit = step.deadlines.limits.extension.amount
    return f"延期最多 {limit} 个工作日" if (step.fields.days or 0) > limit else None


def _extension_asked(step: Step) -> str | None:
    return None if step.case.extension_asked else "没有待批的延期申请"


def _not_rated(step: Step) -> str | None:
    return "已经评价过了，感谢您的反馈" if step.reporter.rated_at else None


def _called_back(step: Step) -> str | None:
    return None if step.reporter.called_back_at else "还没有回访，暂时不能评价"


def _told(step: Step) -> str | None:
    return None if step.reporter.called_back_at or step.case.called_back_at else "还没有回访，暂时不能评价"


def _main(step: Step, no: str | None) -> Case | None:
    """The main case of a merge, locked so that it can be neither merged nor closed meanwhile."""
    query = select(Case).where(Case.no == no).with_for_update().execution_options(populate_existing=True)
    return step.db.scalar(query)


def _main_answered(step: Step) -> str | None:
    main = _main(step, step.case.merged_into)
    return None if main and main.answer else "主件还没有答复，暂时不能回访"


def _silence_over(step: Step) -> str | None:
    limit = step.deadlines.limits.silence
    if step.case.called_back_at and step.now >= step.deadlines.calendar.add(step.case.called_back_at, limit):
        return None
    return f"回访后满 {limit} 没有评价才能办结"


MERGES_INTO = ("待受理", "已受理", "已派单", "办理中", "挂起")
"""Statuses of a main case: it has not been answered yet."""


def _can_merge(step: Step) -> str | None:
    main = _main(step, step.fields.main_no)
    if main is None:
        return "没有找到主件，请核对编号"
    if main.no == step.case.no:
        return "不能并入自己"
    if main.status not in MERGES_INTO:
        return f"主件现在是“{main.status}”，不能并入"
    return "这件已经是别的件的主件，不能再并入其他件" if _leads(step) else None


def _leads(step: Step) -> bool:
    """Tells whether others are merged into the case."""
    return bool(step.db.scalar(select(exists().where(Case.merged_into == step.case.no))))


def _can_split(step: Step) -> str | None:
    # Which of the parts the others meant nobody has asked them.
    return "有别的件并进来，先取消并单再拆分" if _leads(step) else None


def _urge_interval(step: Step) -> str | None:
    if step.case.urged_at is None:
        return None
    limit = step.deadlines.limits.urge_interval
    wait = step.deadlines.calendar.add(step.case.urged_at, limit) - step.now
    if wait.total_seconds() <= 0:
        return None
    raise Problem(
        429,
        f"{limit} 内只能催办一次，您的催办已经转给承办单位",
        {"Retry-After": str(int(wait.total_seconds()) + 1)},
    )


# Each returns the sentence that refuses the action, or None.
CHECKS: dict[str, Callable[[Step], str | None]] = {
    "urgent": _urgent,
    "return_in_time": _return_in_time,
    "first_return": _first_return,
    "repeated_return": _repeated_return,
    "can_go_up": _can_go_up,
    "can_go_down": _can_go_down,
    "awaits_review": _awaits_review,
    "reviewed": _reviewed,
    "not_extended": _not_extended,
    "extension_asked": _extension_asked,
    "not_rated": _not_rated,
    "called_back": _called_back,
    "told": _told,
    "main_answered": _main_answered,
    "silence_over": _silence_over,
    "can_merge": _can_merge,
    "can_split": _can_split,
    "urge_interval": _urge_interval,
}
