"""In which order items are labelled: what teaches most first.

The measure is information density (Settles & Craven 2008; Settles, *Active Learning Literature Survey*, 2009, §3.6):
margin uncertainty (§3.1) × how rare the class is in the training data × how typical the text is of the pool. Within a
batch a text loses what it shares with those before it (maximal marginal relevance, Carbonell & Goldstein 1998), so
that twenty reports of one burst pipe do not fill it.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np


def margin(candidates: Sequence[dict[str, Any]]) -> float:
    """Returns 1 minus the distance between the two likeliest classes: 1.0 is a tie, 0.0 is sure."""
    chances = sorted((float(one["probability"]) for one in candidates), reverse=True)[:2]
    return 1.0 - (chances[0] - (chances[1] if len(chances) > 1 else 0.0)) if chances else 1.0


def rarity(rows: int) -> float:
    """Returns 1.0 for a class without a training row, falling with the square root of their number."""
    return float(1.0 / np.sqrt(1.0 + rows))


def density(embeddings: np.ndarray) -> np.ndarray:
    """Returns the mean cosine of each text with the others, (n,), at least 0; of a single text 1.0.

    Args:
        embeddings: (n, hidden) of unit length.
    """
    count = len(embeddings)
    if count < 2:
        return np.ones(count)
    total = embeddings @ embeddings.sum(axis=0) - 1.0  # without itself
    return np.asarray(np.maximum(total / (count - 1), 0.0))


def gains(candidates: Sequence[Sequence[dict[str, Any]]], rows: Sequence[int], embeddings: np.ndarray) -> np.ndarray:
    """Returns the expected gain of n items, (n,) between 0 and 1.

    Args:
        candidates: of each item its likeliest classes with their ``probability``.
        rows: of each item how many training rows its likeliest class has.
        embeddings: (n, hidden) of unit length.
    """
    unsure = np.array([margin(one) for one in candidates])
    rare = np.array([rarity(one) for one in rows])
    return np.asarray(unsure * rare * density(embeddings))


def order(gain: np.ndarray, embeddings: np.ndarray, batch: int) -> list[int]:
    """Returns the positions of n items, best first; each batch is filled anew with what is unlike its own."""
    left, found = np.arange(len(gain)), list[int]()
    alike = np.zeros(len(gain))
    while len(left):
        if len(found) % batch == 0:
            alike[:] = 0.0
        best = int(left[np.argmax(gain[left] * (1.0 - alike[left]))])
        found.append(best)
        left = left[left != best]
        alike = np.maximum(alike, np.clip(embeddings @ embeddings[best], 0.0, 1.0))
    return found
