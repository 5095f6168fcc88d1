"""When a change is worth an alert: ``nlu_data/drift.yml``."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from api.cases.rule_files import read_rules
from api.settings import get_settings

_KEYS = {"weeks", "least", "stability", "confidence", "band"}


@dataclass(frozen=True)
class DriftRules:
    """The lines of the rule file.

    Attributes:
        weeks: how many weeks before the one in question it is held against.
        least: how many cases it takes to conclude anything.
        stability: index from which on the mix is to be watched, and from which on it is an alert.
        confidence: fall of the mean confidence that is an alert, 0 to 1.
        band: confidence level of the bands round the override rates.
    """

    weeks: int
    least: int
    stability: tuple[float, float]
    confidence: float
    band: float


def load_drift(file: Path) -> DriftRules:
    """Reads the rule file; raises ``RuleError`` naming file and line."""
    rules = read_rules(file)
    rules.check_keys(_KEYS)
    found = rules.plain()
    for key in ("weeks", "least"):
        if not isinstance(found.get(key), int) or not 1 <= found[key] <= 1000:
            raise rules.fail(f"{key} 应是 1 到 1000 的整数", key)
    for key in ("confidence", "band"):
        if not isinstance(found.get(key), float) or not 0 < found[key] < 1:
            raise rules.fail(f"{key} 应是 0 和 1 之间的小数", key)
    lines = found.get("stability")
    if not isinstance(lines, list) or [type(one) for one in lines] != [float, float] or not 0 < lines[0] < lines[1]:
        raise rules.fail("stability 应是两个从小到大的小数，例如 [0.1, 0.25]", "stability")
    return DriftRules(found["weeks"], found["least"], (lines[0], lines[1]), found["confidence"], found["band"])


@lru_cache
def get_drift() -> DriftRules:
    """Returns the rules of this process."""
    return load_drift(get_settings().nlu_data / "drift.yml")
