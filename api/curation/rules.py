"""What is worth a trainer's look: ``nlu_data/curation.yml``."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from api.cases.rule_files import Rules, read_rules
from api.settings import REPO, get_settings

_NUMBERS = {
    "two_person_percent": (0, 100),
    "low_confidence": (0, 1),
    "routing_doubt": (0, 1),
    "long_tail": (0, 10_000),
    "batch": (1, 1000),
    "talk_days": (0, 365),
}


@dataclass(frozen=True)
class CurationRules:
    """The rule file; see the comments in it.

    Attributes:
        fell_back: what the bot says when it has not understood, word for word.
    """

    two_person_percent: float
    low_confidence: float
    routing_doubt: float
    long_tail: int
    batch: int
    talk_days: int
    fell_back: frozenset[str]


def load_curation(file: Path, domain: Path) -> CurationRules:
    """Reads the rules, and the bot's words from ``domain.yml``; raises ``RuleError`` naming file and line."""
    rules = read_rules(file)
    rules.check_keys({*_NUMBERS, "fell_back"})
    plain = rules.plain()
    for key, (low, high) in _NUMBERS.items():
        if not isinstance(plain[key], (int, float)) or not low <= plain[key] <= high:
            raise rules.fail(f"{key} 写成“{plain[key]}”，应是 {low} 到 {high} 的数", key)
    return CurationRules(**{**plain, "fell_back": _words(rules, plain["fell_back"], domain)})


def _words(rules: Rules, names: Any, domain: Path) -> frozenset[str]:
    responses = yaml.safe_load(domain.read_text("utf-8"))["responses"]
    if not isinstance(names, list) or (strange := [name for name in names if name not in responses]):
        raise rules.fail(f"fell_back 应是 domain.yml 里 responses 的名字：{names}", "fell_back")
    return frozenset(one["text"] for name in names if name not in strange for one in responses[name])


@lru_cache
def get_curation() -> CurationRules:
    """Returns the rules of this process."""
    return load_curation(get_settings().nlu_data / "curation.yml", REPO / "domain.yml")
