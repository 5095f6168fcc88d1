"""What the clock of a case is doing, in colours and in words."""

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Literal

from api.cases.deadlines import Deadlines, is_overdue
from api.cases.models import Case
from api.cases.numbers import LOCAL

Tone = Literal["calm", "yellow", "red", "paused", "stopped"]
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class ClockView:
    """The clock of a case.

    Attributes:
        tone: its colour.
        short: for a table cell.
        words: sentences that explain it.
    """

    tone: Tone
    short: str
    words: list[str]


def moment(at: datetime | None, now: datetime | None = None) -> str:
    """Returns a moment as people write it, the year only when it is another than that of ``now``."""
    if at is None:
        return "—"
    local = at.astimezone(LOCAL)
    year = f"{local.year}年" if now and now.astimezone(LOCAL).year != local.year else ""
    return f"{year}{local.month}月{local.day}日 {local:%H:%M}"


def ago(at: datetime, now: datetime) -> str:
    """Returns how long ago something was."""
    return f"{length(now - at)}前" if now - at >= timedelta(minutes=1) else "刚刚"


def length(span: timedelta) -> str:
    """Returns a span of natural time in its two largest units."""
    minutes = max(int(span.total_seconds() // 60), 0)
    days, hours, minutes = minutes // 1440, minutes % 1440 // 60, minutes % 60
    if days:
        return f"{days} 天 {hours} 小时" if hours else f"{days} 天"
    if hours:
        return f"{hours} 小时 {minutes} 分" if minutes else f"{hours} 小时"
    return f"{minutes} 分钟"


def working_length(span: timedelta, rules: Deadlines) -> str:
    """Returns a span of office time in working days and hours."""
    day = sum((_minutes(closes) - _minutes(opens) for opens, closes in rules.calendar.hours), 0)
    minutes = int(span.total_seconds() // 60)
    days, rest = divmod(minutes, day)
    hours = rest // 60
    if days:
        return f"{days} 个工作日 {hours} 小时" if hours else f"{days} 个工作日"
    return f"{hours} 小时" if hours else f"{rest} 分钟"


def _minutes(at: time) -> int:
    return at.hour * 60 + at.minute


def clock_view(case: Case, now: datetime, rules: Deadlines) -> ClockView:
    """Explains the clock of ``case`` at ``now``."""
    working = rules.clocks[case.urgency].done.working
    due = moment(case.due_at, now)
    if case.clock_stopped_at:
        kept = "超期" if is_overdue(case, now) else "按期"
        return ClockView(
            "stopped",
            f"{kept}停表",
            [f"已停表（{moment(case.clock_stopped_at, now)}），{kept}。", *_basis(case, rules, now)],
        )
    if case.paused_at:
        words = [
            f"{moment(case.paused_at, now)} 起挂起，时限暂停；恢复后接着走，截止时间顺延。",
            *_basis(case, rules, now),
        ]
        return ClockView("paused", "暂停计时", words)
    if now > case.due_at:
        late = length(now - case.due_at)
        return ClockView("red", f"超 {late}", [f"红牌：已超期 {late}，应在 {due} 前办完。", *_basis(case, rules, now)])
    left = (
        working_length(rules.calendar.working_time(now, case.due_at), rules) if working else length(case.due_at - now)
    )
    if now >= case.yellow_due_at:
        return ClockView("yellow", f"剩 {left}", [f"黄牌：只剩 {left}，{due} 到期。", *_basis(case, rules, now)])
    return ClockView(
        "calm", f"剩 {left}", [f"还剩 {left}，{_weekday(case.due_at)} {due} 到期。", *_basis(case, rules, now)]
    )


def _basis(case: Case, rules: Deadlines, now: datetime) -> list[str]:
    clock = rules.clocks[case.urgency]
    words = [f"{case.urgency}件：{clock.done}内办完，从 {moment(case.clock_started_at, now)} 起算。"]
    if case.dispatched_at is None and case.dispatch_due_at and not case.clock_stopped_at:
        state = "已超过" if now > case.dispatch_due_at else "前"
        words.append(f"派单时限 {clock.dispatch}：{moment(case.dispatch_due_at, now)} {state}。")
    if case.extension_days:
        words.append(f"已批准延期 {case.extension_days} 个工作日。")
    if case.pauses:
        words.append(f"其间暂停过 {len(case.pauses)} 次，暂停的时间不算。")
    return words


def _weekday(at: datetime) -> str:
    return f"周{_WEEKDAYS[at.astimezone(LOCAL).weekday()]}"
