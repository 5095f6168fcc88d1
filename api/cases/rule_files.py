"""Reading rule files: plain values with the line they stand on, so that an error can name it."""

import string
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from classifier.taxonomy import RuleError


@dataclass(frozen=True)
class Rules:
    """One mapping of a rule file, with the line of each key and of each list item."""

    file: Path
    line: int
    node: yaml.MappingNode

    def fail(self, message: str, key: str | None = None) -> RuleError:
        """Returns the error to raise, at the line of ``key`` or of the mapping itself."""
        return RuleError(self.file, self._lines().get(key or "", self.line), message)

    def check_keys(self, required: set[str], optional: frozenset[str] = frozenset()) -> None:
        """Raises ``RuleError`` when a required key is missing or an unknown one is there."""
        found = self._lines()
        if missing := required - found.keys():
            raise self.fail(f"缺少 {'、'.join(sorted(missing))}")
        for key in found.keys() - required - optional:
            raise self.fail(f"不认识的字段 {key}", key)

    def plain(self) -> dict[str, Any]:
        """Returns the mapping as Python values."""
        loader = yaml.SafeLoader("")
        try:
            value: dict[str, Any] = loader.construct_document(self.node)
            return value
        finally:
            loader.dispose()

    def section(self, key: str) -> "Rules":
        """Returns the mapping under ``key``."""
        return _rules(self.file, self._value(key))

    def items(self, key: str) -> "list[Rules]":
        """Returns the mappings of the list under ``key``."""
        node = self._value(key)
        if not isinstance(node, yaml.SequenceNode):
            raise self.fail(f"{key} 应是列表", key)
        return [_rules(self.file, item) for item in node.value]

    def _value(self, key: str) -> yaml.Node:
        for name, value in self.node.value:
            if name.value == key:
                return cast("yaml.Node", value)
        raise self.fail(f"缺少 {key}")

    def _lines(self) -> dict[str, int]:
        return {str(key.value): key.start_mark.line + 1 for key, _value in self.node.value}


def placeholders(words: str) -> set[str]:
    """Returns the names in the braces of a text; raises ``ValueError`` when the braces do not match."""
    return {name for _text, name, _spec, _how in string.Formatter().parse(words) if name is not None}


def read_rules(file: Path) -> Rules:
    """Reads a rule file; raises ``RuleError`` with file and line when it is no YAML mapping."""
    try:
        node = yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise RuleError(file, 0, "文件不存在") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise RuleError(file, line, f"YAML 写法有误：{error.problem}") from None
    return _rules(file, node)


def _rules(file: Path, node: yaml.Node | None) -> Rules:
    if not isinstance(node, yaml.MappingNode):
        raise RuleError(file, node.start_mark.line + 1 if node else 1, "这里应是“字段: 值”的映射")
    return Rules(file, node.start_mark.line + 1, node)
