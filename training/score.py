"""Numbers about predictions: macro-F1, calibration, temperatures and thresholds."""

from typing import TYPE_CHECKING

import numpy as np
from sklearn.metrics import accuracy_score, f1_score

from classifier.encoder import tables
from training.data import Example

if TYPE_CHECKING:
    from training.trainer import Settings


def head_scores(
    logits: dict[str, np.ndarray], labels: dict[str, list[str]], examples: list[Example], settings: "Settings"
) -> dict[str, float]:
    """Macro-F1 by head over the examples that carry it, and ``score``, their mean weighted as the losses are."""
    found = tables(logits, labels, settings.parents)
    scores, weights = {}, {}
    for head, table in found.items():
        rows = [i for i, e in enumerate(examples) if head in e.labels]
        if rows:
            truth = [examples[i].labels[head] for i in rows]
            guess = [labels[head][j] for j in table[rows].argmax(1)]
            scores[head] = float(f1_score(truth, guess, average="macro", zero_division=0))
            weights[head] = settings.head_weights.get(head, 1.0)
    scores["score"] = sum(scores[h] * w for h, w in weights.items()) / max(sum(weights.values()), 1e-9)
    return scores


def log_loss(table: np.ndarray, target: np.ndarray) -> float:
    """Mean negative log-likelihood of (n, labels) probabilities."""
    return float(-np.log(np.maximum(table[np.arange(len(target)), target], 1e-9)).mean())


def threshold_for(confidence: np.ndarray, correct: np.ndarray, precision: float) -> float:
    """The lowest confidence from which on answers are right with at least ``precision``; 1.0 if none is."""
    order = np.argsort(-confidence)
    running = np.cumsum(correct[order]) / np.arange(1, len(order) + 1)
    good = np.flatnonzero(running >= precision)
    return float(confidence[order][good[-1]]) if len(good) else 1.0


def calibration_error(confidence: np.ndarray, correct: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error over equal-width bins."""
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = [
        abs(confidence[places == b].mean() - correct[places == b].mean()) * (places == b).mean()
        for b in range(bins)
        if (places == b).any()
    ]
    return float(sum(gaps))


def summary(truth: list[str], guess: list[str]) -> dict[str, float]:
    """Accuracy and macro-F1."""
    return {
        "accuracy": float(accuracy_score(truth, guess)),
        "macro_f1": float(f1_score(truth, guess, average="macro", zero_division=0)),
        "n": len(truth),
    }
