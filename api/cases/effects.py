"""Effects that ``workflow.yml`` names: what an action does beside changing the status."""

from collections.abc import Callable
from typing import Literal

from api.cases.checks import Step
from api.cases.deadlines import pause_clock, resume_clock, set_deadlines, start_clock
from api.cases.routing import check_department, office_of
from api.cases.splitting import split_case
from api.errors import Problem
from classifier.routing import STREET_OFFICE
from classifier.taxonomy import LEVELS

SLA = Literal["stop", "pause", "resume", "restart", "extend"]


def move_clock(step: Step, effect: str | None) -> None:
    """Applies the ``sla`` column of a row."""
    case, now = step.case, step.now
    match effect:
        case "stop":
            case.clock_stopped_at = now
        case "pause":
            pause_clock(case, now)
        case "resume":
            # What lay with a reviewer or another case, after the clock had stopped, is not the handler's time.
            case.paused_at, case.clock_stopped_at = case.paused_at or case.clock_stopped_at, None
            resume_clock(case, now, step.deadlines)
        case "restart":
            start_clock(case, now, step.deadlines)
        case "extend":
            case.extension_days, case.extension_asked = case.extension_asked or 0, None
            set_deadlines(case, now, step.deadlines)


def _assign(step: Step) -> None:
    case, fields = step.case, step.fields
    if fields.department:
        case.department = check_department(fields.department, step.taxonomy)
    if fields.co_departments is not None:
        names = [check_department(name, step.taxonomy) for name in dict.fromkeys(fields.co_departments)]
        case.co_departments = [name for name in names if name != case.department]
    case.dispatched_at = step.now


def _count_return(step: Step) -> None:
    step.case.returned_count += 1


def _level_up(step: Step) -> None:
    case = step.case
    case.level = LEVELS[LEVELS.index(case.level) + 1]
    if case.level != LEVELS[-1]:
        case.department = office_of(case.street)
        return
    entry = step.taxonomy.entry(case.category, case.subcategory)
    district = next((name for name in (entry.lead, *entry.co) if name != STREET_OFFICE), None)
    if district is None and not step.fields.department:
        raise Problem(422, "请写明区级主办单位")
    case.department = district or case.department


def _level_down(step: Step) -> None:
    case = step.case
    case.level = LEVELS[LEVELS.index(case.level) - 1]
    if not case.street and not step.fields.department:
        raise Problem(422, "地点没有定位到街道，请写明街道办事处")
    case.department = office_of(case.street)


def _keep_answer(step: Step) -> None:
    step.case.answer, step.case.reviewed = step.fields.answer, False


def _approve(step: Step) -> None:
    step.case.reviewed = True


def _withdraw_answer(step: Step) -> None:
    step.case.answer, step.case.reviewed = None, False


def _ask_extension(step: Step) -> None:
    step.case.extension_asked = step.fields.days


def _refuse_extension(step: Step) -> None:
    step.case.extension_asked = None


def _call_back(step: Step) -> None:
    step.reporter.called_back_at = step.now
    if step.reporter is step.case.reporter:
        step.case.called_back_at = step.now


def _rate(step: Step) -> None:
    step.reporter.stars, step.reporter.rated_at = step.fields.stars, step.now


def _reopen(step: Step) -> None:
    """Opens the case again, once, and brings it to the level above: the old history and the rating stay in it."""
    case = step.case
    case.reopened_count += 1
    case.closed_at = case.called_back_at = None
    # The next answer is everybody's to judge.
    for reporter in case.reporters:
        reporter.called_back_at = reporter.rated_at = None
    case.supervised_at = step.now
    _withdraw_answer(step)


def _close(step: Step) -> None:
    step.case.closed_at = step.case.closed_at or step.now


def _merge(step: Step) -> None:
    step.case.merged_into = step.fields.main_no


def _unmerge(step: Step) -> None:
    step.case.merged_into = None


def _leave(step: Step) -> None:
    """Withdraws one reporter; the case goes on for the others."""
    step.reporter.left_at = step.now


def _supervise(step: Step) -> None:
    step.case.supervised_at = step.now


def _urge(step: Step) -> None:
    step.case.urged_at = step.now
    step.case.urged_count += 1


EFFECTS: dict[str, Callable[[Step], None]] = {
    "assign": _assign,
    "count_return": _count_return,
    "level_up": _level_up,
    "level_down": _level_down,
    "keep_answer": _keep_answer,
    "approve": _approve,
    "withdraw_answer": _withdraw_answer,
    "ask_extension": _ask_extension,
    "refuse_extension": _refuse_extension,
    "call_back": _call_back,
    "rate": _rate,
    "reopen": _reopen,
    "close": _close,
    "merge": _merge,
    "unmerge": _unmerge,
    "split": split_case,
    "leave": _leave,
    "supervise": _supervise,
    "urge": _urge,
}
