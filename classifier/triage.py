"""The whole answer for one message: classes, urgency, who acts, how sure, and whether a person should look."""

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from classifier.encoder import Encoder, ModelError
from classifier.explain import leave_one_out
from classifier.places import PlaceResolver
from classifier.routing import Route, Router
from classifier.safety import Signal, emergency_signal
from classifier.taxonomy import OTHER, URGENCIES, Taxonomy, load_taxonomy

EMERGENCY, URGENT = URGENCIES[0], URGENCIES[1]
CANDIDATES = 5
APPEAL_BAR = 0.5  # below it a text asks for nothing
# Which number an emergency gets when the safety net has no word for it: by who would come.
_NUMBERS = {
    "区卫生健康局": "120", "区市场监督管理局": "120", "交警崂山大队": "122", "区消防救援大队": "119",
    "崂山燃气公司": "119", "国网崂山供电中心": "119",
    "区应急管理局": "119", "区住房和城乡建设局": "119", "市生态环境局崂山分局": "119",
}  # fmt: skip


@dataclass(frozen=True)
class Triage:
    """The decision on one text.

    Attributes:
        confidence: probability of the answer given, by field: kind, category, subcategory, urgency, department.
        needs_review: a person should look before anything is done on the answer alone.
        appeal: probability that the text asks for something at all.
        candidates: the likeliest ``{category, subcategory, probability}``, best first.
        emergency_reason: what the safety net caught, for the duty officer; None when only the model saw danger.
    """

    kind: str
    category: str
    subcategory: str
    urgency: str
    department: str
    level: str
    co_departments: list[str]
    confidence: dict[str, float]
    needs_review: bool
    emergency: bool
    emergency_number: str | None
    appeal: float
    candidates: list[dict[str, Any]]
    model_version: str
    emergency_reason: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return asdict(self)


class Triager:
    """Model, rules and places together. Immutable after loading, so threads may share it."""

    def __init__(self, encoder: Encoder, taxonomy: Taxonomy, places: PlaceResolver) -> None:
        self.encoder, self.taxonomy, self.places = encoder, taxonomy, places
        self.router = Router(taxonomy)
        self._pairs = [tuple(name.split("/", 1)) for name in encoder.heads["subcategory"]]
        categories = encoder.heads["category"]
        self._parent = np.array([categories.index(category) for category, _ in self._pairs])
        self._siblings = [np.flatnonzero(self._parent == i) for i in range(len(categories))]
        self._leads = [taxonomy.entry(*pair).lead for pair in self._pairs]

    @classmethod
    def load(cls, model_dir: Path, nlu_data: Path) -> "Triager":
        """Loads model, taxonomy and places.

        Raises:
            ModelError: the folder is not a triage model, or knows a class that the taxonomy does not have.
            RuleError: a rule file is wrong.
        """
        encoder, taxonomy = Encoder.load(model_dir), load_taxonomy(nlu_data)
        if encoder.labels.get("task") != "triage":
            raise ModelError(f"{model_dir} 不是分派模型（用自己的表训练的模型只能用于 laoxian triage --model）")
        known = {f"{category}/{name}" for category, name in taxonomy.pairs()}
        if strange := [name for name in encoder.heads["subcategory"] if name not in known]:
            raise ModelError(f"模型里的分类不在 taxonomy.yml 里：{'、'.join(strange[:5])}；请重新训练（make train）")
        return cls(encoder, taxonomy, PlaceResolver.load(nlu_data))

    def triage(self, text: str, place: str | None = None) -> Triage:
        """Decides one text; ``place`` is what the reporter gave as the place, if it is known apart from the text."""
        return self.triage_many([text], [place])[0]

    def triage_many(self, texts: list[str], places: list[str | None] | None = None) -> list[Triage]:
        """Decides many texts in batches, in their order."""
        tables = self.encoder.probabilities(texts)
        given = places or [None] * len(texts)
        return [
            self._decide(text, place, {head: table[i] for head, table in tables.items()})
            for i, (text, place) in enumerate(zip(texts, given, strict=True))
        ]

    def explain(self, text: str) -> list[dict[str, Any]]:
        """The words that moved the category, ``{word, weight}`` in text order; see ``explain.leave_one_out``."""
        return leave_one_out(text, lambda texts: self.encoder.probabilities(texts)["category"])

    def _decide(self, text: str, place: str | None, by_head: dict[str, np.ndarray]) -> Triage:
        thresholds, joint = self.encoder.labels["thresholds"], by_head["subcategory"]
        category, category_p = self._best("category", by_head)
        kind, kind_p = self._best("kind", by_head)
        column = self.encoder.heads["category"].index(category)
        subcategory, subcategory_p = self._subcategory(column, joint, thresholds)
        signal = emergency_signal(text)
        appeal = float(by_head["appeal"][self.encoder.heads["appeal"].index("诉求")]) if "appeal" in by_head else 1.0
        alone = thresholds["emergency_alone"] if appeal >= APPEAL_BAR else math.inf  # “你好” is nobody's emergency
        bar = alone if signal is None else 0.0 if signal.alone else thresholds["emergency_with_signal"]
        emergency, urgency, urgency_p = self._urgency(by_head["urgency"], bar)
        departments = dict(zip(self.encoder.heads["department"], by_head["department"].tolist(), strict=True))
        route = self._route(text, place, (category, subcategory), departments, emergency)
        confidence = {
            "kind": kind_p, "category": category_p, "subcategory": subcategory_p, "urgency": urgency_p,
            "department": self._department_confidence(route, joint),
        }  # fmt: skip
        return Triage(
            kind=kind, category=category, subcategory=subcategory, urgency=urgency,
            department=route.department, level=route.level, co_departments=route.co_departments,
            confidence={field: round(value, 4) for field, value in confidence.items()},
            needs_review=category_p < thresholds["category"] or appeal < APPEAL_BAR or bool(signal and not emergency),
            emergency=emergency,
            emergency_number=self._number(signal, route) if emergency else None,
            emergency_reason=signal.reason if emergency and signal else None,
            appeal=round(appeal, 4),
            candidates=self._candidates(joint),
            model_version=self.encoder.version,
        )  # fmt: skip

    def _best(self, head: str, by_head: dict[str, np.ndarray]) -> tuple[str, float]:
        row = by_head[head]
        return self.encoder.heads[head][int(row.argmax())], float(row.max())

    def _subcategory(self, column: int, joint: np.ndarray, thresholds: dict[str, float]) -> tuple[str, float]:
        """The likeliest subcategory of a category, or its 其他 when even that one is unlikely."""
        rows = self._siblings[column]
        category = self.encoder.heads["category"][column]
        if not len(rows):
            return OTHER, 0.0
        best = int(rows[joint[rows].argmax()])
        share = joint[best] / max(float(joint[rows].sum()), 1e-9)
        if share < thresholds.get("subcategory_share", 0.0):
            other = [i for i in rows if self._pairs[i] == (category, OTHER)]
            return OTHER, float(joint[other[0]]) if other else 0.0
        return self._pairs[best][1], float(joint[best])

    def _urgency(self, row: np.ndarray, bar: float) -> tuple[bool, str, float]:
        """Whether it is an emergency, the urgency and its probability.

        Recall comes first: ``bar`` is the probability of 特急 that is enough; it is much lower where the safety net has
        caught something too.
        """
        names = self.encoder.heads["urgency"]
        chances = dict(zip(names, row.tolist(), strict=True))
        if chances[EMERGENCY] >= bar:
            return True, EMERGENCY, chances[EMERGENCY]
        rest = max((name for name in names if name != EMERGENCY), key=chances.__getitem__)
        return False, rest, chances[rest]

    def _route(
        self, text: str, place: str | None, pair: tuple[str, str], departments: dict[str, float], emergency: bool
    ) -> Route:
        street = (self.places.resolve(place).street if place else None) or self.places.resolve(text).street
        return self.router.route(*pair, departments, street, emergency)

    def _department_confidence(self, route: Route, joint: np.ndarray) -> float:
        """Probability that the case is of a subcategory which the table gives to this department."""
        name = "街道办事处" if route.department.endswith("街道办事处") else route.department
        return float(sum(p for p, lead in zip(joint.tolist(), self._leads, strict=True) if lead == name))

    @staticmethod
    def _number(signal: Signal | None, route: Route) -> str:
        return signal.number if signal else _NUMBERS.get(route.department, "110")

    def _candidates(self, joint: np.ndarray) -> list[dict[str, Any]]:
        best = np.argsort(-joint)[:CANDIDATES]
        return [
            {"category": self._pairs[i][0], "subcategory": self._pairs[i][1], "probability": round(float(joint[i]), 4)}
            for i in best
        ]
