"""How far two persons agree beyond chance."""

from collections import Counter
from collections.abc import Sequence


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Returns Cohen's κ of two raters (Cohen 1960), ``None`` without a pair; 1.0 where both only ever say one thing.

    Args:
        pairs: of each item the first and the second rater's answer.
    """
    if not pairs:
        return None
    count = len(pairs)
    observed = sum(a == b for a, b in pairs) / count
    first, second = Counter(a for a, _ in pairs), Counter(b for _, b in pairs)
    expected = sum(first[name] * second[name] for name in first) / count**2
    return 1.0 if expected == 1.0 else (observed - expected) / (1.0 - expected)
