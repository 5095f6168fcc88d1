"""The rules of orders: ``nlu_data/orders.yml``."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from api.accounts.models import Role
from api.cases.rule_files import Rules, placeholders, read_rules
from api.settings import get_settings

_SPAN = re.compile(r"([1-9]\d{0,3}) ?(分钟|小时|天)")
_UNITS = {"分钟": "minutes", "小时": "hours", "天": "days"}
_WORDS = {"title", "level", "due"}


@dataclass(frozen=True)
class Level:
    """How urgent an order is: how long its units have for the receipt if nobody says, and whether a bell rings."""

    receipt: timedelta
    rings: bool


@dataclass(frozen=True)
class OrderRules:
    """Every rule of orders.

    Attributes:
        issue: roles that issue orders.
        pass_down: roles that pass on to the units below what their own unit got.
        answer: roles that give their unit's receipt.
        levels: by name, the most urgent first.
        notices: texts by event, ``sent`` and ``overdue``.
    """

    issue: frozenset[Role]
    pass_down: frozenset[Role]
    answer: frozenset[Role]
    levels: dict[str, Level]
    notices: dict[str, str]


def load_orders(file: Path) -> OrderRules:
    """Reads the rule file; raises ``RuleError`` naming file and line."""
    rules = read_rules(file)
    rules.check_keys({"roles", "levels", "notices"})
    roles, levels = rules.section("roles"), rules.section("levels")
    roles.check_keys({"issue", "pass_down", "answer"})
    if not levels.plain():
        raise rules.fail("levels 至少要有一级", "levels")
    return OrderRules(
        issue=_roles(roles, "issue"),
        pass_down=_roles(roles, "pass_down"),
        answer=_roles(roles, "answer"),
        levels={name: _level(levels.section(name)) for name in levels.plain()},
        notices=_notices(rules.section("notices")),
    )


def _roles(rules: Rules, key: str) -> frozenset[Role]:
    try:
        return frozenset(Role(name) for name in rules.plain()[key])
    except (TypeError, ValueError):
        raise rules.fail(f"{key} 应是岗位的列表：{'、'.join(Role)}", key) from None


def _level(rules: Rules) -> Level:
    rules.check_keys({"receipt", "rings"})
    plain = rules.plain()
    found = _SPAN.fullmatch(str(plain["receipt"]))
    if not found:
        raise rules.fail("receipt 应是数字加 分钟、小时 或 天", "receipt")
    if not isinstance(plain["rings"], bool):
        raise rules.fail("rings 应是 true 或 false", "rings")
    return Level(timedelta(**{_UNITS[found[2]]: int(found[1])}), plain["rings"])


def _notices(rules: Rules) -> dict[str, str]:
    rules.check_keys({"sent", "overdue"})
    for key, words in rules.plain().items():
        try:
            used = placeholders(words)
        except (TypeError, ValueError):
            used = {""}
        if not used <= _WORDS:
            raise rules.fail(f"{key} 应是一句话，花括号里只能写 {'、'.join(sorted(_WORDS))}", key)
    return rules.plain()


@lru_cache
def get_orders() -> OrderRules:
    """Returns the rules of this process."""
    return load_orders(get_settings().nlu_data / "orders.yml")
