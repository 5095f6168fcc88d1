"""The figures of a week against the weeks before it. Pure: counts in, figures and alerts out."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from statsmodels.stats.proportion import proportion_confint

from api.drift.rules import DriftRules

_FLOOR = 0.5
"""Cases that a class without any counts as: the index has no value at a share of nought."""


@dataclass(frozen=True)
class Counts:
    """What the model suggested in a span of time, for one class.

    Attributes:
        cases: how many cases it put there.
        confidence: sum of its confidence in them.
        overridden: how many of them a person took elsewhere.
    """

    cases: int = 0
    confidence: float = 0.0
    overridden: int = 0

    def __add__(self, other: "Counts") -> "Counts":
        """Returns both together."""
        return Counts(self.cases + other.cases, self.confidence + other.confidence, self.overridden + other.overridden)


@dataclass(frozen=True)
class Rate:
    """A share of cases, None without any, and the band in which it lies by the level of the rules."""

    value: float | None
    low: float = 0.0
    high: float = 1.0


@dataclass(frozen=True)
class Line:
    """One class, the week beside the weeks before: cases, share of all, mean confidence, override rate."""

    name: str
    cases: tuple[int, int]
    share: tuple[float, float]
    confidence: tuple[float | None, float | None]
    overridden: tuple[Rate, Rate]
    alert: str | None


@dataclass(frozen=True)
class Report:
    """The whole of a week.

    Attributes:
        stability: population stability index over the classes; None with too few cases for it.
        total: all classes together.
        lines: each class, those with an alert first, then by number.
        alerts: what has left its band, in words.
    """

    stability: float | None
    total: Line
    lines: list[Line]
    alerts: list[str]


def compare(week: Mapping[str, Counts], before: Mapping[str, Counts], rules: DriftRules) -> Report:
    """Returns the figures of a week.

    Args:
        week: counts by class.
        before: the same of the weeks that it is held against.
        rules: where alerts begin.
    """
    names = sorted(week.keys() | before.keys())
    all_now, all_before = sum(week.values(), Counts()), sum(before.values(), Counts())
    lines = [
        _line(name, week.get(name, Counts()), before.get(name, Counts()), (all_now, all_before), rules)
        for name in names
    ]
    total = _line("全部", all_now, all_before, (all_now, all_before), rules)
    enough = min(all_now.cases, all_before.cases) >= rules.least
    stability = stability_index(week, before) if enough else None
    alerts = [line.alert for line in (total, *lines) if line.alert]
    if stability is not None and stability >= rules.stability[1]:
        alerts.insert(0, f"分类构成变了：稳定指数 {stability:.2f}，界线 {rules.stability[1]:.2f}")
    return Report(stability, total, sorted(lines, key=lambda line: (not line.alert, -line.cases[0], line.name)), alerts)


def stability_index(week: Mapping[str, Counts], before: Mapping[str, Counts]) -> float:
    """Returns the population stability index of two mixes of classes: 0 when alike, above 0.25 when they differ.

    The sum over the classes of ``(a - e) * ln(a / e)`` with the shares ``a`` now and ``e`` before. Source: Siddiqi,
    Credit Risk Scorecards (2006).
    """
    names = week.keys() | before.keys()
    now = {name: max(week.get(name, Counts()).cases, _FLOOR) for name in names}
    then = {name: max(before.get(name, Counts()).cases, _FLOOR) for name in names}
    shares = [(now[name] / sum(now.values()), then[name] / sum(then.values())) for name in names]
    return sum((a - e) * math.log(a / e) for a, e in shares)


def _line(name: str, now: Counts, before: Counts, whole: tuple[Counts, Counts], rules: DriftRules) -> Line:
    confidence = (_mean(now), _mean(before))
    overridden = (_rate(now, rules.band), _rate(before, rules.band))
    return Line(
        name=name,
        cases=(now.cases, before.cases),
        share=(now.cases / max(whole[0].cases, 1), before.cases / max(whole[1].cases, 1)),
        confidence=confidence,
        overridden=overridden,
        alert=_alert(name, (now, before), confidence, overridden, rules),
    )


def _mean(counts: Counts) -> float | None:
    return counts.confidence / counts.cases if counts.cases else None


def _rate(counts: Counts, band: float) -> Rate:
    if not counts.cases:
        return Rate(None)
    low, high = proportion_confint(counts.overridden, counts.cases, alpha=1 - band, method="wilson")
    return Rate(counts.overridden / counts.cases, float(low), float(high))


def _alert(
    name: str,
    counts: tuple[Counts, Counts],
    confidence: tuple[float | None, float | None],
    overridden: tuple[Rate, Rate],
    rules: DriftRules,
) -> str | None:
    """Returns what has left its band, in words; nothing is concluded from fewer cases than the rules ask for."""
    if min(one.cases for one in counts) < rules.least:
        return None
    (rate, usual), (sure, was) = overridden, confidence
    if rate.value is not None and usual.value is not None and rate.low > usual.high:
        return f"{name}：改判率 {rate.value:.0%}，以前 {usual.value:.0%}（区间上沿 {usual.high:.0%}）"
    if sure is not None and was is not None and was - sure >= rules.confidence:
        return f"{name}：平均把握 {sure:.2f}，以前 {was:.2f}"
    return None
