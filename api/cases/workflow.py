"""The workflow table ``nlu_data/workflow.yml``: read, checked line by line, asked for the row that applies."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args

from api.accounts.models import Role
from api.cases.checks import CHECKS, CONDITIONS
from api.cases.effects import EFFECTS, SLA
from api.cases.fields import ActionFields
from api.cases.rule_files import Rules, read_rules
from api.settings import get_settings

ROLES = {*Role, "resident", "system"}
_KEYS = frozenset({"to", "sla", "needs", "when", "checks", "does", "public", "co"})


@dataclass(frozen=True)
class Move:
    """One row of the table.

    Attributes:
        to: next status, ``None`` when it stays.
        needs: fields that must be filled in.
        when: name of the condition under which the row holds, for actions with several rows.
        checks: names of the conditions that refuse the action, each with its own sentence.
        does: names of the effects beside the status.
        public: whether the reporter reads the note.
        co: whether a co-handling department may do it too.
    """

    action: str
    sources: tuple[str, ...]
    roles: tuple[str, ...]
    to: str | None = None
    sla: str | None = None
    needs: tuple[str, ...] = ()
    when: str | None = None
    checks: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    public: bool = False
    co: bool = False


@dataclass(frozen=True)
class Workflow:
    """The whole table."""

    first: str
    open: tuple[str, ...]
    final: tuple[str, ...]
    moves: tuple[Move, ...]

    def rows(self, action: str) -> Iterator[Move]:
        """Yields the rows of ``action``, in the order of the file."""
        return (move for move in self.moves if move.action == action)

    def actions(self, status: str, role: str) -> list[str]:
        """Returns what ``role`` may try in ``status``; the checks of a row may still refuse."""
        found = (move.action for move in self.moves if status in move.sources and role in move.roles)
        return list(dict.fromkeys(found))


def load_workflow(file: Path) -> Workflow:
    """Reads the table; raises ``RuleError`` naming file and line."""
    rules = read_rules(file)
    rules.check_keys({"statuses", "first", "moves"})
    statuses = rules.section("statuses")
    statuses.check_keys({"open", "final"})
    groups = statuses.plain()
    known = [*groups["open"], *groups["final"]]
    first = rules.plain()["first"]
    if first not in groups["open"]:
        raise rules.fail(f"起始状态“{first}”不在 statuses.open 里", "first")
    moves = [(item, _move(item, known)) for item in rules.items("moves")]
    _check_reach(rules, first, groups["open"], known, moves)
    return Workflow(first, tuple(groups["open"]), tuple(groups["final"]), tuple(move for _item, move in moves))


def _move(rules: Rules, statuses: list[str]) -> Move:
    rules.check_keys({"action", "from", "roles"}, _KEYS)
    raw = rules.plain()
    _only(rules, "from", raw["from"], statuses)
    _only(rules, "roles", raw["roles"], ROLES)
    _only(rules, "to", [raw.get("to", statuses[0])], statuses)
    _only(rules, "sla", [raw.get("sla", "stop")], get_args(SLA))
    _only(rules, "when", [raw["when"]] if "when" in raw else [], CONDITIONS)
    _only(rules, "needs", raw.get("needs", []), ActionFields.model_fields)
    _only(rules, "checks", raw.get("checks", []), CHECKS)
    _only(rules, "does", raw.get("does", []), EFFECTS)
    values: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in raw.items()}
    values["sources"] = values.pop("from")
    return Move(**values)


def _only(rules: Rules, key: str, values: Any, allowed: Any) -> None:
    if not isinstance(values, list):
        raise rules.fail(f"{key} 应是列表", key)
    for value in values:
        if value not in allowed:
            raise rules.fail(f"{key} 里的“{value}”不认识，应是 {'、'.join(map(str, allowed))}", key)


def _check_reach(rules: Rules, first: str, open_: list[str], known: list[str], moves: list[tuple[Rules, Move]]) -> None:
    """Refuses a status that nothing leads to, an open one without a way out, and a row hidden by one before it."""
    reached = {first, *(move.to for _rules, move in moves if move.to)}
    if lost := [status for status in known if status not in reached]:
        raise rules.fail(f"没有动作通向状态 {'、'.join(lost)}", "statuses")
    leaving = {source for _rules, move in moves if move.to for source in move.sources if source != move.to}
    if stuck := [status for status in open_ if status not in leaving]:
        raise rules.fail(f"状态 {'、'.join(stuck)} 没有出路", "statuses")
    settled: set[tuple[str, str, str]] = set()
    for item, move in moves:
        cells = {(move.action, source, role) for source in move.sources for role in move.roles}
        if hidden := cells & settled:
            raise item.fail(f"“{move.action}”在状态“{min(hidden)[1]}”已有一行，这一行永远轮不到", "action")
        if move.when is None:
            settled |= cells


@lru_cache
def get_workflow() -> Workflow:
    """Returns the table of this process."""
    return load_workflow(get_settings().nlu_data / "workflow.yml")
