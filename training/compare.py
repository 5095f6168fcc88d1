"""A candidate beside the live model on the dev set: by class, by slice, what flipped, and whether it is chance."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from statsmodels.stats.contingency_tables import mcnemar

from classifier.taxonomy import URGENCIES
from classifier.text import is_traditional
from classifier.triage import Triage, Triager
from training.data import Example
from training.gate import GateRules

FIELDS = ("kind", "category", "subcategory", "urgency", "department")
RESAMPLES = 2000
SHORT, LONG = 15, 60


@dataclass(frozen=True)
class Answers:
    """What one model answers to n texts: by field n labels; whether it calls them an emergency, (n,) bool."""

    labels: dict[str, list[str]]
    emergency: np.ndarray


@dataclass(frozen=True)
class ClassRow:
    """One class of one field: how many rows of it the dev set has, and both F1."""

    field: str
    name: str
    support: int
    live: float
    candidate: float

    @property
    def loss(self) -> float:
        """How much F1 the candidate loses; negative where it gains."""
        return self.live - self.candidate


@dataclass(frozen=True)
class FieldRow:
    """One field over all its rows.

    Attributes:
        low: lower end of the 95 % bootstrap interval of the difference in accuracy, candidate minus live.
        high: its upper end.
        p: of McNemar's exact test that both err equally often on the rows on which they differ.
    """

    field: str
    n: int
    live: float
    candidate: float
    low: float
    high: float
    p: float


@dataclass
class Comparison:
    """Everything that is told about a candidate.

    Attributes:
        flips: texts whose category only one of the two has right: text, truth, live's answer, the candidate's.
        slices: name, rows, accuracy of the category live and candidate.
        emergencies: number in the dev set, recall live and candidate.
    """

    fields: list[FieldRow] = field(default_factory=list)
    classes: list[ClassRow] = field(default_factory=list)
    flips: list[tuple[str, str, str, str]] = field(default_factory=list)
    slices: list[tuple[str, int, float, float]] = field(default_factory=list)
    emergencies: tuple[int, float, float] = (0, 1.0, 1.0)


def answers(triager: Triager, examples: Sequence[Example]) -> Answers:
    """Runs the whole triage, safety net and routing included, as it is served."""
    found = triager.triage_many([e.text for e in examples])
    return Answers({name: [_answer(one, name) for one in found] for name in FIELDS}, _flags(found))


def _flags(found: list[Triage]) -> np.ndarray:
    return np.array([one.emergency for one in found], bool)


def _answer(one: Triage, name: str) -> str:
    """The answer as the dev set spells it."""
    if name == "subcategory":
        return f"{one.category}/{one.subcategory}"
    if name == "department" and one.department.endswith("街道办事处"):
        return "街道办事处"
    return str(getattr(one, name))


def compare(examples: Sequence[Example], live: Answers, candidate: Answers) -> Comparison:
    """Compares two models' answers to the same labelled texts."""
    found = Comparison()
    for name in FIELDS:
        rows = [i for i, e in enumerate(examples) if name in e.labels]
        if not rows:
            continue
        truth = [examples[i].labels[name] for i in rows]
        old, new = ([one.labels[name][i] for i in rows] for one in (live, candidate))
        found.fields.append(_field(name, truth, old, new))
        found.classes += [
            ClassRow(name, label, truth.count(label), f1(truth, old, label), f1(truth, new, label))
            for label in sorted(set(truth))
        ]
    found.flips = list(_flips(examples, live, candidate))
    found.slices = _slices(examples, live, candidate)
    danger = np.array([e.labels.get("urgency") == URGENCIES[0] for e in examples], bool)
    if danger.any():
        old_recall, new_recall = (float(one.emergency[danger].mean()) for one in (live, candidate))
        found.emergencies = (int(danger.sum()), old_recall, new_recall)
    return found


def f1(truth: Sequence[str], guess: Sequence[str], label: str) -> float:
    """Returns the F1 of one class, 0.0 where it is neither there nor guessed."""
    hits = sum(a == b == label for a, b in zip(truth, guess, strict=True))
    both = list(truth).count(label) + list(guess).count(label)
    return 2 * hits / both if both else 0.0


def _field(name: str, truth: list[str], old: list[str], new: list[str]) -> FieldRow:
    was = np.array([a == b for a, b in zip(truth, old, strict=True)])
    now = np.array([a == b for a, b in zip(truth, new, strict=True)])
    low, high = interval(was, now)
    return FieldRow(name, len(truth), float(was.mean()), float(now.mean()), low, high, mcnemar_p(was, now))


def interval(was: np.ndarray, now: np.ndarray) -> tuple[float, float]:
    """Returns the 95 % percentile bootstrap interval of the difference in accuracy (Efron & Tibshirani 1993, ch. 13).

    Args:
        was: (n,) bool, whether the live model is right; ``now``: whether the candidate is. Resampled in pairs.
        now: see ``was``.
    """
    difference = now.astype(np.int8) - was.astype(np.int8)
    picks = np.random.default_rng(7).integers(0, len(difference), (RESAMPLES, len(difference)))
    low, high = np.percentile(difference[picks].mean(axis=1), [2.5, 97.5])
    return float(low), float(high)


def mcnemar_p(was: np.ndarray, now: np.ndarray) -> float:
    """Returns the p of McNemar's exact test (McNemar 1947); 1.0 where the two are right on the same rows."""
    table = [[int((was & now).sum()), int((was & ~now).sum())], [int((~was & now).sum()), int((~was & ~now).sum())]]
    return float(mcnemar(table, exact=True).pvalue) if table[0][1] + table[1][0] else 1.0


def _flips(examples: Sequence[Example], live: Answers, candidate: Answers) -> list[tuple[str, str, str, str]]:
    pairs = zip(examples, live.labels["category"], candidate.labels["category"], strict=True)
    return [
        (e.text, truth, old, new)
        for e, old, new in pairs
        if (truth := e.labels.get("category")) and (old == truth) != (new == truth)
    ]


def _slices(examples: Sequence[Example], live: Answers, candidate: Answers) -> list[tuple[str, int, float, float]]:
    """The category by length, by file of the dev set (each written in a style of its own) and by script."""
    truth = [e.labels.get("category") for e in examples]
    groups: dict[str, list[int]] = {}
    for i, example in enumerate(examples):
        if truth[i]:
            names = [f"长短：{_length(len(example.text))}", f"来源：{example.source.rsplit('/', 1)[-1].split(':')[0]}"]
            for name in [*names, *(["字体：繁体"] if is_traditional(example.text) else [])]:
                groups.setdefault(name, []).append(i)

    def right(one: Answers, rows: list[int]) -> float:
        return float(np.mean([one.labels["category"][i] == truth[i] for i in rows]))

    return [(name, len(rows), right(live, rows), right(candidate, rows)) for name, rows in sorted(groups.items())]


def _length(size: int) -> str:
    if size <= SHORT:
        return f"{SHORT} 字以内"
    return f"{SHORT + 1}–{LONG} 字" if size <= LONG else f"{LONG} 字以上"


def blocked(found: Comparison, rules: GateRules) -> list[str]:
    """Returns why the candidate may not be promoted, one Chinese sentence each; empty when it may."""
    reasons = [
        f"{row.field}“{row.name}”的 F1 从 {row.live:.3f} 掉到 {row.candidate:.3f}（{row.support} 条）"
        for row in found.classes
        if row.field in rules.fields and row.support >= rules.min_support and row.loss > rules.max_loss + 1e-9
    ]
    count, live, candidate = found.emergencies
    if candidate < live:
        reasons.append(f"特急的召回从 {live:.3f} 掉到 {candidate:.3f}（{count} 条）")
    return reasons
