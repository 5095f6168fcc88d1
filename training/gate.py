"""The gate between a candidate and the live model: what blocks, who may lift it, and the one door to promotion.

``laoxian models compare`` leaves ``gate.json`` in the candidate's folder; ``laoxian gate approve`` (the service's
command, for it knows the accounts) leaves ``approvals.json`` beside it. Both name the models by content, so that
neither holds for another.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import yaml

from classifier.taxonomy import RuleError
from training.registry import ACTIVE, Registry, RegistryError

VERDICT, APPROVALS = "gate.json", "approvals.json"
NEEDED = 2
_FILES = ("labels.json", "lexical.npz", "model.onnx", "tokenizer.json")
_KEYS = {"fields", "max_loss", "min_support"}
_FIELDS = ("kind", "category", "subcategory", "urgency", "department")


@dataclass(frozen=True)
class GateRules:
    """``nlu_data/gate.yml``: the fields whose classes are looked at, the F1 one may lose, and from how many rows on."""

    fields: tuple[str, ...]
    max_loss: float
    min_support: int


def load_rules(file: Path) -> GateRules:
    """Reads the rules; raises ``RuleError`` naming the file."""
    try:
        raw = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise RuleError(file, 0, f"读不出来：{error}") from None
    if not isinstance(raw, dict) or set(raw) != _KEYS:
        raise RuleError(file, 1, f"应正好有 {'、'.join(sorted(_KEYS))}")
    if not isinstance(raw["fields"], list) or not raw["fields"] or set(raw["fields"]) - set(_FIELDS):
        raise RuleError(file, 1, f"fields 应取自 {'、'.join(_FIELDS)}")
    if not isinstance(raw["max_loss"], (int, float)) or not 0 <= raw["max_loss"] < 1:
        raise RuleError(file, 1, "max_loss 应是 0 到 1 的数，例如 0.02")
    if not isinstance(raw["min_support"], int) or raw["min_support"] < 1:
        raise RuleError(file, 1, "min_support 应是正整数")
    return GateRules(tuple(raw["fields"]), float(raw["max_loss"]), raw["min_support"])


def digest(folder: Path) -> str:
    """Returns the SHA-256 of what a model folder serves."""
    found = sha256()
    for name in _FILES:
        if (folder / name).is_file():
            found.update(f"{name}\0".encode() + sha256((folder / name).read_bytes()).digest())
    return found.hexdigest()


def dev_digest(nlu_data: Path) -> str:
    """Returns the SHA-256 of the dev set."""
    found = sha256()
    for file in sorted((nlu_data / "appeals_dev").glob("*.csv")):
        found.update(f"{file.name}\0".encode() + file.read_bytes())
    return found.hexdigest()


def write_verdict(registry: Registry, name: str, nlu_data: Path, reasons: list[str], figures: dict[str, Any]) -> None:
    """Leaves the outcome of a comparison in the candidate's folder."""
    verdict: dict[str, Any] = {
        "candidate": digest(registry.folder / name),
        "live": digest(registry.folder / ACTIVE),
        "dev": dev_digest(nlu_data),
        "reasons": reasons,
        "figures": figures,
    }
    verdict["id"] = verdict_digest(verdict)
    (registry.folder / name / VERDICT).write_text(json.dumps(verdict, ensure_ascii=False, indent=1), "utf-8")


def promote(registry: Registry, name: str, nlu_data: Path) -> list[str]:
    """Puts a candidate into use if the gate lets it; returns who lifted the gate, usually nobody.

    Raises:
        RegistryError: no such version, it was not compared with the model in use, or the gate blocks it.
    """
    registry.check(name)
    folder = registry.folder / name
    verdict = _read(folder / VERDICT)
    same = isinstance(verdict, dict) and (
        (verdict.get("candidate"), verdict.get("live"), verdict.get("dev"))
        == (digest(folder), digest(registry.folder / ACTIVE), dev_digest(nlu_data))
    )
    if not same:
        raise RegistryError(f"{name} 还没有和在用的模型比过，或之后有改动：先跑 laoxian models compare {name}")
    lifted = approved_by(folder) if verdict["reasons"] else []
    if verdict["reasons"] and len(lifted) < NEEDED:
        short = "、".join(lifted) or "还没有人"
        raise RegistryError(
            "门槛没有过：\n"
            + "\n".join(f"  {reason}" for reason in verdict["reasons"])
            + f"\n要照样启用，须两个账号各自 laoxian gate approve {name}；已批准：{short}"
        )
    registry.promote(name)
    return lifted


def approved_by(folder: Path) -> list[str]:
    """Returns the accounts that lifted the gate for this very model against this very live model, each once."""
    found, verdict = _read(folder / APPROVALS), _read(folder / VERDICT)
    if not isinstance(found, list) or not isinstance(verdict, dict):
        return []
    # An approval holds for one verdict: a new comparison asks anew.
    fitting = [one for one in found if one.get("verdict") == verdict_digest(verdict)]
    return list({one["user_id"]: str(one["username"]) for one in fitting}.values())


def verdict_digest(verdict: dict[str, Any]) -> str:
    """Returns what an approval names: candidate, live model, dev set and the reasons that were known."""
    kept = [verdict[key] for key in ("candidate", "live", "dev", "reasons")]
    return sha256(json.dumps(kept, ensure_ascii=False).encode()).hexdigest()


def _read(file: Path) -> Any:
    try:
        return json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
