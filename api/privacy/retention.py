"""How long personal data is kept: ``nlu_data/retention.yml``."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from pathlib import Path

from api.cases.rule_files import read_rules
from api.settings import get_settings


@dataclass(frozen=True)
class Retention:
    """The spans of the rule file.

    Attributes:
        closed: from the end of a case to its erasure.
        chat: from the last sign of life in a conversation to the end of its token.
    """

    closed: timedelta
    chat: timedelta


def load_retention(file: Path) -> Retention:
    """Reads the rule file; raises ``RuleError`` naming file and line."""
    rules = read_rules(file)
    rules.check_keys({"closed", "chat"})
    spans = {}
    for key, value in rules.plain().items():
        found = re.fullmatch(r"([1-9]\d{0,4}) ?天", str(value))
        if not found:
            raise rules.fail(f"{key} 写成“{value}”，应是天数，例如 90 天", key)
        spans[key] = timedelta(days=int(found[1]))
    return Retention(**spans)


@lru_cache
def get_retention() -> Retention:
    """Returns the rules of this process."""
    return load_retention(get_settings().nlu_data / "retention.yml")
