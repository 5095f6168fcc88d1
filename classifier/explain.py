"""Why: the words whose absence would have changed the answer most, found by leaving each out in turn."""

import logging
from collections.abc import Callable
from typing import Any

import jieba
import numpy as np

from classifier.text import has_words, normalise

MOST_WORDS = 48  # of a longer text only the first and last words are left out in turn, to bound the batch

jieba.setLogLevel(logging.WARNING)


def leave_one_out(text: str, probabilities: Callable[[list[str]], np.ndarray]) -> list[dict[str, Any]]:
    """Returns ``{word, weight}`` in text order.

    The weight is how much the log probability of the answer falls when the word is left out: above zero speaks for the
    answer, below zero against it.

    Args:
        text: the message.
        probabilities: gives (n, labels) for n texts; called once with the text and every text that lacks one word.
    """
    words = jieba.lcut(normalise(text))
    spots = [i for i, word in enumerate(words) if has_words(word)]
    if len(spots) > MOST_WORDS:
        spots = spots[: MOST_WORDS * 2 // 3] + spots[-(MOST_WORDS // 3) :]
    if not spots:
        return []
    lacking = ["".join(words[:i] + words[i + 1 :]) for i in spots]
    table = np.log(np.maximum(probabilities(["".join(words), *lacking]), 1e-9))
    answer = int(table[0].argmax())
    return [
        {"word": words[i], "weight": round(float(table[0, answer] - row[answer]), 4)}
        for i, row in zip(spots, table[1:], strict=True)
    ]
