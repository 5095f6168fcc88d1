"""A model trained on a user's own table: each label column answered under its own name."""

from pathlib import Path
from typing import Any

from classifier.encoder import Encoder


class TableModel:
    """Answers the label columns that ``laoxian train`` was given."""

    def __init__(self, encoder: Encoder) -> None:
        self.encoder = encoder
        self.text_columns: list[str] = encoder.labels.get("text_columns", [])

    @classmethod
    def load(cls, model_dir: Path) -> "TableModel":
        """Loads a model folder; raises ``ModelError`` when it cannot be read."""
        return cls(Encoder.load(model_dir))

    def answer_many(self, texts: list[str]) -> list[dict[str, Any]]:
        """For each text ``{column: label, …, "confidence": {column: p}, "needs_review": bool}``."""
        tables = self.encoder.probabilities(texts)
        thresholds = self.encoder.labels["thresholds"]
        answers = []
        for i in range(len(texts)):
            confidence = {head: round(float(table[i].max()), 4) for head, table in tables.items()}
            answer: dict[str, Any] = {h: self.encoder.heads[h][int(t[i].argmax())] for h, t in tables.items()}
            answer["confidence"] = confidence
            answer["needs_review"] = any(confidence[head] < thresholds.get(head, 0.0) for head in confidence)
            answers.append(answer)
        return answers


def join_columns(record: dict[str, Any], columns: list[str]) -> str:
    """The text of a record as training read it: its text columns joined with a full stop, empty ones left out."""
    return "。".join(str(record[name]).strip() for name in columns if str(record.get(name) or "").strip())
