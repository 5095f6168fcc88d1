"""The emergency safety net: a second, high-recall reading beside the model, from ``nlu_data/emergency.yml``.

It may ask once too often; it must not miss. Its number (119, 110, 120, 122) is what the first reply gives.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import yaml

from classifier.text import normalise

DEFAULT_RULES = Path(__file__).resolve().parent.parent / "nlu_data" / "emergency.yml"


@dataclass(frozen=True)
class Signal:
    """What the net caught: the number to ring and the reason the duty officer reads."""

    number: str
    reason: str


@dataclass(frozen=True)
class _Rules:
    harmless: re.Pattern[str]
    past: re.Pattern[str]
    now: re.Pattern[str]
    signals: tuple[tuple[re.Pattern[str], Signal], ...]


@lru_cache(maxsize=4)
def _rules(path: Path) -> _Rules:
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    return _Rules(
        harmless=re.compile("|".join(raw["harmless"])),
        past=re.compile(raw["past"]),
        now=re.compile(raw["now"]),
        signals=tuple(
            (re.compile("|".join(one["any"])), Signal(one["number"], one["reason"])) for one in raw["signals"]
        ),
    )


def emergency_signal(text: str, rules: Path = DEFAULT_RULES) -> Signal | None:
    """Returns the first signal that ``text`` gives of danger happening now, or None.

    Figures of speech are taken out first; a danger that is past, feared or asked about counts only if the text also
    says that it is going on.
    """
    table = _rules(rules)
    plain = table.harmless.sub("○", normalise(text))
    if table.past.search(plain) and not table.now.search(plain):
        return None
    return next((signal for pattern, signal in table.signals if pattern.search(plain)), None)
