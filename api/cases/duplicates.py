"""The rules of near duplicates, ``nlu_data/duplicates.yml``, and when two places are near by them."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from api.cases.rule_files import Rules, read_rules
from api.settings import get_settings
from api.triage.service import get_taxonomy
from classifier.taxonomy import Taxonomy
from classifier.text import normalise

_DAYS = re.compile(r"(\d+) ?天")
_HAN = {digit: str(value) for value, digit in enumerate("零一二三四五六七八九十")}
# What is told apart by its number: the building of a place, the line of a story; a home told there does not count.
_BUILDING = re.compile(r"(\d+|[一二三四五六七八九十])(号楼|号院|栋|幢|座|单元|期|号线|号)")
_LINE = re.compile(r"(\d+)(号线|路(?=公交|车|等|司机|站|,|。|$))")
_SAME_UNIT = {"栋": "号楼", "幢": "号楼", "座": "号楼"}
_ROOM = re.compile(r"(?:\d+单元)?\d{3,4}(?:室|户)?(?!\d|路|号|公交|线)")


@dataclass(frozen=True)
class DuplicateRules:
    """What makes two cases one matter.

    Attributes:
        within: only cases filed so recently are looked at.
        closed: closed cases count so long.
        looked_at: how many cases are compared at most, the latest first.
        shown: how many a resident is shown at most.
        meaning: lowest cosine of the two descriptions' embeddings.
        place_words: lowest share of common words of the two places, of the shorter one.
        generic: words that tell no place apart.
        public: classes, or ``class/subclass``, that may be shown to other residents.
    """

    within: timedelta
    closed: timedelta
    looked_at: int
    shown: int
    meaning: float
    place_words: float
    generic: tuple[str, ...]
    public: frozenset[str]

    def is_public(self, category: str, subcategory: str) -> bool:
        """Tells whether a matter is everybody's to see, and nobody's private affair."""
        return not self.public.isdisjoint((category, f"{category}/{subcategory}"))


@dataclass(frozen=True)
class Spot:
    """Where a matter is: street, community, and the words of place and story."""

    street: str | None
    community: str | None
    place: str
    story: str


def near(one: Spot, other: Spot, rules: DuplicateRules) -> bool:
    """Tells whether two matters may be at one place: precision first."""
    if not one.street or one.street != other.street or _numbers_differ(one, other):
        return False
    if one.community and other.community and one.community != other.community:
        return False
    names = _place_names(one, rules) + _place_names(other, rules)
    mine, theirs = _words(one, names), _words(other, names)
    if not (mine and theirs):
        # One gave no more than the community.
        return bool(one.community and other.community)
    return len(mine & theirs) / min(len(mine), len(theirs)) >= rules.place_words


def _numbers_differ(one: Spot, other: Spot) -> bool:
    mine, theirs = _numbers(one), _numbers(other)
    return any(mine[unit].isdisjoint(theirs[unit]) for unit in mine.keys() & theirs.keys())


def _numbers(spot: Spot) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    told = [*_BUILDING.findall(normalise(spot.place)), *_LINE.findall(normalise(spot.story))]
    for number, unit in told:
        found.setdefault(_SAME_UNIT.get(unit, unit), set()).add(_HAN.get(number, number))
    return found


def _place_names(spot: Spot, rules: DuplicateRules) -> list[str]:
    """Returns the words that say no more than street and community, full names before short ones."""
    short = (spot.community or "").removesuffix("社区").removesuffix("村")
    names = (spot.street, spot.community, (spot.street or "").removesuffix("街道"), *rules.generic, short)
    return [name for name in names if name]


def _words(spot: Spot, names: list[str]) -> set[str]:
    """Returns the pairs of neighbouring characters of a place that say more than ``names``, those of either side."""
    rest = _ROOM.sub(" ", normalise(spot.place))
    for name in sorted(names, key=len, reverse=True):
        rest = rest.replace(name, " ")
    return {part[i : i + 2] for part in re.findall(r"\w+", rest) for i in range(max(len(part) - 1, 1))}


def load_duplicates(file: Path, taxonomy: Taxonomy) -> DuplicateRules:
    """Reads the rule file; raises ``RuleError`` naming file and line."""
    rules = read_rules(file)
    rules.check_keys(set(DuplicateRules.__dataclass_fields__))
    raw = rules.plain()
    known = {*taxonomy.categories, *(f"{category}/{name}" for category, name in taxonomy.pairs())}
    for name in raw["public"]:
        if name not in known:
            raise rules.fail(f"public 里的“{name}”不是分类", "public")
    return DuplicateRules(
        within=_days(rules, raw, "within"),
        closed=_days(rules, raw, "closed"),
        looked_at=_number(rules, raw, "looked_at", 5000),
        shown=_number(rules, raw, "shown", 5),
        meaning=_share(rules, raw, "meaning"),
        place_words=_share(rules, raw, "place_words"),
        generic=tuple(raw["generic"]),
        public=frozenset(raw["public"]),
    )


def _days(rules: Rules, raw: dict[str, Any], key: str) -> timedelta:
    if found := _DAYS.fullmatch(str(raw[key])):
        return timedelta(days=int(found[1]))
    raise rules.fail(f"{key} 写成“{raw[key]}”，应是数字加 天", key)


def _number(rules: Rules, raw: dict[str, Any], key: str, most: int) -> int:
    if isinstance(raw[key], int) and 1 <= raw[key] <= most:
        return int(raw[key])
    raise rules.fail(f"{key} 应是 1 到 {most} 的整数", key)


def _share(rules: Rules, raw: dict[str, Any], key: str) -> float:
    if isinstance(raw[key], int | float) and 0 < raw[key] <= 1:
        return float(raw[key])
    raise rules.fail(f"{key} 应是 0 到 1 的小数", key)


@lru_cache
def get_duplicates() -> DuplicateRules:
    """Returns the rules of this process."""
    return load_duplicates(get_settings().nlu_data / "duplicates.yml", get_taxonomy())
