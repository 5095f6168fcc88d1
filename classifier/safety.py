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
    """What the net caught: the number to ring and the reason the duty officer reads.

    ``alone``: somebody says that they are about to harm themselves; it holds whatever the model thinks.
    """

    number: str
    reason: str
    alone: bool = False


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
            (re.compile("|".join(one["any"])), Signal(one["number"], one["reason"], one.get("alone", False)))
            for one in raw["signals"]
        ),
    )


def emergency_signal(text: str, rules: Path = DEFAULT_RULES) -> Signal | None:
    """Returns the first signal that ``text`` gives of danger happening now, or None.

    Figures of speech are taken out first; a danger that is past, feared or asked about counts only if the text also
    says that it is going on. For a signal that stands alone, only the words around it can say that it is past.
    """
    table = _rules(rules)
    plain = table.harmless.sub("○", normalise(text))
    over = table.past.search(plain) and not table.now.search(plain)
    for pattern, signal in table.signals:
        if signal.alone:
            if any(not table.past.search(_around(found)) for found in pattern.finditer(plain)):
                return signal
        elif not over and pattern.search(plain):
            return signal
    return None


def _around(found: re.Match[str]) -> str:
    """The words beside a finding that may say when it was: a few before it, fewer after, never another sentence's."""
    before = re.split("[。!?; ]", found.string[max(found.start() - 14, 0) : found.start()])[-1]
    after = re.split("[,。!?; ]", found.string[found.end() : found.end() + 6])[0]
    return before + found.group() + after
