"""The history of a case in sentences that people read."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from api.console.clock import moment

LABELS = {
    "status": "状态",
    "kind": "诉求类型",
    "category": "一级分类",
    "subcategory": "二级分类",
    "urgency": "紧急程度",
    "department": "主办单位",
    "co_departments": "协办单位",
    "level": "层级",
    "due_at": "办结期限",
    "extension_asked": "申请延期",
    "extension_days": "批准延期",
    "reviewed": "上级审核",
    "merged_into": "并入",
    "stars": "评分",
    "reporter": "第几位反映人",
    "returned_count": "退单次数",
    "reopened_count": "重办次数",
    "urged_count": "催办次数",
    "supervised_at": "督办",
    "yellow_at": "黄牌",
    "red_at": "红牌",
    "parts": "拆出的件",
}
_DONE = {
    "提交": "提交了诉求",
    "受理": "受理了诉求",
    "派单": "派了单",
    "改派": "改派了承办单位",
    "接单": "接了单，开始办理",
    "退单": "申请退单",
    "跟进": "记了一笔跟进",
    "反馈": "答复了居民",
    "回访": "回访了居民",
    "评价": "评价",
    "改判": "改判了分类",
    "催办": "催办",
    "督办": "督办了这件",
    "查看联系方式": "查看了居民的联系方式",
    "查看照片": "看了照片原图",
    "黄牌": "即将到期，亮黄牌",
    "红牌": "已经超期，亮红牌",
    "撤回": "撤回了诉求",
    "补充": "补充了情况",
    "拆分": "把这件拆开，几件事分开办",
    "拆出": "从别的件里拆出了这件",
    "加入关注": "反映了同一件事，加入关注",
}

_TONES = {"红牌": "red", "黄牌": "yellow", "改判": "brand", "查看联系方式": "soft", "查看照片": "soft"}


@dataclass(frozen=True)
class Event:
    """One row of the history: who did what and when, what changed, and the words that go with it."""

    who: str
    what: str
    at: str
    changes: list[tuple[str, str, str]]
    note: str | None
    tone: str


def events(history: list[dict[str, Any]], names: dict[str, str]) -> list[Event]:
    """Returns the rows of ``case_view(...)["history"]`` in sentences, the latest first.

    Args:
        history: the rows as the view gives them.
        names: staff names by account id.
    """
    return [_event(row, names) for row in reversed(history)]


def _event(row: dict[str, Any], names: dict[str, str]) -> Event:
    after: dict[str, Any] = row["after"]
    what = _DONE.get(row["action"], row["action"])
    if row["action"] in ("派单", "改派") and after.get("department"):
        what = f"派单给{after['department']}"
    first = row["action"] in ("提交", "拆出")
    changes = [] if first else [_change(name, row["before"].get(name), after[name]) for name in LABELS if name in after]
    return Event(
        who=who(row["actor"], names),
        what=what,
        at=moment(datetime.fromisoformat(row["at"])),
        changes=changes,
        note=row["note"],
        tone=_TONES.get(row["action"], "plain"),
    )


def who(actor: dict[str, Any], names: dict[str, str]) -> str:
    """Returns the name of an actor of the history."""
    if actor["kind"] == "staff":
        return names.get(actor.get("id", ""), "工作人员")
    return {"resident": "居民", "system": "系统"}[actor["kind"]]


def _change(name: str, before: Any, after: Any) -> tuple[str, str, str]:
    return LABELS[name], _value(name, before), _value(name, after)


def _value(name: str, value: Any) -> str:
    if value is None or value in ([], ""):
        return "无"
    if isinstance(value, bool):
        return "通过" if value else "未通过"
    if isinstance(value, list):
        return "、".join(map(str, value))
    if name.endswith("_at"):
        return moment(datetime.fromisoformat(value))
    units = {"extension_asked": " 个工作日", "extension_days": " 个工作日", "stars": " 星"}
    return f"{value}{units.get(name, '')}"
