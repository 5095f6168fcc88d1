"""Model versions on disk: ``models/triage/<name>`` beside ``default``, which is the one in use."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

ACTIVE = "default"
PREVIOUS = "previous"


class RegistryError(RuntimeError):
    """There is no such version, or nothing to go back to."""


@dataclass(frozen=True)
class Version:
    """One model folder."""

    name: str
    version: str
    category_f1: float | None
    active: bool


class Registry:
    """Versions below one folder. A promotion swaps whole folders by rename, so a reader never sees half a model."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def versions(self) -> list[Version]:
        """Every complete model folder, by name."""
        found = []
        for path in sorted(self.folder.glob("*/labels.json")):
            labels = json.loads(path.read_text("utf-8"))
            file = path.with_name("metrics.json")
            heads = json.loads(file.read_text("utf-8"))["heads"] if file.exists() else {}
            score = heads.get("category", {}).get("macro_f1")
            found.append(Version(path.parent.name, labels["version"], score, path.parent.name == ACTIVE))
        return found

    def check(self, name: str) -> None:
        """Raises ``RegistryError`` unless ``name`` is a version that could be the active one."""
        labels = self.folder / name / "labels.json"
        if name in (ACTIVE, "") or not labels.is_file():
            known = "、".join(v.name for v in self.versions() if not v.active) or "（没有）"
            raise RegistryError(f"没有可启用的版本 {name}；有的是 {known}")
        if json.loads(labels.read_text("utf-8")).get("task") != "triage":
            raise RegistryError(f"{name} 是用自己的表训练的模型，不能用来受理；只能用于 laoxian triage --model")

    def promote(self, name: str) -> None:
        """Makes a copy of version ``name`` the active one; the active one becomes ``previous``.

        Without a look at the gate: people go through ``training.gate.promote``.

        Raises:
            RegistryError: no such version, or a model of another task.
        """
        self.check(name)
        source = self.folder / name
        incoming = self.folder / ".incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        shutil.copytree(source, incoming)
        self._swap(incoming)

    def rollback(self) -> str:
        """Puts ``previous`` back in use and keeps what was in use as ``previous``; returns that name."""
        previous = self.folder / PREVIOUS
        if not (previous / "labels.json").is_file():
            raise RegistryError("没有可退回的版本")
        incoming = self.folder / ".incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        previous.rename(incoming)
        self._swap(incoming)
        return PREVIOUS

    def _swap(self, incoming: Path) -> None:
        active, previous = self.folder / ACTIVE, self.folder / PREVIOUS
        if active.exists():
            shutil.rmtree(previous, ignore_errors=True)
            active.rename(previous)
        incoming.rename(active)
