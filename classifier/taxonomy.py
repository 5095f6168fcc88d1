"""The taxonomy and the departments: rules as data, checked line by line when they are read."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

KINDS = ("民生诉求", "发展诉求", "执法诉求")
URGENCIES = ("特急", "紧急", "一般", "咨询")
LEVELS = ("社区", "街道", "区")
OTHER = "其他"
_FIELDS = {"name": str, "kind": str, "urgency": str, "level": str, "lead": str, "co": list, "covers": str}


class RuleError(ValueError):
    """A rule file breaks its own rules; the message starts with ``file:line``."""

    def __init__(self, file: Path, line: int, message: str) -> None:
        super().__init__(f"{file}:{line}: {message}")
        self.file, self.line = file, line


@dataclass(frozen=True)
class Department:
    """A unit that acts on cases: its full name, what people call it, what it is for."""

    name: str
    short: tuple[str, ...]
    what: str


@dataclass(frozen=True)
class Entry:
    """One subcategory: usual kind and urgency, level of first receipt, lead department, likely co-handlers."""

    category: str
    name: str
    kind: str
    urgency: str
    level: str
    lead: str
    co: tuple[str, ...]
    covers: str


@dataclass(frozen=True)
class Taxonomy:
    """Categories with their subcategories, and the departments they route to."""

    entries: dict[str, dict[str, Entry]]
    departments: dict[str, Department]

    @property
    def categories(self) -> list[str]:
        """First-level classes in the order of the file."""
        return list(self.entries)

    def subcategories(self, category: str) -> list[str]:
        """Second-level classes of ``category``, the common ones first; ``KeyError`` for an unknown category."""
        return list(self.entries[category])

    def entry(self, category: str, subcategory: str) -> Entry:
        """The rules of one subcategory; ``KeyError`` if there is none such."""
        return self.entries[category][subcategory]

    def pairs(self) -> list[tuple[str, str]]:
        """Every ``(category, subcategory)`` in file order."""
        return [(category, name) for category, names in self.entries.items() for name in names]


def load_taxonomy(nlu_data: Path) -> Taxonomy:
    """Reads ``taxonomy.yml`` and ``departments.yml`` of ``nlu_data``.

    Raises:
        RuleError: a missing field, an unknown value, a name used twice, a department that does not exist.
    """
    departments = _load_departments(nlu_data / "departments.yml")
    file = nlu_data / "taxonomy.yml"
    root = _compose(file)
    entries: dict[str, dict[str, Entry]] = {}
    for key, node in root.value:
        category, line = str(key.value), key.start_mark.line + 1
        if category in entries:
            raise RuleError(file, line, f"一级分类重复：{category}")
        if not isinstance(node, yaml.SequenceNode):
            raise RuleError(file, line, f"{category} 下面应是二级分类的列表")
        entries[category] = {}
        for item in node.value:
            entry = _entry(file, category, item, departments)
            if entry.name in entries[category]:
                raise RuleError(file, item.start_mark.line + 1, f"{category} 的二级分类重复：{entry.name}")
            entries[category][entry.name] = entry
        if OTHER not in entries[category]:
            raise RuleError(file, line, f"{category} 缺少“{OTHER}”")
    return Taxonomy(entries, departments)


def _compose(file: Path) -> yaml.MappingNode:
    try:
        root = yaml.compose(file.read_text("utf-8"), Loader=yaml.SafeLoader)
    except FileNotFoundError:
        raise RuleError(file, 0, "文件不存在") from None
    except UnicodeDecodeError as error:
        raise RuleError(file, 0, f"不是 UTF-8：{error}") from None
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise RuleError(file, line, f"YAML 写法有误：{error.problem}") from None
    if not isinstance(root, yaml.MappingNode):
        raise RuleError(file, 1, "顶层应是映射")
    return root


def _plain(node: yaml.Node) -> Any:
    """The Python value of a node, without its marks."""
    loader = yaml.SafeLoader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _entry(file: Path, category: str, node: yaml.Node, departments: dict[str, Department]) -> Entry:
    line = node.start_mark.line + 1
    raw = _plain(node)
    if not isinstance(raw, dict):
        raise RuleError(file, line, "二级分类应写成 {name: …, kind: …}")
    for field, kind in _FIELDS.items():
        if not isinstance(raw.get(field), kind):
            raise RuleError(file, line, f"{category} 的二级分类缺少或写错字段 {field}")
    if unknown := set(raw) - set(_FIELDS):
        raise RuleError(file, line, f"不认识的字段：{'、'.join(sorted(unknown))}")
    for field, allowed in (("kind", KINDS), ("urgency", URGENCIES), ("level", LEVELS)):
        if raw[field] not in allowed:
            raise RuleError(file, line, f"{field} 的值“{raw[field]}”不在 {'、'.join(allowed)} 里")
    for name in [raw["lead"], *raw["co"]]:
        if name not in departments:
            raise RuleError(file, line, f"承办单位“{name}”不在 departments.yml 里")
    return Entry(category, co=tuple(raw.pop("co")), **raw)


def _load_departments(file: Path) -> dict[str, Department]:
    root = _compose(file)
    found: dict[str, Department] = {}
    for key, node in root.value:
        if key.value != "departments" or not isinstance(node, yaml.SequenceNode):
            raise RuleError(file, key.start_mark.line + 1, "只应有 departments 列表")
        for item in node.value:
            line, raw = item.start_mark.line + 1, _plain(item)
            if not isinstance(raw, dict) or set(raw) != {"name", "short", "what"}:
                raise RuleError(file, line, "每个单位要有 name、short、what")
            if raw["name"] in found:
                raise RuleError(file, line, f"承办单位重复：{raw['name']}")
            found[raw["name"]] = Department(raw["name"], tuple(raw["short"]), raw["what"])
    return found
